# SPDX-License-Identifier: Apache-2.0
"""The root file system: Debian packages, kernel modules, our files."""
