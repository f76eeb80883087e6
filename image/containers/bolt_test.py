# SPDX-License-Identifier: Apache-2.0
"""Tests of the bbolt writer, read back by our reader."""

import struct
import unittest

from containers.bolt import PAGE_SIZE, Bucket, parse, serialize


class BoltTest(unittest.TestCase):

    def test_reads_back_nested_buckets_in_order(self):
        root = Bucket()
        root.bucket(b"v1", b"b").entries[b"key"] = b"value"
        root.bucket(b"v1", b"a").sequence = 7
        root.bucket(b"v1").entries[b"version"] = b"\x06"
        again = parse(serialize(root))
        self.assertEqual(again, root)

    def test_empty_database(self):
        self.assertEqual(parse(serialize(Bucket())), Bucket())

    def test_bucket_larger_than_a_page(self):
        root = Bucket()
        big = root.bucket(b"big")
        for number in range(500):
            big.entries[b"key%04d" % number] = b"x" * number
        data = serialize(root)
        self.assertEqual(parse(data), root)
        self.assertEqual(len(data) % PAGE_SIZE, 0)

    def test_order_of_insertion_does_not_matter(self):
        first, second = Bucket(), Bucket()
        for name in (b"a", b"b", b"c"):
            first.bucket(name).entries[b"k"] = name
        for name in (b"c", b"a", b"b"):
            second.bucket(name).entries[b"k"] = name
        self.assertEqual(serialize(first), serialize(second))

    def test_high_water_mark_is_the_number_of_pages(self):
        root = Bucket()
        root.bucket(b"one").entries[b"k"] = b"v" * 10000
        data = serialize(root)
        high_water = struct.unpack_from("<Q", data, 16 + 40)[0]
        self.assertEqual(high_water * PAGE_SIZE, len(data))

    def test_notices_a_damaged_meta_page(self):
        data = bytearray(serialize(Bucket()))
        data[20] ^= 1
        self.assertEqual(parse(bytes(data)), Bucket())  # the other one counts
        data[PAGE_SIZE + 20] ^= 1
        with self.assertRaises(ValueError):
            parse(bytes(data))


if __name__ == "__main__":
    unittest.main()
