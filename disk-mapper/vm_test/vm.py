# SPDX-License-Identifier: Apache-2.0
"""Starts a kernel directly, with a small initramfs and one disk, in QEMU."""

import gzip
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
MODULES = ("virtio_blk", "xts", "sha256-ssse3", "aesni-intel", "dm-integrity", "dm-crypt")
PROGRAMS = ("mkfs.ext4", "e2fsck")
EMULATION = ("-accel", "tcg,thread=multi", "-cpu", "max,cx16=off,la57=off", "-smp", "2")
KVM = ("-accel", "kvm", "-cpu", "host", "-smp", "2")


def kernel_folder():
    """The node image's kernel: vmlinuz and lib/modules/<version>; fetched if it is not cached."""
    sys.path.insert(0, str(TOP / "image"))
    from rootfs.kernel import kernel  # pylint: disable=import-outside-toplevel
    return Path(kernel())


def find_program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise SystemExit(f"state_disk_vm_test: {name} is not installed")
    return Path(path)


def libraries_of(program):
    text = subprocess.run(["ldd", str(program)], check=True, capture_output=True, text=True).stdout
    return [Path(match) for match in re.findall(r"(/\S+) \(0x", text)]


def module_paths(folder):
    """Paths of MODULES and what they need, in the order of loading."""
    [root] = (folder / "lib/modules").iterdir()
    depends = {}
    for line in (root / "modules.dep").read_text().splitlines():
        name, _, rest = line.partition(":")
        depends[name] = rest.split()
    ordered = []
    for wanted in MODULES:
        found = [n for n in depends if Path(n).name.split(".ko")[0].replace("_", "-") == wanted.replace("_", "-")]
        for name in found:
            for part in [*reversed(depends[name]), name]:
                if part not in ordered:
                    ordered.append(part)
    return [root / name for name in ordered]


class Cpio:
    """A cpio archive in the "newc" format, as the kernel unpacks it."""

    def __init__(self):
        self._bytes = bytearray()
        self._inode = 0
        self._folders = set()

    def _entry(self, name, mode, data):
        self._inode += 1
        encoded = name.encode() + b"\0"
        fields = [self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
        self._bytes += b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
        self._bytes += b"\0" * (-len(self._bytes) % 4) + data
        self._bytes += b"\0" * (-len(self._bytes) % 4)

    def file(self, path, data, mode=0o755):
        path = path.lstrip("/")
        for parent in reversed(Path(path).parents):
            if str(parent) != "." and parent not in self._folders:
                self._folders.add(parent)
                self._entry(str(parent), stat.S_IFDIR | 0o755, b"")
        self._entry(path, stat.S_IFREG | mode, data)

    def finish(self):
        self._entry("TRAILER!!!", 0, b"")
        return gzip.compress(bytes(self._bytes), 1)


def build_initramfs(binaries, kernel, target):
    """`binaries` holds the programs under test."""
    archive = Cpio()
    needed = set()
    for name, place in (("state_disk_vm_guest", "init"), ("disk-mapper", "bin/disk-mapper")):
        program = Path(binaries) / name
        archive.file(place, program.read_bytes())
        needed.update(libraries_of(program))
    for name in PROGRAMS:
        program = find_program(name)
        archive.file(f"sbin/{name}", program.read_bytes())
        needed.update(libraries_of(program))
    for library in sorted(needed):
        archive.file(str(library), library.read_bytes())
    modules = module_paths(kernel)
    for module in modules:
        archive.file(f"modules/{module.name}", module.read_bytes())
    archive.file("modules.list", "".join(f"/modules/{m.name}\n" for m in modules).encode())
    Path(target).write_bytes(archive.finish())


class Vm:
    """One run: lines of the console as they come."""

    def __init__(self, vmlinuz, initramfs, disk, steps, log, accelerator=EMULATION):
        self.lines = []
        self._log = open(log, "a", encoding="utf-8")
        self._log.write(f"---- {steps}\n")
        command = ["qemu-system-x86_64", *accelerator, "-m", "1024", "-smp", "2", "-nodefaults", "-no-user-config",
                   "-display", "none", "-serial", "stdio", "-no-reboot",
                   "-kernel", str(vmlinuz), "-initrd", str(initramfs),
                   "-append", f"console=ttyS0 quiet panic=-1 steps={steps}",
                   "-drive", f"file={disk},if=none,id=state,format=raw,discard=unmap",
                   "-device", "virtio-blk-pci,drive=state,serial=state"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL, text=True, errors="replace")
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._log.write(line)
            self._log.flush()
            with self._changed:
                self.lines.append(line.rstrip())
                self._changed.notify_all()
        with self._changed:
            self.lines.append("@@ closed")
            self._changed.notify_all()

    def wait_for(self, pattern, timeout):
        """Whether a line that matches came in time."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                if any(re.search(pattern, line) for line in self.lines):
                    return True
                left = deadline - time.monotonic()
                if left <= 0 or (self.lines and self.lines[-1] == "@@ closed"):
                    return False
                self._changed.wait(left)

    def kill(self):
        """Power cut: SIGKILL to this QEMU."""
        self.process.send_signal(signal.SIGKILL)
        self.close()

    def close(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self._log.close()
