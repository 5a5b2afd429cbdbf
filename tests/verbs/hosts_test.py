#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: hosts_test.py PROBE_SERVER VERBS_CALLER [CHECK...]

Two hosts: when one of them dies, those of the other's connections that wait, and those that are
idle, notice in a bounded time; delay and loss change nothing but the time. Whatever becomes of a
call, nothing arrives in its buffers when it is over, however late it comes.
"""

import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vm"))
from hosts import ATTEMPTS, Host, Hosts, impatient  # noqa: E402 (the path comes first)

SERVER, CALLER = (os.path.abspath(path) for path in sys.argv[1:3])
START_SECONDS = 120  # of a program, on a host with other work
# keepalive_ns is 3 s by default. The rest is for a host with other work, where seconds of the
# machine's are not ours; without a keepalive it would be for ever.
NOTICE_SECONDS = 90
# How long the buffer of a call that has failed is looked at: what was on its way has come by then.
WATCH_SECONDS = 3
LOSSY_CALLS = 100
# Some questions of the keepalive later.
QUIET_SECONDS = 5
port = 7500




class Impatient(Exception):
    """A host that stood still for want of a CPU was rightly taken for dead: begin again."""


def serve(host):
    global port
    port += 1
    address = f"rdma://10.78.0.1:{port}"
    # It reports its events, a letter each, to descriptor 3.
    server = host.spawn(f"exec {SERVER} {address} --sessions 1 3>&1 4< <(exec sleep 86400)")
    server.wait_output("R", START_SECONDS)
    server.address = address
    return server


def disappoint(client, words):
    if client.status is not None and impatient(client.out):
        raise Impatient(client.out)
    raise AssertionError(f"no '{words}' of the client, which said: {client.out}")


def said(client, words, seconds=START_SECONDS):
    """Returns when a client has said that."""
    try:
        client.wait_output(words, seconds)
    except TimeoutError:
        disappoint(client, words)


def call(host, address, words, wanted):
    """A client that has said what is wanted of it."""
    client = host.spawn([CALLER, address, "60000", *words])
    said(client, wanted)
    return client


def attempt(scene, hosts, *words):
    """Plays a scene, and again if a host stood still in it: no host is dead or frozen then."""
    for n in range(ATTEMPTS):
        try:
            scene(hosts, *words)
            return
        except Impatient as still:
            print(f"    again, for a host stood still: {str(still).strip()}", flush=True)
            hosts.a.netem("")
            hosts.b.netem("")
            if n + 1 == ATTEMPTS:
                raise


def end(server):
    server.signal(signal.SIGKILL)
    server.wait(START_SECONDS)


def moves(hosts, rule):
    server = serve(hosts.a)
    call(hosts.b, server.address, ["once"], "called").wait(START_SECONDS)
    hosts.b.netem(rule)
    client = call(hosts.b, server.address, ["bulk", "1"], "done")
    assert client.wait(START_SECONDS) == 0, client.out
    hosts.b.netem("")
    end(server)


def check_delay_and_loss(hosts):
    for rule in ("delay 20ms", "delay 5ms loss 1%"):
        attempt(moves, hosts, rule)


def failure(client):
    """What a client said of the call that failed: errno, outcome, sentence."""
    match = re.search(r"^failed (\w+) (\w+) \d+ (.*)$", client.out, re.MULTILINE)
    assert match, client.out
    return match


def waits(hosts, seconds):
    server = serve(hosts.a)
    client = call(hosts.b, server.address, ["hold"], "called")
    hosts.a.until(lambda: "h" in server.out or client.status is not None, START_SECONDS,
                  "the handler to begin")
    if client.status is not None:
        disappoint(client, "called and nothing else")
    time.sleep(seconds)
    start = time.monotonic()
    hosts.a.kill()
    client.wait(NOTICE_SECONDS)
    took = time.monotonic() - start
    failed = failure(client)
    print(f"    a caller knew after {took:.1f} s: {failed[0]}", flush=True)
    assert failed[1] == "ECONNRESET" and failed[2] == "unknown", failed[0]
    hosts.a.restart()


def check_waiting(hosts):
    """The server's host dies while a call without a deadline waits for its answer: when the handler
    has just begun, and when it has kept its process from answering for a while."""
    for seconds in (0, QUIET_SECONDS):
        attempt(waits, hosts, seconds)


# A call's buffer takes most of a second, so that what happens, happens in the middle of it.
SLOW = "rate 40mbit limit 100000"
CALL_DEADLINE_MS = 5000


def undo(hosts, mishap):
    """So that what was on its way arrives after all."""
    hosts.b.netem("")
    if mishap is Host.freeze:
        hosts.a.thaw()
    if mishap is not Host.kill:
        hosts.a.netem("")


def fails_in_transfer(hosts, way, mishap, deadline_ms=0):
    """A mishap of the server's host while bytes are on their way into the caller's buffer (way:
    out), or out of it (in). The call ends as it should, and its buffer stays as the caller leaves
    it, also when the host is back and sends what it had."""
    server = serve(hosts.a)
    sender = hosts.a if way == "out" else hosts.b
    client = call(hosts.b, server.address, ["rounds", way, str(deadline_ms)], "called")
    sender.netem(SLOW)
    if way == "out":
        said(client, "moving")
    mishap(hosts.a)
    said(client, "watching", NOTICE_SECONDS)
    failed = failure(client)
    print(f"    {mishap.__name__}, {way}: {failed[0]}", flush=True)
    undo(hosts, mishap)
    time.sleep(WATCH_SECONDS)
    client.signal(signal.SIGTERM)
    assert client.wait(START_SECONDS) == 0 and "unchanged" in client.out, client.out
    if mishap is Host.kill:
        hosts.a.restart()
    else:
        end(server)
    # Between two moves it is the next request that is not acknowledged, before the deadline. Where
    # bytes are read nobody sees which it was.
    early = deadline_ms and failed[1] == "ECONNRESET" and impatient(failed[3])
    if early and way == "out":
        raise Impatient(failed[0])
    wanted = "ETIMEDOUT" if deadline_ms and not early else "ECONNRESET"
    assert failed[1] == wanted and failed[2] == "unknown", client.out


def check_transfers(hosts):
    """In the middle of a WRITE and of a READ the server's host falls silent, stands still, dies."""
    for way in ("out", "in"):
        attempt(fails_in_transfer, hosts, way, Host.blackhole)
        attempt(fails_in_transfer, hosts, way, Host.freeze)
        # The call is given up before its host is.
        attempt(fails_in_transfer, hosts, way, Host.freeze, CALL_DEADLINE_MS)
        attempt(fails_in_transfer, hosts, way, Host.kill)


def repeats(host):
    """Packets that have come to the host's device again."""
    path = "/sys/class/infiniband/rxe0/ports/1/hw_counters/duplicate_request"
    return int(host.run(["cat", path]).out)


def leaves_alone(hosts):
    server = serve(hosts.a)
    client = call(hosts.b, server.address, ["canaries", str(LOSSY_CALLS)], "called")
    before = repeats(hosts.b)
    hosts.a.netem("loss 1%")
    hosts.b.netem("loss 10%")
    said(client, "done")
    assert client.wait(START_SECONDS) == 0, client.out
    hosts.a.netem("")
    hosts.b.netem("")
    came_again = repeats(hosts.b) - before
    end(server)
    print(f"    {came_again} packets came again: {client.out.splitlines()[-1]}", flush=True)
    assert came_again > 0, "nothing was lost"


def check_lost_acknowledgements(hosts):
    """An answer arrives behind what was written before it. If the acknowledgement is lost, that is
    sent again behind the answer, when the buffer is its caller's, and must not arrive there."""
    attempt(leaves_alone, hosts)


def lets_go(hosts, seconds):
    server = serve(hosts.a)
    call(hosts.b, server.address, ["signals", "5000"], "called")
    gone = server.out.count("g")
    time.sleep(seconds)
    start = time.monotonic()
    hosts.b.kill()
    server.machine.until(lambda: server.out.count("g") > gone, NOTICE_SECONDS,
                         "the server to let its client go")
    print(f"    a server knew after {time.monotonic() - start:.1f} s", flush=True)
    assert server.status is None, "the server ended"
    end(server)
    hosts.b.restart()


def check_idle(hosts):
    """The client's host dies, and nobody had anything to say to it: just now, and for so long that
    it has been asked before, when its process was as idle as it is."""
    for seconds in (0, QUIET_SECONDS):
        attempt(lets_go, hosts, seconds)


CHECKS = (check_delay_and_loss, check_lost_acknowledgements, check_transfers,
          check_waiting, check_idle)


def main():
    if os.environ.get("VERBENA_TEST_BOOT") != "1":
        print("boots virtual machines: ./dev test runs it, or set VERBENA_TEST_BOOT=1")
        return 77
    with Hosts() as hosts:
        for check in CHECKS:
            if sys.argv[3:] and check.__name__ not in sys.argv[3:]:
                continue
            start = time.monotonic()
            check(hosts)
            print(f"ok  {check.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
