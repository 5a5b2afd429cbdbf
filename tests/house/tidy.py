#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Style that a machine can judge. Each complaint says what to do instead."""

import re

import house

FILE_LINES_MAX = 700  # a file does one job; past this it does two
FUNCTION_LINES_MAX = 60  # what fits a screen with room for the call above it
LINE_COLUMNS_MAX = 100  # as .clang-format has it
TAB_COLUMNS = 8

BANNED_CALLS = {
    "strncmp": "compare slices for equality, or strcmp",
    "strcpy": "memcpy with a length that was checked",
    "strncpy": "memcpy with a length that was checked",
    "strcat": "build the text with snprintf and its result",
    "strncat": "build the text with snprintf and its result",
    "sprintf": "snprintf, and look at what it returns",
    "vsprintf": "vsnprintf, and look at what it returns",
    "gets": "getline",
    "atoi": "strtoull with every error looked at",
    "atol": "strtoull with every error looked at",
    "atof": "strtod with every error looked at",
    "strtok": "strtok_r, or a loop over a slice",
    "alloca": "a bounded array, or malloc",
    "rand": "a generator with a seed that the test prints",
}

# Spelled in two halves, or this file would complain of itself.
LEFTOVERS = ["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK"]
LEFTOVER_PHRASES = ["place" "holder", "for " "now", "not " "implemented", "remove before " "merge"]

# A machine's own places have no business in a tree that is cloned elsewhere.
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:home|root|work|Users)/[\w.-]+")

CODE = {".c", ".h", ".cc", ".py", ".sh"}
BUILD_FILES = {"meson.build", "meson_options.txt", "Makefile", "CMakeLists.txt"}
SPDX = "SPDX-License-Identifier: Apache-2.0"
SPDX_LINES = 6  # it stands at the top, after a #! line or a comment's opening

# Inputs and outputs of the compiler under test are as they must be, not as we like them.
DATA = re.compile(r"^(tests/(golden|idl)/|idl/testdata/|codegen/testdata/|LICENSE$|docs/errors/)")


def is_code(name, content):
    return name.suffix in CODE or name.name in BUILD_FILES or content.startswith("#!")


def check_words(name, content):
    for number, line in enumerate(content.split("\n"), 1):
        for word in LEFTOVERS:
            if re.search(rf"\b{word}\b", line):
                yield f"{name}:{number}: leftover {word}: finish it or take it out"
        for phrase in LEFTOVER_PHRASES:
            if phrase in line.lower():
                yield f"{name}:{number}: leftover '{phrase}': finish it or take it out"
        if MACHINE_PATH.search(line):
            yield f"{name}:{number}: a machine's own path: {MACHINE_PATH.search(line).group(0)}"


def check_lines(name, content):
    if content and not content.endswith("\n"):
        yield f"{name}: no newline at the end"
    if "\r" in content:
        yield f"{name}: carriage returns; lines end with LF"
    lines = content.split("\n")
    if len(lines) - 1 > FILE_LINES_MAX:
        yield f"{name}: {len(lines) - 1} lines, at most {FILE_LINES_MAX}: split it by job"
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(TAB_COLUMNS)) > LINE_COLUMNS_MAX:
            yield f"{name}:{number}: longer than {LINE_COLUMNS_MAX} columns"
        if line != line.rstrip():
            yield f"{name}:{number}: white space at the end of the line"


def check_licence(name, content):
    if SPDX not in "\n".join(content.split("\n")[:SPDX_LINES]):
        yield f"{name}: no '{SPDX}' at the top"


def check_calls(name, content, bare):
    spaced = content.split("\n")
    for number, line in enumerate(bare.split("\n"), 1):
        for call, instead in BANNED_CALLS.items():
            if re.search(rf"(?<![\w.>]){call}\s*\(", line):
                yield f"{name}:{number}: {call}() is banned; use {instead}"
        if line.strip() and spaced[number - 1].startswith(" " * TAB_COLUMNS):
            yield f"{name}:{number}: indented by spaces; use tabs"


TABLE = re.compile(r"^\t+static const .*?^\t+\};$", re.MULTILINE | re.DOTALL)


def check_functions(name, bare):
    """Long functions; the lines of a constant table inside one are data, and do not count."""
    start = 0
    lines = re.sub(TABLE, lambda table: table.group(0).replace("\n", "\v"), bare).split("\n")
    number, tables = 0, 0
    for line in lines:
        number += 1 + line.count("\v")
        tables += line.count("\v")
        if line == "{":
            start, tables = number, 0
        elif line.startswith("}") and start:
            length = number - start - 1 - tables
            if length > FUNCTION_LINES_MAX:
                yield (
                    f"{name}:{start}: a function of {length} lines, "
                    f"at most {FUNCTION_LINES_MAX}: give its parts names"
                )
            start = 0


def check_header(name, bare):
    if name.suffix == ".h" and "#pragma once" not in bare:
        if not re.search(r"#ifndef (\w+)\n#define \1\b", bare):
            yield f"{name}: no include guard"


def check(root):
    complaints = []
    for name in house.tracked(root):
        content = house.text(root / name)
        if content is None or DATA.match(name.as_posix()):
            continue
        complaints += check_words(name, content)
        if not is_code(name, content):
            continue
        complaints += check_lines(name, content)
        complaints += check_licence(name, content)
        if name.suffix in {".c", ".h", ".cc"}:
            bare = house.strip_c(content)
            complaints += check_calls(name, content, bare)
            complaints += check_functions(name, bare)
            complaints += check_header(name, bare)
    return complaints


TOP = f"/* {SPDX} */\n"
CLEAN = {
    "idl/a.c": TOP + "/* strcpy() in a comment */\nint f(void)\n{\n\treturn 0;\n}\n",
    "idl/a.h": TOP + "#ifndef A_H\n#define A_H\n#endif\n",
}
PLANTS = [
    *(
        house.Plant({"a.c": TOP + f"int a = {call}(b, c);\n"}, f"{call}() is banned")
        for call in BANNED_CALLS
    ),
    *(house.Plant({"a.md": f"see {word} here\n"}, "leftover") for word in LEFTOVERS),
    *(house.Plant({"a.c": TOP + f"/* {p.title()} */\n"}, "leftover") for p in LEFTOVER_PHRASES),
    house.Plant({"a.md": "in /ho" "me/me/verbena\n"}, "machine's own path"),
    house.Plant({"a.c": TOP + "\n" * FILE_LINES_MAX}, "split it by job"),
    house.Plant({"a.c": TOP + "/*" + "a" * LINE_COLUMNS_MAX + "*/\n"}, "columns"),
    house.Plant({"a.c": TOP + "\t" * 12 + "a = b;\n"}, "columns"),
    house.Plant({"a.c": TOP + "int a; \n"}, "white space"),
    house.Plant({"a.c": TOP + "int a;"}, "newline at the end"),
    house.Plant({"a.c": TOP + "int a;\r\n"}, "carriage"),
    house.Plant({"a.c": "int a;\n"}, "no 'SPDX"),
    house.Plant({"meson.build": "project('a')\n"}, "no 'SPDX"),
    house.Plant({"dev": "#!/bin/sh\n"}, "no 'SPDX"),
    house.Plant({"a.c": TOP + "void f(void)\n{\n        return;\n}\n"}, "use tabs"),
    house.Plant({"a.h": TOP + "int a;\n"}, "include guard"),
    house.Plant(
        {"a.c": TOP + "void f(void)\n{\n" + "\ta();\n" * (FUNCTION_LINES_MAX + 1) + "}\n"},
        "give its parts names",
    ),
    house.Plant(
        {"a.c": TOP + "void f(void)\n{\n\tstatic const int a[] = {\n" + "\t\t1,\n" * 9
            + "\t};\n" + "\ta();\n" * FUNCTION_LINES_MAX + "}\n"},
        f"a function of {FUNCTION_LINES_MAX + 1} lines",
    ),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN)
