# SPDX-License-Identifier: Apache-2.0
"""The initrd: a gzip-compressed cpio archive ("newc") of our init and modules."""

import gzip

from lib.run import SOURCE_DATE_EPOCH, BuildError
from lib.tree import Node, Tree

# Modules that find and open the root file system; dependencies follow.
ROOT_MODULES = ("virtio_blk", "virtio_scsi", "sd_mod", "dm-mod", "dm-verity",
                "squashfs")

# Loaded first, and only on real processors (see initrd/init.cc); the root file
# system's modprobe.d keeps udev from loading them in emulation.
ACCELERATED_MODULES = ("sha256-ssse3",)

# Disks of Azure: SCSI, or NVMe behind a PCI bus of its own. Loaded there only.
HYPERV_MODULES = ("hv_storvsc", "pci-hyperv")

_TYPE_BITS = {"file": 0o100000, "dir": 0o040000, "char": 0o020000}


def initrd(init_program, modules_folder):
    """The archive's bytes. `modules_folder` is .../lib/modules/<version>."""
    tree = Tree()
    for name in ("dev", "proc", "sys", "sysroot"):
        tree.add_dir(name)
    # The kernel opens it for init before devtmpfs is mounted.
    tree.add("dev/console", Node("char", 0o600, device=(5, 1)))
    tree.add_bytes("init", init_program, 0o755)
    for listing, wanted in (("order", ROOT_MODULES),
                            ("accelerated", ACCELERATED_MODULES),
                            ("hyperv", HYPERV_MODULES)):
        names = []
        for path in module_order(modules_folder, wanted):
            names.append(path.rsplit("/", 1)[-1])
            tree.add_file(f"modules/{names[-1]}", modules_folder / path)
        tree.add_bytes(f"modules/{listing}", "\n".join(names) + "\n")
    return gzip.compress(_newc(tree), compresslevel=9, mtime=0)




def module_order(modules_folder, names):
    """Paths of the modules, each after what it depends on.

    Modules built into the kernel are left out; an unknown name is an error.
    """
    depends, by_name = {}, {}
    for line in (modules_folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        depends[path] = rest.split()
        by_name[_name(path)] = path
    builtin = {_name(line) for line in
               (modules_folder / "modules.builtin").read_text().splitlines()}
    order = []

    def visit(path):
        for other in reversed(depends[path]):
            visit(other)
        if path not in order:
            order.append(path)

    for name in names:
        wanted = name.replace("-", "_")
        if wanted in by_name:
            visit(by_name[wanted])
        elif wanted not in builtin:
            raise BuildError(f"kernel module {name} does not exist")
    return order


def _name(path):
    return path.rsplit("/", 1)[-1].split(".ko")[0].replace("-", "_")


def _newc(tree):
    out = bytearray()
    for number, path in enumerate(sorted(tree.nodes), start=1):
        node = tree.nodes[path]
        data = node.content.read() if node.kind == "file" else b""
        out += _record(path, number, _TYPE_BITS[node.kind] | node.mode,
                       node.device, data)
    out += _record("TRAILER!!!", 0, 0, (0, 0), b"")
    return bytes(out.ljust(-(-len(out) // 512) * 512, b"\0"))


def _record(path, inode, mode, device, data):
    name = path.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, SOURCE_DATE_EPOCH, len(data), 0, 0,
              *device, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    record = header + name
    record += b"\0" * (-len(record) % 4) + data
    return record + b"\0" * (-len(record) % 4)
