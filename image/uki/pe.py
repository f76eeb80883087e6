# SPDX-License-Identifier: Apache-2.0
"""Adds sections to a PE32+ file (the systemd stub), deterministically."""

import struct

from lib.run import BuildError

_SECTION = struct.Struct("<8sIIIIIIHHI")
_INITIALIZED_READABLE = 0x40000040


def _align(value, alignment):
    return -(-value // alignment) * alignment


def add_sections(stub, sections):
    """The stub with `sections` ([(name, bytes)]) behind its own, in this order.

    Addresses follow the last section of the stub without overlap. Raises
    BuildError if the stub is no PE32+ file or has no room for the headers.
    """
    image = bytearray(stub)
    if len(image) < 64 or image[:2] != b"MZ":
        raise BuildError("stub: not a PE file")
    [pe] = struct.unpack_from("<I", image, 0x3C)
    optional = pe + 24
    if image[pe:pe + 4] != b"PE\0\0" or \
            struct.unpack_from("<H", image, optional)[0] != 0x20B:
        raise BuildError("stub: not a PE32+ file")
    [count] = struct.unpack_from("<H", image, pe + 6)
    [optional_size] = struct.unpack_from("<H", image, pe + 20)
    section_alignment, file_alignment = struct.unpack_from(
        "<II", image, optional + 32)
    [headers_size] = struct.unpack_from("<I", image, optional + 60)
    table = optional + optional_size
    existing = [_SECTION.unpack_from(image, table + i * _SECTION.size)
                for i in range(count)]
    table_end = table + (count + len(sections)) * _SECTION.size
    first_data = min(section[4] for section in existing if section[4])
    if table_end > min(headers_size, first_data):
        raise BuildError("stub: no room for more section headers")

    address = max(section[2] + section[1] for section in existing)
    for index, (name, data) in enumerate(sections):
        address = _align(address, section_alignment)
        image += b"\0" * (_align(len(image), file_alignment) - len(image))
        raw_size = _align(len(data), file_alignment)
        _SECTION.pack_into(
            image, table + (count + index) * _SECTION.size, name.encode(),
            len(data), address, raw_size, len(image), 0, 0, 0, 0,
            _INITIALIZED_READABLE)
        image += data.ljust(raw_size, b"\0")
        address += len(data)
    struct.pack_into("<H", image, pe + 6, count + len(sections))
    struct.pack_into("<I", image, pe + 8, 0)  # time stamp
    struct.pack_into("<I", image, optional + 56,
                     _align(address, section_alignment))  # size of image
    struct.pack_into("<I", image, optional + 64, 0)  # checksum, unused by UEFI
    return bytes(image)
