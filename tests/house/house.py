# SPDX-License-Identifier: Apache-2.0
"""What the checks of the house share: which files there are, how a check is run and doubted.

A check is a function from a pathlib.Path, the top of a tree, to a list of complaints. Each comes
with plants: small trees with one fault in each, in which it must complain, so that no check passes
because it looks at nothing.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile


def tracked(root):
    """The files of the tree, relative to root and sorted: what git would commit, else all."""
    git = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if git.returncode == 0 and (root / ".git").exists():
        names = [pathlib.Path(n.decode()) for n in git.stdout.split(b"\0") if n]
    else:
        names = [p.relative_to(root) for p in root.rglob("*") if p.is_file()]
        names = [n for n in names if not n.parts[0].startswith((".git", "build"))]
    return sorted(n for n in names if (root / n).is_file())


def text(path):
    """The file's text, or None when it is not text."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def strip_c(source):
    """C source with comments and the insides of literals blanked, line numbers kept."""

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] * 2
        return re.sub(r"[^\n]", " ", token)

    pattern = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    return re.sub(pattern, blank, source, flags=re.DOTALL)


class Skip(Exception):
    """A tool that the check needs is not here; the words say which."""


SKIPPED = 77  # how meson hears of it


class Plant:
    """A tree with one fault: files by name, and words that the complaint about it must hold."""

    def __init__(self, files, expect):
        self.files = files
        self.expect = expect

    def build(self, top):
        for name, content in self.files.items():
            path = top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="")


def self_test(check, plants, clean):
    """Complaints about the check itself: faults that it missed, a clean tree that it disliked."""
    found = []
    for plant in plants:
        with tempfile.TemporaryDirectory() as top:
            plant.build(pathlib.Path(top))
            complaints = check(pathlib.Path(top))
        if not any(plant.expect in complaint for complaint in complaints):
            found.append(f"missed '{plant.expect}' in {list(plant.files)}: {complaints}")
    with tempfile.TemporaryDirectory() as top:
        Plant(clean, "").build(pathlib.Path(top))
        for complaint in check(pathlib.Path(top)):
            found.append(f"disliked a clean tree: {complaint}")
    return found


def main(check, plants, clean, prepare=None):
    """The whole of a check's command line: --root DIR, or --self-test.

    prepare, if given, makes of a planted tree what the check looks at, and returns its place.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    try:
        if args.self_test:
            prepared = (lambda top: check(prepare(top))) if prepare else check
            complaints = self_test(prepared, plants, clean)
        else:
            complaints = check(args.root.resolve())
    except Skip as skip:
        print(f"skipped: {skip}")
        sys.exit(SKIPPED)
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)
