#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: registrations_test.py PRELOAD PROGRAM [ARGUMENT...]

Runs PROGRAM, a test of calls over RDMA, with PRELOAD in each of its processes, and looks at all
regions that they registered: a serving process has none with a remote right or for windows.
"""

import collections
import os
import pathlib
import subprocess
import sys
import tempfile

SERVER = "probe-server"
# As libibverbs has them: IBV_ACCESS_REMOTE_WRITE, REMOTE_READ, REMOTE_ATOMIC, MW_BIND.
LOCAL_WRITE = 1
REMOTE = 2 | 4 | 8 | 16


def main():
    preload, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        record = pathlib.Path(directory, "registrations")
        env = os.environ | {
            "LD_PRELOAD": os.path.abspath(preload),
            "VERBENA_TEST_REGISTRATIONS": str(record),
        }
        status = subprocess.run(command, env=env, check=False).returncode
        lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    seen = collections.defaultdict(collections.Counter)
    for line in lines:
        program, access = line.rsplit(" ", 1)
        seen[program][int(access, 16)] += 1
    for program, accesses in seen.items():
        print(program, {hex(access): n for access, n in accesses.items()})
    if status:
        sys.exit(f"{command[0]} failed ({status})")
    if not seen[SERVER]:
        sys.exit(f"{SERVER} registered nothing: it was not looked at")
    if any(access & ~LOCAL_WRITE for access in seen.pop(SERVER)):
        sys.exit(f"{SERVER} has registered memory for others than itself")
    if not any(access & REMOTE for accesses in seen.values() for access in accesses):
        sys.exit("no client exposed anything: nothing was tried")


main()
