# SPDX-License-Identifier: Apache-2.0
"""A cache of build steps, addressed by the content of their inputs.

Layout: ${XDG_CACHE_HOME:-$HOME/.cache}/constellation/image/<step>/<key>/, where
<key> is a hash of everything that the step reads. An entry is a folder that
appears at once (rename), so an interrupted step leaves nothing that counts.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from lib.run import log

# Entries of one step that are kept; the least recently used go first.
KEEP = 3


def cache_root():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "constellation" / "image"


def file_sha256(path):
    """SHA-256 of a file, as hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def key_of(*parts):
    """One key of strings, bytes and paths; a path counts by its content."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            data = file_sha256(part).encode()
        else:
            data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def cached(step, key, produce, *, refresh=False):
    """Returns the folder of `step` for `key`, made by produce(folder) if absent.

    `refresh` makes it again even if it exists. Two builds at the same time wait
    for each other.
    """
    step_dir = cache_root() / step
    step_dir.mkdir(parents=True, exist_ok=True)
    entry = step_dir / key
    with _locked(step_dir / ".lock"):
        if entry.is_dir() and not refresh:
            os.utime(entry)
            log(f"{step}: cached")
            return entry
        log(f"{step}: building")
        started = time.monotonic()
        scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=step_dir))
        try:
            scratch.chmod(0o755)
            produce(scratch)
            if entry.exists():
                shutil.rmtree(entry)
            scratch.rename(entry)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        log(f"{step}: built in {time.monotonic() - started:.0f} s")
        _prune(step_dir, entry)
    return entry


@contextmanager
def _locked(path):
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prune(step_dir, newest):
    entries = sorted((e for e in step_dir.iterdir()
                      if e.is_dir() and e != newest),
                     key=lambda e: e.stat().st_mtime, reverse=True)
    for entry in entries[KEEP - 1:]:
        shutil.rmtree(entry, ignore_errors=True)
