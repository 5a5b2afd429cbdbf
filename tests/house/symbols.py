#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The arrows between the layers, as the symbols of the objects draw them.

--root is a build directory. A layer may use only what its neighbours below define, and a transport
lends the rest of the tree one symbol: its table of functions. layers.py looks at #include lines.
"""

import collections
import json
import pathlib
import shutil
import subprocess

import house
import layers

TRANSPORT_SYMBOLS_MAX = 1
# Looks at devices for a program, and transports nothing.
NO_TRANSPORT = "transport/survey"

# Loaded into other programs in place of a library's functions: what it defines is nobody's to call.
PRELOADED = {"bench/count/preload.c", "bench/ledger/preload.c"}


def source_root(build):
    """The tree that was built; meson keeps its place beside its own state."""
    info = json.loads((build / "meson-info" / "meson-info.json").read_text(encoding="utf-8"))
    return pathlib.Path(info["directories"]["source"]).resolve()


def objects(build):
    """Yields (layer, object) of every object that is part of a layer and not of its tests."""
    top = source_root(build)
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    for entry in commands:
        source = pathlib.Path(entry["directory"], entry["file"]).resolve()
        output = pathlib.Path(entry["directory"], entry["output"])
        if not source.is_relative_to(top) or source.is_relative_to(build):
            continue
        name = source.relative_to(top).as_posix()
        if output.exists() and layers.is_source_of_layer(name) and name not in PRELOADED:
            layer = layers.folder_of(name)
            if layer.split("/")[0] in layers.MAY_SEE:
                yield layer, output


def symbols(path):
    """(defined, undefined) global names of an object."""
    listing = subprocess.run(["nm", "-gP", str(path)], capture_output=True, text=True, check=True)
    defined, undefined = set(), set()
    for line in listing.stdout.splitlines():
        name, kind = line.split()[:2]
        (undefined if kind in "Uw" else defined).add(name)
    return defined, undefined


def may_use(user, owner):
    """Whether code of a layer may call what another defines; through headers, layers.py asks."""
    if user == owner or user.startswith(owner + "/"):
        return True
    if user == "transport" and owner.startswith("transport/"):
        return True
    if user in {"bench", "examples"}:
        return owner == "rpc"
    return layers.allowed(user, owner)


def check(build):
    if not shutil.which("nm"):
        raise house.Skip("no nm")
    owners, users = {}, []
    for layer, path in objects(build):
        defined, undefined = symbols(path)
        for name in defined - {"main"}:
            owners[name] = layer
        users.append((layer, path, undefined))
    complaints = [] if users else [f"{build}: no objects"]
    lent = collections.defaultdict(set)
    for layer, path, undefined in users:
        for name in sorted(undefined & owners.keys()):
            owner = owners[name]
            if not may_use(layer, owner):
                complaints.append(f"{path.name}: {layer} must not call {owner} ({name})")
            if owner.startswith("transport/") and owner not in (layer, NO_TRANSPORT):
                lent[owner].add(name)
    for owner, names in sorted(lent.items()):
        if len(names) > TRANSPORT_SYMBOLS_MAX:
            complaints.append(f"{owner} lends more than one symbol: {', '.join(sorted(names))}")
    return complaints


def compile_tree(top):
    """Compiles each C source of a tree, and leaves of meson's files what check() reads."""
    build = top / "build"
    (build / "meson-info").mkdir(parents=True)
    info = {"directories": {"source": str(top)}}
    (build / "meson-info" / "meson-info.json").write_text(json.dumps(info), encoding="utf-8")
    commands = []
    for source in sorted(top.rglob("*.c")):
        output = build / (source.relative_to(top).as_posix().replace("/", "_") + ".o")
        subprocess.run(["cc", "-c", "-w", str(source), "-o", str(output)], check=True)
        commands.append({"directory": str(top), "file": str(source), "output": str(output)})
    (build / "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
    return build


CLEAN = {
    "idl/a.c": "int idl_a(void) { return 0; }\n",
    "codegen/a.c": "int idl_a(void); int main(void) { return idl_a(); }\n",
    "transport/a.c": "extern int vbi_shm; int vbi_t(void) { return vbi_shm; }\n",
    "transport/shm/a.c": "int core(void); int vbi_shm; int vbi_r(void) { return core(); }\n",
    "transport/core.c": "int core(void) { return 0; }\n",
    "rpc/a.c": "int vbi_t(void); int vb_a(void) { return vbi_t(); }\n",
    "transport/survey/a.c": "int vbi_s(void) { return 0; } int vbi_u(void) { return 0; }\n",
    "rpc/verbena/a.c": "int vbi_s(void), vbi_u(void), vb_a(void);\n"
    "int main(void) { return vbi_s() + vbi_u() + vb_a(); }\n",
    "bench/a.c": "int vb_a(void); int main(void) { return vb_a(); }\n",
    "rpc/a_test.c": "int vbi_r(void); int main(void) { return vbi_r(); }\n",
}


def plant(name, callee, expect):
    source = f"int {callee}(void); int planted(void) {{ return {callee}(); }}\n"
    return house.Plant({**CLEAN, name: source}, expect)


PLANTS = [
    plant("rpc/bad.c", "vbi_r", "rpc must not call transport/shm (vbi_r)"),
    plant("transport/bad.c", "vbi_r", "lends more than one symbol"),
    plant("transport/bad.c", "vb_a", "transport must not call rpc"),
    plant("rpc/bad.c", "vbi_s", "rpc must not call transport/survey (vbi_s)"),
    plant("rpc/verbena/bad.c", "vbi_r", "rpc/verbena must not call transport/shm (vbi_r)"),
    plant("rpc/bad.c", "idl_a", "rpc must not call idl"),
    plant("bench/bad.c", "vbi_t", "bench must not call transport"),
    house.Plant({"README.md": ""}, "no objects"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN, prepare=compile_tree)
