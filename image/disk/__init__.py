# SPDX-License-Identifier: Apache-2.0
"""Squashfs, hash tree, EFI system partition, partition table."""
