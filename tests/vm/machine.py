# SPDX-License-Identifier: Apache-2.0
"""A virtual machine with an RDMA device, and commands that run in it.

Its root is the host's, read-only, beneath a file system in memory: what was built here runs there
under the same path. A thread for each machine reads what comes from it; all else is the caller's.
"""

import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from cache import Trouble

BOOT_SECONDS = 180  # a quiet host takes 4; one that does other things as well takes its time
PANIC_SECONDS = 5  # from the panic's line to QEMU's end
TAIL_LINES = 60  # a panic with its stack
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PR_SET_PDEATHSIG = 1

# Emulated, 'rep movs' moves 43 MB/s: clearcpuid=112 keeps the kernel's copies from it, -erms and
# -fsrm those of libraries.
KERNEL_ARGUMENTS = (
    "console=ttyS0 quiet panic=-1 oops=panic nowatchdog mitigations=off clearcpuid=112 "
    "net.ifnames=0"
)
ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[c()][A-Z0-9]?)")

libc = ctypes.CDLL(None)


class MachineEnded(Exception):
    """The machine ended before it should have; the text has the kernel's last words."""


class Process:
    """A command that runs in a machine. Output goes to sink(letter, bytes), or is kept."""

    def __init__(self, machine, number, sink):
        self.machine, self.number = machine, number
        self.kept = {b"O": bytearray(), b"E": bytearray()}
        self.sink = sink or (lambda letter, data: self.kept[letter].extend(data))
        self.status = None

    @property
    def out(self):
        return self.kept[b"O"].decode(errors="replace")

    @property
    def err(self):
        return self.kept[b"E"].decode(errors="replace")

    def wait(self, seconds=None):
        """Its exit status, 128 + N for signal N; TimeoutError, MachineEnded."""
        self.machine.until(lambda: self.status is not None, seconds, "the command to end")
        return self.status

    def wait_output(self, text, seconds):
        """Returns when `text` has come on stdout or stderr."""
        self.machine.until(
            lambda: text in self.out or text in self.err or self.status is not None, seconds,
            f"'{text}'",
        )
        if text not in self.out and text not in self.err:
            raise TimeoutError(f"ended with {self.status} and without '{text}':\n"
                               f"{self.out}{self.err}")

    def signal(self, number):
        self.machine.request("signal", self.number, signal=int(number))


class Machine:
    """See start() for what a machine is given. Use as a context manager, or stop() it."""

    def __init__(self, tools, *, memory=4096, cpus=2, accel="tcg", poll=False, shares=(),
                 cores=None, hostname="verbena-vm", netdev="dummy0",
                 addresses=("10.77.0.1/24", "fd00::1/64"), names=None, network=None, console=None):
        self.tools = tools
        self.memory, self.cpus, self.accel, self.poll = memory, cpus, accel, poll
        self.shares = [str(pathlib.Path(path).absolute()) for path in shares]
        self.hostname, self.netdev, self.addresses = hostname, netdev, list(addresses)
        self.cores = cores
        self.names = names or [(a.split("/")[0], hostname) for a in self.addresses]
        self.network = network  # words for QEMU that add a network card
        self.console = console  # called with each line of the kernel's console
        self.address = self.addresses[0].split("/")[0]
        self.changed = threading.Condition()
        self.processes = {}
        self.lines = []
        self.ready = self.synced = self.ended = False
        self.failure = None
        self.folder = self.qemu = self.agent = self.qmp = None
        self.threads = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- from off to ready, and back

    def words(self):
        def quote(path):  # QEMU's way to have a comma in a value
            return str(path).replace(",", ",,")

        program, environment = self.tools.qemu()
        agent = pathlib.Path(__file__).absolute().parent / "guest_agent.py"
        arguments = f"{KERNEL_ARGUMENTS} vm.agent={os.fsencode(agent).hex()}"
        if self.poll:
            # A virtual CPU that has halted takes 20 µs to wake; one that spins takes none, and
            # all of a host's CPU.
            arguments += " idle=poll"
        kvm = self.accel == "kvm"
        words = [
            *program, "-machine", "q35",
            "-accel", "kvm" if kvm else "tcg,thread=multi",
            "-cpu", "host" if kvm else "max,-erms,-fsrm",
            "-smp", str(self.cpus), "-m", str(self.memory),
            "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", str(self.tools.kernel), "-initrd", str(self.tools.initramfs),
            "-append", arguments,
            "-chardev", f"socket,id=agent,path={quote(self.folder)}/agent",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=agent",
            "-chardev", f"socket,id=qmp,path={quote(self.folder)}/qmp",
            "-mon", "chardev=qmp,mode=control",
        ]
        for tag, path, more in [("host", "/", ",readonly=on"),
                                *((f"share{n}", p, "") for n, p in enumerate(self.shares))]:
            words += ["-fsdev", f"local,id={tag},path={quote(path)},security_model=none,"
                                f"multidevs=remap{more}",
                      "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        words += self.network(self.folder) if self.network else ["-nic", "none"]
        return words, environment

    def start(self):
        """Boots; returns when commands can run. Call it on a thread that outlives the machine:
        QEMU is killed when that thread ends."""
        try:
            self.begin()
            self.await_ready()
        except BaseException:
            self.stop()
            raise

    def begin(self):
        """The first half of start(): QEMU runs. stop() it, also after an exception."""
        for path in self.shares:
            if not pathlib.Path(path).is_dir():
                raise Trouble(f"no directory {path} to share")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="verbena-vm-"))
        servers = []
        for name in ("agent", "qmp"):
            server = socket.socket(socket.AF_UNIX)
            server.bind(str(self.folder / name))
            server.listen(1)
            server.settimeout(0.1)
            servers.append(server)
        words, environment = self.words()
        self.qemu = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=dict(os.environ, **environment),
            # In a session of its own: ^C is ours to handle.
            start_new_session=True,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )
        self.thread(self.read_console)
        self.agent, self.qmp = (self.accept(server) for server in servers)
        self.thread(self.read_agent)
        self.send({
            "hostname": self.hostname, "netdev": self.netdev, "addresses": self.addresses,
            "names": self.names, "cores": self.cores,
            "shares": [(f"share{n}", path) for n, path in enumerate(self.shares)],
        })

    def await_ready(self):
        """The second half of start()."""
        self.until(lambda: self.ready or self.failure, BOOT_SECONDS, "the machine to boot")
        if self.failure:
            raise Trouble(f"the machine could not be set up: {self.failure}")

    def accept(self, server):
        with server:
            while True:
                try:
                    connection, _ = server.accept()
                    connection.settimeout(None)
                    return connection
                except TimeoutError:
                    if self.qemu.poll() is not None:
                        self.threads[0].join()
                        raise MachineEnded(f"QEMU did not start:\n{self.tail()}") from None

    def thread(self, function):
        thread = threading.Thread(target=function, daemon=True)
        self.threads.append(thread)
        thread.start()

    def kill(self):
        """Its death without a word, as of a host whose power fails."""
        if self.qemu:
            self.qemu.kill()
            self.qemu.wait()

    def stop(self):
        self.kill()
        for thread in self.threads:
            thread.join()
        for connection in (self.agent, self.qmp):
            if connection:
                connection.close()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- what comes from it

    def read_console(self):
        for line in self.qemu.stdout:
            text = ESCAPES.sub("", line.decode(errors="replace")).strip("\r\n")
            with self.changed:
                self.lines.append(text)
            if self.console:
                self.console(text)
            if "Kernel panic" in text:
                threading.Timer(PANIC_SECONDS, self.qemu.kill).start()
        self.qemu.stdout.close()
        self.qemu.wait()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def tail(self):
        return "\n".join(self.lines[-TAIL_LINES:])

    def read_agent(self):
        with self.agent.makefile("rb") as file:
            while True:
                try:
                    head = file.read(9)
                except OSError:
                    return
                if len(head) < 9:
                    return
                length, letter, number = struct.unpack("<IcI", head)
                self.arrived(letter, number, file.read(length))

    def arrived(self, letter, number, data):
        process = self.processes.get(number)
        if letter in (b"O", b"E"):
            # Not under the lock: a terminal may be slow.
            process.sink(letter, data)
        with self.changed:
            if letter == b"R":
                self.ready = True
            elif letter == b"F":
                self.failure = data.decode(errors="replace")
            elif letter == b"X":
                (process.status,) = struct.unpack("<i", data)
            elif letter == b"D":
                self.synced = True
            self.changed.notify_all()

    def until(self, true, seconds, what):
        """Waits until true() holds."""
        end = None if seconds is None else time.monotonic() + seconds
        with self.changed:
            while not true():
                if self.ended:
                    raise MachineEnded(self.why_ended())
                left = 1 if end is None else end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"waited {seconds} s for {what}")
                self.changed.wait(min(left, 1))

    def why_ended(self):
        panic = any("Kernel panic" in line for line in self.lines)
        what = "the machine's kernel panicked" if panic else "the machine ended by itself"
        return f"{what}; its last words:\n{self.tail()}"

    # ---- what goes to it

    def send(self, message):
        data = json.dumps(message).encode()
        try:
            self.agent.sendall(struct.pack("<I", len(data)) + data)
        except OSError:
            # until() says why it is gone.
            pass

    def request(self, what, number=0, **more):
        self.send({"do": what, "process": number, **more})

    def environment(self, more):
        base = {
            "PATH": PATH, "HOME": "/root", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash",
            "TERM": "dumb", "XDG_RUNTIME_DIR": "/run/user/0", "TMPDIR": "/tmp",
            "VERBENA_TEST_DEVICE": "rxe0", "VERBENA_TEST_ADDRESS": self.address,
        }
        return {**base, **(more or {})}

    def spawn(self, command, *, cwd="/", env=None, merge=False, sink=None, alone=False):
        """Starts a command: a text for bash, or a list of words. merge: one pipe for both streams;
        alone: what it started ends with it."""
        words = ["bash", "-c", command] if isinstance(command, str) else list(command)
        with self.changed:
            number = len(self.processes) + 1
            process = self.processes[number] = Process(self, number, sink)
        self.request("run", number, command=words, cwd=str(cwd), env=self.environment(env),
                     merge=merge, alone=alone)
        return process

    def run(self, command, seconds=60, **more):
        """Runs a command to its end; returns the Process, with status, out and err."""
        process = self.spawn(command, **more)
        process.wait(seconds)
        return process

    def sync(self):
        """What was written to shared directories is on the host when this returns."""
        self.synced = False
        self.request("sync")
        self.until(lambda: self.synced, BOOT_SECONDS, "the files to be written")
