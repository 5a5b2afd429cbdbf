#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds a project that knows Verbena only as installed, in one of the ways that the README shows.

Installs the build into a fresh directory, copies the project beside it, so that nothing of the tree
is within its reach, builds it there and runs it.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
TOOLS = {
    "make": "make",
    "static": "make",
    "meson": "meson",
    "cmake": "cmake",
    "readme-make": "make",
    "readme-meson": "meson",
    "readme-cmake": "cmake",
}
FOLDERS = {"static": "make"}
COMMANDS = {
    "make": [["make", "program"], ["./program"]],
    "static": [["make", "program-static"], ["./program-static"]],
    "meson": [["meson", "setup", "out"], ["ninja", "-C", "out"], ["out/program"]],
    "cmake": [["cmake", "-S", ".", "-B", "out"], ["cmake", "--build", "out"], ["out/program"]],
}

# The README's own text: the kinds of its blocks, in the order in which they stand, and their files.
README = HERE.parents[1] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STORY = [
    ("idl", "hello.idl"),
    ("c", "server.c"),
    ("c", "client.c"),
    ("make", "Makefile"),
    ("meson", "meson.build"),
    ("cmake", "CMakeLists.txt"),
]
README_COMMANDS = {
    "readme-make": [["make"]],
    "readme-meson": [["meson", "setup", "out"], ["ninja", "-C", "out"]],
    "readme-cmake": [["cmake", "-S", ".", "-B", "out"], ["cmake", "--build", "out"]],
}
SERVER_PATIENCE_S = 30

# What an installation holds, below the prefix; {lib} is the library directory.
LAYOUT = [
    "bin/verbena",
    "bin/verbenac",
    "bin/verbena-bench",
    "{lib}/libverbena.a",
    "{lib}/libverbena.so",
    "{lib}/libverbena.so.0",
    "{lib}/pkgconfig/verbena.pc",
    "share/man/man1/verbena.1",
    "share/man/man1/verbena-doctor.1",
    "share/man/man1/verbenac.1",
    "share/man/man1/verbena-bench.1",
    "share/man/man3/vb_connect.3",
    "share/man/man3/vb_conn_close.3",
    "share/man/man5/verbena-idl.5",
    "share/man/man7/verbena.7",
    "share/vim/vimfiles/syntax/verbena.vim",
    "share/emacs/site-lisp/verbena-mode.el",
    "share/verbena/vscode/syntaxes/verbena.tmLanguage.json",
]


def run(command, **options):
    print("$", *command, flush=True)
    subprocess.run(command, check=True, **options)


def install(build, top):
    """Installs into top; returns the prefix there, whatever the build was configured with."""
    command = ["meson", "install", "--quiet", "--no-rebuild", "-C", str(build)]
    run([*command, "--destdir", str(top)])
    (pc,) = top.rglob("verbena.pc")
    library_dir = pc.parent.parent
    prefix = next(p for p in library_dir.parents if (p / "include").is_dir())
    return prefix, library_dir


def check_layout(prefix, library_dir):
    lib = library_dir.relative_to(prefix).as_posix()
    headers = (HERE.parents[1] / "rpc/include").rglob("*.h")
    wanted = LAYOUT + [h.relative_to(HERE.parents[1] / "rpc").as_posix() for h in headers]
    missing = [n for n in (name.format(lib=lib) for name in wanted) if not (prefix / n).exists()]
    for name in missing:
        print(f"not installed: {name}")
    return 1 if missing else 0


def make_environment(prefix, library_dir, top):
    return {
        **os.environ,
        "XDG_RUNTIME_DIR": str(top),
        "PKG_CONFIG_PATH": str(library_dir / "pkgconfig"),
        "LD_LIBRARY_PATH": str(library_dir),
        "PATH": f"{prefix / 'bin'}:{os.environ['PATH']}",
        # The caller's flags belong to the caller's build.
        "CFLAGS": "",
        "LDFLAGS": "",
    }


def build_outside(way, environment, top):
    project = top / "project"
    shutil.copytree(HERE / FOLDERS.get(way, way), project)
    for name in ("main.c", "greeting.idl"):
        shutil.copy(HERE / name, project)
    for command in COMMANDS[way]:
        run(command, cwd=project, env=environment)
    return 0


def greet(folder, environment):
    """Runs the two programs; the client until the server listens, which it does not tell."""
    with subprocess.Popen([folder / "server"], env=environment) as server:
        try:
            end = time.monotonic() + SERVER_PATIENCE_S
            while True:
                command = [folder / "client"]
                client = subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=False
                )
                if client.returncode == 0 or server.poll() is not None or time.monotonic() > end:
                    break
        finally:
            server.kill()
    print(client.stdout, client.stderr, sep="")
    return 0 if client.stdout == "Hello, you!\n" else 1


def build_readme(way, environment, top):
    project = top / "project"
    project.mkdir()
    blocks = BLOCK.findall(README.read_text(encoding="utf-8"))
    # What stands before the interface is shown, not built.
    kinds = [kind for kind, _ in blocks]
    blocks = blocks[kinds.index("idl") :]
    assert [kind for kind, _ in blocks] == [kind for kind, _ in STORY], "README: other blocks"
    for (_, text), (_, name) in zip(blocks, STORY):
        (project / name).write_text(text, encoding="utf-8")
    for command in README_COMMANDS[way]:
        run(command, cwd=project, env=environment)
    return greet(project / "out" if (project / "out").is_dir() else project, environment)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=["layout", *TOOLS])
    parser.add_argument("build", type=pathlib.Path)
    args = parser.parse_args()
    if not shutil.which(TOOLS.get(args.way, "sh")):
        print(f"skipped: no {TOOLS[args.way]}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as directory:
        top = pathlib.Path(directory)
        prefix, library_dir = install(args.build.resolve(), top / "installed")
        if args.way == "layout":
            return check_layout(prefix, library_dir)
        environment = make_environment(prefix, library_dir, top)
        if args.way in README_COMMANDS:
            return build_readme(args.way, environment, top)
        return build_outside(args.way, environment, top)


if __name__ == "__main__":
    sys.exit(main())
