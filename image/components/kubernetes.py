# SPDX-License-Identifier: Apache-2.0
"""Kubernetes: upstream releases where they can be reached, else Debian's source."""

from components import debian_source


def kubernetes(refresh=False):
    """Folder with bin/<program> and origin.tsv."""
    return debian_source.kubernetes(refresh=refresh)
