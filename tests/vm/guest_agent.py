# SPDX-License-Identifier: Apache-2.0
"""Process 1 of the machine: sets it up as the host says, then runs what the host asks for.

It talks over the virtio port 'agent'. To here: a length (4 bytes, little-endian) and a JSON object.
From here: a length, a letter and the number of a process (4 bytes), then as many bytes:
R ready, F set-up failed (text), O and E output, X exit status, D done with a request.
"""

import errno
import json
import os
import pathlib
import resource
import selectors
import signal
import struct
import subprocess

READ_BYTES = 65536  # what a pipe holds
# As Debian has it for a user's processes: select() in old code wants the low one.
FILES_SOFT, FILES_HARD = 1024, 524288


class Channel:
    def __init__(self):
        for name in pathlib.Path("/sys/class/virtio-ports").glob("*/name"):
            if name.read_text().strip() == "agent":
                self.fd = os.open(f"/dev/{name.parent.name}", os.O_RDWR | os.O_CLOEXEC)
                return
        raise OSError(errno.ENODEV, "no virtio port 'agent'")

    def send(self, letter, process=0, data=b""):
        frame = struct.pack("<IcI", len(data), letter, process) + data
        while frame:
            frame = frame[os.write(self.fd, frame):]

    def read(self, length):
        data = b""
        while len(data) < length:
            piece = os.read(self.fd, length - len(data))
            if not piece:
                raise OSError(errno.EPIPE, "the host is gone")
            data += piece
        return data

    def receive(self):
        (length,) = struct.unpack("<I", self.read(4))
        return json.loads(self.read(length))


# ---- set-up


def run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(errno.EIO, f"{' '.join(words)}: {(done.stderr or done.stdout).strip()}")


def mount(kind, source, where, options="defaults"):
    pathlib.Path(where).mkdir(parents=True, exist_ok=True)
    run("mount", "-t", kind, "-o", options, source, where)


def set_up_files(config):
    mount("tmpfs", "run", "/run", "mode=755")
    mount("tmpfs", "shm", "/dev/shm", "mode=1777")
    mount("devpts", "devpts", "/dev/pts", "mode=620,ptmxmode=666")
    pathlib.Path("/run/user/0").mkdir(parents=True, mode=0o700)
    for name in ("fd", "stdin", "stdout", "stderr"):
        target = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}[name]
        if not os.path.lexists(f"/dev/{name}"):
            os.symlink(target, f"/dev/{name}")
    for tag, path in config["shares"]:
        # mmap: pages that are written through a mapping reach the host when it is unmapped.
        mount("9p", tag, path, "trans=virtio,version=9p2000.L,msize=512000,cache=mmap")
    # A new file instead of a write into the old one, which may be a link to the host's /run.
    hosts = pathlib.Path("/etc/hosts")
    hosts.unlink(missing_ok=True)
    lines = [["127.0.0.1", "localhost"], ["::1", "localhost"], *config["names"]]
    hosts.write_text("".join(f"{address} {name}\n" for address, name in lines), encoding="ascii")
    pathlib.Path("/proc/sys/kernel/hostname").write_text(config["hostname"], encoding="ascii")


def set_up_network(config):
    device = config["netdev"]
    lines = ["link set lo up"]
    if not pathlib.Path(f"/sys/class/net/{device}").exists():
        lines.append(f"link add {device} type dummy")
    # The MTU first: the RDMA device takes its own from it, 4096 below 4500.
    lines.append(f"link set {device} mtu 4500 up")
    lines += [f"addr add {address} dev {device} nodad" if ":" in address
              else f"addr add {address} dev {device}" for address in config["addresses"]]
    run("ip", "-batch", "-", text="\n".join(lines) + "\n")
    run("rdma", "link", "add", "rxe0", "type", "rxe", "netdev", device)


def set_up_limits(config):
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY,) * 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_SOFT, FILES_HARD))
    if config["cores"]:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
        pattern = f"{config['cores']}/core.%e.%p"
        pathlib.Path("/proc/sys/kernel/core_pattern").write_text(pattern, encoding="utf-8")


# ---- processes


class Process:
    def __init__(self, number, request):
        self.number, self.alone = number, request["alone"]
        self.pipes = {}
        out, self.out = self.pipe(b"O")
        error, self.error = (out, self.out) if request["merge"] else self.pipe(b"E")
        try:
            self.child = subprocess.Popen(
                request["command"], cwd=request["cwd"], env=request["env"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=error, start_new_session=True,
            )
        finally:
            os.close(out)
            if error != out:
                os.close(error)

    def pipe(self, letter):
        reading, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reading, False)
        os.set_blocking(writing, True)
        self.pipes[reading] = letter
        return writing, reading


class Agent:
    """One thread: the channel, the pipes of every process, and the children that end."""

    def __init__(self, channel):
        self.channel = channel
        self.processes = {}  # by pid
        self.selector = selectors.DefaultSelector()
        self.selector.register(channel.fd, selectors.EVENT_READ, self.on_request)
        waking, woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        self.selector.register(waking, selectors.EVENT_READ, self.on_children)

    def on_request(self, _):
        request = self.channel.receive()
        number = request["process"]
        if request["do"] == "run":
            self.start(number, request)
        elif request["do"] == "signal":
            for pid, process in self.processes.items():
                if process.number == number:
                    self.kill(pid, request["signal"])
        elif request["do"] == "sync":
            os.sync()
            self.channel.send(b"D", number)

    @staticmethod
    def kill(group, number):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            pass

    def start(self, number, request):
        try:
            process = Process(number, request)
        except OSError as error:
            # As a shell has it: 127 not found, 126 not to be run.
            status = 127 if error.errno == errno.ENOENT else 126
            self.channel.send(b"E", number, f"vm: {error}\n".encode())
            self.channel.send(b"X", number, struct.pack("<i", status))
            return
        self.processes[process.child.pid] = process
        for fd in process.pipes:
            self.selector.register(fd, selectors.EVENT_READ, (process, process.pipes[fd]))

    def forward(self, fd, process, letter):
        """Passes on what there is."""
        try:
            data = os.read(fd, READ_BYTES)
        except BlockingIOError:
            return
        if data:
            self.channel.send(letter, process.number, data)
            return
        self.selector.unregister(fd)
        del process.pipes[fd]
        os.close(fd)

    def on_children(self, fd):
        try:
            os.read(fd, READ_BYTES)
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self.processes:
                self.ended(self.processes.pop(pid), status)

    def ended(self, process, status):
        # What it wrote before its end goes first: one read has all that a pipe holds. What it left
        # running may write on after that.
        process.child.returncode = 0
        if process.alone:
            self.kill(process.child.pid, signal.SIGKILL)
        for fd, letter in list(process.pipes.items()):
            self.forward(fd, process, letter)
        code = os.waitstatus_to_exitcode(status)
        code = 128 - code if code < 0 else code
        self.channel.send(b"X", process.number, struct.pack("<i", code))

    def loop(self):
        while True:
            for key, _ in self.selector.select():
                if isinstance(key.data, tuple):
                    # May have been closed by an event before it in this round.
                    if key.fd in key.data[0].pipes:
                        self.forward(key.fd, *key.data)
                else:
                    key.data(key.fd)


def main():
    channel = Channel()
    try:
        config = channel.receive()
        set_up_files(config)
        set_up_limits(config)
        set_up_network(config)
    except OSError as error:
        channel.send(b"F", 0, str(error).encode())
        signal.pause()
    channel.send(b"R")
    Agent(channel).loop()


main()
