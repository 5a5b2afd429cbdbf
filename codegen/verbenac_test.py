#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""verbenac from outside: what it exits with, what it writes, and what it leaves when it fails."""

import os
import pathlib
import resource
import stat
import subprocess
import sys
import tempfile
import unittest

VERBENAC = pathlib.Path(sys.argv.pop(1)).resolve()
GOOD = """\
package p;

interface echo @0x0000000000000e01 version 1.0 {
    int64 echo(in bytes data[n], in uint64 n) = 1;
};
"""
BAD = GOOD.replace("[n]", "[m]")
NEXT = GOOD.replace("version 1.0", "version 1.1").replace(
    "= 1;", "= 1;\n    void ping() = 2 since 1.1;"
)
BROKEN = GOOD.replace("= 1;", "= 2;")
FILE_SIZE_MAX = 100  # bytes: less than any stub


class Run(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.here = pathlib.Path(holder.name)
        self.write("good.idl", GOOD)
        self.write("bad.idl", BAD)

    def write(self, name, text):
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run_it(self, *args, cwd=None, stdin="", **more):
        return subprocess.run(
            [VERBENAC, *args],
            cwd=cwd or self.here,
            input=stdin,
            capture_output="stdout" not in more,
            text=True,
            check=False,
            timeout=60,
            **more,
        )

    def names(self):
        return sorted(p.relative_to(self.here).as_posix() for p in self.here.rglob("*"))

    def check(self, status, *args, **more):
        done = self.run_it(*args, **more)
        self.assertEqual(done.returncode, status, f"{args}: {done.stderr}")
        return done


class Compiling(Run):
    def test_writes_beside(self):
        done = self.check(0, "good.idl")
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual(self.names(), ["bad.idl", "good.idl", "good.vb.c", "good.vb.h"])

    def test_wrong_input_leaves_nothing(self):
        done = self.check(1, "--depfile", "d", "bad.idl")
        self.assertIn("bad.idl:4:", done.stderr)
        self.assertIn("[E0203]", done.stderr)
        self.assertEqual(self.names(), ["bad.idl", "good.idl"])

    def test_wrong_input_leaves_what_was_there(self):
        self.write("bad.vb.h", "old")
        self.check(1, "bad.idl")
        self.assertEqual((self.here / "bad.vb.h").read_text(), "old")

    def test_missing_input(self):
        done = self.check(1, "none.idl")
        self.assertIn("none.idl", done.stderr)

    def test_same_from_anywhere(self):
        self.check(0, "good.idl")
        first = (self.here / "good.vb.c").read_bytes()
        (self.here / "out").mkdir()
        self.check(0, "-o", self.here / "out", self.here / "good.idl", cwd="/")
        self.assertEqual((self.here / "out/good.vb.c").read_bytes(), first)
        self.assertNotIn(self.here.name.encode(), first)

    def test_keeps_the_path_below_an_include_directory(self):
        self.write("in/d/types.idl", "package t;\nstruct pair { uint32 a; uint32 b; };\n")
        self.write(
            "in/d/e/user.idl",
            'package u;\nimport "d/types.idl" as t;\n'
            "interface u @0x2 version 1.0 { void f(in t.pair p) = 1; };\n",
        )
        (self.here / "out").mkdir()
        self.check(0, "-I", "in", "-o", "out", "--depfile", "out/u.d", "in/d/e/user.idl")
        self.assertTrue((self.here / "out/d/e/user.vb.c").exists())
        header = (self.here / "out/d/e/user.vb.h").read_text()
        self.assertIn('#include "d/types.vb.h"', header)
        rule = (self.here / "out/u.d").read_text().replace("\\\n", "").split()
        self.assertEqual(rule[:2], ["out/d/e/user.vb.h", "out/d/e/user.vb.c:"])
        self.assertEqual(sorted(rule[2:]), ["in/d/e/user.idl", "in/d/types.idl"])

    def test_dependencies_are_escaped(self):
        self.write("a b$c.idl", GOOD)
        self.check(0, "--depfile", "d", "a b$c.idl")
        self.assertIn("a\\ b$$c.idl", (self.here / "d").read_text())

    def test_replaces_and_keeps_the_mode(self):
        header = self.write("good.vb.h", "old")
        header.chmod(0o640)
        self.check(0, "good.idl")
        self.assertEqual(stat.S_IMODE(header.stat().st_mode), 0o640)
        self.assertNotEqual(header.read_text(), "old")

    def test_mode_follows_the_umask(self):
        self.check(0, "good.idl", preexec_fn=lambda: os.umask(0o027))
        mode = (self.here / "good.vb.h").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o640)


class Refused(Run):
    """Places that cannot be written; nothing of the run may remain."""

    def refused(self, *args, **more):
        before = self.names()
        done = self.check(1, *args, **more)
        self.assertIn("cannot write", done.stderr)
        self.assertEqual(self.names(), before)

    def test_directory_is_a_file(self):
        self.refused("-o", "good.idl", "good.idl")

    def test_directory_is_missing(self):
        self.refused("-o", "none", "good.idl")

    def test_directory_takes_no_files(self):
        self.refused("-o", "/proc", "good.idl")

    def test_output_is_a_directory(self):
        (self.here / "good.vb.c").mkdir()
        self.refused("good.idl")

    def test_disk_is_full(self):
        self.refused("--depfile", "/dev/full", "good.idl")

    def test_file_may_not_grow(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE_MAX, FILE_SIZE_MAX))

        self.refused("good.idl", preexec_fn=limit)


class Arguments(Run):
    def test_mistakes_exit_with_2(self):
        for args in (
            [],
            ["good.idl", "bad.idl"],
            ["--conform", "good.idl"],
            ["--nonsense"],
            ["--format", "--layout", "good.idl"],
            ["-i", "good.idl"],
            ["--check", "good.idl"],
            ["--format", "-i", "--check", "good.idl"],
            ["--layout", "--depfile", "d", "good.idl"],
            ["--skeleton", "-o", ".", "good.idl"],
            ["-o", "", "good.idl"],
            ["-I", "", "good.idl"],
            ["--new-id", "good.idl"],
            ["--explain", "E9999"],
            ["-I", "a"] * 65 + ["good.idl"],
        ):
            done = self.check(2, *args)
            self.assertIn("verbenac", done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(self.names(), ["bad.idl", "good.idl"])

    def test_help_and_version(self):
        self.assertIn("--conform", self.check(0, "--help").stdout)
        self.assertRegex(self.check(0, "--version").stdout, r"^verbenac \d+\.\d+\.\d+\n$")

    def test_a_full_standard_output_is_told(self):
        for args in (
            ["--new-id"],
            ["--errors"],
            ["--explain", "E0203"],
            ["--layout", "good.idl"],
            ["--skeleton", "good.idl"],
            ["--format", "good.idl"],
        ):
            with open("/dev/full", "w") as full:
                done = self.run_it(*args, stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, args)
            self.assertIn("standard output", done.stderr)


class Showing(Run):
    def test_new_ids_differ(self):
        ids = {self.check(0, "--new-id").stdout for _ in range(4)}
        self.assertEqual(len(ids), 4)
        for one in ids:
            self.assertRegex(one, r"^@0x[0-9a-f]{16}\n$")

    def test_errors(self):
        names = self.check(0, "--errors").stdout.split()
        self.assertIn("ENOENT", names)
        self.assertIn("EWOULDBLOCK", names)

    def test_explain(self):
        self.assertIn("E0203", self.check(0, "--explain", "e0203").stdout)

    def test_layout_and_skeleton_need_a_good_file(self):
        for command in ("--layout", "--skeleton"):
            self.assertIn("echo", self.check(0, command, "good.idl").stdout)
            self.assertEqual(self.check(1, command, "bad.idl").stdout, "")

    def test_conform(self):
        self.write("next.idl", NEXT)
        self.write("broken.idl", BROKEN)
        self.check(0, "--conform", "good.idl", "good.idl")
        self.check(0, "--conform", "good.idl", "next.idl")
        self.assertIn("E0512", self.check(1, "--conform", "good.idl", "broken.idl").stderr)
        self.check(1, "--conform", "good.idl", "bad.idl")
        self.check(1, "--conform", "bad.idl", "good.idl")


class Formatting(Run):
    UGLY = GOOD.replace("    int64", "int64  ")

    def test_to_standard_output(self):
        self.write("ugly.idl", self.UGLY)
        self.assertEqual(self.check(0, "--format", "ugly.idl").stdout, GOOD)
        self.assertEqual(self.check(0, "--format", "-", stdin=self.UGLY).stdout, GOOD)

    def test_in_place(self):
        ugly = self.write("ugly.idl", self.UGLY)
        ugly.chmod(0o600)
        self.check(0, "--format", "-i", "ugly.idl")
        self.assertEqual(ugly.read_text(), GOOD)
        self.assertEqual(stat.S_IMODE(ugly.stat().st_mode), 0o600)
        before = ugly.stat()
        self.check(0, "--format", "-i", "ugly.idl")
        self.assertEqual(ugly.stat().st_mtime_ns, before.st_mtime_ns)

    def test_check(self):
        self.write("ugly.idl", self.UGLY)
        self.assertIn("ugly.idl", self.check(1, "--format", "--check", "ugly.idl").stderr)
        self.check(0, "--format", "--check", "good.idl")
        self.check(1, "--format", "--check", "-", stdin=self.UGLY)

    def test_wrong_syntax_changes_nothing(self):
        wrong = self.write("wrong.idl", "package p\ninterface")
        self.check(1, "--format", "-i", "wrong.idl")
        self.assertEqual(wrong.read_text(), "package p\ninterface")
        self.assertEqual(self.check(1, "--format", "-", stdin="package").stdout, "")


if __name__ == "__main__":
    unittest.main()
