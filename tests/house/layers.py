#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The arrows between the layers, as #include lines draw them (symbols.py looks at the objects).

app -> generated stubs -> rpc -> transport -> one folder per transport; codegen -> idl.
"""

import pathlib
import posixpath
import re

import house

PUBLIC = "rpc/include"
PROGRAM = "rpc/verbena"

# What a folder may include by a path in quotes. A transport's own folder sees the seam and itself.
MAY_SEE = {
    "idl": {"idl"},
    "codegen": {"codegen", "idl"},
    "transport": {"transport"},
    "rpc": {"rpc", "transport"},
    # The program stands upon the library as any program does, and looks at devices by itself.
    "rpc/verbena": {"rpc/verbena", "transport/survey"},
    "bench": {"bench"},
    "examples": {"examples"},
}

# Who may include <verbena/...>, the public headers. The seam names types of the first one
# (counters, identity) and calls none of its functions: symbols.py would see it.
MAY_USE_PUBLIC = {"rpc", "bench", "examples", "tests"}
MAY_USE_TYPES = {"transport": {"verbena/verbena.h"}}

# A library is known in one place only: where it is replaced, that place changes and no other.
LIBRARY_HOME = {
    r"ev\.h": {"rpc", "tests"},
    r"protobuf-c/.*": {"rpc", "tests"},
    r"infiniband/.*": {"transport/verbs", "transport/survey", "bench", "tests"},
    r"rdma/.*": {"transport/verbs", "transport/survey", "bench", "tests"},
    r"jansson\.h": {"rpc/verbena", "bench", "tests"},
    r"argp\.h": {"codegen", "rpc/verbena", "bench", "examples", "tests"},
    r"pthread\.h": {"transport", "rpc", "bench", "examples", "tests"},
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)


def folder_of(name):
    """The layer that a file belongs to; a transport's own folder is its own layer."""
    parts = pathlib.PurePosixPath(name).parts
    if name.startswith(PROGRAM + "/"):
        return PROGRAM
    if parts[0] == "transport" and len(parts) > 2 and parts[1] != "include":
        return "transport/" + parts[1]
    return parts[0]


def resolve(name, target, names):
    """The file of the tree that an include names, or None (generated, or the system's)."""
    here = posixpath.dirname(name)
    candidates = [posixpath.normpath(posixpath.join(base, target)) for base in (here, "")]
    for candidate in candidates:
        if candidate in names:
            return candidate
    matches = [other for other in names if other.endswith("/" + target)]
    same = [other for other in matches if other.split("/")[0] == name.split("/")[0]]
    return (same or matches or [None])[0]


def allowed(layer, other):
    top = layer.split("/")[0]
    if layer == PROGRAM:
        return other in MAY_SEE[PROGRAM]
    if top not in MAY_SEE:
        return True
    if layer != other and (other.startswith("transport/") or other == PROGRAM):
        return False
    return other.split("/")[0] in MAY_SEE[top]


def check_library(where, layer, target):
    for pattern, homes in LIBRARY_HOME.items():
        if re.fullmatch(pattern, target) and not {layer, layer.split("/")[0]} & homes:
            yield f"{where}: {layer} must not know <{target}>; only {', '.join(sorted(homes))} may"


def is_source_of_layer(name):
    """A test may reach further than what it tests."""
    stem = pathlib.PurePosixPath(name).stem
    return not stem.endswith(("_test", "_fuzz"))


def check_include(name, kind, target, names):
    layer = folder_of(name)
    if kind == "<":
        yield from check_library(name, layer, target)
        top = layer.split("/")[0]
        known = top in MAY_USE_PUBLIC or target in MAY_USE_TYPES.get(top, ())
        if target.startswith("verbena/") and not known:
            yield f"{name}: {layer} must not know <{target}>"
        return
    other = resolve(name, target, names)
    if other is None:
        return
    if other.startswith(PUBLIC) and not name.startswith("rpc/"):
        yield f'{name}: "{target}" is public; write <{other[len(PUBLIC) + 1:]}>'
    elif not allowed(layer, folder_of(other)):
        yield f"{name}: {layer} must not know {folder_of(other)} ({target})"


def check_generated(name, kind, target):
    """Stubs are straight-line stores and <verbena/stub.h>; their header names public types."""
    promised = "verbena/verbena.h" if name.endswith(".h") else "verbena/stub.h"
    if kind == "<" and target.startswith("verbena/") and target != promised:
        yield f"{name}: generated code includes <{target}>; only <{promised}> is promised to it"


def check(root):
    complaints = []
    sources = [n.as_posix() for n in house.tracked(root) if n.suffix in {".c", ".h", ".cc"}]
    # Stubs in the tree are a test's: whoever includes some has made them.
    names = {name for name in sources if not re.search(r"\.vb\.[ch]$", name)}
    for name in sources:
        content = house.text(root / name)
        for kind, target in INCLUDE.findall(content):
            if re.search(r"\.vb\.[ch]$", name):
                complaints += check_generated(name, kind, target)
            elif is_source_of_layer(name):
                complaints += check_include(name, kind, target, names)
    return complaints


CLEAN = {
    "idl/lex.h": "",
    "idl/lex.c": '#include "lex.h"\n#include "source.h"\n',
    "idl/source.h": "",
    "codegen/emit.c": '#include "idl/lex.h"\n#include <argp.h>\n',
    "transport/transport.h": "",
    "transport/shm/shm.c": '#include "transport/transport.h"\n#include "ring.h"\n',
    "transport/shm/ring.h": "",
    "rpc/conn.c": '#include "transport/transport.h"\n#include <verbena/verbena.h>\n',
    "rpc/loop.c": "#include <ev.h>\n",
    "rpc/conn.h": "",
    "rpc/verbena/exam.h": "",
    "rpc/verbena/main.c": '#include "transport/survey/survey.h"\n#include <verbena/verbena.h>\n',
    "transport/survey/survey.h": "",
    "transport/survey/survey.c": '#include "survey.h"\n#include <infiniband/verbs.h>\n',
    "rpc/include/verbena/verbena.h": "",
    "bench/client.c": "#include <verbena/verbena.h>\n#include <jansson.h>\n",
    "tests/golden/file.vb.c": '#include "file.vb.h"\n#include <verbena/stub.h>\n',
    "tests/golden/file.vb.h": "#include <verbena/verbena.h>\n",
    "examples/file/client.c": '#include "file.vb.h"\n',
    "rpc/conn_test.c": '#include "transport/shm/ring.h"\n',
}


def plant(name, line, expect):
    return house.Plant({**CLEAN, name: line + "\n"}, expect)


PLANTS = [
    plant("idl/bad.c", '#include "codegen/emit.h"\n#include <verbena/stub.h>', "<verbena/stub.h>"),
    house.Plant({"codegen/e.h": "", "idl/b.c": '#include "../codegen/e.h"\n'}, "know codegen"),
    plant("idl/bad.c", '#include "transport/transport.h"', "must not know transport"),
    plant("codegen/bad.c", '#include "transport.h"', "must not know transport"),
    plant("transport/bad.c", "#include <verbena/stub.h>", "must not know <verbena"),
    plant("idl/bad.c", "#include <verbena/verbena.h>", "must not know <verbena"),
    plant("transport/bad.c", '#include "shm/ring.h"', "must not know transport/shm"),
    plant("transport/verbs/bad.c", '#include "../shm/ring.h"', "must not know transport/shm"),
    plant("rpc/bad.c", '#include "transport/shm/ring.h"', "must not know transport/shm"),
    plant("rpc/bad.c", '#include "transport/survey/survey.h"', "must not know transport/survey"),
    plant("rpc/bad.c", '#include "rpc/verbena/exam.h"', "must not know rpc/verbena"),
    plant("rpc/verbena/bad.c", '#include "rpc/conn.h"', "must not know rpc "),
    plant("rpc/verbena/bad.c", '#include "transport/transport.h"', "must not know transport "),
    plant("rpc/verbena/bad.c", "#include <infiniband/verbs.h>", "<infiniband/verbs.h>"),
    plant("rpc/bad.c", '#include "lex.h"', "must not know idl"),
    plant("rpc/bad.c", "#include <infiniband/verbs.h>", "<infiniband/verbs.h>"),
    plant("transport/shm/bad.c", "#include <infiniband/verbs.h>", "<infiniband/verbs.h>"),
    plant("transport/bad.c", "#include <ev.h>", "<ev.h>"),
    plant("bench/bad.c", '#include "rpc/include/verbena/verbena.h"', "is public"),
    plant("bench/bad.c", '#include "transport/transport.h"', "must not know transport"),
    plant("tests/golden/bad.vb.c", "#include <verbena/verbena.h>", "only <verbena/stub.h>"),
    plant("tests/golden/bad.vb.h", "#include <verbena/stub.h>", "only <verbena/verbena.h>"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN)
