#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The state disk on a real kernel, in QEMU. usage: state_disk_vm_test.py FOLDER_OF_BINARIES [CASE...]

Starts the node image's kernel directly, with the programs under test as initramfs and a sparse file as disk; attacks
and kills come from outside. Prints one line a check, then "N passed, N failed"; exit code 0 if none failed.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import vm

MARKER = b"state-disk-marker-8f1e-not-in-clear"
BOOT, STEPS = 120, 900  # seconds, generous: the machine may be busy
BLANK_8G = 8 << 30
MIB = 1 << 20

# Where the n-th sector of the encrypted device lies on the disk, and its tag: docs/formats/state-disk.md.
FIRST_RUN, RUN, AREA = 2048 + 8 + 65472, 256, 32768


def data_offset(sector):
    return (FIRST_RUN + (sector // AREA + 1) * RUN + sector) * 512


def tag_offset(sector):
    return (FIRST_RUN + sector // AREA * (AREA + RUN)) * 512 + sector % AREA // 8 * 32


class Suite:
    """Runs cases and counts."""

    def __init__(self, binaries, work):
        self.work = Path(work)
        self.kernel = vm.kernel_folder()
        self.initramfs = self.work / "initramfs"
        vm.build_initramfs(binaries, self.kernel, self.initramfs)
        self.passed = self.failed = 0
        self.accelerator = self._probe()
        self.values = {}

    def _probe(self):
        """KVM only if a VM really runs with it."""
        if os.environ.get("CONSTELLATION_VM_KVM") == "0" or not os.access("/dev/kvm", os.R_OK | os.W_OK):
            return vm.EMULATION
        machine = self.start(self.disk("probe", BLANK_8G), "inspect=blank", vm.KVM)
        works = machine.wait_for("@@ end", 20)
        machine.close()
        return vm.KVM if works else vm.EMULATION

    def disk(self, name, size=None, base=None):
        path = self.work / f"{name}.raw"
        if base:
            subprocess.run(["cp", "--sparse=always", str(base), str(path)], check=True)
        else:
            path.unlink(missing_ok=True)
            with open(path, "wb") as file:
                file.truncate(size)
        return path

    def start(self, disk, steps, accelerator=None):
        return vm.Vm(self.kernel / "vmlinuz", self.initramfs, disk, steps, self.work / "console.log",
                     accelerator or self.accelerator)

    def check(self, name, good, detail=""):
        self.passed += good
        self.failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name} {detail}".rstrip(), flush=True)

    def run(self, case, disk, steps):
        """One VM that has to pass all its steps."""
        machine = self.start(disk, steps)
        ended = machine.wait_for("@@ end", STEPS)
        machine.wait_for("@@ closed", 20)
        machine.close()
        results = [line for line in machine.lines if re.match("@@ (pass|FAIL)", line)]
        for line in results:
            _, verdict, step, milliseconds, _, *rest = line.split(" ", 5)
            self.values[f"{case} {step}"] = int(milliseconds)
            self.check(f"{case}: {step}", verdict == "pass",
                       f"({milliseconds} ms)" + ("" if verdict == "pass" else f" {' '.join(rest)}"))
        for line in machine.lines:
            if match := re.match(r"@@ value (\S+) (\d+)", line):
                self.values[match.group(1)] = int(match.group(2))
        if not ended or len(results) != steps.count(",") + 1:
            self.check(f"{case}: all steps ran", False, "\n".join(machine.lines[-15:]))

    def run_and_kill(self, case, disk, steps, at, delay):
        """Cuts the power `delay` seconds after the line `at`; whether the VM was still at it."""
        machine = self.start(disk, steps)
        began = machine.wait_for(at, BOOT)
        time.sleep(delay)
        machine.kill()
        self.check(f"{case}: killed {delay} s after '{at}'", began,
                   "" if began else "\n".join(machine.lines[-15:]))


def flip(path, offset, mask=1):
    with open(path, "r+b") as file:
        file.seek(offset)
        octet = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([octet ^ mask]))


def read_at(path, offset, size):
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def write_at(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


def contains(path, needle):
    """Whether the data of a sparse file contains `needle`."""
    with open(path, "rb") as file:
        position = 0
        while True:
            try:
                position = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:
                return False
            end = os.lseek(file.fileno(), position, os.SEEK_HOLE)
            file.seek(max(0, position - len(needle)))
            while file.tell() < end:
                if needle in file.read(16 * MIB):
                    return True
                if file.tell() < end:
                    file.seek(-len(needle), os.SEEK_CUR)
            position = end


def base_disk(suite):
    """A committed disk with the marker in it; made once."""
    path = suite.work / "base.raw"
    if not path.exists():
        suite.disk("base", BLANK_8G)
        suite.run("life", path, "inspect=blank,cli-format=1,inspect=blank,marker,where-marker,cli-commit,inspect=ours,"
                                "unbind,fsck=clean,close")
    return path


def case_life(suite):
    """Format, use, commit by the real program; open again; nothing in clear on the disk."""
    base = base_disk(suite)
    suite.check("life: marker is not on the disk in clear", not contains(base, MARKER))
    suite.check("life: the search would find it", contains_itself(suite))
    ready = suite.values["life cli-format=1"]
    limit = 3000 if suite.accelerator == vm.KVM else 20000
    suite.check(f"life: 8 GB ready within {limit} ms", ready <= limit, f"({ready} ms)")
    disk = suite.disk("again", base=base)
    suite.run("reopen", disk, "inspect=ours,UNAUTHENTICATED!open=2,open=1,mount,read-marker,unmount,fsck=clean,"
                              "INTERNAL!cli-commit,close,INTERNAL!cli-format=1,reset,inspect=blank,"
                              "format=3,inspect=blank,close")
    disk.unlink()


def contains_itself(suite):
    path = suite.disk("search", 1 << 30)
    write_at(path, 700 * MIB + 16 * MIB - 5, MARKER)
    found = contains(path, MARKER)
    path.unlink()
    return found


def case_large(suite):
    """800 GB: as fast as 8; the file system never meets a block that was not written."""
    disk = suite.disk("large", 800 << 30)
    suite.run("large", disk, "cli-format=1,unbind,mount,fill,check-fill,unmount,fsck=clean,mount,check-fill,crash=8,"
                             "close,open=1,fsck=repair,mount,check-fill,check-churn,unmount,fsck=clean")
    ready = suite.values.get("large cli-format=1", 10**9)
    limit = 3000 if suite.accelerator == vm.KVM else 20000
    suite.check(f"large: 800 GB ready within {limit} ms", ready <= limit, f"({ready} ms)")
    suite.check("large: sparse disk stays small", disk.stat().st_blocks * 512 < 2 << 30,
                f"({disk.stat().st_blocks * 512 >> 20} MiB)")
    disk.unlink()


def case_parallel(suite):
    """Inodes made at the same time on two CPUs, also after the caches are gone."""
    disk = suite.disk("parallel", BLANK_8G)
    suite.run("parallel", disk, "cli-format=1,create,unbind,fsck=clean,mount,fill,create,check-fill,unmount,fsck=clean")
    disk.unlink()


def case_power(suite):
    """QEMU killed while files are written: the journal is replayed, what was synced is there."""
    disk = suite.disk("power", base=base_disk(suite))
    for round_number in range(2):
        suite.run_and_kill("power", disk, "open=1,fsck=repair,mount,churn", "@@ begin churn", 12)
        suite.run(f"power {round_number}", disk, "inspect=ours,open=1,fsck=repair,mount,read-marker,check-churn,"
                                                 "unmount,fsck=clean")
    disk.unlink()


def case_killed_format(suite):
    """QEMU killed during format, mkfs, before commit: blank, and the next try works."""
    disk = suite.disk("killed", BLANK_8G)
    for at, delay in (("@@ begin format", 0.05), ("@@ begin format", 0.3), ("@@ begin zero", 0.05),
                      ("@@ begin mkfs", 1), ("@@ begin wait", 0)):
        suite.run_and_kill("killed format", disk, "format=1,zero,mkfs,mount,marker,wait=60", at, delay)
    suite.run("killed format", disk, "inspect=blank,INTERNAL!cli-commit,format=2,zero,mkfs,mount,marker,"
                                     "commit,inspect=ours")
    suite.run_and_kill("killed reset", disk, "open=2,mount,cli-reset,wait=60", "@@ begin wait", 0)
    suite.run("killed reset", disk, "inspect=blank")
    disk.unlink()


def case_foreign(suite):
    """Somebody else's disk is left alone."""
    disk = suite.disk("foreign", BLANK_8G)
    subprocess.run([str(vm.find_program("mkfs.ext4")), "-q", "-F", str(disk), "1000000"], check=True)
    before = read_at(disk, 0, 2 * MIB)
    suite.run("foreign", disk, "inspect=foreign,FAILED_PRECONDITION!format=1,FAILED_PRECONDITION!commit,"
                               "FAILED_PRECONDITION!reset,INTERNAL!cli-format=1")
    suite.check("foreign: nothing was written", read_at(disk, 0, 2 * MIB) == before)
    disk.unlink()


def case_damaged(suite):
    """A flipped bit anywhere: an error that says what, never other data."""
    base = base_disk(suite)
    marker = suite.values["marker-block"] * 8
    damages = [
        ("label", lambda d: flip(d, 512 + 60), "inspect=foreign"),
        ("key check", lambda d: flip(d, 512 * 1024 + 20), "inspect=ours,UNAUTHENTICATED!open=1"),
        ("key check gone", lambda d: write_at(d, 512 * 1024, bytes(4096)), "DATA_LOSS!open=1"),
        ("superblock", lambda d: flip(d, MIB + 9), "DATA_LOSS!open=1"),
        ("superblock salt", lambda d: flip(d, MIB + 50), "DATA_LOSS!open=1"),
        ("file system", lambda d: flip(d, data_offset(0) + 1030), "open=1,DATA_LOSS!mount,close"),
        ("tag", lambda d: flip(d, tag_offset(0) + 3), "open=1,DATA_LOSS!mount,close"),
        ("file", lambda d: flip(d, data_offset(marker + 8) + 100), "open=1,mount,DATA_LOSS!read-marker"),
        ("moved block", lambda d: copy_block(d, marker, marker + 8), "open=1,mount,DATA_LOSS!read-marker"),
    ]
    for name, damage, steps in damages:
        disk = suite.disk("damaged", base=base)
        damage(disk)
        suite.run(f"damaged {name}", disk, steps)
        disk.unlink()


def copy_block(disk, source, target):
    """A block and its tag to another place: both are genuine, but not there."""
    write_at(disk, data_offset(target), read_at(disk, data_offset(source), 4096))
    write_at(disk, tag_offset(target), read_at(disk, tag_offset(source), 32))


CASES = {"life": case_life, "damaged": case_damaged, "foreign": case_foreign, "killed": case_killed_format,
         "parallel": case_parallel, "power": case_power, "large": case_large}


def main():
    binaries, *names = sys.argv[1:] or sys.exit(__doc__)
    work = tempfile.mkdtemp(prefix="constellation-state-disk-")
    try:
        suite = Suite(binaries, work)
        print(f"accelerator: {suite.accelerator[1]}", flush=True)
        for name in names or CASES:
            CASES[name](suite)
    finally:
        if log := os.environ.get("CONSTELLATION_VM_LOG"):
            shutil.copy(Path(work) / "console.log", log)
        shutil.rmtree(work, ignore_errors=True)
    print(f"{suite.passed} passed, {suite.failed} failed")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())
