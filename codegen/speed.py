#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long verbenac takes for an interface of 1,000 methods: speed.py VERBENAC."""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

METHODS = 1000
ROUNDS = 9
SHAPES = [
    "int64 m{i}(in int32 fd, out bytes buffer[nbytes : return], in uint64 nbytes) = {n};",
    "int32 m{i}(in string<4095> path, in how how, in uint32 mode) = {n} errors(ENOENT, EACCES);",
    "void m{i}(in int32 fd, out uint64 a, out uint32 b, inout int16 c) = {n} idempotent;",
    "int64 m{i}(in int32 fd, in bytes buffer[nbytes], in uint64 nbytes, in int64 at) = {n};",
]


def text():
    lines = ["package speed;", "interface speed @0x1 version 1.0 {"]
    lines.append("struct how { uint64 a; string<100> b; optional uint32 c; };")
    for i in range(METHODS):
        lines.append(f"/// Does thing {i} to `fd`, whatever it is.")
        lines.append(SHAPES[i % len(SHAPES)].format(i=i, n=i + 1))
    return "\n".join([*lines, "};", ""])


def main():
    verbenac = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        here = pathlib.Path(name)
        (here / "speed.idl").write_text(text())
        seconds = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            subprocess.run([verbenac, "speed.idl"], cwd=here, check=True)
            seconds.append(time.perf_counter() - begin)
        size = sum(path.stat().st_size for path in here.glob("speed.vb.?"))
    median = statistics.median(seconds)
    print(f"{METHODS} methods, {size >> 10} KiB written: median of {ROUNDS} runs {median:.3f} s")


if __name__ == "__main__":
    main()
