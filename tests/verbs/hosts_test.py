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
from hosts import Host, Hosts  # noqa: E402 (the path comes first)

SERVER, CALLER = (os.path.abspath(path) for path in sys.argv[1:3])
START_SECONDS = 120  # of a program, on a host with other work
# keepalive_ns is 3 s by default. The rest is for a host with other work, where seconds of the
# machine's are not ours; without a keepalive it would be for ever.
NOTICE_SECONDS = 30
# An emulated host that waits for a CPU may be silent for longer than a queue pair is patient, half
# a second, and then is rightly taken for dead. That is not what is asserted here.
ATTEMPTS = 4
# How long the buffer of a call that has failed is looked at: what was on its way has come by then.
WATCH_SECONDS = 3
LOSSY_CALLS = 100
# Some questions of the keepalive later.
QUIET_SECONDS = 5
port = 7500


def serve(host):
    global port
    port += 1
    address = f"rdma://10.78.0.1:{port}"
    # It reports its events, a letter each, to descriptor 3.
    server = host.spawn(f"exec {SERVER} {address} --sessions 1 3>&1 4< <(exec sleep 86400)")
    server.wait_output("R", START_SECONDS)
    server.address = address
    return server


def call(host, address, words, wanted):
    """A client that has said what is wanted of it."""
    for attempt in range(ATTEMPTS):
        client = host.spawn([CALLER, address, "60000", *words])
        try:
            client.wait_output(wanted, START_SECONDS)
            return client
        except TimeoutError:
            if attempt + 1 == ATTEMPTS:
                raise
    return None


def end(server):
    server.signal(signal.SIGKILL)
    server.wait(START_SECONDS)


def check_delay_and_loss(hosts):
    server = serve(hosts.a)
    call(hosts.b, server.address, ["once"], "called").wait(START_SECONDS)
    for rule in ("delay 20ms", "delay 5ms loss 1%"):
        hosts.b.netem(rule)
        # What comes back wrong ends the client with 2 and a word about it.
        client = call(hosts.b, server.address, ["bulk", "1"], "done")
        assert client.wait(START_SECONDS) == 0, client.out
        hosts.b.netem("")
    end(server)


def waits(hosts, seconds):
    server = serve(hosts.a)
    client = call(hosts.b, server.address, ["hold"], "called")
    server.wait_output("h", START_SECONDS)
    time.sleep(seconds)
    start = time.monotonic()
    hosts.a.kill()
    client.wait(NOTICE_SECONDS)
    took = time.monotonic() - start
    match = re.search(r"^failed (\w+) (\w+) \d+ (.*)$", client.out, re.MULTILINE)
    assert match, client.out
    print(f"    a caller knew after {took:.1f} s: {match[0]}", flush=True)
    assert match[1] == "ECONNRESET" and match[2] == "unknown", match[0]
    hosts.a.restart()


def check_waiting(hosts):
    """The server's host dies while a call without a deadline waits for its answer: when the handler
    has just begun, and when it has kept its process from answering for a while."""
    for seconds in (0, QUIET_SECONDS):
        waits(hosts, seconds)


# A call's buffer takes most of a second, so that what happens, happens in the middle of it.
SLOW = "rate 40mbit limit 100000"
CALL_DEADLINE_MS = 5000


def fails_in_transfer(hosts, way, mishap, deadline_ms=0):
    """A mishap of the server's host while bytes are on their way into the caller's buffer (way:
    out), or out of it (in). The call ends as it should, and its buffer stays as the caller leaves
    it, also when the host is back and sends what it had."""
    server = serve(hosts.a)
    sender = hosts.a if way == "out" else hosts.b
    client = call(hosts.b, server.address, ["rounds", way, str(deadline_ms)], "called")
    sender.netem(SLOW)
    if way == "out":
        client.wait_output("moving", START_SECONDS)
    mishap(hosts.a)
    try:
        client.wait_output("watching", NOTICE_SECONDS)
    except TimeoutError:
        raise AssertionError(f"a call did not end; its client said: {client.out}") from None
    match = re.search(r"^failed (\w+) (\w+) \d+ (.*)$", client.out, re.MULTILINE)
    print(f"    {mishap.__name__}, {way}: {match and match[0]}", flush=True)
    wanted = ["ETIMEDOUT"] if deadline_ms else ["ECONNRESET"]
    if way == "in":
        # Nobody has seen bytes move: it may have been the request that was not acknowledged.
        wanted.append("ECONNRESET")
    assert match and match[1] in wanted and match[2] == "unknown", client.out
    if mishap is Host.freeze:
        hosts.a.thaw()
    if sender is hosts.b:
        hosts.b.netem("")
    if mishap is Host.blackhole or (mishap is Host.freeze and sender is hosts.a):
        hosts.a.netem("")
    time.sleep(WATCH_SECONDS)
    client.signal(signal.SIGTERM)
    assert client.wait(START_SECONDS) == 0 and "unchanged" in client.out, client.out
    if mishap is Host.kill:
        hosts.a.restart()
    else:
        end(server)


def check_transfers(hosts):
    """In the middle of a WRITE and of a READ the server's host falls silent, stands still, dies."""
    for way in ("out", "in"):
        fails_in_transfer(hosts, way, Host.blackhole)
        fails_in_transfer(hosts, way, Host.freeze)
        # The call is given up before its host is.
        fails_in_transfer(hosts, way, Host.freeze, CALL_DEADLINE_MS)
        fails_in_transfer(hosts, way, Host.kill)


def repeats(host):
    """Packets that have come to the host's device again."""
    path = "/sys/class/infiniband/rxe0/ports/1/hw_counters/duplicate_request"
    return int(host.run(["cat", path]).out)


def check_lost_acknowledgements(hosts):
    """An answer arrives behind what was written before it. If the acknowledgement is lost, that is
    sent again behind the answer, when the buffer is its caller's, and must not arrive there."""
    for attempt in range(ATTEMPTS):
        server = serve(hosts.a)
        client = call(hosts.b, server.address, ["canaries", str(LOSSY_CALLS)], "called")
        before = repeats(hosts.b)
        hosts.a.netem("loss 1%")
        hosts.b.netem("loss 10%")
        assert client.wait(START_SECONDS) == 0, client.out
        hosts.a.netem("")
        hosts.b.netem("")
        came_again = repeats(hosts.b) - before
        end(server)
        print(f"    {came_again} packets came again: {client.out.splitlines()[-1]}", flush=True)
        if "nothing was acknowledged" not in client.out or attempt + 1 == ATTEMPTS:
            break
    assert "done" in client.out, client.out
    assert came_again > 0, "nothing was lost"


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
        lets_go(hosts, seconds)


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
