#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: faulted.py BUILD-DIRECTORY
       faulted.py BUILD-DIRECTORY --all [WORD...]
       faulted.py BUILD-DIRECTORY PROGRAM TEST SIDE PLAN
       faulted.py BUILD-DIRECTORY --plants

End-to-end tests, each with a fault at the nth call of one verb on one side (docs/faults.md).
BUILD-DIRECTORY is tests/faults of a build with -Dfaults=true. Without more: the slice of
VERBENA_TEST_SEED (1), in which every verb fails. --all: all of them; with words only those
whose line holds each of these. Or one; or what must fail."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

# What a test may take, if the environment does not say: it waits for nothing that comes after that.
SECONDS = 600
JOBS = 2

# Tests of calls. What takes many seconds also where nothing fails is left to --all.
QUICK = {
    "calls": """success_leaves_errno null_arguments strings several_interfaces_and_peers
        two_connections agreed_minor message_max_extremes sessions_come_and_go remaining_time
        peers_outlive_their_connection two_addresses""",
    "buffers": """bounces_are_counted allocation_patterns registered_memory
        registration_that_cannot_be stack short_answers string_literal read_only_mapping
        memory_of_another_connection buffer_across_allocations untouched_room_is_zero
        several_buffers typed_buffer above_max_transfer server_without_room""",
    "servers": """stop_by_signal stop_in_a_handler stop_by_another_thread_and_run_again
        stop_ends_each_way_of_waiting connections_max""",
    "deadlines": """held_inline_heap held_exposed_allocated held_direct_heap methods_own_deadline
        late_answers_free_slots half_the_slots_late stopped_server""",
    "deaths": "server_killed_while_idle client_killed_in_a_call",
}
SLOW = {
    "calls": """fixed_arguments a_thousand_peers oneway_flood inflight_extremes ways_of_waiting
        one_cpu""",
    "buffers": "sizes direct_sizes allocated_memory",
    "random": "random_calls_and_kills",
    "deadlines": "shortest_deadlines canceled_while_pushing canceled_while_pulling full_ring",
    "deaths": """server_killed_in_a_call no_deadline_ends_with_the_server
        server_killed_while_pulling server_killed_while_pushing""",
}
# What ends servers, or connections by a deadline.
ENDING = {"servers", "deadlines", "deaths"}
# Connections, one after the other and beside each other, and one that is refused.
SETTING_UP = [("calls", "two_connections"), ("servers", "stop_by_another_thread_and_run_again"),
              ("servers", "connections_max"), ("calls", "two_addresses")]

# What calls do, most often, and what is done once for each connection or process; and by which
# side. A fault at calls 1 to n of each.
OFTEN_CALLS, DATA_CALLS, SET_UP_CALLS = 4, 2, 2
BOTH_OFTEN = "post_send poll_cq reg_mr flush"
OFTEN = {"client": f"{BOTH_OFTEN} post_recv", "server": f"{BOTH_OFTEN} post_srq_recv"}
BOTH_DATA = "post_send_middle req_notify get_cq_event dereg_mr"
DATA = {
    "client": f"{BOTH_DATA} post_recv_middle",
    "server": f"{BOTH_DATA} post_srq_recv_middle",
}
BOTH_SET_UP = """alloc_pd create_channel create_cq create_qp modify_qp query cm_create_channel
    cm_create_id cm_qp_attr cm_disconnect cm_get_event event_disconnected event_timewait_exit"""
SET_UP = {
    "client": f"""{BOTH_SET_UP} cm_resolve_addr cm_resolve_route cm_connect cm_establish
        event_addr_resolved event_route_resolved event_connect_response""",
    "server": f"""{BOTH_SET_UP} create_srq cm_bind cm_listen cm_accept event_connect_request
        event_established""",
}
# One test has a connection that is refused, once.
REFUSED = [("client", "event_rejected:1"), ("server", "cm_reject:1")]
REFUSED_TEST = [("servers", "test_connections_max")]
# Whether there is such a call at all depends on who is quicker, or on which tests meet the plan.
MAYBE = {"post_send_middle", "event_disconnected", "event_timewait_exit"}

# What each plant must be seen by, a line of its output, and with which fault: one that is met when
# calls are made, or never.
MET, NOT_MET = "post_send:6", "post_send:1000000"
PLANTS = {
    "plant_nothing": (MET, r"1 passed, 0 skipped, 0 failed"),
    "plant_wrong_success": (MET, r"plant_wrong_success: exit status 3"),
    "plant_no_fault": (NOT_MET, r"plant_no_fault: exit status 7"),
    "plant_leak": (MET, r"plant_leak: exit status 99"),
    "plant_hang": (MET, r"plant_hang: not done after"),
    "plant_patience": (NOT_MET, r"plant_patience: exit status 4"),
    "plant_errno": (NOT_MET, r"plant_errno: exit status 4"),
    "plant_dead_server": (MET, r"plant_dead_server: exit status 5"),
    "plant_outcome": (NOT_MET, r"plant_outcome: exit status 6"),
}
HANG_SECONDS = 25

SANITIZER = re.compile(r"(Address|Leak|UndefinedBehavior)Sanitizer|runtime error:")

SAID_WHY = re.compile(r"^probe-server: \S", re.M)


class Run:
    """One test with one plan on one side."""

    def __init__(self, program, test, side, plan):
        self.program, self.test, self.side, self.plan = program, test, side, plan
        self.output, self.took, self.wrong = "", 0, []

    def __str__(self):
        return f"{self.program} {self.test} {self.side} {self.plan}"

    def perform(self, build, seconds):
        plans = {"client": "strict", "server": "strict"}
        plans[self.side] += f",{self.plan}"
        env = {
            **os.environ,
            "VERBENA_TEST_TRANSPORT": "rdma",
            "VERBENA_FAULTS": plans["client"],
            "VERBENA_TEST_SERVER_FAULTS": plans["server"],
            "VERBENA_TEST_FAULTED": f"{self.side} {self.plan}",
            "VERBENA_TEST_SERVER": f"{build}/faulted_probe_server",
            "VERBENA_TEST_SECONDS": str(seconds),
            "VERBENA_TEST_SEED": os.environ.get("VERBENA_TEST_SEED", "1"),
        }
        if self.program in ENDING:
            env["VERBENA_TEST_RESETS"] = "1"
        begin = time.monotonic()
        done = subprocess.run([f"{build}/faulted_{self.program}", self.test], env=env, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.took = time.monotonic() - begin
        self.output = done.stdout.decode(errors="replace")
        if done.returncode:
            self.wrong.append(f"exit status {done.returncode}")
        if SANITIZER.search(self.output):
            self.wrong.append("a sanitizer has something to say")
        if "did not begin" in self.output and not SAID_WHY.search(self.output):
            self.wrong.append("a server does not say why it did not begin")
        return self

    @property
    def came(self):
        return "faulted: the fault came" in self.output

    @property
    def verdict(self):
        if self.wrong:
            return "FAILED"
        if not self.came:
            return "no such call"
        return "broke off" if "faulted: it broke off" in self.output else "went on"


def tests_of(*tables):
    return [(program, f"test_{name}") for table in tables for program, names in table.items()
            for name in names.split()]


def plans(table, calls):
    """Every first call comes before every second one: neighbours are met by different tests."""
    return [(side, f"{verb}:{n}") for n in range(1, calls + 1) for side, verbs in table.items()
            for verb in verbs.split()]


def pairs(tests, wanted, seed=None):
    """All of them, or with a seed those where each plan has one test, another one for each seed."""
    for j, (side, plan) in enumerate(wanted):
        for i, (program, test) in enumerate(tests):
            if seed is None or (i + j) % len(tests) == seed % len(tests):
                yield Run(program, test, side, plan)


DATA_PLANS = plans(OFTEN, OFTEN_CALLS) + plans(DATA, DATA_CALLS)
SETTING_UP_TESTS = [(program, f"test_{name}") for program, name in SETTING_UP]


def a_slice(seed):
    yield from pairs(tests_of(QUICK), DATA_PLANS, seed)
    # Of each verb one of the calls, another one in the next seed.
    wanted = [(side, f"{plan[:-1]}{1 + (j + seed) % SET_UP_CALLS}")
              for j, (side, plan) in enumerate(plans(SET_UP, 1))]
    yield from pairs(SETTING_UP_TESTS, wanted, seed // SET_UP_CALLS)
    yield from pairs(REFUSED_TEST, REFUSED)


def everything():
    yield from pairs(tests_of(QUICK, SLOW), DATA_PLANS)
    yield from pairs(SETTING_UP_TESTS, plans(SET_UP, SET_UP_CALLS))
    yield from pairs(REFUSED_TEST, REFUSED)


def perform(runs, build):
    seconds = int(os.environ.get("VERBENA_TEST_SECONDS", SECONDS))
    done = []
    with ThreadPoolExecutor(JOBS) as pool:
        for run in pool.map(lambda run: run.perform(build, seconds), runs):
            print(f"{run}: {run.verdict} ({run.took:.1f} s)", flush=True)
            if run.wrong:
                print(f"{run.output}FAILED {run}: {'; '.join(run.wrong)}", flush=True)
            done.append(run)
    return done


def never_came(done):
    """Verbs of which no call failed in any run say nothing, and that must be known. What is done
    once for a process has no second call."""
    verbs = {(run.side, run.plan.split(":")[0]) for run in done if run.plan.endswith(":1")}
    came = {(run.side, run.plan.split(":")[0]) for run in done if run.came}
    return [f"{side} {verb}" for side, verb in sorted(verbs - came) if verb not in MAYBE]


def run_all(runs, build, needs_all):
    done = perform(runs, build)
    failed = [run for run in done if run.wrong]
    missing = never_came(done) if needs_all else []
    for name in missing:
        print(f"FAILED: no run had the fault {name}")
    print(f"{len(done)} runs: the fault came in {sum(run.came for run in done)}, "
          f"{sum(run.verdict == 'broke off' for run in done)} broke off, {len(failed)} FAILED")
    for run in failed:
        print(f"FAILED {run}")
    return bool(failed or missing)


def run_plants(build):
    runs = [Run("plants", name, "client", plan) for name, (plan, _) in PLANTS.items()]
    failed = False

    def perform_one(run):
        return run.perform(build, HANG_SECONDS if run.test == "plant_hang" else SECONDS)

    with ThreadPoolExecutor(JOBS) as pool:
        for run in pool.map(perform_one, runs):
            seen = re.search(PLANTS[run.test][1], run.output) is not None
            print(f"{run.test}: {'seen' if seen else 'FAILED'} ({run.took:.1f} s)", flush=True)
            if not seen:
                print(run.output, flush=True)
                failed = True
    return failed


def main():
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    build, words = os.path.abspath(sys.argv[1]), sys.argv[2:]
    if words == ["--plants"]:
        return run_plants(build)
    if words and words[0] == "--all":
        return run_all([run for run in everything() if all(w in str(run) for w in words[1:])],
                       build, needs_all=len(words) == 1)
    if len(words) == 4:
        return run_all([Run(*words)], build, needs_all=False)
    if words:
        print(__doc__, file=sys.stderr)
        return 2
    return run_all(a_slice(int(os.environ.get("VERBENA_TEST_SEED", "1"), 0)), build, needs_all=True)


sys.exit(main())
