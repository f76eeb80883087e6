# SPDX-License-Identifier: Apache-2.0
"""Tests of the initrd archive and the PE writer."""

import gzip
import struct
import tempfile
import unittest
from pathlib import Path

from lib.run import BuildError
from uki.cpio import initrd, module_order
from uki.pe import add_sections


def _stub(sections=1, headers_size=1024):
    """A PE32+ file with `sections` sections of 512 octets."""
    image = bytearray(headers_size)
    image[:2] = b"MZ"
    struct.pack_into("<I", image, 0x3C, 64)
    image[64:68] = b"PE\0\0"
    struct.pack_into("<H", image, 70, sections)
    struct.pack_into("<H", image, 84, 240)
    struct.pack_into("<H", image, 88, 0x20B)
    struct.pack_into("<II", image, 88 + 32, 4096, 512)
    struct.pack_into("<I", image, 88 + 60, headers_size)
    for index in range(sections):
        struct.pack_into("<8sIIII", image, 328 + 40 * index, b".s", 100,
                         4096 * (index + 1), 512, len(image))
        image += bytes(512)
    return bytes(image)


def _sections(image):
    [count] = struct.unpack_from("<H", image, 70)
    return [struct.unpack_from("<8sIIII", image, 328 + 40 * index)
            for index in range(count)]


class PeTest(unittest.TestCase):

    def test_adds_sections_without_overlap(self):
        image = add_sections(_stub(), [(".linux", b"k" * 5000), (".osrel", b"o")])
        _, linux, osrel = _sections(image)
        self.assertEqual(linux[0].rstrip(b"\0"), b".linux")
        self.assertEqual(linux[1], 5000)
        self.assertEqual(image[linux[4]:linux[4] + 5000], b"k" * 5000)
        self.assertGreaterEqual(osrel[2], linux[2] + linux[1])
        self.assertEqual(osrel[2] % 4096, 0)
        [size_of_image] = struct.unpack_from("<I", image, 88 + 56)
        self.assertGreaterEqual(size_of_image, osrel[2] + osrel[1])

    def test_same_input_gives_the_same_bytes(self):
        parts = [(".a", b"1"), (".b", b"2")]
        self.assertEqual(add_sections(_stub(), parts),
                         add_sections(_stub(), parts))

    def test_refuses_what_is_no_stub(self):
        for data in (b"", b"MZ" + bytes(100), b"\x7fELF" + bytes(100)):
            with self.assertRaises((BuildError, struct.error)):
                add_sections(data, [(".a", b"1")])

    def test_refuses_headers_without_room(self):
        stub = _stub(headers_size=512)
        with self.assertRaisesRegex(BuildError, "no room"):
            add_sections(stub, [(f".s{i}", b"x") for i in range(5)])


class InitrdTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.modules = Path(folder.name)
        (self.modules / "modules.dep").write_text(
            "kernel/top.ko: kernel/mid-dle.ko kernel/base.ko\n"
            "kernel/mid-dle.ko: kernel/base.ko\n"
            "kernel/base.ko:\n")
        (self.modules / "modules.builtin").write_text("kernel/inside.ko\n")

    def test_dependencies_come_first(self):
        self.assertEqual(module_order(self.modules, ["top", "mid_dle"]),
                         ["kernel/base.ko", "kernel/mid-dle.ko",
                          "kernel/top.ko"])

    def test_leaves_out_what_is_built_in(self):
        self.assertEqual(module_order(self.modules, ["inside"]), [])

    def test_unknown_module_is_an_error(self):
        with self.assertRaises(BuildError):
            module_order(self.modules, ["nowhere"])

    def test_archive_is_a_cpio_with_init(self):
        (self.modules / "modules.builtin").write_text("".join(
            f"kernel/{name}.ko\n" for name in
            ("virtio_blk", "virtio_scsi", "sd_mod", "dm-mod", "dm-verity",
             "squashfs", "sha256-ssse3", "pci-hyperv")))
        (self.modules / "modules.dep").write_text(
            "kernel/hv_storvsc.ko: kernel/hv_vmbus.ko\n"
            "kernel/hv_vmbus.ko:\n")
        for name in ("hv_storvsc", "hv_vmbus"):
            (self.modules / "kernel").mkdir(exist_ok=True)
            (self.modules / f"kernel/{name}.ko").write_bytes(b"\x7fELF")
        archive = gzip.decompress(initrd(b"\x7fELF", self.modules))
        self.assertTrue(archive.startswith(b"070701"))
        self.assertIn(b"TRAILER!!!", archive)
        self.assertIn(b"init\0", archive)
        self.assertIn(b"hv_vmbus.ko\nhv_storvsc.ko\n", archive)
        self.assertEqual(initrd(b"\x7fELF", self.modules),
                         initrd(b"\x7fELF", self.modules))


if __name__ == "__main__":
    unittest.main()
