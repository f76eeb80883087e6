# SPDX-License-Identifier: Apache-2.0
"""Packages from the Debian mirror that this machine's own apt already uses.

The mirror is never written in a file: it is read from the machine's apt
configuration. Suites that the machine does not use itself (sources, backports)
are only entered in a private apt folder; the machine's configuration stays as
it is.
"""

import re
import subprocess
from pathlib import Path

from lib.run import BuildError, run

SUITE = "bookworm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def machine_sources():
    """(uri, suite) pairs of this machine that belong to Debian 12, main first."""
    text = run(["apt-get", "indextargets", "--format",
                "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)"])
    pairs = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) != 4 or fields[2] != "main" or fields[3] != "Packages":
            continue
        pair = (fields[0].rstrip("/"), fields[1])
        if re.fullmatch(SUITE + r"(-updates|-security)?", pair[1]) \
                and pair not in pairs:
            pairs.append(pair)
    if not any(suite == SUITE for _, suite in pairs):
        raise BuildError("this machine's apt has no source for Debian 12 "
                         f"({SUITE} main), so no mirror is known")
    return sorted(pairs, key=lambda pair: pair[1] != SUITE)


def mirror():
    """The URI that serves the suite itself, and so also its backports."""
    return machine_sources()[0][0]


def machine_options():
    """apt options of this machine that decide how a mirror is reached."""
    wanted = re.compile(r'^(Acquire::(https?|Retries|Check-Valid-Until'
                        r'|Check-Date|ForceIPv4|ForceIPv6)\b\S*) "(.*)";$')
    return [line for line in run(["apt-config", "dump"]).splitlines()
            if (match := wanted.match(line)) and match.group(3)]


def sources_list(suites=None, types="deb"):
    """One-line-style entries for mmdebstrap or a private apt folder."""
    pairs = machine_sources()
    if suites is not None:
        pairs = [(mirror(), suite) for suite in suites]
    return "".join(f"{kind} [signed-by={KEYRING}] {uri} {suite} main\n"
                   for uri, suite in pairs for kind in types.split())


class PrivateApt:
    """An apt of our own in `folder` with the given suites; needs no root."""

    def __init__(self, folder, suites, types="deb"):
        self._folder = Path(folder)
        for name in ("lists/partial", "cache/archives/partial", "etc",
                     "state"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        sources = self._folder / "sources.list"
        sources.write_text(sources_list(suites, types))
        (self._folder / "state/status").touch()
        self._config = self._folder / "apt.conf"
        self._config.write_text("\n".join([
            f'Dir::State::Lists "{self._folder}/lists";',
            f'Dir::State::Status "{self._folder}/state/status";',
            f'Dir::Cache "{self._folder}/cache";',
            f'Dir::Etc::SourceList "{sources}";',
            f'Dir::Etc::SourceParts "{self._folder}/etc";',
            f'Dir::Etc::Preferences "/dev/null";',
            f'Dir::Etc::PreferencesParts "{self._folder}/etc";',
            'APT::Sandbox::User "";',
            'APT::Update::Post-Invoke-Success "";',
            '#clear APT::Update::Post-Invoke-Success;',
            '#clear APT::Update::Post-Invoke;', ""]))
        self._run("apt-get", "--quiet", "--error-on=any", "update")

    def _run(self, *arguments, cwd=None):
        return run(list(arguments), cwd=cwd,
                   extra_env={"APT_CONFIG": str(self._config)})

    def download(self, packages, folder):
        """Fetches binary packages (name or name/suite); returns their paths."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "--quiet", "download", *packages, cwd=folder)
        return sorted(folder.glob("*.deb"))

    def source(self, package, folder):
        """Fetches and unpacks a source package; returns the unpacked folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "--quiet", "source", "--download-only", package,
                  cwd=folder)
        descriptions = list(folder.glob("*.dsc"))
        if len(descriptions) != 1:
            raise BuildError(f"source package {package}: expected one .dsc, "
                             f"got {len(descriptions)}")
        run(["dpkg-source", "--extract", str(descriptions[0]), "unpacked"],
            cwd=folder)
        return folder / "unpacked"

    def version(self, package, *, source=False):
        """The version that would be fetched; raises if there is none."""
        show = "showsrc" if source else "show"
        text = self._run("apt-cache", show, package)
        versions = re.findall(r"^Version: (.+)$", text, re.MULTILINE)
        if not versions:
            raise BuildError(f"package {package}: not on this mirror")
        return _newest(versions)

    def field(self, package, name):
        """A control field of a binary package's newest version."""
        text = self._run("apt-cache", "show", "--no-all-versions", package)
        match = re.search(rf"^{name}: (.+)$", text, re.MULTILINE)
        if not match:
            raise BuildError(f"package {package}: has no field {name}")
        return match.group(1)


def _newest(versions):
    newest = versions[0]
    for version in versions[1:]:
        if subprocess.run(["dpkg", "--compare-versions", version, "gt",
                           newest], check=False).returncode == 0:
            newest = version
    return newest
