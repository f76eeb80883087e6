# SPDX-License-Identifier: Apache-2.0
"""The Debian userland as a tar archive, made by mmdebstrap."""

from pathlib import Path

from lib import apt
from lib.cache import cached, key_of
from lib.run import SOURCE_DATE_EPOCH, log, run

_HERE = Path(__file__).parent


def package_names():
    """Names listed in packages.txt."""
    lines = (_HERE / "packages.txt").read_text().splitlines()
    return [line.strip() for line in lines
            if line.strip() and not line.startswith("#")]


def base_archive(refresh=False):
    """Folder with base.tar and packages.tsv (name, version of every package)."""
    key = key_of(_HERE / "packages.txt", _HERE / "base.py")
    return cached("rootfs-base", key, _bootstrap, refresh=refresh)


def _bootstrap(folder):
    names = package_names()
    log(f"mmdebstrap: {len(names)} packages with dependencies")
    options = [f"--aptopt={option}" for option in apt.machine_options()]
    run(["mmdebstrap", "--mode=auto", "--variant=essential",
         "--architectures=amd64", "--format=tar",
         "--include=" + ",".join(names),
         # Documentation is removed below anyway; not unpacking it saves time.
         "--dpkgopt=path-exclude=/usr/share/man/*",
         "--dpkgopt=path-exclude=/usr/share/locale/*",
         "--dpkgopt=path-exclude=/usr/share/doc/*",
         *options,
         "--customize-hook=chroot \"$1\" dpkg-query --show "
         "--showformat '${Package}\\t${Version}\\n' > "
         f"{folder}/packages.tsv",
         apt.SUITE, str(folder / "base.tar"), "-"],
        input=apt.sources_list(),
        extra_env={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)})
