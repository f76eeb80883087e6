# SPDX-License-Identifier: Apache-2.0
"""Which container images a node carries, and what is in them."""

from containers.store import Image
from lib.elf import closure
from lib.run import BuildError
from lib.tree import Content, Node, Tree

# Names as `kubeadm config images list` of this version prints them.
REGISTRY = "k8s.gcr.io"
ETCD_TAG = "3.4.13-0"
PAUSE_TAG = "3.2"

SERVICES = ("keyservice", "joinservice", "verificationservice")
SERVICE_TAG = "v1"

_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"

# What kube-proxy calls, all from one multi-call program.
_IPTABLES = "usr/sbin/xtables-nft-multi"
_IPTABLES_NAMES = ("iptables", "iptables-save", "iptables-restore",
                   "ip6tables", "ip6tables-save", "ip6tables-restore")


def _empty_image():
    """The skeleton of a file system with a merged /usr."""
    tree = Tree()
    for name in ("bin", "sbin", "lib", "lib64"):
        tree.add_link(name, f"usr/{name}")
        tree.add_dir(f"usr/{name}")
    for name in ("dev", "etc", "proc", "run", "sys", "var"):
        tree.add_dir(name)
    tree.add("tmp", Node("dir", 0o1777))
    tree.add_bytes("etc/passwd", "root:x:0:0:root:/:/sbin/nologin\n"
                   "nobody:x:65534:65534:nobody:/:/sbin/nologin\n")
    tree.add_bytes("etc/group", "root:x:0:\nnogroup:x:65534:\n")
    return tree


def _add_program(image, base, where, content):
    """Adds a program with all libraries that it needs, taken from `base`."""
    image.add(where, Node("file", 0o755, content=content))
    for target, source in closure(base, content.read(), where).items():
        image.add(target, base[source])


def _add_from_base(image, base, path):
    resolved = base.resolve(path)
    if resolved is None:
        raise BuildError(f"{path}: not in the root file system")
    _add_program(image, base, path, base[resolved].content)


def _kube_proxy(base, program):
    image = _empty_image()
    _add_program(image, base, "usr/local/bin/kube-proxy", program)
    for path in (_IPTABLES, "usr/sbin/conntrack", "usr/bin/kmod"):
        _add_from_base(image, base, path)
    for name in _IPTABLES_NAMES:
        image.add_link(f"usr/sbin/{name}", "xtables-nft-multi")
    image.add_link("usr/sbin/modprobe", "../bin/kmod")
    for path, node in base.nodes.items():
        if path.startswith("usr/lib/x86_64-linux-gnu/xtables/"):
            image.add(path, node)
    return Image(f"{REGISTRY}/kube-proxy:{{version}}", image)


def kubernetes_images(base, parts, version):
    """Images of the control plane, kube-proxy, etcd and pause."""
    binaries, packaged = parts["kubernetes"] / "bin", parts["packaged"]
    images = []
    for name in ("kube-apiserver", "kube-controller-manager",
                 "kube-scheduler"):
        tree = _empty_image()
        _add_program(tree, base, f"usr/local/bin/{name}",
                     Content.of_file(binaries / name))
        images.append(Image(f"{REGISTRY}/{name}:{version}", tree))
    proxy = _kube_proxy(base, Content.of_file(binaries / "kube-proxy"))
    images.append(Image(proxy.name.format(version=version), proxy.tree))
    tree = _empty_image()
    _add_program(tree, base, "usr/local/bin/etcd",
                 Content.of_file(packaged / "etcd"))
    images.append(Image(f"{REGISTRY}/etcd:{ETCD_TAG}", tree))
    tree = Tree()
    tree.add_file("pause", packaged / "pause", 0o755)
    images.append(Image(f"{REGISTRY}/pause:{PAUSE_TAG}", tree, ("/pause",)))
    return images


def toolbox_image(busybox):
    """A shell and small network tools, for `kubectl run` on a cluster without a
    registry."""
    tree = _empty_image()
    tree.add_file("usr/bin/busybox", busybox, 0o755)
    for name in ("sh", "cat", "env", "httpd", "id", "ip", "ls", "nc",
                 "nslookup", "ping", "ps", "sleep"):
        tree.add_link(f"usr/bin/{name}", "busybox")
    return Image("constellation.local/toolbox:v1", tree, ("/bin/sh",))


def service_image(base, name, binary):
    """The image of one of our services: its program and its libraries."""
    tree = _empty_image()
    _add_program(tree, base, f"usr/bin/{name}", Content.of_file(binary))
    # Loaded by name at run time.
    for library in ("libtss2-tcti-device.so.0", "libcurl.so.4"):
        _add_from_base(tree, base, f"usr/lib/x86_64-linux-gnu/{library}")
    tree.add(_CERTIFICATES, base[_CERTIFICATES])
    return Image(f"constellation.local/{name}:{SERVICE_TAG}", tree,
                 (f"/usr/bin/{name}",))
