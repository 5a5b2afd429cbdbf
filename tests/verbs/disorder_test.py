#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: disorder_test.py PROBE_SERVER VERBS_CALLER VERBS_ATTRIBUTES [CHECK...]

In the machine: what becomes of calls when addresses, links, devices, name servers, limits and
network namespaces are not as they should be. Each check leaves them as it found them.
"""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

SERVER, CALLER, ATTRIBUTES = (os.path.abspath(path) for path in sys.argv[1:4])
FIRST = "10.77.0.1"
SECOND = "10.79.0.1"
port = 24000
# Of a time-out of 1.5 s, on a host that has other things to do. The CM's own is above a minute.
BOUND_MS = 45000
KEEPALIVE_S = 3  # the default
# What one check may take, of which none takes longer than some ten seconds on a host that is idle;
# what it waits for within; and what it may take to leave things as they were.
CHECK_SECONDS = 300
WAIT_SECONDS = 120
CLEAN_UP_SECONDS = 130


def sh(command, check=True):
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL)
    if check and done.returncode:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def some_port():
    global port
    port += 1
    return port


# ---- server and clients


@contextlib.contextmanager
def server(host=FIRST, also=None, prefix=(), gate="/dev/null", options=()):
    """A probe-server; its address is .address. gate: a byte from there lets a held call go."""
    address = f"rdma://{host}:{some_port()}"
    words = [*prefix, SERVER, address, *options]
    if also:
        words += ["--also", also]
    report, report_end = os.pipe()
    gate_fd = os.open(gate, os.O_RDONLY)

    def arrange():
        a, b = os.dup2(report_end, 20), os.dup2(gate_fd, 21)
        os.dup2(a, 3)
        os.dup2(b, 4)

    process = subprocess.Popen(words, preexec_fn=arrange, pass_fds=(3, 4), stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, text=True)
    process.address = address
    os.close(report_end)
    os.close(gate_fd)
    try:
        if os.read(report, 1) != b"R":
            raise AssertionError(f"{' '.join(words)}: {process.stderr.read()}")
        yield process
        assert process.poll() is None, f"the server ended with {process.returncode}"
        process.terminate()
        assert process.wait(WAIT_SECONDS) == 0, f"the server ended with {process.returncode}"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        os.close(report)


callers = []


def caller(address, *words, connect_ms=60000, prefix=()):
    callers.append(subprocess.Popen([*prefix, CALLER, address, str(connect_ms), *map(str, words)],
                                    stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True))
    return callers[-1]


def end_callers():
    """Also of a check that has failed: the kernel keeps a device that somebody has open."""
    while callers:
        process = callers.pop()
        process.kill()
        process.wait()
        process.stdout.close()


def line(process):
    return process.stdout.readline().strip()


def expect(process, pattern):
    """The next line of a client; its match."""
    got = line(process)
    match = re.search(pattern, got)
    assert match, f"the client said '{got}', not '{pattern}'"
    return match


def ended(process):
    try:
        return process.wait(WAIT_SECONDS)
    finally:
        process.kill()
        process.stdout.close()


def works(address, *words, **options):
    client = caller(address, *(words or ["once"]), **options)
    expect(client, "^connected$")
    expect(client, "^called$|^done$")
    assert ended(client) == 0


def refused(address, errnos, sentence, **options):
    """Returns the milliseconds that it took."""
    client = caller(address, "once", **options)
    match = expect(client, f"^refused (?:{errnos}) (\\d+) .*{sentence}")
    assert ended(client) == 1
    return int(match[1])


# ---- devices


@contextlib.contextmanager
def second_device():
    sh(f"ip link add dummy1 type dummy && ip link set dummy1 mtu 4500 up && "
       f"ip addr add {SECOND}/24 dev dummy1 && rdma link add rxe1 type rxe netdev dummy1")
    try:
        yield
    finally:
        sh("rdma link del rxe1", check=False)
        sh("ip link del dummy1")


def set_up_first():
    sh("ip link set dummy0 up; ip addr add fd00::1/64 dev dummy0 nodad 2>/dev/null; "
       "rdma link show rxe0/1 >/dev/null 2>&1 || rdma link add rxe0 type rxe netdev dummy0")
    until(lambda: "state ACTIVE" in sh("rdma link show rxe0/1"), "the port to be active")


def until(true, what, seconds=WAIT_SECONDS):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)


# ---- checks


@contextlib.contextmanager
def resolver(text):
    path = pathlib.Path("/etc/resolv.conf")
    old = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="ascii")
    try:
        yield
    finally:
        path.unlink()
        if old is not None:
            path.write_bytes(old)


def counters():
    path = pathlib.Path("/sys/class/infiniband/rxe0/ports/1/hw_counters")
    return {name: int((path / name).read_text())
            for name in ("send_rnr_err", "rcvd_rnr_err", "retry_rnr_exceeded_err", "rdma_sends")}


def check_load():
    """All that clients can do to a server, and nobody is told to wait for a receive."""
    before = counters()
    with server(gate="/dev/zero") as here:
        clients = [caller(here.address, "mix", 16) for _ in range(5)]
        for client in clients:
            expect(client, "^connected$")
        for client in clients:
            expect(client, "^done$")
            assert ended(client) == 0
    after = counters()
    sends = after.pop("rdma_sends") - before.pop("rdma_sends")
    assert sends > 5 * 16 * 100, f"only {sends} messages were sent"
    assert after == before, f"{after}, not {before}"


def check_two_devices():
    """The route says which device it is, on both sides."""
    with second_device():
        env = {**os.environ, "VERBENA_TEST_ADDRESS": SECOND, "VERBENA_TEST_DEVICE": "rxe1"}
        done = subprocess.run([ATTRIBUTES], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        # One server, both devices, whichever way a client comes.
        with server("*") as both:
            number = both.address.rsplit(":", 1)[1]
            for host in (FIRST, SECOND, "[fd00::1]", "verbena-vm"):
                works(f"rdma://{host}:{number}", "bulk", 1)


def queue_pairs(device):
    """The numbers of those that are connected."""
    return sorted(re.findall(r"lqpn (\d+) .*type RC", sh(f"rdma resource show qp link {device}/1")))


def check_two_devices_at_a_time():
    """Devices that are equally old give their queue pairs the same numbers."""
    sh("rdma link del rxe0")
    set_up_first()
    with second_device(), server("*") as both:
        number = both.address.rsplit(":", 1)[1]
        addresses = [f"rdma://{host}:{number}" for host in (FIRST, SECOND)]
        clients = []
        for address in addresses:
            clients.append(caller(address, "signals", 20000))
            expect(clients[-1], "^connected$")
            expect(clients[-1], "^called$")
        assert len(queue_pairs("rxe0")) == 2, "a queue pair for each end"
        assert queue_pairs("rxe0") == queue_pairs("rxe1"), "the test needs the same numbers"
        movers = [caller(address, "bulk", 3) for address in addresses]
        for mover in movers:
            expect(mover, "^connected$")
        for client in clients:
            client.send_signal(signal.SIGUSR1)
            expect(client, "^called$")
        for mover in movers:
            expect(mover, "^done$")
            assert ended(mover) == 0
        for client in clients:
            client.terminate()
            expect(client, "^done$")
            assert ended(client) == 0


@contextlib.contextmanager
def hosts_file(text):
    path = pathlib.Path("/etc/hosts")
    old = path.read_bytes()
    path.write_bytes(old + text.encode())
    try:
        yield
    finally:
        path.write_bytes(old)


def check_silent_address():
    """The first address of a name swallows what is sent to it: the second has its time."""
    silent = "fd00::66"
    sh(f"ip neigh replace {silent} lladdr 02:00:00:00:00:66 dev dummy0 nud permanent")
    try:
        with hosts_file(f"{silent} twofold\n{FIRST} twofold\n"), server() as here:
            order = sh("getent ahosts twofold")
            assert order.startswith(silent), f"the resolver's order is another: {order}"
            number = here.address.rsplit(":", 1)[1]
            works(f"rdma://twofold:{number}", connect_ms=10000)
    finally:
        sh(f"ip neigh del {silent} dev dummy0")


def check_names():
    with server("[fd00::1]") as six:
        number = six.address.rsplit(":", 1)[1]
        works(six.address)
        # The name has 10.77.0.1 too, which is tried first, and where nobody listens.
        works(f"rdma://verbena-vm:{number}")
        refused(f"rdma://{FIRST}:{number}", "ECONNREFUSED", "at another address")
    with resolver(""):
        refused("rdma://nosuchname:7", "EHOSTUNREACH", "'nosuchname'")
    refused("rdma://[fd00::77:7", "EINVAL", "brackets")
    refused("rdma://10.77.0.1", "EINVAL", "no port")


def check_name_server():
    """One that does not answer: the time-out holds, and the end does not wait for it."""
    with resolver("nameserver 10.77.0.77\n"):
        took = refused("rdma://somewhere.example:7000", "ETIMEDOUT", "", connect_ms=700)
        assert took < BOUND_MS, f"a connect time-out of 0.7 s took {took} ms"


def check_other_protocol():
    number = some_port()
    rping = subprocess.Popen(["rping", "-s", "-P", "-a", FIRST, "-p", str(number)],
                             stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: f":{number} " in sh("rdma resource show cm_id"), "rping")
        refused(f"rdma://{FIRST}:{number}", "EPROTO", "no(t a)? Verbena")
    finally:
        rping.kill()
        rping.wait()


def check_no_way():
    refused("rdma://192.0.2.1:7000", "ENETUNREACH|EHOSTUNREACH|ENODEV", "192.0.2.1")
    # Here, and no RDMA device has it.
    refused("rdma://127.0.0.1:7000", "ENODEV|EHOSTUNREACH|ECONNREFUSED", "127.0.0.1")
    # Nobody has this one.
    took = refused("rdma://10.77.0.88:7000", "ETIMEDOUT|EHOSTUNREACH", "10.77.0.88|second",
                   connect_ms=1500)
    assert took < BOUND_MS, f"a connect time-out of 1.5 s took {took} ms"
    listen = subprocess.run([SERVER, "rdma://192.0.2.1:7000"], capture_output=True, text=True,
                            check=False)
    assert listen.returncode == 1 and "192.0.2.1" in listen.stderr, listen


def check_every_address():
    """'*' is IPv4 too, and an address of IPv6 is not, whatever sockets are told."""
    old = sh("sysctl -n net.ipv6.bindv6only").strip()
    try:
        for only in (1, 0):
            sh(f"sysctl -qw net.ipv6.bindv6only={only}")
            with server("*") as both:
                number = both.address.rsplit(":", 1)[1]
                for host in (FIRST, "[fd00::1]"):
                    works(f"rdma://{host}:{number}")
            with server("0.0.0.0") as four:
                works(four.address.replace("0.0.0.0", FIRST))
                six = four.address.replace("0.0.0.0", "[fd00::1]")
                with server(also=six):
                    works(six)
    finally:
        sh(f"sysctl -qw net.ipv6.bindv6only={old}")


def check_descriptors():
    """Of a host without a way one is told that, however few descriptors are left."""
    for most in range(6, 14):
        refused("rdma://192.0.2.1:7000", "ENETUNREACH|EHOSTUNREACH", "192.0.2.1",
                prefix=["bash", "-c", f'ulimit -n {most}; exec "$@"', "-"])


def check_link_flaps():
    """Who says nothing meanwhile does not notice; the keepalive would."""
    with server(options=["--keepalive-ns", str(600 * 10**9)]) as here:
        client = caller(here.address, "signals", 5000)
        expect(client, "^connected$")
        expect(client, "^called$")
        sh("ip link set dummy0 down")
        set_up_first()
        client.send_signal(signal.SIGUSR1)
        expect(client, "^called$")
        works(here.address, "bulk", 1)
        client.terminate()
        expect(client, "^done$")
        assert ended(client) == 0


def check_link_down():
    try:
        with server() as here:
            client = caller(here.address, "steady", 20)
            expect(client, "^connected$")
            expect(client, "^called$")
            sh("ip link set dummy0 down")
            match = expect(client, r"^failed (\w+) (\w+) (\d+) (.+)")
            assert match[1] == "EIO", match[0]
            assert re.search(r"work completion: .*queue pair \d+", match[4]), match[0]
            assert match[2] in ("unknown", "not_sent"), match[0]
            assert ended(client) == 0
            refused(here.address, "ENETDOWN", "rxe0.* is down", connect_ms=5000)
    finally:
        # SoftRoCE of Linux 6.1 that wanted to send a message of the connection manager while the
        # link was down does not send one again, until it is made anew. Nobody may have it open
        # then: the kernel would wait for that.
        end_callers()
        set_up_first()
        sh("rdma link del rxe0")
        set_up_first()
    with server() as here:
        works(here.address)


def check_device_removed():
    """Its clients fail, and the server goes on with its other device."""
    with second_device():
        removal = None
        try:
            with server("*") as both:
                number = both.address.rsplit(":", 1)[1]
                client = caller(f"rdma://{SECOND}:{number}", "steady", 20)
                expect(client, "^connected$")
                expect(client, "^called$")
                # The kernel waits until nobody has it open any more.
                removal = subprocess.Popen(["rdma", "link", "del", "rxe1"])
                match = expect(client, r"^failed (\w+) (\w+) (\d+) (.+)")
                assert match[1] == "ENODEV", match[0]
                assert ended(client) == 0
                works(f"rdma://{FIRST}:{number}", "bulk", 1)
        finally:
            end_callers()
            if removal:
                removal.wait(WAIT_SECONDS)
        assert "rxe1" not in sh("rdma link show"), "the device is still there"


def check_no_device():
    sh("rdma link del rxe0")
    try:
        refused(f"rdma://{FIRST}:7000", "ENODEV|EHOSTUNREACH|ENETUNREACH", "verbena doctor")
        listen = subprocess.run([SERVER, f"rdma://{FIRST}:7000"], capture_output=True, text=True,
                                check=False)
        assert listen.returncode == 1 and "verbena doctor" in listen.stderr, listen
    finally:
        set_up_first()
    with server() as here:
        works(here.address)


def check_namespace():
    """Another namespace has no way to the device's addresses, and is told so."""
    sh("ip netns add other && ip netns exec other ip link set lo up")
    inside = ["ip", "netns", "exec", "other"]
    try:
        with server() as here:
            refused(here.address, "ENETUNREACH|EHOSTUNREACH|ENODEV", FIRST, prefix=inside)
            listen = subprocess.run([*inside, SERVER, f"rdma://{FIRST}:7000"],
                                    capture_output=True, text=True, check=False)
            assert listen.returncode == 1 and "no RDMA device" in listen.stderr, listen
            works(here.address)
    finally:
        sh("ip netns del other")


def check_stopped():
    """A process that is stopped is left in peace for longer than a dead host would be; a call to it
    ends by its deadline."""
    with server() as here:
        client = caller(here.address, "signals", 5000)
        expect(client, "^connected$")
        expect(client, "^called$")
        for process in (here, client):
            process.send_signal(signal.SIGSTOP)
            time.sleep(2 * KEEPALIVE_S)
            if process is here:
                client.send_signal(signal.SIGUSR1)
                expect(client, r"^failed ETIMEDOUT unknown \d+")
            process.send_signal(signal.SIGCONT)
            client.send_signal(signal.SIGUSR1)
            expect(client, "^called$")
        client.terminate()
        expect(client, "^done$")
        assert ended(client) == 0


LIMITED = ["bash", "-c", 'ulimit -l 64; exec "$@"', "-"]
AS_NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def check_memlock():
    """A limit that is too low is named, with its value, on the side that has it."""
    sh("chmod a+rw /dev/infiniband/*")
    with server() as here:
        refused(here.address, "ENOMEM", "RLIMIT_MEMLOCK.*64 KiB", prefix=[*AS_NOBODY, *LIMITED])
        # Root's is no limit.
        works(here.address, "bulk", 1, prefix=LIMITED)
    # The client hears whose limit it is, and the server's log which, and for whom.
    with server(prefix=["env", "VERBENA_LOG=1", *AS_NOBODY, *LIMITED]) as here:
        refused(here.address, "ENOMEM", "server's end, not here.*RLIMIT_MEMLOCK")
        told = here.stderr.readline()
        assert re.search(rf"accept: .*{FIRST}.*RLIMIT_MEMLOCK.*limited to 64 KiB", told), told


def check_processes():
    with server() as here:
        client = caller(here.address, "fork")
        for pattern in ("^connected$", "^called$", "^called$", "^done$"):
            expect(client, pattern)
        assert ended(client) == 0
        sh("chmod a+rw /dev/infiniband/*")
        # The device is opened as the user that the process is by then.
        works(here.address, "user", 65534)


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


def perform(check):
    """Breaks it off when it hangs: others come after it, and meson would not say which it was."""
    def break_off(*_):
        print(f"{check.__name__} is not done after {CHECK_SECONDS} s", flush=True)
        # That may hang too: then this ends here.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(CLEAN_UP_SECONDS)
        raise AssertionError("it hangs")

    signal.signal(signal.SIGALRM, break_off)
    signal.alarm(CHECK_SECONDS)
    try:
        check()
    finally:
        signal.alarm(0)


def main():
    chosen = sys.argv[4:]
    failed = 0
    for check in CHECKS:
        if chosen and check.__name__ not in chosen:
            continue
        start = time.monotonic()
        try:
            perform(check)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            failed += 1
            print(f"FAILED {check.__name__}: {error!r}", flush=True)
            continue
        finally:
            end_callers()
        print(f"ok  {check.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
