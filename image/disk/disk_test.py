# SPDX-License-Identifier: Apache-2.0
"""Tests of the partition table writer."""

import struct
import tempfile
import unittest
import uuid
import zlib
from pathlib import Path

from disk.gpt import ESP, ROOT, SECTOR, Partition, write_disk

_ID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")


class GptTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "esp").write_bytes(b"E" * 1000)
        (self.folder / "root").write_bytes(b"R" * SECTOR)
        write_disk(self.folder / "disk", _ID, [
            Partition(ESP, _ID, "esp", self.folder / "esp"),
            Partition(ROOT, _ID, "root", self.folder / "root")])
        self.disk = (self.folder / "disk").read_bytes()

    def _header(self, sector):
        start = sector * SECTOR
        raw = self.disk[start:start + 92]
        fields = struct.unpack("<8sIIIIQQQQ16sQIII", raw)
        without = raw[:16] + bytes(4) + raw[20:]
        self.assertEqual(fields[3], zlib.crc32(without))
        table = self.disk[fields[10] * SECTOR:][:fields[11] * fields[12]]
        self.assertEqual(fields[13], zlib.crc32(table))
        return fields, table

    def test_both_tables_agree(self):
        last = len(self.disk) // SECTOR - 1
        first_header, first_table = self._header(1)
        second_header, second_table = self._header(last)
        self.assertEqual(first_table, second_table)
        self.assertEqual((first_header[5], first_header[6]), (1, last))
        self.assertEqual((second_header[5], second_header[6]), (last, 1))

    def test_contents_are_where_the_table_says(self):
        _, table = self._header(1)
        for index, content in ((0, b"E" * 1000), (1, b"R" * SECTOR)):
            entry = table[128 * index:128 * (index + 1)]
            first, last = struct.unpack_from("<QQ", entry, 32)
            self.assertEqual(first % 2048, 0)
            data = self.disk[first * SECTOR:(last + 1) * SECTOR]
            self.assertEqual(data.rstrip(b"\0"), content)
        self.assertEqual(uuid.UUID(bytes_le=table[:16]), ESP)

    def test_protective_mbr_covers_the_disk(self):
        kind, first, size = self.disk[450], *struct.unpack_from(
            "<II", self.disk, 454)
        self.assertEqual((kind, first), (0xEE, 1))
        self.assertEqual(size, len(self.disk) // SECTOR - 1)
        self.assertEqual(self.disk[510:512], b"\x55\xaa")


if __name__ == "__main__":
    unittest.main()
