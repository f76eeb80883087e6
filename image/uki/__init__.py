# SPDX-License-Identifier: Apache-2.0
"""The unified kernel image: stub, kernel, initrd, command line in one PE file."""
