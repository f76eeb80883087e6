#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The style rules must notice a breach: each case breaks one rule in a throw-away repository."""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import style_rules  # noqa: E402

LICENCE = '// SPDX-License-Identifier: Apache-2.0\n'


class StyleRulesTest(unittest.TestCase):
    def check(self, check, name, text):
        with tempfile.TemporaryDirectory() as top:
            subprocess.run(['git', 'init', '-q', top], check=True)
            path = os.path.join(top, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
            return style_rules.CHECKS[check](top)

    def test_library_must_not_include_proto(self):
        self.assertTrue(self.check('includes', 'attestation/a.cc', '#include "proto/join.pb.h"\n'))

    def test_adapter_may_include_proto(self):
        self.assertFalse(self.check('includes', 'attestation/channel/transport/a.cc', '#include "proto/join.pb.h"\n'))

    def test_only_crypto_includes_openssl(self):
        self.assertTrue(self.check('includes', 'cli/a.cc', '#include <openssl/evp.h>\n'))
        self.assertFalse(self.check('includes', 'crypto/a.cc', '#include <openssl/evp.h>\n'))

    def test_deployables_do_not_include_each_other(self):
        self.assertTrue(self.check('includes', 'cli/a.cc', '#include "joinservice/ticket_issuer.h"\n'))

    def test_libraries_do_not_look_sideways(self):
        self.assertTrue(self.check('includes', 'cloud/a.cc', '#include "attestation/evidence.h"\n'))

    def test_long_file(self):
        self.assertTrue(self.check('sizes', 'common/a.cc', LICENCE * 701))

    def test_long_function(self):
        body = 'int F() {\n' + '  int x = 0;\n  (void)x;\n' * 0 + '  ;\n' * 80 + '  return 0;\n}\n'
        self.assertTrue(self.check('sizes', 'common/a.cc', body))

    def test_missing_licence(self):
        self.assertTrue(self.check('text', 'common/a.cc', 'int x;\n'))

    def test_unformatted(self):
        self.assertTrue(self.check('format', 'common/a.cc', 'int   x ;\n'))


if __name__ == '__main__':
    unittest.main()
