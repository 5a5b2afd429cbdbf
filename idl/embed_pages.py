#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the pages of docs/errors as a C table, so that `verbenac --explain` needs no files.

embed_pages.py REGISTRY PAGES_DIR OUTPUT DEPFILE
"""

import pathlib
import re
import sys


def array(name, text):
    data = text.encode() + b"\0"
    lines = [", ".join(str(b) for b in data[i:i + 20]) for i in range(0, len(data), 20)]
    body = ",\n\t".join(lines)
    return f"static const char {name}[] = {{\n\t{body},\n}};\n"


def main():
    registry, pages, output, depfile = map(pathlib.Path, sys.argv[1:])
    codes = re.findall(r"^IDL_DIAG\((\w+),", registry.read_text(), re.MULTILINE)
    found = [code for code in codes if (pages / f"{code}.md").exists()]
    parts = ["/* Generated from docs/errors. Do not edit. */\n", '#include "idl/diag.h"\n']
    for code in found:
        # Bytes above 127 would not fit a plain char where it is signed.
        text = (pages / f"{code}.md").read_text(encoding="ascii")
        parts.append(array(f"page_{code}", text))
    parts.append("static const char *const pages[IDL_N_CODES] = {")
    parts += [f"\t[IDL_{code}] = page_{code}," for code in found]
    parts.append("};\n")
    parts.append("const char *idl_code_page(enum idl_code code)\n{")
    parts.append('\treturn pages[code] ? pages[code] : "";\n}\n')
    output.write_text("\n".join(parts))
    # The directory itself too: a page may be added.
    inputs = [pages] + [pages / f"{code}.md" for code in found]
    depfile.write_text(f"{output}: " + " ".join(map(str, inputs)) + "\n")


if __name__ == "__main__":
    main()
