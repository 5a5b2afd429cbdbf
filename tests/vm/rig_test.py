#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests of the rig itself: what comes out of the machine, how it ends, what it says when it cannot
start."""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).absolute().parent
BOOT_ENDS = 300  # seconds, for a machine and its command on a host with other work


def vm(*arguments, cwd="/", env=None):
    return subprocess.run(
        [HERE / "vm", *arguments], cwd=cwd, env=dict(os.environ, **(env or {})),
        capture_output=True, text=True, check=False, timeout=BOOT_ENDS,
    )


def same(what, seen, wanted):
    assert seen == wanted, f"{what}: {seen!r}, not {wanted!r}"


def holds(what, text, part):
    assert part in text, f"{what} does not hold {part!r}: {text}"


# ---- each boots a machine


def test_results():
    """Status, both streams with nothing else in them, directory, variables, files, a core."""
    with tempfile.TemporaryDirectory() as top:
        folder = pathlib.Path(top) / "a folder, with a comma"
        folder.mkdir()
        (folder / "from-host").write_text("read me\n")
        done = vm(
            "--limit", "100", "--share", str(folder), "--cores", str(folder),
            "--env", "GIVEN=a b", "--env", "TAKEN",
            "pwd; cat from-host; echo $GIVEN $TAKEN $VERBENA_TEST_ADDRESS; echo error >&2; "
            "seq 100000 >many; { bash -c 'kill -SEGV $$'; } 2>/dev/null; "
            "echo no >/etc/in-the-machine; "
            "sleep 1000 & exit 7",
            cwd=folder, env={"TAKEN": "c"},
        )
        same("status", done.returncode, 7)
        same("stdout", done.stdout, f"{folder}\nread me\na b c 10.77.0.1\n")
        same("stderr", done.stderr, "error\n")
        many = "".join(f"{n}\n" for n in range(1, 100001))
        same("a file written there", (folder / "many").read_text() == many, True)
        same("cores", len(list(folder.glob("core.bash.*"))), 1)
        same("the host's /etc was written", os.path.exists("/etc/in-the-machine"), False)


def test_words():
    """Several words are a program's, and no shell's; what is not there has a shell's status."""
    done = vm("printf", "%s|", "a b", "$HOME", "*")
    same("status and stdout", (done.returncode, done.stdout), (0, "a b|$HOME|*|"))


def test_limit():
    done = vm("--limit", "30", "echo before; trap '' TERM INT; while :; do sleep 9; done")
    same("status", done.returncode, 124)
    same("stdout", done.stdout, "before\n")
    holds("stderr", done.stderr, "did not end within 30 s")


def test_panic():
    done = vm("echo before; echo c >/proc/sysrq-trigger; sleep 1000")
    same("status", done.returncode, 125)
    same("stdout", done.stdout, "before\n")
    holds("stderr", done.stderr, "kernel panicked")
    holds("stderr", done.stderr, "sysrq triggered crash")


def test_serve():
    """Many commands in one machine; the one after a panic has a new one."""
    script = f"""
        {HERE}/vm --join 'echo one >/tmp/mark; exit 3'; echo $?
        {HERE}/vm --join 'cat /tmp/mark; nosuchprogram 2>/dev/null'; echo $?
        {HERE}/vm --join 'echo c >/proc/sysrq-trigger; sleep 1000' 2>/dev/null; echo $?
        {HERE}/vm --join 'cat /tmp/mark 2>/dev/null || echo new'; echo $?
        exit 5"""
    done = vm("--serve", "bash", "-c", script)
    same("status", done.returncode, 5)
    same("stdout", done.stdout.split(), ["3", "one", "127", "125", "new", "0"])


def test_two():
    """Each host's lines by its letter, and the first status that is not 0; nobody who reads, no
    command."""
    done = vm("--two", "hostname; printf rest; exit 3", "hostname >&2")
    same("status", done.returncode, 3)
    same("stdout", done.stdout, "a: verbena-a\na: rest\n")
    same("stderr", done.stderr, "b: verbena-b\n")
    with subprocess.Popen([HERE / "vm", "--two", "yes", "yes"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as both:
        holds("stdout", both.stdout.readline(), ": y")
        both.stdout.close()
        same("status when nobody reads", both.wait(BOOT_ENDS), 125)
        holds("stderr", both.stderr.read(), "ended")


# ---- these boot none


def test_usage():
    for arguments, text in [
        ((), "no command"),
        (("--memory", "much", "true"), "takes a number"),
        (("--limit", "0", "true"), "takes a number"),
        (("--accel", "warp", "true"), "tcg or kvm"),
        (("--nosuch", "true"), "nosuch"),
        (("--join", "true"), "beneath --serve"),
        (("--two", "true"), "two commands"),
    ]:
        env = {"VERBENA_TEST_VM": ""}
        done = vm(*arguments, env=env)
        same(f"status of {arguments}", done.returncode, 2)
        holds("stderr", done.stderr, text)
    same("--help", vm("--help").returncode, 0)


def test_no_share():
    done = vm("--share", "/nosuch/directory", "true")
    same("status", done.returncode, 125)
    holds("stderr", done.stderr, "/nosuch/directory")


def with_tools(folder, **scripts):
    """A PATH with these programs and python3 only."""
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    for name, text in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    return str(folder)


def test_packages():
    """An empty cache, and what there is to fetch packages with does not do it."""
    quiet = {"apt_cache": "echo '  Depends: linux-image-1-test'", "dpkg": "exit 0"}
    with tempfile.TemporaryDirectory() as top:
        top = pathlib.Path(top)
        cache = top / "cache"
        (cache / "partial-of-a-run-that-died").mkdir(parents=True)
        (cache / "partial-file-of-it").touch()
        for number, (tools, text) in enumerate([
            ({}, "no apt-get here"),
            ({**quiet, "apt_get": "echo 'Temporary failure resolving' >&2; exit 100"},
             "is there a network"),
            # Half a download, with an error of its own; the lists can be had.
            ({**quiet, "apt_get": "[ ${!#} = update ] && exit; echo half >k.deb; "
                                  "echo 'Hash Sum mismatch' >&2; exit 100"}, "Hash Sum"),
            ({**quiet, "apt_get": ">k.deb", "dpkg": "echo 'No space left' >&2; exit 2"},
             "No space left"),
        ]):
            path = with_tools(top / str(number), **tools)
            done = vm("--fetch", env={"PATH": path, "VERBENA_VM_CACHE": str(cache)})
            same(f"status with {tools}", done.returncode, 1)
            holds("stderr", done.stderr, text)
            left = {entry.name for entry in cache.iterdir()} - {"lock", "apt"}
            same("what is left in the cache", left, set())
        done = vm("--fetch", env={"VERBENA_VM_CACHE": "/proc/nosuch"})
        same("status with a cache that cannot be", done.returncode, 1)
        holds("stderr", done.stderr, "VERBENA_VM_CACHE")


def main():
    if os.environ.get("VERBENA_TEST_BOOT") != "1":
        print("boots virtual machines: ./dev test runs it, or set VERBENA_TEST_BOOT=1")
        return 77
    os.environ.pop("VERBENA_TEST_VM", None)
    failed = []

    def attempt(name, test):
        try:
            test()
            print(f"ok      {name}", flush=True)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed.append(name)
            print(f"FAILED  {name}: {error}", flush=True)

    tests = [(name, test) for name, test in globals().items() if name.startswith("test_")]
    chosen = [pair for pair in tests if not sys.argv[1:] or pair[0] in sys.argv[1:]]
    # Machines mostly wait while they boot.
    running = threading.Semaphore(2)

    def one(name, test):
        with running:
            attempt(name, test)

    threads = [threading.Thread(target=one, args=pair) for pair in chosen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
