# SPDX-License-Identifier: Apache-2.0
"""Tests of containerd's storage as we write it."""

import hashlib
import json
import unittest

from containers.bolt import parse
from containers.store import Image, add_store, layer_identity
from lib.tree import Tree


def _store(*images):
    target = Tree()
    add_store(target, "store", images,
              [layer_identity(image.tree) for image in images])
    return target


def _image(name="example/one:v1", content=b"program"):
    tree = Tree()
    tree.add_bytes("usr/bin/one", content, 0o755)
    return Image(name, tree, ("/usr/bin/one",))


def _database(target, name):
    return parse(target[f"store/{name}"].content.read())


class StoreTest(unittest.TestCase):

    def test_manifest_config_and_snapshot_refer_to_each_other(self):
        target = _store(_image())
        space = _database(target, "meta.db").bucket(b"v1", b"k8s.io")
        manifest_digest = space.bucket(b"images", b"example/one:v1", b"target") \
            .entries[b"digest"].decode()
        manifest = json.loads(self._blob(target, manifest_digest))
        config = json.loads(self._blob(target, manifest["config"]["digest"]))
        [layer] = config["rootfs"]["diff_ids"]
        self.assertEqual(layer, manifest["layers"][0]["digest"])
        self.assertEqual(config["config"]["Entrypoint"], ["/usr/bin/one"])
        inner = space.bucket(b"snapshots", b"overlayfs", layer.encode()) \
            .entries[b"name"]
        snapshots = _database(target, "metadata.db").bucket(b"v1", b"snapshots")
        self.assertEqual(snapshots.entries[inner].entries[b"id"], b"\x01")
        self.assertIn("store/snapshots/1/fs/usr/bin/one", target)

    def _blob(self, target, digest):
        data = target[f"store/content/{digest.removeprefix('sha256:')}"] \
            .content.read()
        self.assertEqual(f"sha256:{hashlib.sha256(data).hexdigest()}", digest)
        return data

    def test_same_layer_is_stored_once(self):
        target = _store(_image("a:1"), _image("b:1"), _image("c:1", b"other"))
        self.assertIn("store/snapshots/2/fs", target)
        self.assertNotIn("store/snapshots/3/fs", target)

    def test_counters_continue_after_what_exists(self):
        target = _store(_image("a:1"), _image("b:1", b"other"))
        snapshots = _database(target, "metadata.db").bucket(b"v1", b"snapshots")
        self.assertEqual(snapshots.sequence, 2)

    def test_same_images_give_the_same_bytes(self):
        one, two = _store(_image()), _store(_image())
        for path in one.nodes:
            self.assertEqual(one[path].content.read(), two[path].content.read())

    def test_layer_identity_depends_on_mode_and_content(self):
        plain = _image().tree
        other_mode = Tree()
        other_mode.add_bytes("usr/bin/one", b"program", 0o644)
        identities = {layer_identity(tree)[0] for tree in
                      (plain, other_mode, _image(content=b"x").tree)}
        self.assertEqual(len(identities), 3)


if __name__ == "__main__":
    unittest.main()
