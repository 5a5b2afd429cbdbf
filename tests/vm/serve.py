# SPDX-License-Identifier: Apache-2.0
"""One machine for many commands, booted anew after a panic.

Whoever wants to run something in it connects to a socket, whose path is in $VERBENA_TEST_VM, and
sends one JSON object in a line; what comes back are frames as the machine's agent sends them, and
M with a text when the machine failed. Who hangs up has the command killed.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading

from cache import Trouble, say
from machine import MachineEnded

VARIABLE = "VERBENA_TEST_VM"
FRAME = struct.Struct("<Ic")
LOOK_SECONDS = 0.2  # how often the main thread looks whether the command on the host has ended


class Server:
    """Clients have a thread each; the machine is booted by the main thread, with which it dies."""

    def __init__(self, make_machine):
        self.make_machine = make_machine
        self.changed = threading.Condition()
        self.machine = self.failure = None
        self.wanted = False
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="verbena-vm-"))
        self.path = self.folder / "serve"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen()

    def run(self, words):
        """Runs a command on this host, and what it wants in the machine; returns its status."""
        try:
            # Before the command: its tests have time limits, which a boot would take from.
            self.boot()
            if self.failure:
                raise Trouble(self.failure)
            return self.run_on_host(words)
        finally:
            if self.machine:
                self.machine.stop()
            self.socket.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def run_on_host(self, words):
        threading.Thread(target=self.accept, daemon=True).start()
        host = subprocess.Popen(words, env=dict(os.environ, **{VARIABLE: str(self.path)}))
        try:
            while host.poll() is None:
                with self.changed:
                    self.changed.wait_for(lambda: self.wanted, LOOK_SECONDS)
                    wanted, self.wanted = self.wanted, False
                # It is also said by those who wait while a machine boots.
                if wanted and self.none_runs():
                    self.boot()
        finally:
            if host.poll() is None:
                host.terminate()
                host.wait()
        return 128 - host.returncode if host.returncode < 0 else host.returncode

    def none_runs(self):
        return not self.failure and (not self.machine or self.machine.ended)

    def boot(self):
        if self.machine:
            self.machine.stop()
        machine, failure = self.make_machine(), None
        try:
            machine.start()
        except (Trouble, MachineEnded, TimeoutError) as error:
            machine, failure = None, str(error)
        with self.changed:
            self.machine, self.failure = machine, failure
            self.changed.notify_all()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def running(self):
        """The machine, booted if need be. What fails once fails for all: nobody waits twice."""
        with self.changed:
            while self.none_runs():
                self.wanted = True
                self.changed.notify_all()
                self.changed.wait(LOOK_SECONDS)
            if self.failure:
                raise Trouble(self.failure)
            return self.machine

    def serve(self, client):
        lock = threading.Lock()

        def send(letter, data):
            with lock:
                try:
                    client.sendall(FRAME.pack(len(data), letter) + data)
                except OSError:
                    # watch() has seen it too.
                    pass

        with client, client.makefile("rb") as file:
            try:
                request = json.loads(file.readline())
                machine = self.running()
                process = machine.spawn(request["command"], cwd=request["cwd"],
                                        env=request["env"], merge=request["merge"], sink=send,
                                        alone=True)
                watch = threading.Thread(target=self.watch, args=(file, process), daemon=True)
                watch.start()
                status = process.wait()
                machine.sync()
                send(b"X", struct.pack("<i", status))
            except (Trouble, MachineEnded, TimeoutError) as error:
                send(b"M", str(error).encode())
            except ValueError:
                say("a client sent what is no request")
            try:
                # Ends the watch, which reads it.
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def watch(file, process):
        try:
            gone = not file.read(1)
        except (OSError, ValueError):
            gone = True
        if gone and process.status is None:
            process.signal(signal.SIGKILL)


def join(command, *, env, merge, write):
    """Runs a command in the machine of a server; returns its status. write(letter, bytes)."""
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.connect(os.environ[VARIABLE])
        except OSError as error:
            raise Trouble(f"no machine at {os.environ[VARIABLE]}: {error}") from error
        request = {"command": command, "cwd": os.getcwd(), "env": env, "merge": merge}
        server.sendall(json.dumps(request).encode() + b"\n")
        with server.makefile("rb") as file:
            while True:
                head = file.read(FRAME.size)
                if len(head) < FRAME.size:
                    raise Trouble("the machine's server has ended")
                length, letter = FRAME.unpack(head)
                data = file.read(length)
                if letter == b"X":
                    return struct.unpack("<i", data)[0]
                if letter == b"M":
                    raise Trouble(data.decode(errors="replace"))
                try:
                    write(letter, data)
                except OSError:
                    # Nobody reads any more: to hang up ends the command.
                    return 128 + signal.SIGPIPE
