#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documentation points at is there: links, headings, files by name, manual pages."""

import re

import house

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*$", re.MULTILINE)
FOLDERS = "idl|codegen|transport|rpc|bench|tests|examples|docs|editors"
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w./*-]*)`")
FUNCTION = re.compile(rf"`(\w+)\(\)` in\s+`((?:{FOLDERS})/[\w./-]+)`")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`[^`\n]+`")
REFERENCE = re.compile(r"^\.Xr ([\w-]+) (\d)", re.MULTILINE)
OURS = re.compile(r"^(verbena|vb_)")


def anchor(heading):
    """The name that a forge gives to a heading."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(markdown):
    return {anchor(h) for h in HEADING.findall(FENCE.sub("", markdown))}


def check_markdown(root, name, content):
    for match in LINK.finditer(CODE_SPAN.sub("", FENCE.sub("", content))):
        target = match.group(1) or match.group(2)
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (root / name).parent / path if path else root / name
        if not file.exists():
            yield f"{name}: link to {target}: no such file"
        elif fragment and file.suffix == ".md":
            if fragment not in anchors(file.read_text(encoding="utf-8")):
                yield f"{name}: link to {target}: no such heading"


def check_named(root, name, content):
    """Files of the tree that the text names in passing; * stands for what it stands for."""
    for path in NAMED.findall(FENCE.sub("", content)):
        if not any(root.glob(path)):
            yield f"{name}: names {path}: no such file"
    for function, path in FUNCTION.findall(content):
        if (root / path).is_file() and f"{function}(" not in house.text(root / path):
            yield f"{name}: {function}() is not in {path}"


def check_manual(name, content, pages):
    for page, section in REFERENCE.findall(content):
        if OURS.match(page) and f"{page}.{section}" not in pages:
            yield f"{name}: .Xr {page} {section}: no such page"


def pages_of(root, names):
    """The pages that are installed: a file, or a name in the NAME section of one."""
    pages = set()
    for name in names:
        if re.fullmatch(r"\.[1-9]", name.suffix):
            content = house.text(root / name)
            pages.add(name.name)
            aliases = re.findall(r"^\.Nm ([\w-]+)", content, re.MULTILINE)
            pages |= {alias + name.suffix for alias in aliases}
    return pages


def check(root):
    complaints = []
    names = house.tracked(root)
    pages = pages_of(root, names)
    for name in names:
        if name.suffix == ".md":
            content = house.text(root / name)
            complaints += check_markdown(root, name, content)
            complaints += check_named(root, name, content)
        elif re.fullmatch(r"\.[1-9]", name.suffix):
            complaints += check_manual(name, house.text(root / name), pages)
    return complaints


CLEAN = {
    "README.md": "# A `b` c!\n[x](docs/a.md#a-b-c) [y](#a-b-c)\n[z](https://a.org) `[n](no)`\n",
    "docs/a.md": "## A b c\n```\n[n](no)\n```\n[up](../README.md)\n",
    "CONTRIBUTING.md": "`docs/a.md` `docs/` `docs/*.md` `make docs/gone`\n",
    "docs/man/verbena.7": ".Nm verbena\n.Xr vb_free 3 ,\n.Xr read 2\n",
    "docs/man/vb_alloc.3": ".Nm vb_alloc ,\n.Nm vb_free\n",
}
PLANTS = [
    house.Plant({"README.md": "[x](docs/gone.md)\n"}, "no such file"),
    house.Plant({"README.md": "# One\n[x](#two)\n"}, "no such heading"),
    house.Plant({"a.md": "![x](picture.svg)\n"}, "no such file"),
    house.Plant({"a.md": "[x](b.md#two)\n", "b.md": "```\n# two\n```\n"}, "no such heading"),
    house.Plant({"README.md": "see `docs/gone.md`\n"}, "names docs/gone.md"),
    house.Plant({"README.md": "see `idl/*.c`\n", "idl/a.h": ""}, "names idl/*.c"),
    house.Plant({"README.md": "`f()` in `idl/a.c`\n", "idl/a.c": "int g(void);\n"}, "f() is not"),
    house.Plant({"docs/man/a.3": ".Xr vb_gone 3\n"}, "no such page"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN)
