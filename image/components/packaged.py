# SPDX-License-Identifier: Apache-2.0
"""Single files out of Debian packages that are not installed in the image."""

import shutil
import tempfile
from pathlib import Path

from lib.apt import SUITE, PrivateApt
from lib.cache import cached, key_of
from lib.run import run

# package, path inside, what constellation.json calls it
_FILES = (
    ("etcd-server", "usr/bin/etcd", "etcd"),
    ("busybox-static", "bin/busybox", "busybox"),
    ("systemd-boot-efi", "usr/lib/systemd/boot/efi/linuxx64.efi.stub",
     "systemd-stub"),
)


def packaged(refresh=False):
    """Folder with the files by their base name, pause and origin.tsv."""
    here = Path(__file__).parent
    key = key_of(repr(_FILES), here / "pause.c")
    return cached("components-packaged", key, _fetch, refresh=refresh)


def _fetch(folder):
    origins = []
    with tempfile.TemporaryDirectory(prefix="packaged-") as scratch:
        scratch = Path(scratch)
        apt = PrivateApt(scratch / "apt", [SUITE])
        for package, path, name in _FILES:
            version = apt.version(package)
            [archive] = apt.download([package], scratch / package)
            unpacked = scratch / package / "unpacked"
            run(["dpkg-deb", "--extract", str(archive), str(unpacked)])
            shutil.copy(unpacked / path, folder / Path(path).name)
            origins.append(f"{name}\t{version}\tDebian package {package}\n")
    run(["gcc", "-static", "-Os", "-s", "-Wl,--build-id=none",
         "-Wall", "-Wextra", "-Werror", "-o", str(folder / "pause"),
         str(Path(__file__).parent / "pause.c")])
    origins.append("pause\t3.2\timage/components/pause.c\n")
    (folder / "origin.tsv").write_text("".join(origins))
