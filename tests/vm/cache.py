# SPDX-License-Identifier: Apache-2.0
"""The cache of a kernel, QEMU and busybox out of Debian's packages, and of initramfs files.

Nothing is installed: packages are downloaded by apt-get, without root, unpacked by dpkg into a
fresh directory, and renamed into place when whole. What has its name in the cache is complete.
"""

import contextlib
import fcntl
import gzip
import hashlib
import lzma
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

KERNEL = "linux-image-amd64"  # depends on the package of the current kernel
QEMU = "qemu-system-x86"
BUSYBOX = "busybox-static"

# The unpacked kernel takes 0.4 GB and QEMU with its libraries at most 0.8 GB; each exists twice
# for a moment, as packages and unpacked.
ROOM_BYTES = 2 << 30

# What the machine needs, in an order that works; what these depend on is found in the modules.
# Without crc32_generic no rxe device can be added ("File not found").
MODULES = [
    "virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console", "virtio_net", "crc32_generic",
    "rdma_rxe", "ib_uverbs", "rdma_ucm", "dummy", "sch_netem",
]


class Trouble(Exception):
    """Something that the user has to mend; the text says what."""


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def directory():
    """Where everything is kept: $VERBENA_VM_CACHE, else verbena/vm in the user's cache."""
    named = os.environ.get("VERBENA_VM_CACHE")
    if named:
        return pathlib.Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base).absolute() / "verbena" / "vm"


@contextlib.contextmanager
def locked(cache):
    """One run fills the cache at a time. Leftovers of runs that died are cleared under the lock."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = open(cache / "lock", "w", encoding="utf-8")
    except OSError as error:
        raise Trouble(f"cannot write the cache: {error}; VERBENA_VM_CACHE names another") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is filling {cache}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in cache.glob("partial-*"):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
        yield


def command(words, where=None):
    """Runs it; returns (status, stdout, stderr)."""
    done = subprocess.run(
        words, cwd=where, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env=dict(os.environ, LC_ALL="C", DEBIAN_FRONTEND="noninteractive"),
    )
    return done.returncode, done.stdout, done.stderr


class Packages:
    """apt-get as an unprivileged user: the host's package lists, else private ones."""

    def __init__(self, cache):
        self.cache = cache
        self.private = False
        for tool in ("apt-get", "apt-cache", "dpkg"):
            if not shutil.which(tool):
                raise Trouble(
                    f"no {tool} here to fetch a kernel and QEMU with. Put the program "
                    f"qemu-system-x86_64 into PATH, a static busybox into {cache}/busybox/bin/, "
                    f"and a kernel with its modules into {cache}/kernel/ "
                    "(boot/vmlinuz-*, lib/modules/*)"
                )

    def options(self):
        # No lock and no change of user: nothing of the system's is written.
        options = ["-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User="]
        if self.private:
            own = self.cache / "apt"
            for folder in ("lists/partial", "archives/partial"):
                (own / folder).mkdir(parents=True, exist_ok=True)
            options += ["-o", f"Dir::State::Lists={own}/lists", "-o", f"Dir::Cache={own}"]
        return options

    def refresh(self):
        """Fetches package lists of our own: the host's are missing or too old."""
        if self.private:
            return False
        self.private = True
        say("fetching package lists")
        status, _, errors = command(["apt-get", *self.options(), "update"])
        if status != 0:
            raise Trouble(f"apt-get update failed; is there a network?\n{errors.strip()}")
        return True

    def names(self, package):
        """The packages to fetch so that PACKAGE can run here."""
        if package == KERNEL:
            _, text, _ = command(["apt-cache", *self.options(), "depends", package])
            return re.findall(r"Depends: (linux-image-[\w.+-]+)", text)
        if package == BUSYBOX:
            return [package]
        # What apt would add to this system: libraries that are here already are used.
        _, text, _ = command(
            ["apt-get", *self.options(), "install", "--print-uris", "-qq", "-y",
             "--no-install-recommends", package]
        )
        return re.findall(r"^'\S+' ([^_\s]+)_", text, re.MULTILINE)

    def download(self, package, into):
        """Puts the .deb files of PACKAGE, and of what it needs, into a directory."""
        while True:
            names = self.names(package)
            errors = f"no package {package} is known here"
            if names:
                status, _, errors = command(
                    ["apt-get", *self.options(), "download", *names], into
                )
                if status == 0:
                    return
            if not self.refresh():
                raise Trouble(f"cannot download {package}:\n{errors.strip()}")

    def unpack(self, package, prepare=None):
        """Makes cache/NAME of a package; prepare(path) may change it before it is in place."""
        name = {KERNEL: "kernel", QEMU: "qemu", BUSYBOX: "busybox"}[package]
        room = shutil.disk_usage(self.cache).free
        if room < ROOM_BYTES:
            raise Trouble(
                f"{room >> 20} MiB left under {self.cache}, and {ROOM_BYTES >> 20} MiB are "
                "needed; VERBENA_VM_CACHE names another place"
            )
        say(f"fetching {package} into {self.cache} (once)")
        partial = pathlib.Path(tempfile.mkdtemp(prefix="partial-", dir=self.cache))
        try:
            partial.chmod(0o755)
            debs, tree = partial / "debs", partial / "tree"
            debs.mkdir()
            self.download(package, debs)
            for deb in sorted(debs.glob("*.deb")):
                status, _, errors = command(["dpkg", "-x", str(deb), str(tree)])
                if status != 0:
                    raise Trouble(f"cannot unpack {deb.name}:\n{errors.strip()}")
            if prepare:
                prepare(tree)
            os.rename(tree, self.cache / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


# ---- the kernel's modules


def module_name(path):
    return pathlib.Path(path).name.split(".ko")[0].replace("-", "_")


def module_read(path):
    data = path.read_bytes()
    if path.suffix == ".xz":
        return lzma.decompress(data)
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return data


def module_order(kernel, wanted):
    """Paths of the wanted modules and of what they depend on, each after what it needs."""
    top = next((kernel / "lib" / "modules").iterdir())
    paths = {module_name(path): path for path in (top / "kernel").rglob("*.ko*")}
    built_in = {module_name(line) for line in (top / "modules.builtin").read_text().split()}
    order = {}

    def add(name):
        name = name.replace("-", "_")
        if name in order or name in built_in:
            return
        if name not in paths:
            raise Trouble(f"the kernel {top.name} has no module {name}")
        # .modinfo holds key=value strings, each with a NUL behind it.
        depends = re.search(rb"\0depends=([^\0]*)\0", module_read(paths[name]))
        for other in depends.group(1).decode().split(",") if depends else []:
            if other:
                add(other)
        order[name] = paths[name]

    for name in wanted:
        add(name)
    return list(order.values())


def busybox_path(cache):
    for path in (cache / "busybox/bin/busybox", cache / "busybox/usr/bin/busybox"):
        if path.exists():
            return path
    return None


# ---- the initramfs


def cpio_entry(number, name, mode, data=b""):
    """One member of a cpio archive of the kind 'newc', padded to 4 bytes as the kernel wants it."""
    raw = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def initramfs_build(busybox, modules, init):
    members = [(name, 0o040755, b"") for name in ("bin", "dev", "modules", "proc", "sys")]
    members.append(("bin/busybox", 0o100755, busybox.read_bytes()))
    for number, path in enumerate(modules):
        # The shell's * sorts by name, so a number puts them in order.
        members.append((f"modules/{number:03}-{module_name(path)}.ko", 0o100644, module_read(path)))
    members.append(("init", 0o100755, init))
    entries = [cpio_entry(number, *member) for number, member in enumerate(members, 1)]
    return b"".join(entries) + cpio_entry(0, "TRAILER!!!", 0)


def write_whole(path, data):
    """Writes a file that is there in whole or not at all."""
    with tempfile.NamedTemporaryFile(prefix="partial-", dir=path.parent, delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.rename(file.name, path)
        except OSError as error:
            os.unlink(file.name)
            raise Trouble(f"cannot write {path}: {error}") from error


class Tools:
    """What a machine is started with: paths in the cache, complete."""

    def __init__(self, extra_modules=()):
        if platform.machine() != "x86_64":
            raise Trouble(f"the machine is an x86-64 one, and this is {platform.machine()}")
        self.cache = directory()
        self.modules = [*MODULES, *extra_modules]
        if not self.complete():
            with locked(self.cache):
                self.fill()
        self.kernel = self.vmlinuz()
        self.initramfs = self.initramfs_path()
        if not self.initramfs.exists():
            with locked(self.cache):
                self.initramfs_make()

    def vmlinuz(self):
        found = sorted((self.cache / "kernel" / "boot").glob("vmlinuz-*"))
        return found[0] if found else None

    def complete(self):
        return self.vmlinuz() and busybox_path(self.cache) and self.qemu()

    def fill(self):
        packages = Packages(self.cache)
        if not self.vmlinuz():
            packages.unpack(KERNEL)
        if not busybox_path(self.cache):
            packages.unpack(BUSYBOX)
        if not self.qemu():
            packages.unpack(QEMU)
        shutil.rmtree(self.cache / "apt", ignore_errors=True)
        if not self.complete():
            raise Trouble(f"the packages do not hold what they should; remove {self.cache}")

    def qemu(self):
        """(words that start it, environment), or None if it is neither here nor in the cache."""
        here = shutil.which("qemu-system-x86_64")
        if here:
            return [here], {}
        top = self.cache / "qemu"
        program = top / "usr/bin/qemu-system-x86_64"
        if not program.exists():
            return None
        folders = {path.parent for path in top.rglob("*.so*")}
        libraries = ":".join(str(path) for path in sorted(folders))
        firmware = ["-L", f"{top}/usr/share/qemu", "-L", f"{top}/usr/share/seabios"]
        return [str(program), *firmware], {"LD_LIBRARY_PATH": libraries}

    def init(self):
        return (pathlib.Path(__file__).parent / "guest_init").read_bytes()

    def initramfs_path(self):
        """Named by what it is made of, so that another kernel or module list has another file."""
        parts = [self.vmlinuz().name.encode(), *map(str.encode, self.modules), self.init()]
        digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
        return self.cache / f"initramfs-{digest}.cpio"

    def initramfs_make(self):
        modules = module_order(self.cache / "kernel", self.modules)
        image = initramfs_build(busybox_path(self.cache), modules, self.init())
        write_whole(self.initramfs, image)
