#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual is well formed, and has a page for each public function, a word for each member."""

import re
import shutil
import subprocess

import house

MANUAL = "docs/man"
PUBLIC_HEADERS = "rpc/include/verbena"
# Called by generated code only; it is described where it is declared.
FOR_STUBS = {"stub.h", "marshal.h"}
DECLARATION = re.compile(r"\b(vb_\w+)\s*\(")
STRUCT = re.compile(r"^struct (vb_\w+) \{\n(.*?)^\};", re.MULTILINE | re.DOTALL)
MEMBER = re.compile(r"(\w+)(?:\[\w+\])?;")


def pages(root):
    return sorted(p for p in (root / MANUAL).glob("*.[1-9]"))


def check_form(root, page):
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(page)],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in (lint.stdout + lint.stderr).splitlines():
        yield line.replace(str(root) + "/", "")


def headers(root):
    """(name, text without comments and macros) of the headers that people read."""
    for header in sorted((root / PUBLIC_HEADERS).rglob("*.h")):
        if header.name not in FOR_STUBS:
            bare = house.strip_c(header.read_text(encoding="utf-8"))
            yield header.name, re.sub(r"^[ \t]*#(?:.*\\\n)*.*", "", bare, flags=re.MULTILINE)


def public_functions(root):
    """The functions that the public headers declare, and the header of each."""
    for name, bare in headers(root):
        for function in DECLARATION.findall(bare):
            yield function, name


def check_members(root):
    """Members of public structs that no page of section 3 has as a word."""
    section = "\n".join(p.read_text(encoding="utf-8") for p in pages(root) if p.suffix == ".3")
    words = set(re.findall(r"\w+", section))
    for _, bare in headers(root):
        for struct, body in STRUCT.findall(bare):
            for member in MEMBER.findall(body):
                if member not in words:
                    yield f"{member} of struct {struct} is in no page of section 3"


def documented(root):
    """The names in the NAME sections of section 3."""
    names = set()
    for page in pages(root):
        if page.suffix == ".3":
            content = page.read_text(encoding="utf-8")
            section = content.partition(".Sh NAME")[2].partition(".Sh ")[0]
            names |= set(re.findall(r"^\.Nm (\w+)", section, re.MULTILINE))
    return names


def check(root):
    if not shutil.which("mandoc"):
        raise house.Skip("no mandoc")
    complaints = []
    if not pages(root):
        complaints.append(f"{MANUAL}: no pages")
    for page in pages(root):
        complaints += check_form(root, page)
    names = documented(root)
    declared = set()
    for function, header in public_functions(root):
        declared.add(function)
        if function not in names:
            complaints.append(f"{function}() of <verbena/{header}> has no page in section 3")
    for name in sorted(names - declared):
        complaints.append(f"{name}(3) describes a function that no header declares")
    return complaints + list(check_members(root))


PAGE = """.Dd January 1, 2026
.Dt VB_A 3
.Os
.Sh NAME
.Nm vb_a ,
.Nm vb_b
.Nd does a thing
.Sh DESCRIPTION
Text.
"""
HEADER = """/* vb_c() is no more. */
#define VB_X(a) \\
\tvb_d(a)
int vb_a(void);
int vb_b(int);
"""
CLEAN = {"docs/man/vb_a.3": PAGE, "rpc/include/verbena/verbena.h": HEADER}
STRUCT_HEADER = HEADER + "struct vb_s {\n\tint thing;\n\tchar other[4]; /* 4 */\n};\n"


def plant(change, expect):
    return house.Plant({**CLEAN, **change}, expect)


PLANTS = [
    plant({"docs/man/vb_a.3": PAGE.replace(".Sh DESC", ".Xx\n.Sh DESC")}, "unknown macro"),
    plant({"docs/man/vb_a.3": PAGE.replace(".Nm vb_b\n", "")}, "vb_b() of"),
    plant({"rpc/include/verbena/verbena.h": "int vb_a(void);\n"}, "vb_b(3) describes"),
    plant({"rpc/include/verbena/verbena.h": STRUCT_HEADER}, "other of struct vb_s"),
    house.Plant({"README.md": ""}, "no pages"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN)
