#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""libverbena.so exports what its list says, the list what the headers declare, all of it vb_.

--root is a build directory.
"""

import json
import pathlib
import re
import shutil
import subprocess

import house

LIBRARY = "rpc/libverbena.so"
LIST = "rpc/verbena.map"
HEADERS = "rpc/include/verbena"
SONAME = "libverbena.so.0"


def exported(library):
    listing = subprocess.run(
        ["nm", "-D", "--defined-only", "-P", str(library)],
        capture_output=True,
        text=True,
        check=True,
    )
    names = (line.split() for line in listing.stdout.splitlines())
    # The name of a version is an absolute symbol.
    return {n[0].partition("@")[0] for n in names if n[1] != "A"}


def listed(path):
    content = path.read_text(encoding="utf-8")
    bare = re.sub(r"/\*.*?\*/|#[^\n]*", "", content, flags=re.DOTALL)
    blocks = re.findall(r"global:(.*?)(?:local:|\})", bare, re.DOTALL)
    return {name.strip() for block in blocks for name in block.split(";") if name.strip()}


def declared(headers):
    """The functions that the public headers mark VB_EXPORT."""
    names = set()
    for header in sorted(headers.glob("*.h")):
        bare = house.strip_c(header.read_text(encoding="utf-8"))
        names |= set(re.findall(r"^VB_EXPORT\b[^;(]*?(\w+)\s*\(", bare, re.MULTILINE))
    return names


def check_soname(library):
    if not shutil.which("readelf"):
        return
    dynamic = subprocess.run(
        ["readelf", "-d", str(library)], capture_output=True, text=True, check=True
    ).stdout
    if f"soname: [{SONAME}]" not in dynamic:
        yield f"{library.name}: its soname is not {SONAME}"


def check(build):
    if not shutil.which("nm"):
        raise house.Skip("no nm")
    info = json.loads((build / "meson-info" / "meson-info.json").read_text(encoding="utf-8"))
    source = pathlib.Path(info["directories"]["source"])
    has, wants = exported(build / LIBRARY), listed(source / LIST)
    says = declared(source / HEADERS)
    complaints = [f"{LIBRARY} exports nothing"] if not has else []
    complaints += [f"{n} does not begin with vb_" for n in sorted(has) if not n.startswith("vb_")]
    complaints += [f"{n} is exported and not in {LIST}" for n in sorted(has - wants)]
    complaints += [f"{n} is in {LIST} and not in the library" for n in sorted(wants - has)]
    complaints += [f"{n} is exported and in no public header" for n in sorted(has - says)]
    complaints += [f"{n} is in a public header and not exported" for n in sorted(says - has)]
    return complaints + list(check_soname(build / LIBRARY))


def link(top):
    """Makes of a planted tree a build with a shared library in it."""
    build = top / "build"
    for folder in ("rpc", "meson-info"):
        (build / folder).mkdir(parents=True)
    info = json.dumps({"directories": {"source": str(top)}})
    (build / "meson-info" / "meson-info.json").write_text(info, encoding="utf-8")
    soname = (top / "soname").read_text(encoding="utf-8")
    command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", str(top / "a.c")]
    subprocess.run([*command, "-o", str(build / LIBRARY)], check=True)
    return build


CLEAN = {
    "a.c": "int vb_a(void) { return 0; }\nint vb_b(void) { return 0; }\n",
    "soname": SONAME,
    LIST: "# list\nV_1 {\nglobal:\n\tvb_a;\n};\nV_2 {\nglobal:\n\tvb_b;\nlocal:\n\t*;\n};\n",
    HEADERS + "/a.h": "VB_EXPORT int vb_a(void);\nVB_EXPORT int\nvb_b(void);\n/* vb_c() */\n",
}


def plant(name, old, new, expect):
    return house.Plant({**CLEAN, name: CLEAN[name].replace(old, new)}, expect)


PLANTS = [
    plant("a.c", "int vb_b", "int vbi_c(void) { return 0; }\nint vb_b", "vbi_c does not begin"),
    plant("a.c", "int vb_b", "int vb_c(void) { return 0; }\nint vb_b", "vb_c is exported and not"),
    plant("a.c", "int vb_b", "static int vb_b", "vb_b is in a public header and not exported"),
    plant(LIST, "vb_b;", "vb_b;\n\tvb_gone;", "vb_gone is in rpc/verbena.map and not"),
    plant(HEADERS + "/a.h", "vb_b", "vb_d", "vb_b is exported and in no public header"),
    plant("soname", "0", "7", "soname"),
    plant("a.c", "int", "static int", "exports nothing"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN, prepare=link)
