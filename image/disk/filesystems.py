# SPDX-License-Identifier: Apache-2.0
"""The file systems of the disk image: squashfs with its hash tree, and the ESP."""

import re
import subprocess
from pathlib import Path

from lib.run import SOURCE_DATE_EPOCH, BuildError, environment, run

BLOCK = 4096
# A salt only has to differ from other users of SHA-256; the root hash pins it.
SALT = "636f6e7374656c6c6174696f6e2d6e6f64652d696d6167652d726f6f742d7631"
COMPRESSION = ("-comp", "zstd", "-Xcompression-level", "9", "-b", "131072")
_MIB = 1 << 20
# The smallest FAT32 has 65525 clusters.
_ESP_MIN = 34 * _MIB
# FAT begins in 1980.
_FAT_EPOCH = 315532800


def write_squashfs(tree, output):
    """Writes the tree as squashfs, padded to whole blocks."""
    arguments = ["mksquashfs", "-", str(output), "-tar", "-quiet", "-no-progress", "-reproducible",
                 "-mkfs-time", str(SOURCE_DATE_EPOCH),
                 "-all-time", str(SOURCE_DATE_EPOCH), "-no-xattrs",
                 "-root-mode", "0755", *COMPRESSION]
    env = environment()
    # mksquashfs refuses its time options together with this variable.
    del env["SOURCE_DATE_EPOCH"]
    try:
        with subprocess.Popen(arguments, env=env, stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            try:
                tree.write_tar(process.stdin)
                process.stdin.close()
            except BrokenPipeError:
                pass  # the message of the program says why
            message = process.stderr.read().decode(errors="replace")
    except FileNotFoundError as error:
        raise BuildError("mksquashfs: not installed (squashfs-tools)") from error
    if process.returncode:
        raise BuildError(f"mksquashfs failed: {message[-2000:]}")
    size = output.stat().st_size
    with open(output, "ab") as stream:
        stream.truncate(-(-size // BLOCK) * BLOCK)


def write_verity(data, output):
    """Writes the hash tree of `data` without a superblock.

    Returns (root hash in hex, number of data blocks).
    """
    blocks = data.stat().st_size // BLOCK
    Path(output).write_bytes(b"")
    text = run(["veritysetup", "format", "--no-superblock", "--hash=sha256",
                "--format=1", f"--data-block-size={BLOCK}",
                f"--hash-block-size={BLOCK}", f"--data-blocks={blocks}",
                f"--salt={SALT}", str(data), str(output)])
    match = re.search(r"^Root hash:\s+([0-9a-f]{64})$", text, re.MULTILINE)
    if not match:
        raise BuildError("veritysetup: printed no root hash")
    return match.group(1), blocks


def write_esp(uki, output):
    """Writes a FAT32 file system that holds the UKI as the default loader."""
    size = max(_ESP_MIN, -(-(uki.stat().st_size * 9 // 8) // _MIB) * _MIB + _MIB)
    with open(output, "wb") as stream:
        stream.truncate(size)
    for command in (
            ["mkfs.vfat", "--invariant", "-F", "32", "-s", "1", "-n", "ESP",
             "-i", "c0115e11", str(output)],
            ["mmd", "-i", str(output), "::/EFI", "::/EFI/BOOT"],
            ["mcopy", "-i", str(output), str(uki), "::/EFI/BOOT/BOOTX64.EFI"]):
        run(command, extra_env={"SOURCE_DATE_EPOCH": str(_FAT_EPOCH)})
