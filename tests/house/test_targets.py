#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: test_targets.py BUILD-DIRECTORY SUITE...

Prints the targets that the tests of these suites need, for ninja: a build in which only some tests
are run need not make the rest.
"""

import json
import os
import subprocess
import sys


def introspect(build, what):
    return json.loads(subprocess.run(["meson", "introspect", build, what], check=True,
                                     capture_output=True, text=True).stdout)


def main():
    build, suites = sys.argv[1], {f"verbena:{suite}" for suite in sys.argv[2:]}
    files = {target["id"]: target["filename"] for target in introspect(build, "--targets")}
    needed = {name for test in introspect(build, "--tests") if suites & set(test["suite"])
              for target in test["depends"] for name in files[target]}
    if not needed:
        sys.exit(f"no tests of {', '.join(sorted(suites))} in {build}")
    top = os.path.abspath(build)
    print("\n".join(sorted(os.path.relpath(name, top) for name in needed)))


if __name__ == "__main__":
    main()
