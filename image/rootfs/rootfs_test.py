# SPDX-License-Identifier: Apache-2.0
"""Tests of what the lists let into the root file system."""

import fnmatch
import unittest
from pathlib import Path

_IMAGE = Path(__file__).parent.parent


def _lines(path):
    return [line.strip() for line in (_IMAGE / path).read_text().splitlines()
            if line.strip() and not line.startswith("#")]


class HostInputTest(unittest.TestCase):
    """Ways in which a host tells systemd what to do, past every register that
    a policy compares."""

    def test_systemd_takes_no_credentials_of_the_host(self):
        # SMBIOS strings and fw_cfg files: "tmpfiles.extra" and "sysctl.extra"
        # among them run whatever the host wants as root (systemd.exec(5)).
        words = _lines("uki/cmdline.txt")
        self.assertEqual([word for word in words if "import_credentials" in word],
                         ["systemd.import_credentials=no"])

    def test_no_module_shows_variables_of_the_host(self):
        # The EFI variable SystemdOptions counts as a kernel command line.
        for module in ("drivers/firmware/qemu_fw_cfg.ko",
                       "fs/efivarfs/efivarfs.ko"):
            for pattern in _lines("rootfs/modules.txt"):
                self.assertFalse(fnmatch.fnmatch(module, pattern),
                                 f"{pattern} brings {module}")


if __name__ == "__main__":
    unittest.main()
