# SPDX-License-Identifier: Apache-2.0
"""Writes and reads bbolt databases (file format version 2), deterministically.

A database is a dict: bytes -> bytes (value) or Bucket (nested). Every bucket
becomes one leaf page, as large as it needs to be; bbolt splits it on its first
write. Nothing but the contents decides the bytes.
"""

import struct
from dataclasses import dataclass, field

PAGE_SIZE = 4096

_MAGIC = 0xED0CDAED
_VERSION = 2
_PAGE = struct.Struct("<QHHI")          # id, flags, count, overflow
_LEAF = struct.Struct("<IIII")          # flags, pos, ksize, vsize
_BRANCH = struct.Struct("<IIQ")         # pos, ksize, pgid
_BUCKET = struct.Struct("<QQ")          # root page, sequence
_META = struct.Struct("<IIIIQQQQQ")     # ..., root, sequence, freelist, high, tx
_IS_BRANCH, _IS_LEAF, _IS_META, _IS_FREELIST = 0x01, 0x02, 0x04, 0x10
_LEAF_IS_BUCKET = 0x01


@dataclass
class Bucket:
    """Entries of a bucket and its counter for generated ids."""

    entries: dict = field(default_factory=dict)
    sequence: int = 0

    def bucket(self, *names):
        """The nested bucket at the path `names`, made if absent."""
        here = self
        for name in names:
            here = here.entries.setdefault(name, Bucket())
        return here


def _fnv1a(data):
    value = 0xCBF29CE484222325
    for octet in data:
        value = ((value ^ octet) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


class _Writer:
    def __init__(self):
        self.pages = bytearray()
        self.next_page = 3  # 0 and 1 are meta pages, 2 the free list

    def write(self, bucket):
        """Appends a bucket after its children; returns its page id."""
        items = []
        for key in sorted(bucket.entries):
            value = bucket.entries[key]
            if isinstance(value, Bucket):
                root = self.write(value)
                items.append((_LEAF_IS_BUCKET, key,
                              _BUCKET.pack(root, value.sequence)))
            else:
                items.append((0, key, value))
        return self._leaf_page(items)

    def _leaf_page(self, items):
        elements, payload = bytearray(), bytearray()
        for index, (flags, key, value) in enumerate(items):
            element_start = index * _LEAF.size
            position = len(items) * _LEAF.size + len(payload) - element_start
            elements += _LEAF.pack(flags, position, len(key), len(value))
            payload += key + value
        size = _PAGE.size + len(elements) + len(payload)
        count = max(1, -(-size // PAGE_SIZE))
        page_id = self.next_page
        page = _PAGE.pack(page_id, _IS_LEAF, len(items), count - 1)
        page += bytes(elements + payload)
        self.pages += page.ljust(count * PAGE_SIZE, b"\0")
        self.next_page += count
        return page_id


def serialize(root):
    """The database file with `root` as its top bucket."""
    writer = _Writer()
    root_page = writer.write(root)
    header = b""
    for page_id in (0, 1):
        meta = _META.pack(_MAGIC, _VERSION, PAGE_SIZE, 0, root_page,
                          root.sequence, 2, writer.next_page, page_id)
        page = _PAGE.pack(page_id, _IS_META, 0, 0) + meta
        page += struct.pack("<Q", _fnv1a(meta))
        header += page.ljust(PAGE_SIZE, b"\0")
    header += _PAGE.pack(2, _IS_FREELIST, 0, 0).ljust(PAGE_SIZE, b"\0")
    return header + bytes(writer.pages)


def parse(data):
    """The top bucket of a database file. For tests: trusts its input."""
    metas = []
    for page_id in (0, 1):
        start = page_id * PAGE_SIZE + _PAGE.size
        meta = data[start:start + _META.size]
        [checksum] = struct.unpack_from("<Q", data, start + _META.size)
        if checksum == _fnv1a(meta):
            metas.append(_META.unpack(meta))
    if not metas:
        raise ValueError("no valid meta page")
    newest = max(metas, key=lambda meta: meta[8])
    bucket = _parse_page(data, newest[4] * PAGE_SIZE)
    bucket.sequence = newest[5]
    return bucket


def _parse_page(data, start):
    _, flags, count, _ = _PAGE.unpack_from(data, start)
    bucket = Bucket()
    for index in range(count):
        if flags & _IS_BRANCH:
            at = start + _PAGE.size + index * _BRANCH.size
            child = _BRANCH.unpack_from(data, at)[2]
            bucket.entries |= _parse_page(data, child * PAGE_SIZE).entries
            continue
        at = start + _PAGE.size + index * _LEAF.size
        kind, position, key_size, value_size = _LEAF.unpack_from(data, at)
        key_at = at + position
        key = bytes(data[key_at:key_at + key_size])
        value_at = key_at + key_size
        value = bytes(data[value_at:value_at + value_size])
        if kind & _LEAF_IS_BUCKET:
            root, sequence = _BUCKET.unpack_from(value)
            nested = (_parse_page(data, root * PAGE_SIZE) if root
                      else _parse_page(value, _BUCKET.size))
            nested.sequence = sequence
            bucket.entries[key] = nested
        else:
            bucket.entries[key] = value
    return bucket
