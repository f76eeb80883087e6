# SPDX-License-Identifier: Apache-2.0
"""Puts the root file system together as a tree."""

from dataclasses import replace
from pathlib import Path

from lib.elf import closure, needed
from lib.run import BuildError
from lib.tree import Node, read_tar

_HERE = Path(__file__).parent
_UNITS = _HERE.parent.parent / "deploy/systemd"
_MANIFESTS = _HERE.parent.parent / "deploy/kubernetes"

# Programs of ours that run on the node itself, outside containers.
NODE_PROGRAMS = ("disk-mapper", "bootstrapper")
KUBERNETES_PROGRAMS = ("kubeadm", "kubelet", "kubectl")

_EMPTY_FOLDERS = (
    "dev", "proc", "run", "sys", "tmp", "var", "root", "opt", "home", "mnt",
    "etc/kubernetes", "etc/cni/net.d", "usr/local/share/ca-certificates",
    # kubeadm lets the controller manager mount it.
    "usr/libexec/kubernetes/kubelet-plugins/volume/exec",
)

_OS_RELEASE = """NAME="Constellation"
PRETTY_NAME="Constellation node image"
ID=constellation
ID_LIKE=debian
VERSION_ID="{version}"
"""


def _lines(name):
    lines = (_HERE / name).read_text().splitlines()
    return [line.strip() for line in lines
            if line.strip() and not line.startswith("#")]


def os_release(version):
    return _OS_RELEASE.format(version=version)


def base_tree(base_archive):
    """The Debian userland as mmdebstrap made it."""
    return read_tar(base_archive / "base.tar")


def assemble(base, kernel, kubernetes, binaries, version):
    """The root file system without container images. `base` is left alone."""
    tree = type(base)()
    tree.nodes = dict(base.nodes)
    for pattern in _lines("removed.txt"):
        tree.remove(pattern)
    _keep_programs(tree)
    _drop_privileged_bits(tree)
    _add_kernel_modules(tree, kernel)
    _add_configuration(tree, version)
    _add_units(tree)
    for name in KUBERNETES_PROGRAMS:
        tree.add_file(f"usr/bin/{name}", kubernetes / "bin" / name, 0o755)
    for name in NODE_PROGRAMS:
        tree.add_file(f"usr/bin/{name}", binaries / name, 0o755)
    _check_libraries(tree)
    return tree


def _keep_programs(tree):
    wanted = set(_lines("programs.txt"))
    missing = set(wanted)
    for path in list(tree.nodes):
        folder, _, name = path.rpartition("/")
        if folder not in ("usr/bin", "usr/sbin"):
            continue
        if name in wanted:
            missing.discard(name)
        else:
            del tree.nodes[path]
    if missing:
        raise BuildError("programs.txt: no package brings "
                         + ", ".join(sorted(missing)))
    for path, node in list(tree.nodes.items()):
        if path.startswith("etc/alternatives/") and not tree.resolve(path):
            del tree.nodes[path]


def _drop_privileged_bits(tree):
    """Nobody but root runs programs on a node, so none needs set-user-id."""
    for path, node in tree.nodes.items():
        if node.kind == "file" and node.mode & 0o6000:
            tree.nodes[path] = replace(node, mode=node.mode & 0o777)


def _add_kernel_modules(tree, kernel):
    tree.add_folder(kernel / "lib/modules", "usr/lib/modules")


def _add_configuration(tree, version):
    tree.add_folder(_HERE / "files",
                    executable=("usr/lib/constellation/containerd-root",))
    for name in _EMPTY_FOLDERS:
        tree.add_dir(name)
    tree.add("tmp", Node("dir", 0o1777))
    tree.add("root", Node("dir", 0o700))
    tree.add_bytes("usr/lib/os-release", os_release(version))
    tree.add_link("etc/resolv.conf", "../run/systemd/resolve/resolv.conf")


def _add_units(tree):
    for unit in sorted(_UNITS.glob("*.*")):
        if unit.suffix != ".md":
            tree.add_file(f"usr/lib/systemd/system/{unit.name}", unit)
    for manifest in sorted(_MANIFESTS.glob("*.yaml")):
        tree.add_file(f"usr/share/constellation/kubernetes/{manifest.name}",
                      manifest)
    for line in _lines("enabled.txt"):
        target, unit = line.split()
        if f"usr/lib/systemd/system/{unit}" not in tree:
            raise BuildError(f"enabled.txt: there is no unit {unit}")
        tree.add_link(f"etc/systemd/system/{target}.wants/{unit}",
                      f"/usr/lib/systemd/system/{unit}")
    for unit in _lines("masked.txt"):
        tree.add_link(f"etc/systemd/system/{unit}", "/dev/null")
    tree.add_link("etc/systemd/system/default.target",
                  "/usr/lib/systemd/system/multi-user.target")


def _check_libraries(tree):
    """Every program in /usr/bin, /usr/sbin must find its libraries."""
    for path, node in tree.nodes.items():
        if node.kind != "file" or not path.startswith(("usr/bin/", "usr/sbin/")):
            continue
        if node.content.read(4) != b"\x7fELF":
            continue
        data = node.content.read()
        if needed(data) is None:
            raise BuildError(f"{path}: built for another machine")
        closure(tree, data, path)
