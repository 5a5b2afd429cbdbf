#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up meson's test logs: names what failed, then one line 'N passed, N failed, N skipped'."""

import argparse
import json
import pathlib
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}


def read_log(path):
    """Yields (name, result) of each test in a meson JSON log, one object a line."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.strip():
            entry = json.loads(line)
            yield entry["name"], entry["result"]


def tally(runs, broken, whole=()):
    """Counts the runs, a list of (name, path); a run that left no log has failed, and so has what
    was skipped in a run that is to be whole."""
    passed, failed, skipped = 0, [f"{what}: did not build" for what in broken], []
    for run, path in runs:
        count = 0
        if path.is_file():
            for name, result in read_log(path):
                count += 1
                if result in PASSED:
                    passed += 1
                elif result in SKIPPED and run in whole:
                    failed.append(f"{run}: {name} was skipped, see {path.with_suffix('.txt')}")
                elif result in SKIPPED:
                    skipped.append(f"{run}: {name}")
                else:
                    failed.append(f"{run}: {name} ({result}), see {path.with_suffix('.txt')}")
        if count == 0:
            failed.append(f"{run}: no test ran")
    return passed, failed, skipped


def self_test():
    """A failure, a missing log, an empty log and a broken build are each counted."""
    import tempfile

    with tempfile.TemporaryDirectory() as top:
        log = pathlib.Path(top) / "a.json"
        results = ["OK", "FAIL", "TIMEOUT", "SKIP", "EXPECTEDFAIL", "UNEXPECTEDPASS"]
        log.write_text("".join(json.dumps({"name": r, "result": r}) + "\n" for r in results))
        empty = pathlib.Path(top) / "empty.json"
        empty.write_text("")
        # Where there is no log, its name may be empty too.
        runs = [("a", log), ("gone", pathlib.Path(top) / "gone.json"), ("empty", empty),
                ("unnamed", pathlib.Path(""))]
        passed, failed, skipped = tally(runs, ["build"])
        assert (passed, len(failed), len(skipped)) == (2, 7, 1), (passed, failed, skipped)
        passed, failed, skipped = tally(runs, [], ["a"])
        assert (passed, len(failed), len(skipped)) == (2, 7, 0), (passed, failed, skipped)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broken", action="append", default=[], metavar="BUILD")
    parser.add_argument(
        "--whole", action="append", default=[], metavar="NAME", help="a run that may skip nothing"
    )
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("runs", nargs="*", metavar="NAME=LOG")
    args = parser.parse_args()
    if args.self_test:
        self_test()
        return 0
    runs = [(name, pathlib.Path(path)) for name, path in (r.split("=", 1) for r in args.runs)]
    passed, failed, skipped = tally(runs, args.broken, args.whole)
    for line in skipped:
        print(f"skipped  {line}")
    for line in failed:
        print(f"FAILED   {line}")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
