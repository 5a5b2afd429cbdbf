#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The editor files know the words of the language, all of them the same ones."""

import json
import re

import house

VIM = "editors/vim/syntax/verbena.vim"
EMACS = "editors/emacs/verbena-mode.el"
VSCODE = "editors/vscode/syntaxes/verbena.tmLanguage.json"
JSON_FILES = [VSCODE, "editors/vscode/package.json", "editors/vscode/language-configuration.json"]


def vim_words(content):
    lines = re.findall(r"^syntax keyword \w+ (.*)$", content, re.MULTILINE)
    return set(" ".join(lines).split())


def emacs_words(content):
    lists = re.findall(r"regexp-opt '\(([^)]*)\)", content)
    return set(re.findall(r'"(\w+)"', " ".join(lists)))


def expand(pattern):
    """The words of a pattern such as \\b(void|u?int(8|16))\\b."""
    words = []
    for part in re.findall(r"[^|()]+\([^()]*\)|[^|()]+", pattern):
        stem, _, choices = part.rstrip(")").partition("(")
        for ending in choices.split("|"):
            optional = re.fullmatch(r"(\w)\?(\w+)", stem)
            stems = [optional.group(2), "".join(optional.groups())] if optional else [stem]
            words += [s + ending for s in stems]
    return set(words)


def vscode_words(content):
    words = set()
    for rule in json.loads(content)["patterns"]:
        match = re.fullmatch(r"\\b\((.*)\)\\b", rule.get("match", ""))
        if match and not rule["name"].startswith("constant.numeric"):
            words |= expand(match.group(1))
    return words


def check(root):
    complaints = []
    for name in JSON_FILES:
        try:
            json.loads((root / name).read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            complaints.append(f"{name}: {error}")
    if complaints:
        return complaints
    vim = vim_words((root / VIM).read_text(encoding="utf-8"))
    emacs = emacs_words((root / EMACS).read_text(encoding="utf-8"))
    vscode = vscode_words((root / VSCODE).read_text(encoding="utf-8"))
    for name, words in ((EMACS, emacs), (VSCODE, vscode)):
        for word in sorted(vim ^ words):
            knows, lacks = (name, VIM) if word in words else (VIM, name)
            complaints.append(f"{lacks}: no '{word}', which {knows} has")
    return complaints


GRAMMAR = {
    "patterns": [
        {"name": "constant.numeric.verbena", "match": r"\b(0x|[0-9]+)\b"},
        {"name": "constant.language.verbena", "match": r"\b(true|false)\b"},
        {"name": "storage.type.verbena", "match": r"\b(void|u?int(8|16)|bytes)\b"},
    ]
}
CLEAN = {
    VIM: "syntax keyword a void int8 int16\nsyntax keyword b uint8 uint16 bytes true false\n",
    EMACS: "(regexp-opt '(\"void\" \"int8\" \"int16\" \"uint8\"\n \"uint16\" \"bytes\"))"
    "(regexp-opt '(\"true\" \"false\"))\n",
    VSCODE: json.dumps(GRAMMAR),
    "editors/vscode/package.json": "{}",
    "editors/vscode/language-configuration.json": "{}",
}
PLANTS = [
    house.Plant({**CLEAN, VIM: CLEAN[VIM].replace(" bytes", "")}, f"{VIM}: no 'bytes'"),
    house.Plant({**CLEAN, EMACS: CLEAN[EMACS].replace('"void"', "")}, f"{EMACS}: no 'void'"),
    house.Plant({**CLEAN, VSCODE: CLEAN[VSCODE].replace("u?int", "int")}, f"{VSCODE}: no 'uint8'"),
    house.Plant({**CLEAN, "editors/vscode/package.json": "{,}"}, "package.json"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN)
