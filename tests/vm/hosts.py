# SPDX-License-Identifier: Apache-2.0
"""Two machines joined by a network: two hosts, one of which can be killed, frozen or cut off.

    with Hosts() as hosts:
        server = hosts.a.spawn("rping -s")
        client = hosts.b.run("rping -c -a verbena-a -C 3", seconds=30)
        hosts.b.kill()

Each has rxe0 on its network card, eth0: 10.78.0.1 and fd00:78::1 (verbena-a), 10.78.0.2 and
fd00:78::2 (verbena-b). Unlike within one machine, packets are sent: netem delays and loses them.
"""

import json
import shutil
import tempfile

from cache import Tools
from machine import Machine
from wire import Wire

QMP_SECONDS = 20

# An emulated host that waits for a CPU may be silent for longer than its peer is patient, and then
# is rightly taken for dead: by a queue pair after two seconds, by the keepalive, by a connect that
# is sent again after four seconds only. What a program says then; SILENT: of the first two.
# ATTEMPTS: how often tests that are about something else try.
SILENT = ("nothing was acknowledged", "has acknowledged nothing")
IMPATIENT = (*SILENT, "did not answer within", "ended or closed the connection",
             "has closed the connection")
ATTEMPTS = 4


def impatient(text):
    return any(words in text for words in IMPATIENT)


class Host(Machine):
    """A machine with a network card."""

    def __init__(self, tools, letter, wire, **options):
        number = "ab".index(letter) + 1
        self.wire, self.letter, self.rule = wire, letter, ""
        self.mac = f"52:54:00:78:00:0{number}"
        names = [(f"{net}{n}", f"verbena-{name}")
                 for n, name in ((1, "a"), (2, "b")) for net in ("10.78.0.", "fd00:78::")]
        super().__init__(
            tools, hostname=f"verbena-{letter}", netdev="eth0", names=names,
            addresses=(f"10.78.0.{number}/24", f"fd00:78::{number}/64"), network=self.card,
            **options,
        )

    def card(self, _):
        # Datagrams of the file system: nothing to connect, so either machine can come and go.
        ours, theirs = self.wire.card(self.letter), self.wire.taken(self.letter)
        ours.unlink(missing_ok=True)  # of a machine that was killed
        return [
            "-netdev", f"dgram,id=wire,local.type=unix,local.path={ours},"
                       f"remote.type=unix,remote.path={theirs}",
            # No boot firmware on the card: it is in a package that nothing else needs.
            "-device", f"virtio-net-pci,id=card,netdev=wire,mac={self.mac},romfile=",
        ]

    # ---- what happens to hosts

    def monitor(self, command, **arguments):
        """A command to QEMU itself."""
        self.qmp.settimeout(QMP_SECONDS)
        if not hasattr(self, "qmp_file"):
            self.qmp_file = self.qmp.makefile("rwb")
            self.qmp_file.readline()  # its greeting
            self.ask("qmp_capabilities", {})
        self.ask(command, arguments)

    def ask(self, command, arguments):
        message = {"execute": command, "arguments": arguments}
        self.qmp_file.write(json.dumps(message).encode() + b"\n")
        self.qmp_file.flush()
        while True:
            answer = json.loads(self.qmp_file.readline())
            if "error" in answer:
                raise OSError(f"QEMU's {command}: {answer['error']['desc']}")
            if "return" in answer:
                return

    def freeze(self):
        """It stands still, and so does its clock, until thaw(). What is sent to it meanwhile is
        lost."""
        self.wire.cut(self.letter, True)
        self.monitor("stop")

    def thaw(self):
        self.monitor("cont")
        self.wire.cut(self.letter, False)

    def unplug(self):
        """The cable is out: its own card loses its carrier."""
        self.monitor("set_link", name="card", up=False)

    def plug(self):
        self.monitor("set_link", name="card", up=True)

    def netem(self, rule):
        """What it sends is treated by a rule of tc-netem, as 'delay 10ms loss 1%'; '' ends that."""
        if not rule and not self.rule:
            return
        change = f"replace dev eth0 root netem {rule}" if rule else "del dev eth0 root"
        done = self.run(f"tc qdisc {change}")
        if done.status != 0:
            raise OSError(f"tc: {done.err.strip()}")
        self.rule = rule

    def blackhole(self):
        """It sends nothing any more, and its card has a carrier: as a switch that died."""
        self.netem("loss 100%")

    def restart(self):
        """Boots it anew after kill(), with no memory of what was."""
        self.stop()
        fresh = Host(self.tools, self.letter, self.wire, memory=self.memory, cpus=self.cpus,
                     accel=self.accel, poll=self.poll, shares=self.shares, cores=self.cores,
                     console=self.console)
        self.__dict__.clear()
        self.__dict__.update(fresh.__dict__)
        self.start()


class Hosts:
    """Hosts a and b, booted side by side."""

    def __init__(self, tools=None, *, memory=2048, cpus=1, **options):
        tools = tools or Tools()
        self.folder = tempfile.mkdtemp(prefix="verbena-wire-")
        self.wire = Wire(self.folder)
        self.a, self.b = (
            Host(tools, letter, self.wire, memory=memory, cpus=cpus, **options)
            for letter in "ab"
        )

    def __enter__(self):
        try:
            # Both QEMU processes belong to this thread, and the boots overlap.
            self.a.begin()
            self.b.begin()
            self.a.await_ready()
            self.b.await_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.a.stop()
        self.b.stop()
        self.wire.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
