# SPDX-License-Identifier: Apache-2.0
"""The network between two machines: QEMU's frames, as datagrams of the file system.

A thread takes each frame from its sender at once, whatever its receiver does. If one machine's QEMU
sent to the other's socket, a receiver that stands still would fill that, and the sender's card
could not send any more, which no wire does; SoftRoCE does not destroy a queue pair whose packets
are in its card, and panics if it has to wait for that for too long.
"""

import collections
import contextlib
import errno
import os
import pathlib
import select
import socket
import threading

FRAME_MAX = 1 << 17
# Frames that wait for a receiver which is slow: more than senders have under way without an answer.
QUEUE_MAX = 1 << 16


class End:
    """A machine's end: frames from its card come in by taken, and go out to its card's socket."""

    def __init__(self, card, taken):
        self.card, self.is_cut = card, False
        self.queue = collections.deque(maxlen=QUEUE_MAX)
        self.inlet = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.inlet.bind(str(taken))
        self.inlet.setblocking(False)
        self.outlet = None

    def connect(self):
        self.outlet = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.outlet.setblocking(False)
        self.outlet.connect(str(self.card))

    def close_outlet(self):
        if self.outlet:
            self.outlet.close()
        self.outlet = None

    def deliver(self):
        """As much as the card takes now; without a card, as one that is out, all is lost."""
        try:
            if self.queue and not self.outlet:
                self.connect()
            while self.queue:
                self.outlet.send(self.queue[0])
                self.queue.popleft()
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTCONN, errno.EPIPE):
                raise
            self.close_outlet()
            self.queue.clear()


class Wire:
    """Between machines a and b. Their sockets: card(), to bind, and taken(), to send to."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.lock = threading.Lock()
        self.ends = {letter: End(self.card(letter), self.taken(letter)) for letter in "ab"}
        self.wake, self.woken = os.pipe()
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()

    def card(self, letter):
        return self.folder / letter

    def taken(self, letter):
        return self.folder / f"from-{letter}"

    def cut(self, letter, is_cut):
        """What is sent to that machine is lost, or is not any more."""
        with self.lock:
            self.ends[letter].is_cut = is_cut
            self.ends[letter].queue.clear()

    def stop(self):
        os.close(self.woken)
        self.thread.join()
        os.close(self.wake)
        for end in self.ends.values():
            end.inlet.close()
            end.close_outlet()

    def take(self, sender, receiver):
        with contextlib.suppress(BlockingIOError):
            while True:
                frame = sender.inlet.recv(FRAME_MAX)
                if not receiver.is_cut:
                    receiver.queue.append(frame)

    def carry(self):
        """The thread. It waits for a card only while that has frames to take."""
        a, b = self.ends["a"], self.ends["b"]
        while True:
            ready = select.poll()
            ready.register(self.wake, select.POLLIN)
            for end in (a, b):
                ready.register(end.inlet, select.POLLIN)
                if end.queue and end.outlet:
                    ready.register(end.outlet, select.POLLOUT)
            if any(fd == self.wake for fd, _ in ready.poll()):
                return
            with self.lock:
                self.take(a, b)
                self.take(b, a)
                a.deliver()
                b.deliver()
