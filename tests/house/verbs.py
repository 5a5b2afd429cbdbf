#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs transport calls libibverbs and librdmacm in one file, where faults are made on purpose.

A call elsewhere would be one that no test has seen fail, of an object that nobody counts.
"""

import re

import house

FOLDER = "transport/verbs/"
# Where they are called, and where completions are late on purpose.
HOME = {FOLDER + "calls.h", FOLDER + "faults.h", FOLDER + "faults_poll.c"}
# They read what a struct says, or name a constant: nothing in them can fail.
ACCESSORS = {
    "ibv_get_device_name",
    "ibv_wc_status_str",
    "rdma_get_local_addr",
    "rdma_get_peer_addr",
}

CALL = re.compile(r"\b((?:ibv|rdma)_\w+)\s*\(")


def check(root):
    complaints = []
    for path in house.tracked(root):
        name = path.as_posix()
        if not name.startswith(FOLDER) or path.suffix not in {".c", ".h"} or name in HOME:
            continue
        if path.stem.endswith("_test"):
            continue
        lines = house.strip_c(house.text(root / path)).splitlines()
        for number, line in enumerate(lines, 1):
            for called in CALL.findall(line):
                if called not in ACCESSORS:
                    complaints.append(f"{name}:{number}: {called}() is for {FOLDER}calls.h only")
    return complaints


CLEAN = {
    "transport/verbs/calls.h": "static inline int f(void *q)\n{\n\treturn ibv_post_send(q);\n}\n",
    "transport/verbs/cm.c": "/* ibv_poll_cq() */\nint f(struct ibv_wc *w)\n{\n\treturn g(w);\n}\n",
    "transport/verbs/at.c": "const char *f(void *d)\n{\n\treturn ibv_get_device_name(d);\n}\n",
    "transport/verbs/at_test.c": "int f(void *m)\n{\n\treturn ibv_dereg_mr(m);\n}\n",
    "bench/floor.c": "int f(void *m)\n{\n\treturn ibv_dereg_mr(m);\n}\n",
}


def plant(name, line, expect):
    return house.Plant({**CLEAN, FOLDER + name: line + "\n"}, expect)


PLANTS = [
    plant("bad.c", "int f(void *m)\n{\n\treturn ibv_dereg_mr(m);\n}", "bad.c:3: ibv_dereg_mr()"),
    plant("bad.h", "#define END(id) rdma_destroy_id (id)", "rdma_destroy_id()"),
    plant("faults.c", "void f(void *q)\n{\n\tibv_destroy_cq(q);\n}", "ibv_destroy_cq()"),
]

if __name__ == "__main__":
    house.main(check, PLANTS, CLEAN)
