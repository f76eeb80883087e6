# SPDX-License-Identifier: Apache-2.0
"""Kubernetes from Debian's source package."""

import tempfile
from pathlib import Path

from lib.apt import SUITE, PrivateApt
from lib.cache import cache_root, cached, key_of
from lib.run import BuildError, log, run

_HERE = Path(__file__).parent

KUBERNETES_VERSION = "v1.20.2"
PROGRAMS = ("kubeadm", "kubelet", "kubectl", "kube-apiserver",
            "kube-controller-manager", "kube-scheduler", "kube-proxy")

# The vendored ones crash under Go >= 1.18.
_REPLACEMENTS = ("golang-github-modern-go-reflect2-dev",
                 "golang-github-modern-go-concurrent-dev",
                 "golang-github-json-iterator-go-dev")


def kubernetes():
    """Folder with bin/<program> and origin.tsv (name, version, origin)."""
    key = key_of(_HERE / "compile_kubernetes",
                 KUBERNETES_VERSION, *PROGRAMS, *_REPLACEMENTS)
    return cached("kubernetes-debian-source", key, _build)


def _build(folder):
    binaries = folder / "bin"
    binaries.mkdir()
    with tempfile.TemporaryDirectory(prefix="components-") as scratch:
        scratch = Path(scratch)
        apt = PrivateApt(scratch / "apt", [SUITE], "deb deb-src")
        origins = _kubernetes(apt, scratch, binaries)
    (folder / "origin.tsv").write_text("".join(origins))


def _log_file():
    """Outlives the scratch folder, so that an error can be looked up."""
    path = cache_root() / "compile-kubernetes.log"
    path.unlink(missing_ok=True)
    return path


def _kubernetes(apt, scratch, binaries):
    version = apt.version("kubernetes", source=True)
    if KUBERNETES_VERSION.removeprefix("v") not in version:
        raise BuildError(f"source package kubernetes: this mirror has {version}, "
                         f"which is not {KUBERNETES_VERSION}")
    source = apt.source("kubernetes", scratch / "kubernetes")
    for archive in apt.download(_REPLACEMENTS, scratch / "gocode-debs"):
        run(["dpkg-deb", "--extract", str(archive), str(scratch / "gocode")])
    log("compiling Kubernetes from Debian's source (5 minutes on 2 cores)")
    run([str(_HERE / "compile_kubernetes"), str(source),
         str(scratch / "gocode/usr/share/gocode/src"), KUBERNETES_VERSION,
         str(binaries)], log_file=_log_file())
    return [f"{name}\t{KUBERNETES_VERSION}\tDebian source kubernetes {version}\n"
            for name in PROGRAMS]
