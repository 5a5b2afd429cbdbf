#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is shown to people compiles: ```idl blocks by verbenac, ```c programs against them; and
interface files that people may take for examples are in canonical form.

--root is a build directory. A file of documentation is one story: its programs include the stubs of
its interfaces. A fragment stands in a block of another kind.
"""

import json
import pathlib
import re
import subprocess
import tempfile

import house

COMPILER = "codegen/verbenac"
EXAMPLES = ("examples/", "bench/", "tests/install/")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^int main\(|^static .*\n\{", re.MULTILINE)
INTERFACE = re.compile(r"^interface (\w+)", re.MULTILINE)


def documents(source):
    for name in house.tracked(source):
        if name.suffix == ".md" and not name.as_posix().startswith("docs/errors/"):
            yield name


def complaint(name, kind, result):
    said = (result.stdout + result.stderr).strip()
    return [f"{name}: a {kind} block does not compile:\n{said}"] if result.returncode else []


def compile_idl(compiler, block, where):
    path = where / (INTERFACE.search(block).group(1) + ".idl")
    path.write_text(block, encoding="utf-8")
    command = [str(compiler), "-o", str(where), str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def compile_c(source, block, where):
    command = ["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    command += ["-I", str(where), "-I", str(source / "rpc/include")]
    command += ["-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(command, input=block, capture_output=True, text=True, check=False)


def check_document(compiler, source, name):
    blocks = BLOCK.findall(house.text(source / name))
    with tempfile.TemporaryDirectory() as directory:
        where = pathlib.Path(directory)
        for kind, block in blocks:
            if kind == "idl":
                yield from complaint(name, kind, compile_idl(compiler, block, where))
        for kind, block in blocks:
            if kind == "c" and PROGRAM.search(block):
                yield from complaint(name, kind, compile_c(source, block, where))


def check_form(compiler, source):
    for name in house.tracked(source):
        if name.suffix == ".idl" and name.as_posix().startswith(EXAMPLES):
            command = [str(compiler), "--format", "--check", str(source / name)]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                yield f"{name}: not in canonical form: verbenac --format -i {name}"


def check(build):
    info = json.loads((build / "meson-info" / "meson-info.json").read_text(encoding="utf-8"))
    source = pathlib.Path(info["directories"]["source"])
    complaints = []
    for name in documents(source):
        complaints += check_document(build / COMPILER, source, name)
    return complaints + list(check_form(build / COMPILER, source))


# A compiler for the plants: copies its input, and fails where the word "wrong" is in it.
FAKE = """#!/bin/sh
[ "$1" = --format ] || cp "$3" "$2/made.vb.h"
! grep -n wrong "$3"
"""


def prepare(top):
    build = top / "build"
    for folder in ("codegen", "meson-info"):
        (build / folder).mkdir(parents=True)
    info = json.dumps({"directories": {"source": str(top)}})
    (build / "meson-info" / "meson-info.json").write_text(info, encoding="utf-8")
    (build / COMPILER).write_text(FAKE, encoding="utf-8")
    (build / COMPILER).chmod(0o755)
    return build


STORY = """```idl
interface x
```
```c
#define interface int
#include "made.vb.h"
;
int main(void)
{
\treturn x;
}
```
```c
fragment(;
```
"""
CLEAN = {"README.md": STORY, "examples/a.idl": "interface a\n", "tests/b.idl": "wrong\n"}
PLANTS = [
    house.Plant({**CLEAN, "examples/a.idl": "wrong\n"}, "not in canonical form"),
    house.Plant({"README.md": STORY.replace("interface x", "interface x wrong")}, "a idl block"),
    house.Plant({"docs/a.md": STORY.replace("return x", "return y")}, "a c block"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN, prepare=prepare)
