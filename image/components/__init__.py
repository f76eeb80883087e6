# SPDX-License-Identifier: Apache-2.0
"""Programs that Debian has no binary package for, and etcd."""
