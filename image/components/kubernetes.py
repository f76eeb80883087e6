# SPDX-License-Identifier: Apache-2.0
"""Kubernetes: the upstream release where it can be reached, else Debian's source.

Both give the same version; the bytes differ, and so do the measurements. Which
one an image holds is in constellation.json. The choice is remembered in the
cache, so that a network that comes and goes does not change an image.
"""

from components import debian_source, upstream
from lib.cache import cache_root
from lib.run import log

ROUTES = ("auto", "upstream", "debian-source")


def kubernetes(route="auto"):
    """Folder with bin/<program> and origin.tsv.

    `route` is one of ROUTES. With "auto" the first build decides. Raises
    upstream.Unreachable only for "upstream".
    """
    chosen = cache_root() / "kubernetes-route"
    if route == "auto" and chosen.is_file():
        route = chosen.read_text().strip()
    if route == "debian-source":
        return debian_source.kubernetes()
    try:
        folder, used = upstream.fetch("kubernetes"), "upstream"
    except upstream.Unreachable as error:
        if route == "upstream":
            raise
        log(f"upstream release out of reach ({error}); using Debian's source")
        folder, used = debian_source.kubernetes(), "debian-source"
    if route == "auto":
        chosen.parent.mkdir(parents=True, exist_ok=True)
        chosen.write_text(used + "\n")
    return folder
