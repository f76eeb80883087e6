# SPDX-License-Identifier: Apache-2.0
"""containerd's storage (1.6, overlayfs snapshotter) with images already unpacked.

Written directly instead of by a running containerd: its databases hold times
and generated ids, and unpacking needs root. The layer archives themselves are
left out, as containerd does with discard_unpacked_layers.
"""

import hashlib
import io
import json
import struct
from dataclasses import dataclass

from containers.bolt import Bucket, serialize

_NAMESPACE = b"k8s.io"
_SNAPSHOTTER = b"overlayfs"
_METADATA_VERSION = 3
_KIND_COMMITTED = 3
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_EPOCH_TEXT = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """A container image of one layer: its name, files and start command."""

    name: str
    tree: object
    entrypoint: tuple = ()
    environment: tuple = (
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)


class _HashingStream(io.RawIOBase):
    def __init__(self):
        super().__init__()
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self):
        return True

    def write(self, data):
        self.digest.update(data)
        self.size += len(data)
        return len(data)


def layer_identity(tree):
    """(hex SHA-256, size) of the layer archive of a tree."""
    stream = _HashingStream()
    tree.write_tar(stream)
    return stream.digest.hexdigest(), stream.size


def add_store(target, prefix, images, identities):
    """Adds containerd's storage folder to the tree `target` at `prefix`.

    `identities` are the layer_identity() of the images, in their order. Snapshot
    N is at <prefix>/snapshots/N/fs.
    """
    metadata, snapshots = Bucket(), Bucket()
    top = metadata.bucket(b"v1")
    top.entries[b"version"] = _varint(_METADATA_VERSION)
    namespace = top.bucket(_NAMESPACE)
    by_layer = {}
    for image, (layer, layer_size) in zip(images, identities):
        if layer not in by_layer:
            by_layer[layer] = len(by_layer) + 1
            _add_snapshot(namespace, snapshots, layer, by_layer[layer],
                          image.tree)
            _add_files(target, f"{prefix}/snapshots/{by_layer[layer]}/fs",
                       image.tree)
        manifest, blobs = _documents(image, layer, layer_size)
        for digest, (data, labels) in blobs.items():
            target.add_bytes(f"{prefix}/content/{digest}", data, 0o444)
            _add_blob(namespace, digest, len(data), labels)
        _add_image(namespace, image.name, manifest, len(blobs[manifest][0]))
    count = len(by_layer)
    namespace.bucket(b"snapshots", _SNAPSHOTTER).sequence = count
    snapshots.bucket(b"v1", b"snapshots").sequence = count
    snapshots.bucket(b"v1", b"parents")
    target.add_bytes(f"{prefix}/meta.db", serialize(metadata), 0o644)
    target.add_bytes(f"{prefix}/metadata.db", serialize(snapshots), 0o600)


def _documents(image, layer, layer_size):
    """Digest of the manifest; {digest: (bytes, labels)} of both documents."""
    config = _json({
        "created": _EPOCH_TEXT, "architecture": "amd64", "os": "linux",
        "config": {"Env": list(image.environment),
                   "Entrypoint": list(image.entrypoint) or None,
                   "WorkingDir": "/"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created": _EPOCH_TEXT, "created_by": "constellation"}]})
    config_digest = hashlib.sha256(config).hexdigest()
    manifest = _json({
        "schemaVersion": 2, "mediaType": _MANIFEST_TYPE,
        "config": {"mediaType": _CONFIG_TYPE, "size": len(config),
                   "digest": f"sha256:{config_digest}"},
        "layers": [{"mediaType": _LAYER_TYPE, "size": layer_size,
                    "digest": f"sha256:{layer}"}]})
    manifest_digest = hashlib.sha256(manifest).hexdigest()
    # The labels keep containerd's garbage collector from removing what they name.
    return manifest_digest, {
        manifest_digest: (manifest, {
            "containerd.io/gc.ref.content.config": f"sha256:{config_digest}",
            "containerd.io/gc.ref.content.l.0": f"sha256:{layer}"}),
        config_digest: (config, {
            "containerd.io/gc.ref.snapshot.overlayfs": f"sha256:{layer}"})}


def _json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _add_files(target, prefix, tree):
    target.add_dir(prefix)
    for path, node in tree.nodes.items():
        target.add(f"{prefix}/{path}", node)


def _add_image(namespace, name, manifest, size):
    bucket = namespace.bucket(b"images", name.encode())
    _stamp(bucket)
    target = bucket.bucket(b"target")
    target.entries[b"digest"] = f"sha256:{manifest}".encode()
    target.entries[b"mediatype"] = _MANIFEST_TYPE.encode()
    target.entries[b"size"] = _varint(size)
    _label(bucket, {"io.cri-containerd.image": "managed"})


def _add_blob(namespace, digest, size, labels):
    bucket = namespace.bucket(b"content", b"blob", f"sha256:{digest}".encode())
    _stamp(bucket)
    bucket.entries[b"size"] = _varint(size)
    _label(bucket, labels)


def _add_snapshot(namespace, snapshots, layer, number, tree):
    # With one layer, the chain id is the layer's digest.
    key = f"sha256:{layer}"
    inner = f"{_NAMESPACE.decode()}/{number}/{key}".encode()
    outer = namespace.bucket(b"snapshots", _SNAPSHOTTER, key.encode())
    _stamp(outer)
    outer.entries[b"name"] = inner
    bucket = snapshots.bucket(b"v1", b"snapshots", inner)
    _stamp(bucket)
    bucket.entries[b"id"] = _uvarint(number)
    bucket.entries[b"kind"] = bytes([_KIND_COMMITTED])
    bucket.entries[b"inodes"] = _varint(len(tree.nodes) + 1)
    bucket.entries[b"size"] = _varint(
        sum(node.content.size for node in tree.nodes.values()))


def _label(bucket, labels):
    for name, value in labels.items():
        bucket.bucket(b"labels").entries[name.encode()] = value.encode()


def _stamp(bucket):
    """Both times of an object: 1970 in the binary form of Go's time.Time."""
    seconds_from_year_one = 62135596800
    value = struct.pack(">Bqih", 1, seconds_from_year_one, 0, -1)
    bucket.entries[b"createdat"] = bucket.entries[b"updatedat"] = value


def _uvarint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(value):
    return _uvarint(value << 1 if value >= 0 else (~value << 1) | 1)
