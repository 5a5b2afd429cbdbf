#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of two hosts: what can be done to one is done, and the other sees it."""

import os
import signal
import sys
import time

from hosts import Hosts
from machine import MachineEnded

PATIENCE_SECONDS = 120  # for what comes soon, on a host with other work
LISTENS = "until rdma resource show cm_id | grep -q LISTEN; do sleep 0.05; done"
# A TCP connection to a port that is closed: refused when the other host is there.
REACH = ("timeout 1 bash -c '</dev/tcp/10.78.0.1/9' 2>&1 | grep -q refused && echo yes || echo no")
# Who was not there a moment ago is asked for by ARP once a second.
REACH_SOON = ("for i in $(seq 30); do timeout 2 bash -c '</dev/tcp/10.78.0.1/9' 2>&1 | "
              "grep -q refused && echo yes && exit; done; echo no")


def same(what, seen, wanted):
    assert seen == wanted, f"{what}: {seen!r}, not {wanted!r}"


def rounds_of(client):
    return client.out.count("ping data")


def rping(hosts, address):
    """Bytes go to and fro between the hosts, and are compared (-V). A client that was disconnected
    exits with 0, so what counts are the rounds that it prints (-v)."""
    server = hosts.a.spawn(["rping", "-s", "-P", "-a", address, "-S", "4000"])
    hosts.a.run(LISTENS)
    client = hosts.b.run(["rping", "-c", "-a", address, "-C", "20", "-S", "4000", "-V", "-v"])
    same(f"rping to {address} ({client.err})", client.status, 0)
    same(f"rounds of rping ({client.err})", rounds_of(client), 20)
    server.signal(signal.SIGKILL)
    same("rping's server", server.wait(PATIENCE_SECONDS), 128 + signal.SIGKILL)


def counter(host, name):
    path = f"/sys/class/infiniband/rxe0/ports/1/hw_counters/{name}"
    return int(host.run(["cat", path]).out)


def check_traffic(hosts):
    before = counter(hosts.b, "sent_pkts")
    rping(hosts, "10.78.0.1")
    rping(hosts, "fd00:78::1")
    # Each round has two SENDs of the client.
    assert counter(hosts.b, "sent_pkts") >= before + 80, "the device counted too few packets"
    same("the name", hosts.b.run("getent ahosts verbena-a | grep -c 10.78.0.1").out, "3\n")


def check_netem(hosts):
    """Lost packets are sent again, and what arrives is right. The loss begins when there is a
    connection: to set one up takes its manager seconds for each packet lost. The rounds go on until
    rping is killed: however long tc takes, they outlast it."""
    server = hosts.a.spawn(["rping", "-s", "-P", "-a", "10.78.0.1"])
    hosts.a.run(LISTENS)
    client = hosts.b.spawn(["rping", "-c", "-a", "10.78.0.1", "-C", "1000000000", "-V", "-v"])
    client.wait_output("ping data", PATIENCE_SECONDS)
    hosts.b.netem("loss 2%")
    path = "/sys/class/infiniband/rxe0/ports/1/hw_counters"
    hosts.b.run(f"until grep -qv '^0' {path}/completer_retry_err {path}/rcvd_seq_err; do "
                "sleep 0.1; done", PATIENCE_SECONDS)
    at_loss = rounds_of(client)
    hosts.b.until(lambda: rounds_of(client) >= at_loss + 100 or client.status is not None,
                  PATIENCE_SECONDS, "rounds of rping under loss")
    hosts.b.netem("")
    same("rules left", hosts.b.run("tc qdisc show dev eth0 | grep -c netem").out, "0\n")
    same("rping's end under loss", (client.status, client.err), (None, ""))
    client.signal(signal.SIGKILL)
    client.wait(PATIENCE_SECONDS)
    server.signal(signal.SIGKILL)
    server.wait(PATIENCE_SECONDS)


def check_cuts(hosts):
    same("reached", hosts.b.run(REACH_SOON).out, "yes\n")
    hosts.b.unplug()
    same("reached unplugged", hosts.b.run(REACH).out, "no\n")
    same("carrier", hosts.b.run("cat /sys/class/net/eth0/carrier").out, "0\n")
    hosts.b.plug()
    hosts.b.run("until grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.05; done")
    hosts.b.blackhole()
    same("reached through a black hole", hosts.b.run(REACH).out, "no\n")
    same("carrier", hosts.b.run("cat /sys/class/net/eth0/carrier").out, "1\n")
    hosts.b.netem("")
    same("reached again", hosts.b.run(REACH_SOON).out, "yes\n")
    hosts.a.freeze()
    same("reached frozen", hosts.b.run(REACH).out, "no\n")
    hosts.a.thaw()
    same("reached thawed", hosts.b.run(REACH_SOON).out, "yes\n")


def check_death(hosts):
    """A host dies in the middle of its traffic; the other lives, and talks to its successor."""
    server = hosts.a.spawn(["rping", "-s", "-P", "-a", "10.78.0.1"])
    hosts.a.run(LISTENS)
    client = hosts.b.spawn(["rping", "-c", "-a", "10.78.0.1", "-v", "-C", "1000000"])
    client.wait_output("ping data", PATIENCE_SECONDS)
    hosts.b.kill()
    for what in (client.wait, lambda: hosts.b.run("true")):
        try:
            what()
        except MachineEnded:
            continue
        raise AssertionError("a host that is dead has answered")
    same("the other host", hosts.a.run("echo lives").out, "lives\n")
    server.signal(signal.SIGKILL)
    server.wait(PATIENCE_SECONDS)
    hosts.b.restart()
    rping(hosts, "10.78.0.1")


def main():
    if os.environ.get("VERBENA_TEST_BOOT") != "1":
        print("boots virtual machines: ./dev test runs it, or set VERBENA_TEST_BOOT=1")
        return 77
    with Hosts() as hosts:
        for check in (check_traffic, check_netem, check_cuts, check_death):
            start = time.monotonic()
            check(hosts)
            print(f"ok  {check.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
