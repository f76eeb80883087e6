# SPDX-License-Identifier: Apache-2.0
"""A file tree in memory whose file contents stay where they are.

Paths are relative, without "./". Nodes become a tar stream in sorted order with
fixed times, so the same tree always gives the same bytes.
"""

import io
import stat
import tarfile
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from lib.run import SOURCE_DATE_EPOCH, BuildError


@dataclass(frozen=True)
class Content:
    """Bytes in memory, or a range of a file."""

    data: bytes = b""
    path: str = ""
    offset: int = 0
    size: int = 0

    @staticmethod
    def of_bytes(data):
        return Content(data=data, size=len(data))

    @staticmethod
    def of_file(path):
        return Content(path=str(path), size=Path(path).stat().st_size)

    def open(self):
        """A binary stream positioned at the first octet."""
        if not self.path:
            return io.BytesIO(self.data)
        stream = open(self.path, "rb")
        stream.seek(self.offset)
        return stream

    def read(self, limit=-1):
        size = self.size if limit < 0 else min(limit, self.size)
        with self.open() as stream:
            return stream.read(size)


@dataclass(frozen=True)
class Node:
    """One entry: kind is "file", "dir", "link" (symbolic) or "char"."""

    kind: str
    mode: int
    uid: int = 0
    gid: int = 0
    target: str = ""
    content: Content = Content()
    device: tuple = (0, 0)


class Tree:
    """Nodes by path. Missing parent folders are made (0755, root)."""

    def __init__(self):
        self.nodes = {}

    def __contains__(self, path):
        return path in self.nodes

    def __getitem__(self, path):
        return self.nodes[path]

    def add(self, path, node):
        path = str(PurePosixPath(path))
        for parent in reversed(PurePosixPath(path).parents):
            name = str(parent)
            if name != ".":
                self.nodes.setdefault(name, Node("dir", 0o755))
        self.nodes[path] = node

    def add_dir(self, path, mode=0o755):
        self.add(path, Node("dir", mode))

    def add_bytes(self, path, data, mode=0o644):
        if isinstance(data, str):
            data = data.encode()
        self.add(path, Node("file", mode, content=Content.of_bytes(data)))

    def add_file(self, path, source, mode=0o644):
        self.add(path, Node("file", mode, content=Content.of_file(source)))

    def add_link(self, path, target):
        self.add(path, Node("link", 0o777, target=target))

    def add_folder(self, source, prefix="", executable=()):
        """Copies a folder of the repository; modes are 0644/0755 by our rule.

        Modes come from `executable` (globs below `source`), not from the
        checkout, whose umask may differ.
        """
        source = Path(source)
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            where = f"{prefix}/{name}".lstrip("/")
            if path.is_symlink():
                self.add_link(where, path.readlink().as_posix())
            elif path.is_file():
                mode = 0o755 if any(fnmatchcase(name, glob)
                                    for glob in executable) else 0o644
                self.add_file(where, path, mode)

    def remove(self, pattern):
        """Removes what matches the glob, with everything below it."""
        gone = [path for path in self.nodes if fnmatchcase(path, pattern)]
        for path in gone:
            prefix = path + "/"
            for other in [p for p in self.nodes if p.startswith(prefix)]:
                del self.nodes[other]
            self.nodes.pop(path, None)
        return bool(gone)

    def resolve(self, path, depth=0):
        """Follows symbolic links of the tree; the final path or None."""
        if depth > 40:
            return None
        parts = PurePosixPath(path.lstrip("/")).parts
        done = PurePosixPath()
        for index, part in enumerate(parts):
            if part == "..":
                done = done.parent
                continue
            done = done / part
            node = self.nodes.get(str(done))
            if node is None:
                return None
            if node.kind == "link":
                base = "" if node.target.startswith("/") else f"{done.parent}/"
                rest = "/".join(parts[index + 1:])
                return self.resolve(
                    _normal(f"{base}{node.target}/{rest}"), depth + 1)
        return str(done)

    def write_tar(self, stream):
        """Writes everything as a tar stream."""
        with tarfile.open(fileobj=stream, mode="w|",
                          format=tarfile.GNU_FORMAT) as tar:
            for path in sorted(self.nodes):
                node = self.nodes[path]
                if node.kind == "file":
                    with node.content.open() as data:
                        tar.addfile(_tar_info(path, node), data)
                else:
                    tar.addfile(_tar_info(path, node))


def _normal(path):
    parts = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if parts:
                parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _tar_info(path, node):
    info = tarfile.TarInfo(path)
    info.type = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE,
                 "link": tarfile.SYMTYPE, "char": tarfile.CHRTYPE}[node.kind]
    info.mode = node.mode
    info.uid, info.gid = node.uid, node.gid
    info.mtime = SOURCE_DATE_EPOCH
    info.linkname = node.target
    info.size = node.content.size if node.kind == "file" else 0
    info.devmajor, info.devminor = node.device
    return info


def read_tar(path):
    """The tree of an uncompressed tar file; contents stay in that file."""
    tree = Tree()
    with tarfile.open(path, mode="r:") as tar:
        for member in tar:
            name = _normal(member.name)
            if not name:
                continue
            tree.nodes[name] = _node_of(tree, path, member)
    return tree


def _node_of(tree, path, member):
    owner = {"mode": stat.S_IMODE(member.mode), "uid": member.uid,
             "gid": member.gid}
    if member.isdir():
        return Node("dir", **owner)
    if member.issym():
        return Node("link", target=member.linkname, **owner)
    if member.islnk():
        return tree.nodes[_normal(member.linkname)]
    if member.isreg():
        content = Content(path=str(path), offset=member.offset_data,
                          size=member.size)
        return Node("file", content=content, **owner)
    if member.ischr():
        return Node("char", device=(member.devmajor, member.devminor), **owner)
    raise BuildError(f"{path}: {member.name}: unexpected kind of entry")
