#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a random interface, its older self, and their tests.

generate.py SEED DIRECTORY writes rtSEED_{new,old}.idl and rtSEED_{new,old}_side.c there.
"""

import pathlib
import sys

from harness import Side
from schema import LAST_MINOR, Schema, idl_text


def main():
    seed, directory = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    whole = Schema(seed)
    directory.mkdir(parents=True, exist_ok=True)
    # The older side is 1.0 or 1.1, by turns.
    for name, schema in (("new", whole), ("old", whole.at(seed % LAST_MINOR))):
        stem = f"rt{seed}_{name}"
        (directory / f"{stem}.idl").write_text(idl_text(schema, name))
        (directory / f"{stem}_side.c").write_text(Side(schema, name, f"{stem}.vb.h").text())


if __name__ == "__main__":
    main()
