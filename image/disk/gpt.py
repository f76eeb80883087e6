# SPDX-License-Identifier: Apache-2.0
"""Writes a disk image with a GUID partition table (UEFI 2.10, chapter 5)."""

import shutil
import struct
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
ALIGNMENT = 2048  # sectors: 1 MiB
_ENTRIES = 128
_ENTRY_SIZE = 128

ESP = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
# Discoverable Partitions Specification: x86-64 root and its verity data.
ROOT = uuid.UUID("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")
ROOT_VERITY = uuid.UUID("2c7357ed-ebd2-46d9-aec1-23d437ec2bf5")


@dataclass(frozen=True)
class Partition:
    kind: uuid.UUID
    identity: uuid.UUID
    name: str
    content: Path


def write_disk(output, disk_identity, partitions):
    """Writes `output`; each partition is as large as its content, padded."""
    placed, sector = [], ALIGNMENT
    for partition in partitions:
        size = -(-partition.content.stat().st_size // SECTOR)
        placed.append((partition, sector, sector + size - 1))
        sector = -(-(sector + size) // ALIGNMENT) * ALIGNMENT
    total = sector + ALIGNMENT
    table = b"".join(_entry(*place) for place in placed)
    table = table.ljust(_ENTRIES * _ENTRY_SIZE, b"\0")
    table_sectors = len(table) // SECTOR
    with open(output, "wb") as disk:
        disk.truncate(total * SECTOR)
        disk.write(_protective_mbr(total))
        disk.write(_header(disk_identity, table, 1, total - 1, 2, total))
        disk.write(table)
        for partition, first, _ in placed:
            disk.seek(first * SECTOR)
            with open(partition.content, "rb") as content:
                shutil.copyfileobj(content, disk, 1 << 20)
        disk.seek((total - 1 - table_sectors) * SECTOR)
        disk.write(table)
        disk.write(_header(disk_identity, table, total - 1, 1,
                           total - 1 - table_sectors, total))


def _entry(partition, first, last):
    return (partition.kind.bytes_le + partition.identity.bytes_le
            + struct.pack("<QQQ", first, last, 0)
            + partition.name.encode("utf-16-le").ljust(72, b"\0"))


def _header(identity, table, here, other, table_sector, total):
    table_sectors = len(table) // SECTOR

    def fields(checksum):
        return struct.pack(
            "<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, checksum, 0, here,
            other, 2 + table_sectors, total - 2 - table_sectors,
            identity.bytes_le, table_sector, _ENTRIES, _ENTRY_SIZE,
            zlib.crc32(table))

    return fields(zlib.crc32(fields(0))).ljust(SECTOR, b"\0")


def _protective_mbr(total):
    record = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff",
                         1, min(total - 1, 0xFFFFFFFF))
    return bytes(446) + record + bytes(48) + b"\x55\xaa"
