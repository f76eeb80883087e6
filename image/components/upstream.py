# SPDX-License-Identifier: Apache-2.0
"""Upstream releases listed in components.json, pinned by digest.

Kubernetes publishes SHA-512 of its release archives (CHANGELOG-1.20.md), so that
is what is pinned; the archive holds all programs of one version.
"""

import hashlib
import json
import shutil
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from lib.cache import cached, key_of
from lib.run import BuildError, log

_LIST = Path(__file__).parent / "components.json"
_CONNECT_SECONDS = 10
_MAX_SIZE = 1 << 30


class Unreachable(Exception):
    """The server cannot be reached; nothing is wrong with the component."""


def component(name):
    for entry in json.loads(_LIST.read_text())["components"]:
        if entry["name"] == name:
            return entry
    raise BuildError(f"components.json: no component {name}")


def fetch(name):
    """Folder with bin/<program> and origin.tsv of a component.

    Raises Unreachable if its server is out of reach, BuildError if what it
    serves is not what is pinned.
    """
    entry = component(name)
    key = key_of(json.dumps(entry, sort_keys=True), Path(__file__))
    return cached(f"{name}-upstream", key, lambda folder: _fetch(entry, folder))


def _fetch(entry, folder):
    archive = folder / "archive"
    _download(entry["url"], archive)
    digest = hashlib.sha512(archive.read_bytes()).hexdigest()
    if digest != entry["sha512"]:
        raise BuildError(f"{entry['url']}: SHA-512 is {digest}, "
                         f"wanted {entry['sha512']}")
    (folder / "bin").mkdir()
    with tarfile.open(archive) as tar:
        for name, member in entry["files"].items():
            source = tar.extractfile(member)
            if source is None:
                raise BuildError(f"{entry['url']}: has no file {member}")
            with open(folder / "bin" / name, "wb") as target:
                shutil.copyfileobj(source, target)
            (folder / "bin" / name).chmod(0o755)
    archive.unlink()
    (folder / "origin.tsv").write_text("".join(
        f"{name}\t{entry['version']}\t{entry['url']}\n"
        for name in entry["files"]))


def _download(url, target):
    log(f"fetching {url}")
    try:
        with urllib.request.urlopen(url, timeout=_CONNECT_SECONDS) as response, \
                open(target, "wb") as out:
            size = 0
            while chunk := response.read(1 << 20):
                size += len(chunk)
                if size > _MAX_SIZE:
                    raise BuildError(f"{url}: larger than {_MAX_SIZE} octets")
                out.write(chunk)
    except urllib.error.HTTPError as error:
        # A proxy that allows only some hosts answers so, too.
        raise Unreachable(f"{url}: HTTP status {error.code}") from error
    except (urllib.error.URLError, OSError) as error:
        raise Unreachable(f"{url}: {error}") from error
