# SPDX-License-Identifier: Apache-2.0
"""The kernel and its modules from Debian's backports.

Downloaded and unpacked, never installed: no initramfs-tools, no hooks.
"""

import lzma
import shutil
import tempfile
from pathlib import Path

from lib.apt import SUITE, PrivateApt
from lib.cache import cached, key_of
from lib.run import BuildError, run

_HERE = Path(__file__).parent
_META_PACKAGE = "linux-image-cloud-amd64"


def module_patterns():
    """Module files to keep, as globs below /lib/modules/<version>/kernel."""
    lines = (_HERE / "modules.txt").read_text().splitlines()
    return [line.strip() for line in lines
            if line.strip() and not line.startswith("#")]


def kernel(refresh=False):
    """Folder with vmlinuz, version and modules/<version>/ (with modules.dep)."""
    key = key_of(_HERE / "modules.txt", _HERE / "kernel.py")
    return cached("kernel", key, _fetch, refresh=refresh)


def _fetch(folder):
    with tempfile.TemporaryDirectory(prefix="kernel-") as scratch:
        apt = PrivateApt(Path(scratch) / "apt", [f"{SUITE}-backports"])
        depends = apt.field(_META_PACKAGE, "Depends")
        package = depends.split()[0].rstrip(",")
        [archive] = apt.download([package], Path(scratch) / "debs")
        run(["dpkg-deb", "--extract", str(archive), f"{scratch}/root"])
        _copy(Path(scratch) / "root", folder)
        (folder / "package").write_text(
            f"{package}\t{apt.version(package)}\n")


def _copy(root, folder):
    images = list((root / "boot").glob("vmlinuz-*"))
    if len(images) != 1:
        raise BuildError(f"kernel package: expected one vmlinuz, got {len(images)}")
    version = images[0].name.removeprefix("vmlinuz-")
    shutil.copy(images[0], folder / "vmlinuz")
    (folder / "version").write_text(version)
    modules = next(d for d in (root / "lib/modules" / version,
                               root / "usr/lib/modules" / version)
                   if d.is_dir())
    target = folder / "lib/modules" / version
    target.mkdir(parents=True)
    for name in ("modules.builtin", "modules.builtin.modinfo",
                 "modules.order"):
        shutil.copy(modules / name, target / name)
    _copy_modules(modules, target)
    run(["depmod", "--basedir", str(folder), version])


def _copy_modules(modules, target):
    """Copies the wanted modules with everything that they depend on."""
    run(["depmod", "--basedir", str(modules.parents[2]), modules.name])
    depends = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        name, _, rest = line.partition(":")
        depends[name] = rest.split()
    wanted = set()
    for pattern in module_patterns():
        found = [str(path.relative_to(modules))
                 for path in modules.glob(f"kernel/{pattern}")
                 if path.is_file()]
        if not found:
            raise BuildError(f"modules.txt: {pattern} matches no module of "
                             f"kernel {modules.name}")
        for name in found:
            wanted.update([name, *depends[name]])
    for name in sorted(wanted):
        _copy_module(modules / name, target / name)


def _copy_module(source, target):
    """Unpacks a module: the root file system compresses, and boot is faster."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".xz":
        target.with_suffix("").write_bytes(lzma.open(source).read())
    else:
        shutil.copy(source, target)
