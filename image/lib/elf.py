# SPDX-License-Identifier: Apache-2.0
"""Shared libraries that ELF programs need, looked up in a tree."""

import struct
from pathlib import PurePosixPath

from lib.run import BuildError

# The second is the DT_RUNPATH of systemd's programs.
_LIBRARY_FOLDERS = ("usr/lib/x86_64-linux-gnu",
                    "usr/lib/x86_64-linux-gnu/systemd", "usr/lib", "usr/lib64")
_PT_DYNAMIC, _PT_INTERP, _PT_LOAD = 2, 3, 1
_DT_NEEDED, _DT_STRTAB = 1, 5


def needed(data):
    """(interpreter or "", [sonames]) of an x86-64 ELF file; ("", []) if static.

    Returns None for anything that is not such a file.
    """
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64:
        return None
    phoff, = struct.unpack_from("<Q", data, 32)
    phentsize, phnum = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", data, phoff + i * phentsize)
               for i in range(phnum)]
    interpreter, names = "", []
    for kind, _, offset, _, _, size, _, _ in headers:
        if kind == _PT_INTERP:
            interpreter = data[offset:offset + size].rstrip(b"\0").decode()
        elif kind == _PT_DYNAMIC:
            names = _needed_names(data, headers, offset, size)
    return interpreter, names


def _needed_names(data, headers, offset, size):
    offsets, table = [], 0
    for at in range(offset, offset + size, 16):
        tag, value = struct.unpack_from("<QQ", data, at)
        if tag == _DT_NEEDED:
            offsets.append(value)
        elif tag == _DT_STRTAB:
            table = _file_offset(headers, value)
    return [data[table + at:data.index(b"\0", table + at)].decode()
            for at in offsets]


def _file_offset(headers, address):
    for kind, _, offset, virtual, _, size, _, _ in headers:
        if kind == _PT_LOAD and virtual <= address < virtual + size:
            return offset + address - virtual
    raise BuildError("ELF: dynamic string table lies in no segment")


def find_library(tree, soname):
    """Path of a library in the tree (links followed), or None."""
    for folder in _LIBRARY_FOLDERS:
        path = tree.resolve(f"{folder}/{soname}")
        if path is not None:
            return path
    return None


def closure(tree, data, name):
    """{path in an image: path in the tree} of all libraries `data` needs.

    Raises BuildError that names the missing library.
    """
    found, queue = {}, [(name, data)]
    while queue:
        user, content = queue.pop()
        info = needed(content)
        if info is None:
            raise BuildError(f"{user}: not an x86-64 ELF file")
        interpreter, names = info
        if interpreter:
            names = [*names, PurePosixPath(interpreter).name]
        for soname in names:
            where = f"usr/lib/x86_64-linux-gnu/{soname}"
            if soname.startswith("ld-linux"):
                where = f"usr/lib64/{soname}"
            if where in found:
                continue
            path = find_library(tree, soname)
            if path is None:
                raise BuildError(f"{user} needs {soname}, which no package of "
                                 "image/rootfs/packages.txt brings")
            found[where] = path
            queue.append((soname, tree[path].content.read()))
    return found
