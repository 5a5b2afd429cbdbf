#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: hosts_test.py PROBE_SERVER VERBS_CALLER [CHECK...]

Two hosts: when one of them dies, those of the other's connections that wait, and those that are
idle, notice in a bounded time; delay and loss change nothing but the time.
"""

import os
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "vm"))
from hosts import Hosts  # noqa: E402 (the path comes first)

SERVER, CALLER = (os.path.abspath(path) for path in sys.argv[1:3])
START_SECONDS = 120  # of a program, on a host with other work
# keepalive_ns is 3 s by default. The rest is for a host with other work, where seconds of the
# machine's are not ours; without a keepalive it would be for ever.
NOTICE_SECONDS = 30
# An emulated host that waits for a CPU may be silent for longer than a queue pair is patient, half
# a second, and then is rightly taken for dead. That is not what is asserted here.
ATTEMPTS = 4
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


CHECKS = (check_delay_and_loss, check_waiting, check_idle)


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
