# SPDX-License-Identifier: Apache-2.0
"""Copies of the node image with one thing changed, as an attacker who owns the disk would make them."""
import os
import shutil
import struct

from cluster import Failure

SECTOR = 512
ROOT_TYPE = bytes.fromhex('e3bc684fcde8b14d96e7fbcaf984b709')  # root partition x86-64, discoverable partitions specification


def partitions(path):
    """(type GUID as on disk, first byte, size) of each GPT entry."""
    with open(path, 'rb') as file:
        file.seek(SECTOR)
        header = file.read(92)
        if header[:8] != b'EFI PART':
            raise Failure(f'{path}: no GPT')
        start, count, size = struct.unpack('<QII', header[72:88])
        file.seek(start * SECTOR)
        entries = [file.read(size) for _ in range(count)]
    result = []
    for entry in entries:
        first, last = struct.unpack('<QQ', entry[32:48])
        if first:
            result.append((entry[:16], first * SECTOR, (last - first + 1) * SECTOR))
    return result


def _copy(image, folder, name):
    target = os.path.join(folder, name)
    shutil.copyfile(image, target)
    return target


def with_changed_command_line(image, folder):
    """The same image with another (equally long) word on the kernel command line."""
    target = _copy(image, folder, 'changed-command-line.raw')
    with open(target, 'r+b') as file:
        data = file.read()
        position = data.find(b'console=ttyS0 panic=10')
        if position < 0:
            raise Failure('the command line is not where the test expects it')
        file.seek(position)
        file.write(b'console=ttyS0 panic=11')
    return target


def with_changed_root_byte(image, folder):
    """The same image with one bit of the root file system flipped: in its superblock, which every boot reads."""
    target = _copy(image, folder, 'changed-root.raw')
    begin = next(first for kind, first, _ in partitions(target) if kind == ROOT_TYPE)
    with open(target, 'r+b') as file:
        file.seek(begin + 8)  # squashfs superblock: time of creation, which nothing but verity looks at
        byte = file.read(1)[0]
        file.seek(begin + 8)
        file.write(bytes([byte ^ 1]))
    return target
