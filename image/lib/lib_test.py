# SPDX-License-Identifier: Apache-2.0
"""Tests of trees, ELF reading and the cache."""

import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from lib.cache import cached, key_of
from lib.elf import closure, needed
from lib.run import BuildError, run
from lib.tree import Tree, read_tar


def _tar_of(tree):
    stream = io.BytesIO()
    tree.write_tar(stream)
    return stream.getvalue()


class TreeTest(unittest.TestCase):

    def test_survives_a_tar_file(self):
        tree = Tree()
        tree.add_bytes("a/b/file", b"content", 0o640)
        tree.add_link("a/link", "b/file")
        with tempfile.NamedTemporaryFile() as archive:
            archive.write(_tar_of(tree))
            archive.flush()
            again = read_tar(archive.name)
            self.assertEqual(_tar_of(again), _tar_of(tree))
            self.assertEqual(again["a/b/file"].content.read(), b"content")

    def test_order_does_not_matter(self):
        first, second = Tree(), Tree()
        first.add_bytes("x", b"1")
        first.add_bytes("y/z", b"2")
        second.add_bytes("y/z", b"2")
        second.add_bytes("x", b"1")
        self.assertEqual(_tar_of(first), _tar_of(second))

    def test_times_are_fixed(self):
        tree = Tree()
        tree.add_bytes("x", b"1")
        with tarfile.open(fileobj=io.BytesIO(_tar_of(tree))) as tar:
            self.assertEqual({member.mtime for member in tar}, {0})

    def test_resolves_links_of_links(self):
        tree = Tree()
        tree.add_bytes("usr/lib/real", b"")
        tree.add_link("lib", "usr/lib")
        tree.add_link("etc/alternatives/x", "/lib/real")
        tree.add_link("usr/bin/x", "/etc/alternatives/x")
        tree.add_link("usr/bin/up", "../lib/real")
        self.assertEqual(tree.resolve("usr/bin/x"), "usr/lib/real")
        self.assertEqual(tree.resolve("/usr/bin/up"), "usr/lib/real")

    def test_links_that_loop_lead_nowhere(self):
        tree = Tree()
        tree.add_link("a", "b")
        tree.add_link("b", "a")
        self.assertIsNone(tree.resolve("a"))
        self.assertIsNone(tree.resolve("missing"))

    def test_removes_folders_with_contents(self):
        tree = Tree()
        tree.add_bytes("usr/share/doc/a", b"")
        tree.add_bytes("usr/share/document", b"")
        self.assertTrue(tree.remove("usr/share/doc"))
        self.assertNotIn("usr/share/doc/a", tree)
        self.assertIn("usr/share/document", tree)
        self.assertFalse(tree.remove("nothing"))


class ElfTest(unittest.TestCase):

    def _compile(self, folder, name, *flags):
        source = Path(folder) / f"{name}.c"
        source.write_text("int main(void) { return 0; }\n")
        subprocess.run(["gcc", "-o", f"{folder}/{name}", str(source), *flags],
                       check=True)
        return (Path(folder) / name).read_bytes()

    def test_reads_what_programs_need(self):
        if shutil.which("gcc") is None:
            self.skipTest("no gcc")
        with tempfile.TemporaryDirectory() as folder:
            interpreter, names = needed(self._compile(folder, "dynamic"))
            self.assertIn("libc.so.6", names)
            self.assertIn("ld-linux", interpreter)
            self.assertEqual(needed(self._compile(folder, "fixed", "-static")),
                             ("", []))

    def test_other_files_are_no_elf(self):
        self.assertIsNone(needed(b"#!/bin/sh\n"))
        self.assertIsNone(needed(b""))

    def test_names_the_missing_library(self):
        if shutil.which("gcc") is None:
            self.skipTest("no gcc")
        with tempfile.TemporaryDirectory() as folder:
            data = self._compile(folder, "dynamic")
            with self.assertRaisesRegex(BuildError, "usr/bin/x needs .*so"):
                closure(Tree(), data, "usr/bin/x")


class CacheTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        patch = mock.patch.dict(os.environ, XDG_CACHE_HOME=folder.name)
        patch.start()
        self.addCleanup(patch.stop)

    def test_produces_once(self):
        calls = []

        def produce(folder):
            calls.append(folder)
            (folder / "file").write_text("x")

        first = cached("step", "key", produce)
        self.assertEqual(cached("step", "key", produce), first)
        self.assertEqual((first / "file").read_text(), "x")
        self.assertEqual(len(calls), 1)
        cached("step", "key", produce, refresh=True)
        self.assertEqual(len(calls), 2)

    def test_failure_leaves_nothing(self):
        def fail(folder):
            (folder / "half").write_text("x")
            raise BuildError("no")

        with self.assertRaises(BuildError):
            cached("step", "key", fail)
        entry = cached("step", "key", lambda folder: None)
        self.assertEqual(list(entry.iterdir()), [])

    def test_keys_depend_on_boundaries_and_contents(self):
        with tempfile.NamedTemporaryFile() as file:
            path = Path(file.name)
            empty = key_of(path)
            file.write(b"x")
            file.flush()
            self.assertNotEqual(key_of(path), empty)
        self.assertNotEqual(key_of("ab", "c"), key_of("a", "bc"))


class RunTest(unittest.TestCase):

    def test_names_a_missing_program(self):
        with self.assertRaisesRegex(BuildError, "not installed"):
            run(["no-such-program-here"])

    def test_shows_the_end_of_the_output(self):
        with self.assertRaisesRegex(BuildError, "exit code 3:\nreason"):
            run(["sh", "-c", "echo reason >&2; exit 3"])


if __name__ == "__main__":
    unittest.main()
