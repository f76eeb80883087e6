# SPDX-License-Identifier: Apache-2.0
"""Runs commands and reports progress."""

import os
import subprocess
import sys
import time

# Time stamp of everything that the build writes.
SOURCE_DATE_EPOCH = 0

_START = time.monotonic()


class BuildError(Exception):
    """A failure whose message is all that a user needs to see."""


def log(message):
    """Prints one progress line with the time since the build began."""
    elapsed = int(time.monotonic() - _START)
    print(f"[{elapsed // 60:3d}:{elapsed % 60:02d}] {message}",
          file=sys.stderr, flush=True)


def environment():
    """The environment of every command: no locale, no zone, no user flags."""
    kept = {name: os.environ[name]
            for name in ("HOME", "TMPDIR", "http_proxy", "https_proxy",
                         "no_proxy") if name in os.environ}
    return kept | {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "DEBIAN_FRONTEND": "noninteractive",
        "SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH),
    }


def run(arguments, *, log_file=None, extra_env=None, **options):
    """Runs a command; its output goes to `log_file` or is kept for the error.

    Returns the standard output as text (empty with `log_file`). Raises
    BuildError with the last lines of output when the command fails.
    """
    env = environment() | (extra_env or {})
    try:
        if log_file:
            with open(log_file, "ab") as out:
                subprocess.run(arguments, check=True, env=env, stdout=out,
                               stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, **options)
            return ""
        if "input" not in options:
            options["stdin"] = subprocess.DEVNULL
        result = subprocess.run(arguments, check=True, env=env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                **options)
        return result.stdout
    except FileNotFoundError as error:
        raise BuildError(f"{arguments[0]}: not installed on this machine "
                         "(image/README.md lists the packages)") from error
    except subprocess.CalledProcessError as error:
        raise BuildError(_describe(arguments, error, log_file)) from error


def _describe(arguments, error, log_file):
    if log_file:
        with open(log_file, "rb") as stream:
            text = stream.read()[-4000:].decode(errors="replace")
    else:
        text = (error.stdout or "") + (error.stderr or "")
    tail = "\n".join(text.splitlines()[-25:])
    where = f"\n(whole log: {log_file})" if log_file else ""
    return (f"{os.path.basename(str(arguments[0]))} failed with exit code "
            f"{error.returncode}:\n{tail}{where}")
