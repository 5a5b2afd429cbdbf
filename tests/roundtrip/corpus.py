#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of fuzz_wire beside a stamp: corpus.py ROUNDTRIP SEED STAMP."""

import pathlib
import shutil
import subprocess
import sys

program, seed, stamp = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
directory = stamp.with_suffix("")
shutil.rmtree(directory, ignore_errors=True)
directory.mkdir(parents=True)
subprocess.run([program, seed, directory], check=True)
stamp.touch()
