#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what verbenac writes with what is committed, or rewrites that, or compiles it.

golden.py check|update|compile VERBENAC GOLDEN_DIRECTORY INCLUDE_DIRECTORY
"""

import difflib
import pathlib
import shutil
import subprocess
import sys
import tempfile

WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
C_COMPILERS = ["gcc", "clang"]
CPP_COMPILERS = ["g++", "clang++"]


def run(command, **more):
    return subprocess.run([str(word) for word in command], check=False, **more)


def generate(verbenac, source, directory):
    """Compiles each interface, and writes its layout beside the stubs."""
    for idl in sorted(source.glob("*.idl")):
        run([verbenac, "-I", source, "-o", directory, idl]).check_returncode()
        layout = run([verbenac, "--layout", idl], stdout=subprocess.PIPE, text=True)
        layout.check_returncode()
        (directory / f"{idl.stem}.layout").write_text(layout.stdout)
    skeleton = run(
        [verbenac, "--skeleton", source / "several.idl"], stdout=subprocess.PIPE, text=True
    )
    skeleton.check_returncode()
    (directory / "several.skeleton.c").write_text(skeleton.stdout)


def check(made, expected):
    names = {path.name for path in [*made.iterdir(), *expected.iterdir()]}
    differences = 0
    for name in sorted(names):
        sides = [path / name for path in (expected, made)]
        lines = [side.read_text().splitlines(True) if side.exists() else [] for side in sides]
        diff = list(difflib.unified_diff(*lines, f"expected/{name}", f"made/{name}", n=2))
        differences += bool(diff)
        sys.stdout.writelines(diff[:60])
    if differences:
        print("If this is as it should be: ninja update-goldens, and look at the difference.")
    return differences


def update(made, expected):
    for old in expected.iterdir():
        old.unlink()
    for new in made.iterdir():
        shutil.copy(new, expected / new.name)


def compile_all(expected, include):
    """Sources as C11, headers alone and twice as C11 and C++17, under many warnings."""
    faults = 0
    flags = [*WARNINGS, "-I", include, "-I", expected]
    for compiler in filter(shutil.which, C_COMPILERS):
        for source in sorted(expected.glob("*.c")):
            command = [compiler, "-std=c11", "-O2", *flags, "-c", source, "-o", "/dev/null"]
            faults += run(command).returncode != 0
    dialects = [(c, "c", "c11") for c in C_COMPILERS] + [(c, "c++", "c++17") for c in CPP_COMPILERS]
    for compiler, language, standard in dialects:
        for header in sorted(expected.glob("*.h")) if shutil.which(compiler) else []:
            command = [compiler, "-x", language, f"-std={standard}", *flags, "-fsyntax-only", "-"]
            text = f'#include "{header.name}"\n' * 2
            faults += run(command, input=text, text=True).returncode != 0
    return faults


def main():
    what, verbenac = sys.argv[1], sys.argv[2]
    source, include = pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
    expected = source / "expected"
    if what == "compile":
        return compile_all(expected, include)
    with tempfile.TemporaryDirectory() as name:
        made = pathlib.Path(name)
        generate(verbenac, source, made)
        if what == "update":
            expected.mkdir(exist_ok=True)
            update(made, expected)
            return 0
        return check(made, expected)


if __name__ == "__main__":
    sys.exit(bool(main()))
