#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: calls_test.py BUILD-DIRECTORY

Calls between two hosts, over a network that loses packets, and until one of the hosts is gone. What
a single machine cannot show: there rxe sends no packet, and no host dies."""

import os
import signal
import sys
import time

from hosts import ATTEMPTS, SILENT, Hosts, impatient

ADDRESS = "rdma://10.78.0.1:7471"
START_SECONDS = 120  # of a program, on a host with other work
# A connection finds its dead peer within 3 s by default; the rest is for a host with other work.
NOTICE_SECONDS = 90
# The last packet of a move, if it is lost, is sent again after a quarter of a second; file.idl
# gives a call half a second.
DEADLINE_SECONDS = 60


def same(what, seen, wanted):
    assert seen == wanted, f"{what}: {seen!r}, not {wanted!r}"


class Programs:
    def __init__(self, build):
        self.bench = f"{build}/bench/verbena-bench"
        self.file_server = f"{build}/examples/file/file-server"
        self.file_client = f"{build}/examples/file/file-client"

    def serve_files(self, host, address=ADDRESS):
        host.run("mkdir -p /tmp/served && head -c 3000001 /dev/urandom >/tmp/served/file")
        server = host.spawn([self.file_server, "--listen", address, "--root", "/tmp/served"])
        server.wait_output(address, START_SECONDS)
        return server

    def get(self, host, address=ADDRESS):
        for _ in range(ATTEMPTS):
            done = host.run([self.file_client, "--connect", address, "--deadline",
                             str(DEADLINE_SECONDS), "get", "file", "/tmp/got"], START_SECONDS)
            if not impatient(done.err):
                break
        same(f"file-client ({done.err})", done.status, 0)
        return host.run("sha256sum </tmp/got").out

    def call_on(self, host):
        """A client in the middle of its calls: it counts them on its stderr."""
        for attempt in range(ATTEMPTS):
            client = host.spawn([self.bench, "client", "--connect", ADDRESS, "--seconds", "86400",
                                 "--warmup", "10", "--wait", "sleep", "--progress"])
            try:
                client.wait_output("M calls", START_SECONDS)
                return client
            except TimeoutError:
                if attempt + 1 == ATTEMPTS or not impatient(client.err):
                    raise


def check_files(programs, hosts):
    """What was read is what is there, also when packets get lost; by IPv4, IPv6 and name."""
    server = programs.serve_files(hosts.a)
    wanted = hosts.a.run("sha256sum </tmp/served/file").out
    same("a file by IPv4", programs.get(hosts.b), wanted)
    hosts.a.netem("loss 1%")
    same("a file under loss", programs.get(hosts.b), wanted)
    hosts.a.netem("")
    server.signal(signal.SIGTERM)
    server.wait(START_SECONDS)
    address = "rdma://[fd00:78::1]:7472"
    server = programs.serve_files(hosts.a, address)
    wanted = hosts.a.run("sha256sum </tmp/served/file").out
    same("a file by IPv6", programs.get(hosts.b, address), wanted)
    # The name has both addresses, and the server has one of them.
    same("a file by name", programs.get(hosts.b, "rdma://verbena-a:7472"), wanted)
    server.signal(signal.SIGTERM)
    server.wait(START_SECONDS)


def noticed(client, what):
    """The client fails by itself, by its connection's end and not by its call's deadline."""
    start = time.monotonic()
    status = client.wait(NOTICE_SECONDS)
    last = client.err.strip().splitlines()[-1]
    took = time.monotonic() - start
    print(f"    {what}: the client failed after {took:.1f} s: {last}", flush=True)
    assert status not in (0, 128 + signal.SIGKILL), f"{what}: the client ended with {status}"
    assert any(words in last for words in SILENT), f"{what}: the client said {last}"


def check_silence(programs, hosts):
    """The server's host is there, and nothing comes from it: nobody's port goes down."""
    server = hosts.a.spawn([programs.bench, "server", "--listen", ADDRESS])
    server.wait_output(ADDRESS, START_SECONDS)
    client = programs.call_on(hosts.b)
    hosts.a.blackhole()
    noticed(client, "silence")
    hosts.a.netem("")
    client = programs.call_on(hosts.b)
    hosts.b.kill()
    # The server lets go of a client whose host is gone, although it waits for nothing from it, and
    # serves the one that takes its place.
    hosts.a.run("while rdma resource show qp | grep -q verbena-bench; do sleep 0.1; done",
                NOTICE_SECONDS)
    hosts.b.restart()
    programs.call_on(hosts.b).signal(signal.SIGKILL)
    same("the server", server.status, None)


def check_death(programs, hosts):
    client = programs.call_on(hosts.b)
    hosts.a.kill()
    noticed(client, "the server's host died")


def main():
    if os.environ.get("VERBENA_TEST_BOOT") != "1":
        print("boots virtual machines: ./dev test runs it, or set VERBENA_TEST_BOOT=1")
        return 77
    programs = Programs(os.path.abspath(sys.argv[1]))
    with Hosts() as hosts:
        for check in (check_files, check_silence, check_death):
            check(programs, hosts)
            print(f"ok  {check.__name__}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
