# SPDX-License-Identifier: Apache-2.0
"""Container images of the node, unpacked at build time."""
