#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each public header compiles alone, as C11 and C++17, under every warning a user may have on."""

import os
import shutil
import subprocess

import house

HEADERS = "rpc/include"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror"]
C_WARNINGS = ["-Wstrict-prototypes", "-Wmissing-prototypes"]
C_COMPILERS = ["gcc", "clang"]
CPP_COMPILERS = ["g++", "clang++"]


def dialects():
    """Yields (name, command) of every compiler here, for C and for C++."""
    for compiler in filter(shutil.which, C_COMPILERS):
        yield f"{compiler} C11", [compiler, "-x", "c", "-std=c11", *C_WARNINGS]
    for compiler in filter(shutil.which, CPP_COMPILERS):
        yield f"{compiler} C++17", [compiler, "-x", "c++", "-std=c++17"]


def compile_alone(root, header, command):
    """What the compiler has to say about a source that is one #include, twice."""
    source = f"#include <{header}>\n#include <{header}>\n"
    return subprocess.run(
        [*command, *WARNINGS, "-fsyntax-only", "-I", str(root / HEADERS), "-"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )


def check(root):
    compilers = list(dialects())
    if not compilers:
        raise house.Skip("no compiler named gcc, clang, g++ or clang++")
    complaints = []
    headers = sorted((root / HEADERS).rglob("*.h"))
    if not headers:
        complaints.append(f"{HEADERS}: no headers")
    for path in headers:
        header = path.relative_to(root / HEADERS).as_posix()
        for name, command in compilers:
            result = compile_alone(root, header, command)
            if result.returncode != 0:
                complaints.append(f"<{header}> alone as {name}:\n{result.stderr.strip()}")
    return complaints


CLEAN = {"rpc/include/verbena/a.h": "#pragma once\n#include <stdint.h>\nuint32_t vb_a(void);\n"}


def plant(content, expect):
    return house.Plant({"rpc/include/verbena/a.h": content}, expect)


PLANTS = [
    plant("#pragma once\nuint32_t vb_a(void);\n", "uint32_t"),
    plant("struct vb_a { int a; };\n", "redefinition"),
    plant("#pragma once\nint vb_a();\n", "strict-prototypes"),
    plant("#pragma once\nint vb_new(int class);\n", "C++17"),
    plant('#pragma once\n#include "private.h"\n', "private.h"),
    plant("#pragma once\nstatic inline char f(int a) { return a; }\n", "conversion"),
    house.Plant({"README.md": ""}, "no headers"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN)
