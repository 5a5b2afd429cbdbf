#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""verbena from outside, on whatever host this is: what it exits with, and what it shows."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

VERBENA = sys.argv.pop(1)
TIMEOUT_S = 120


class Doctor(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="verbena-doctor-")
        self.addCleanup(holder.cleanup)
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": holder.name, "LC_ALL": "C"}

    def verbena(self, *words):
        return subprocess.run(
            [VERBENA, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
            env=self.environment,
            stdin=subprocess.DEVNULL,
        )

    def report(self, *words):
        """The JSON report; it says what the exit status says."""
        result = self.verbena("doctor", "--json", *words)
        self.assertEqual(result.stderr, "")
        report = json.loads(result.stdout)
        problems = [f for f in report["findings"] if f["severity"] == "problem"]
        self.assertEqual(report["problems"], len(problems))
        self.assertEqual(result.returncode, 1 if problems else 0)
        return report

    def test_usage(self):
        for words in ([], ["nurse"], ["doctor", "--nothing"], ["doctor", "a", "b"],
                      ["doctor", "tcp://a:1"], ["doctor", "rdma://a:0"], ["doctor", "shm://"],
                      ["doctor", "rdma://" + "a" * 200]):
            result = self.verbena(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertEqual(result.stdout, "", words)
            self.assertNotEqual(result.stderr, "", words)

    def test_help_and_version(self):
        for words in (["--help"], ["help"], ["doctor", "--help"], ["--version"]):
            result = self.verbena(*words)
            self.assertEqual(result.returncode, 0, words)
            self.assertIn("verbena", result.stdout, words)

    def test_call_over_shared_memory(self):
        trials = self.report()["trials"]
        self.assertTrue(trials[0]["address"].startswith("shm://"))
        self.assertIsNone(trials[0]["error"])
        self.assertGreater(trials[0]["round_trip_ns"], 0)
        self.assertGreater(trials[0]["bulk_ns"], 0)

    def test_devices_are_the_kernels(self):
        try:
            kernel = sorted(os.listdir("/sys/class/infiniband"))
        except FileNotFoundError:
            kernel = []
        report = self.report()
        self.assertEqual([device["name"] for device in report["devices"]], kernel)
        rules = {finding["rule"] for finding in report["findings"]}
        self.assertEqual("no-device" in rules, not kernel)

    def test_text_has_what_json_has(self):
        report = self.report()
        result = self.verbena("doctor", "--verbose")
        self.assertEqual(result.returncode, 1 if report["problems"] else 0)
        words = " ".join(result.stdout.split())
        for part in ("Devices", "This process", "Tried", "Findings"):
            self.assertIn(part, result.stdout)
        for finding in report["findings"]:
            self.assertIn(" ".join(finding["cause"].split()[:6]), words)
            for mend in finding["mends"]:
                self.assertIn(mend, result.stdout)

    def test_nobody_at_an_address_of_shared_memory(self):
        report = self.report("shm://verbena-doctor-nobody")
        self.assertEqual(report["asked"], "shm://verbena-doctor-nobody")
        failed = [t for t in report["trials"] if t["error"]]
        self.assertEqual([t["step"] for t in failed], ["connect"])
        self.assertIn("connect-failed", {f["rule"] for f in report["findings"]})

    def test_every_address(self):
        self.assertEqual(self.report("rdma://*:4711")["picks"], self.report()["picks"])

    def test_what_is_not_picked_has_words_of_its_own(self):
        # No name has such a part: nobody is asked for it.
        report = self.report("rdma://a..b")
        self.assertIn("no-name", {f["rule"] for f in report["findings"]})
        text = self.verbena("doctor", "rdma://a..b").stdout
        self.assertRegex(text, r"a\.\.b\n +picks +nothing: no (address|name server)")
        self.assertNotIn("No such file", text)

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            for words in (["doctor"], ["doctor", "--json"]):
                result = subprocess.run(
                    [VERBENA, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                    timeout=TIMEOUT_S, env=self.environment)
                self.assertEqual(result.returncode, 1)
                self.assertIn("cannot write", result.stderr)


if __name__ == "__main__":
    unittest.main()
