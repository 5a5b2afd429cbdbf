#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""verbena doctor beside real devices that are put out of order, and mended by its own commands.

Runs as root in a machine of its own, with SoftRoCE; makes and removes interfaces and devices.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

VERBENA = sys.argv.pop(1)
TIMEOUT_S = 60
NOBODY = "65534"
UNLIMITED = "--memlock=unlimited:unlimited"
HIDDEN = "mount -t tmpfs none /sys/class/infiniband"


def run(*words):
    subprocess.run(words, check=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)


class Device:
    """An interface vbdocN with an address, and SoftRoCE upon it."""

    def __init__(self, case, number):
        self.netdev, self.name = f"vbdoc{number}", f"rxe_vbdoc{number}"
        self.address = f"10.99.{number}.1"
        run("ip", "link", "add", self.netdev, "type", "dummy")
        case.addCleanup(run, "ip", "link", "del", self.netdev)
        run("ip", "addr", "add", f"{self.address}/24", "dev", self.netdev)
        run("ip", "link", "set", self.netdev, "mtu", "4500", "up")
        run("rdma", "link", "add", self.name, "type", "rxe", "netdev", self.netdev)
        case.addCleanup(run, "rdma", "link", "del", self.name)

    def sends(self):
        """Messages that its queue pairs have sent, as the device counts them."""
        path = pathlib.Path(f"/sys/class/infiniband/{self.name}/ports/1/hw_counters/rdma_sends")
        return int(path.read_text(encoding="ascii"))

    def node(self):
        for path in pathlib.Path("/sys/class/infiniband_verbs").glob("*/ibdev"):
            if path.read_text(encoding="ascii").strip() == self.name:
                return f"/dev/infiniband/{path.parent.name}"
        raise LookupError(self.name)


class Doctor(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="verbena-doctor-")
        self.addCleanup(holder.cleanup)
        os.chmod(holder.name, 0o777)
        self.runtime = holder.name
        self.device = Device(self, 0)

    def doctor(self, *words, before=("prlimit", UNLIMITED), user=None):
        """The JSON report. before: words that start the program in some other setting."""
        runtime = os.path.join(self.runtime, user or "root")
        os.makedirs(runtime, exist_ok=True)
        os.chmod(runtime, 0o777)
        result = subprocess.run(
            [*before, VERBENA, "doctor", "--json", *words],
            capture_output=True, text=True, check=False, timeout=TIMEOUT_S,
            env={**os.environ, "XDG_RUNTIME_DIR": runtime}, stdin=subprocess.DEVNULL)
        self.assertEqual(result.stderr, "")
        report = json.loads(result.stdout)
        self.assertEqual(result.returncode, 1 if self.problems(report) else 0)
        return report

    def as_nobody(self, *words, memlock):
        before = ["prlimit", f"--memlock={memlock}:{memlock}", "setpriv", "--reuid", NOBODY,
                  "--regid", NOBODY, "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
        return self.doctor(*words, before=before, user="nobody")

    @staticmethod
    def problems(report):
        return [f["rule"] for f in report["findings"] if f["severity"] == "problem"]

    def assert_well(self, report):
        self.assertEqual(self.problems(report), [], json.dumps(report["findings"], indent=1))

    def finding(self, report, rule, word):
        for finding in report["findings"]:
            if finding["rule"] == rule and word in finding["cause"]:
                return finding
        self.fail(f"no {rule} of {word}: {json.dumps(report['findings'], indent=1)}")

    def silent(self, report, rule, word):
        for finding in report["findings"]:
            self.assertFalse(finding["rule"] == rule and word in finding["cause"], finding)

    def assert_called(self, report, address, device):
        """A call over rdma:// to one of this host's addresses has worked, on that device."""
        trials = [t for t in report["trials"] if t["address"].startswith(f"rdma://{address}:")]
        self.assertEqual([t["device"] for t in trials], [device])
        self.assertIsNone(trials[0]["error"], trials[0])
        self.assertGreater(trials[0]["round_trip_ns"], 0)
        self.assertGreater(trials[0]["bulk_ns"], 0)

    @staticmethod
    def mend(finding):
        """Runs the first command that was advised."""
        run("sh", "-c", finding["mends"][0])

    def test_all_is_well(self):
        report = self.doctor(f"rdma://{self.device.address}")
        self.assert_well(report)
        (device,) = [d for d in report["devices"] if d["name"] == self.device.name]
        self.assertEqual(device["driver"], "rxe")
        self.assertTrue(device["known"] and device["window_2b"] and device["gaps"])
        self.assertGreaterEqual(device["max_inline"], 256)
        (port,) = device["ports"]
        self.assertEqual((port["state"], port["mtu"], port["netdev"]),
                         ("ACTIVE", 4096, self.device.netdev))
        (pick,) = report["picks"]
        self.assertEqual((pick["device"], pick["port"], pick["source"], pick["gid"]["type"]),
                         (self.device.name, 1, self.device.address, "RoCE v2"))
        self.assertEqual(pick["gid"]["netdev"], self.device.netdev)
        self.assert_called(report, self.device.address, self.device.name)

    def test_neighbour_goes_through_the_device_of_its_route(self):
        host = self.device.address.rsplit(".", 1)[0] + ".9"
        report = self.doctor(host)
        (pick,) = report["picks"]
        self.assertFalse(pick["local"])
        self.assertEqual(pick["route"], {"netdev": self.device.netdev,
                                         "source": self.device.address})

    def test_link_down(self):
        run("ip", "link", "set", self.device.netdev, "down")
        report = self.doctor(self.device.address)
        finding = self.finding(report, "port-down", self.device.name)
        self.assertEqual(self.problems(report), ["port-down"])
        # A call there would do harm (next test).
        self.assertEqual([t for t in report["trials"] if t["address"].startswith("rdma")], [])
        self.mend(finding)
        report = self.doctor(self.device.address)
        self.assert_well(report)
        self.assert_called(report, self.device.address, self.device.name)

    def test_connect_while_the_link_is_down(self):
        """Of no use with kernels whose SoftRoCE has not that gap."""
        run("ip", "link", "set", self.device.netdev, "down")
        subprocess.run(["timeout", str(TIMEOUT_S), "rping", "-c", "-a", self.device.address,
                        "-C", "1"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
        run("ip", "link", "set", self.device.netdev, "up")
        report = self.doctor(self.device.address)
        if not self.problems(report):
            self.skipTest("this SoftRoCE is not deaf after that")
        finding = self.finding(report, "call-failed", self.device.address)
        self.mend(finding)
        report = self.doctor(self.device.address)
        self.assert_well(report)
        self.assert_called(report, self.device.address, self.device.name)

    def test_memlock_of_64_kib(self):
        report = self.as_nobody(self.device.address, memlock=65536)
        self.assertEqual(report["host"]["memlock"], 65536)
        self.assertFalse(report["host"]["memlock_exempt"])
        finding = self.finding(report, "memlock", "64 KiB")
        self.assertEqual(finding["severity"], "problem")
        self.finding(report, "call-failed", "RLIMIT_MEMLOCK")
        report = self.as_nobody(self.device.address, memlock="unlimited")
        self.assert_well(report)
        self.assert_called(report, self.device.address, self.device.name)

    def test_what_a_connection_is_said_to_need_is_enough(self):
        need = self.doctor()["host"]["memlock_per_connection"]
        # Both ends are in this one process. What is large may find no room beside them.
        report = self.as_nobody(self.device.address, memlock=2 * need)
        self.assertNotIn("memlock", self.problems(report))
        trial = report["trials"][-1]
        self.assertGreater(trial["round_trip_ns"], 0, trial)
        if trial["error"]:
            self.assertEqual((trial["step"], trial["error"]), ("a call of 1 MiB", "ENOMEM"))
            self.finding(report, "call-failed", "1 MiB")
            self.finding(report, "memlock-bulk", "RLIMIT_MEMLOCK")

    def test_two_devices(self):
        other = Device(self, 1)
        report = self.doctor()
        picked = {pick["address"]: pick["device"] for pick in report["picks"]}
        for device in (self.device, other):
            self.assertEqual(picked[device.address], device.name)
            self.assert_called(report, device.address, device.name)
        # What is picked is what is used.
        for used, unused in ((self.device, other), (other, self.device)):
            before = used.sends(), unused.sends()
            self.assert_called(self.doctor(used.address), used.address, used.name)
            self.assertGreater(used.sends(), before[0])
            self.assertEqual(unused.sends(), before[1])

    def test_interface_without_address(self):
        run("ip", "addr", "flush", "dev", self.device.netdev)
        report = self.doctor()
        finding = self.finding(report, "no-address", self.device.netdev)
        self.assertIn(f"dev {self.device.netdev}", finding["mends"][0])
        run("sh", "-c", finding["mends"][0].replace("ADDRESS", self.device.address))
        report = self.doctor(self.device.address)
        self.assert_well(report)

    def test_other_namespace(self):
        report = self.doctor(before=("unshare", "--net"))
        finding = self.finding(report, "other-namespace", self.device.netdev)
        self.assertEqual(finding["severity"], "problem")
        self.silent(report, "port-down", self.device.name)

    def test_no_right_to_the_device(self):
        os.chmod(self.device.node(), 0o600)
        report = self.as_nobody(memlock="unlimited")
        finding = self.finding(report, "device-access", self.device.name)
        self.assertIn("may not open", finding["cause"])
        self.mend(finding)
        report = self.as_nobody(self.device.address, memlock="unlimited")
        self.silent(report, "device-access", self.device.name)
        self.assert_well(report)

    def test_no_right_to_the_connection_manager(self):
        node = "/dev/infiniband/rdma_cm"
        self.addCleanup(os.chmod, node, os.stat(node).st_mode & 0o777)
        os.chmod(node, 0o600)
        report = self.as_nobody(memlock="unlimited")
        finding = self.finding(report, "no-connection-manager", node)
        self.mend(finding)
        report = self.as_nobody(self.device.address, memlock="unlimited")
        self.assert_well(report)

    def test_no_device(self):
        before = ("unshare", "--mount", "sh", "-c", f'{HIDDEN} && exec "$@"', "sh")
        report = self.doctor(before=before)
        self.assertEqual(self.problems(report), ["no-device"])
        finding = self.finding(report, "no-device", "SoftRoCE")
        self.assertTrue(finding["mends"][-1].startswith("rdma link add rxe0 type rxe netdev "))

    def test_every_address(self):
        report = self.doctor("rdma://*:4711")
        self.assertEqual(report["picks"], self.doctor()["picks"])
        # Nobody listens there.
        place = f"rdma://{self.device.address}:4711"
        self.assertEqual([t["error"] for t in report["trials"] if t["address"] == place],
                         ["ECONNREFUSED"])
        self.finding(report, "connect-failed", place)

    def test_link_local_address(self):
        report = self.doctor("--verbose")
        (device,) = [d for d in report["devices"] if d["name"] == self.device.name]
        local = [g["address"] for g in device["gids"] if g["address"].startswith("fe80:")]
        host = f"{local[0]}%{self.device.netdev}"
        report = self.doctor(f"rdma://[{host}]")
        self.assert_well(report)
        (pick,) = report["picks"]
        self.assertEqual((pick["address"], pick["source"], pick["device"]),
                         (host, host, self.device.name))
        self.assert_called(report, f"[{host}]", self.device.name)

    def test_second_address_of_a_name(self):
        # The first has no device on its way.
        hosts = os.path.join(self.runtime, "hosts")
        with open(hosts, "w", encoding="ascii") as file:
            file.write(f"127.0.0.1 vbdoc-both\n{self.device.address} vbdoc-both\n")
        before = ("unshare", "--mount", "sh", "-c",
                  f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh")
        report = self.doctor("rdma://vbdoc-both", before=before)
        self.assert_well(report)
        (pick,) = report["picks"]
        self.assertEqual((pick["address"], pick["device"]),
                         (self.device.address, self.device.name))

    def test_loopback_address(self):
        report = self.doctor("rdma://127.0.0.1")
        self.assertEqual(self.problems(report), ["loopback-address"])

    def test_no_route(self):
        report = self.doctor("203.0.113.7:7471", before=("unshare", "--net"))
        self.finding(report, "no-route", "203.0.113.7")


if __name__ == "__main__":
    unittest.main(verbosity=2)
