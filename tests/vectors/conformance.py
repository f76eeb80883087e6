#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every vector of a folder must get the verdict that its MANIFEST.json states.

usage: conformance.py PROGRAM VECTORS [--only PREFIX] [--verbose]

PROGRAM is the `constellation` command. Nothing about single files is known here: what to expect follows from
`verdict`, `expect`, `group`, `collateral_sets` and `suggested_clock`. Exit code 0 if every vector agrees, 1 if one does
not, 77 if the folder is not there.
"""
import datetime
import json
import os
import re
import subprocess
import sys

VERIFIED, UNCHECKED, REFUSED = 0, 1, 2
DEFAULT_CLOCK = '2026-09-01T00:00:00Z'
INSECURE = '--insecure-without-policy'


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00').replace(' ', 'T'))


def middle(window):
    first, last = (parse_time(text) for text in window)
    return (first + (last - first) / 2).strftime('%Y-%m-%dT%H:%M:%SZ')


class Conformance:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        with open(os.path.join(folder, 'MANIFEST.json'), encoding='utf-8') as file:
            self.manifest = json.load(file)
        self.entries = {entry['path']: entry for entry in self.manifest['files']}
        self.runs = 0

    # -- running the command ---------------------------------------------------------------------------------------

    def run(self, *arguments):
        self.runs += 1
        done = subprocess.run([self.program, *arguments], cwd=self.folder, capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout.decode('utf-8', 'replace'), done.stderr.decode('utf-8', 'replace')

    def show(self, path):
        code, out, err = self.run('attestation', 'show', path, '-o', 'json')
        assert code in (0, 1), f'show: exit code {code}: {err}'
        document = json.loads(out)
        assert document['verified'] is False
        return code, document

    def verify(self, files, at, collateral=(), extra=()):
        arguments = ['attestation', 'verify', *files, INSECURE, '--at', at, '-o', 'json', *extra]
        for folder in collateral:
            arguments += ['--collateral', folder]
        code, out, err = self.run(*arguments)
        assert code in (VERIFIED, UNCHECKED, REFUSED), f'verify: exit code {code}: {err}'
        document = json.loads(out)
        words = {VERIFIED: 'verified', UNCHECKED: 'unchecked', REFUSED: 'refused'}
        assert document['verdict'] == words[code], 'exit code and verdict disagree'
        return code, document

    def expect(self, wanted, files, at, collateral=(), extra=()):
        code, document = self.verify(files, at, collateral, extra)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        if code not in wanted:
            bad = [f"{c['layer']}/{c['check']}: want {c['expected'][:90]}, got {c['got'][:160]}"
                   for unit in document['units'] for c in unit['checks'] if c['verdict'] in ('failed', 'unchecked')]
            raise AssertionError(f'exit code {code}, want {wanted}, at {at}: ' + '; '.join(bad[:6]))
        return document

    # -- what belongs together ---------------------------------------------------------------------------------------

    def existing(self, *paths):
        return [path for path in paths if path in self.entries]

    def set_folders(self, name):
        """Folders of a collateral set, with those that it borrows from."""
        borrowed = self.manifest['collateral_sets'][name]['borrow_missing_parts_from']
        return [name] + sorted({folder for folder in borrowed.values() if folder})

    def intermediates(self):
        return [path for path, entry in self.entries.items() if entry['verdict'] == 'valid intermediate']

    def trust_folders(self, path):
        """Where the issuers of a certificate, CRL or document are."""
        parts = path.split('/')
        folder = '/'.join(parts[:-1])
        if folder in self.manifest['collateral_sets']:
            return self.set_folders(folder) + self.intermediates()
        if parts[0] in ('tdx', 'sgx') and parts[1].startswith('collateral'):
            return [parts[0] + '/collateral']
        if parts[0] == 'azure':
            return ['snp', 'azure']
        return [folder] if parts[0] != 'sgx' else ['sgx', 'tdx']

    def clock(self, entry):
        """A time at which the entry is to be checked."""
        expect = entry.get('expect') or {}
        windows = []
        if expect.get('verify_time_window'):
            windows.append(expect['verify_time_window'])
        if expect.get('pck_validity'):
            windows.append(expect['pck_validity'])
        for certificate in [expect.get('cert')] + (expect.get('certs') or []):
            if certificate:
                windows.append(certificate['validity'])
        if expect.get('this_update') and expect.get('next_update'):
            windows.append([expect['this_update'], expect['next_update']])
        if expect.get('issueDate') and expect.get('nextUpdate'):
            windows.append([expect['issueDate'], expect['nextUpdate']])
        if expect.get('timestamp'):
            return parse_time(expect['timestamp']).strftime('%Y-%m-%dT%H:%M:%SZ')
        if expect.get('verify_time'):
            return expect['verify_time'].split()[0] + 'T12:00:00Z'
        parent = self.manifest['collateral_sets'].get(os.path.dirname(entry['path']))
        if parent and parent['common_window'] and entry['path'].endswith(('.pem', '.der')):
            windows.append(parent['common_window'])
        first = max([parse_time(window[0]) for window in windows], default=None)
        last = min([parse_time(window[1]) for window in windows], default=None)
        default = parse_time(DEFAULT_CLOCK)
        if first is None or first <= default <= last:
            return DEFAULT_CLOCK
        return (first + (last - first) / 2).strftime('%Y-%m-%dT%H:%M:%SZ')

    def quote_files(self, stem, expect):
        """A TPM quote: attest, signature, key, values. Stems are x, or x-quote in a group called x."""
        group = re.sub(r'-quote$', '', stem)
        files = self.existing(stem + '.attest.bin', stem + '.sig.bin')
        key = self.existing(stem + '.ak.tpmt.bin', stem + '.ak.pem', stem + '-ak.pem', group + '-ak.pem',
                            expect.get('ak', '') if isinstance(expect.get('ak'), str) else '')
        values = self.existing(stem + '.pcrs.json', stem + '-pcrs.json', group + '-pcrs.json')
        return files + key[:1] + values[:1]

    # -- one rule per kind -------------------------------------------------------------------------------------------

    def check_quote(self, entry):
        expect = entry.get('expect') or {}
        stem = re.sub(r'\.(attest|sig)\.bin$', '', entry['path'])
        attest = self.entries.get(stem + '.attest.bin', entry)
        expect = attest.get('expect') or {}
        files = self.quote_files(stem, expect)
        if 'every shipped AK' in attest['verdict']:
            folder = os.path.dirname(stem)
            files += [p for p in self.entries if os.path.dirname(p) == folder and p.endswith('-ak.pem')]
        nonce = (expect.get('attest') or {}).get('extraData')
        extra = ('--nonce', nonce) if nonce else ()
        verdict = attest['verdict']
        wanted = VERIFIED if verdict == 'valid' else REFUSED
        at = DEFAULT_CLOCK
        if expect.get('ak_cert_chain'):
            chain = [c if isinstance(c, str) else '' for c in expect['ak_cert_chain']]
            files += self.existing(*chain) or self.existing(stem + '-ak-chain.pem')
            at = self.clock(attest)
        self.expect(wanted, files, at, extra=extra)
        if wanted == VERIFIED and nonce:
            self.expect(REFUSED, files, at, extra=('--nonce', '00' + nonce))

    def check_hcl(self, entry):
        stem = re.sub(r'-hcl-report\.bin$', '', entry['path'])
        expect = entry.get('expect') or {}
        files = [entry['path']]
        attest = self.entries.get(stem + '-quote.attest.bin') or {}
        files += self.quote_files(stem + '-quote', attest.get('expect') or {}) + self.existing(expect.get('td_quote') or '')
        if 'INVALID' in entry['verdict']:
            return self.expect(REFUSED, files, DEFAULT_CLOCK, ['snp', 'azure'])
        if 'unverifiable' in entry['verdict']:
            return self.expect(UNCHECKED, files, DEFAULT_CLOCK, ['snp', 'azure'])
        if expect.get('td_quote'):
            return self.each_collateral(self.entries[expect['td_quote']], files)
        return self.expect(VERIFIED, files, DEFAULT_CLOCK, ['snp', 'azure'])

    def each_collateral(self, quote, files):
        """An Intel quote with every set of collateral that fits it."""
        for name, result in quote['expect']['tcb_status_by_collateral'].items():
            if result.get('collateral_held_out') or name not in self.manifest['collateral_sets']:
                continue
            final = result['final'].split()[0]
            window = result.get('verify_time_window')
            folders = self.set_folders(name)
            if not window:
                self.expect(REFUSED, files, self.clock(quote), folders)
                continue
            revoked = result.get('pck_revoked')
            wanted = REFUSED if final in ('NotSupported', 'Revoked') or revoked else VERIFIED
            document = self.expect(wanted, files, self.common_time(name, window), folders)
            if wanted == VERIFIED:
                status = [c['got'] for unit in document['units'] for c in unit['checks'] if c['check'] == 'TCB status']
                assert status == [final], f'{name}: TCB status {status}, want {final}'

    def common_time(self, name, window):
        common = self.manifest['collateral_sets'][name]['common_window']
        windows = [window] + ([common] if common else [])
        first = max(parse_time(w[0]) for w in windows)
        last = min(parse_time(w[1]) for w in windows)
        return (first + (last - first) / 2).strftime('%Y-%m-%dT%H:%M:%SZ')

    def check_intel(self, entry):
        path = entry['path']
        if 'tcb_status_by_collateral' in (entry.get('expect') or {}):
            # Chain only, without collateral: genuine, whatever its TCB.
            self.expect(VERIFIED, [path], self.clock(entry))
            return self.each_collateral(entry, [path])
        return self.expect(REFUSED, [path], '2025-07-01T00:00:00Z', ['tdx/collateral/b0c06f-2025-06'])

    def check_test_root(self, entry):
        folder = os.path.dirname(entry['path'])
        root = folder + '/test-root-ca.pem'
        # The manifest has no clock for it: one is looked for in the documents themselves.
        first, last = [], []
        for path in self.entries:
            if os.path.dirname(path) == folder:
                _, document = self.show(path)
                for field in (f for part in document['parts'] for f in part['fields'] if f['value'][:2] == '20'):
                    if field['name'] in ('issued', 'this update', 'not before'):
                        first.append(field['value'])
                    elif field['name'] in ('next update', 'not after'):
                        last.append(field['value'])
        at = middle([max(first), min(last)])
        # The documents are samples that need not fit the quote: of that only the chain is stated to be valid.
        is_quote = 'quote' in os.path.basename(entry['path'])
        issuers = [p for p in self.entries if os.path.dirname(p) == folder and p.endswith('.pem')]
        self.expect(VERIFIED, [entry['path']], at, issuers if is_quote else [folder], ('--insecure-root', root))
        self.expect((UNCHECKED, REFUSED), [entry['path']], at, [folder])

    def check_snp(self, entry):
        expect = entry.get('expect') or {}
        signers = expect.get('signers') or []
        at = self.clock(entry)
        self.expect(VERIFIED, [entry['path'], *signers], at, ['snp'])
        self.expect(VERIFIED, [entry['path']], at, ['snp'])
        self.expect(UNCHECKED, [entry['path']], at)

    def check_log(self, entry):
        code, document = self.show(entry['path'])
        verdict, expect = entry['verdict'], entry.get('expect') or {}
        if verdict.startswith('INVALID against '):
            quote = re.search(r'against (\S+)', verdict).group(1)
            return self.expect(REFUSED, [entry['path'], quote], DEFAULT_CLOCK)
        if verdict.startswith('must be rejected'):
            assert code == 1, 'show reads a damaged log as if it were whole'
            return self.expect(REFUSED, [entry['path']], DEFAULT_CLOCK)
        if verdict.startswith('valid'):
            assert code == 0, f"show: {document['problem']}"
        replayed = {part['title'].split()[1]: {f['name'].split()[1]: f['value'] for f in part['fields']}
                    for part in document['parts'] if part['title'].startswith('replay ')}
        wanted = dict(expect.get('pcrs') or {})
        if 'pcrs_sha1' in expect:
            wanted['sha1'] = expect['pcrs_sha1']
        for bank, registers in wanted.items():
            for index, value in registers.items():
                got = replayed.get(bank, {}).get(str(int(index)))
                start = set(value) in ({'0'}, {'f'})  # of a register without events
                assert got == value or (got is None and start), f'{bank} {index}: {got}, want {value}'
        alone = UNCHECKED if verdict.startswith('valid') else (UNCHECKED, REFUSED)
        return self.expect(alone, [entry['path']], DEFAULT_CLOCK)

    def check_trust(self, entry):
        path, verdict = entry['path'], entry['verdict']
        wanted = VERIFIED if verdict.startswith('valid') else REFUSED
        self.expect(wanted, [path], self.clock(entry), self.trust_folders(path))

    def check_sets(self):
        """Whole sets of collateral through `collateral verify`."""
        for name, collateral in self.manifest['collateral_sets'].items():
            if not collateral['common_window'] or 'badsig' in name:
                continue
            code, _, err = self.run('collateral', 'verify', *self.set_folders(name), *self.intermediates(), '--at',
                                    middle(collateral['common_window']))
            # Borrowed folders have documents of another time in them, too.
            wanted = (VERIFIED,) if not collateral['borrow_missing_parts_from'] else (VERIFIED, REFUSED)
            assert code in wanted, f'{name}: exit code {code}: {err}'

    def check_cose(self, entry):
        expect = entry.get('expect') or {}
        if 'INVALID' in entry['verdict']:
            source = re.search(r'DERIVED: (\S+) ', entry['what']).group(1)
            original = self.entries[os.path.join(os.path.dirname(entry['path']), os.path.basename(source))]
            return self.expect(REFUSED, [entry['path']], self.clock(original))
        self.expect(VERIFIED, [entry['path']], self.clock(entry))
        if expect.get('nonce_hex'):
            self.expect(VERIFIED, [entry['path']], self.clock(entry), extra=('--nonce', expect['nonce_hex']))
            self.expect(REFUSED, [entry['path']], self.clock(entry), extra=('--nonce', '00'))
        return None

    def check_data(self, entry):
        """Not evidence: it is shown if it is of a known kind, and is never success."""
        self.show(entry['path'])
        self.expect((UNCHECKED, REFUSED), [entry['path']], DEFAULT_CLOCK)

    def check_readable(self, entry, wanted):
        code, document = self.show(entry['path'])
        assert code == 0, f"show: {document['problem']}"
        self.expect(wanted, [entry['path']], self.clock(entry), ['snp'] if entry['path'].startswith('snp/') else [])

    def check(self, entry):
        path, verdict = entry['path'], entry['verdict']
        if verdict == 'data' or (path.endswith('.json') and verdict == 'valid'):
            return self.check_data(entry)
        if 'under the test root only' in verdict:
            return self.check_test_root(entry)
        if path.endswith(('.attest.bin', '.sig.bin')):
            return self.check_quote(entry)
        if path.endswith('-hcl-report.bin') or 'runtime data' in verdict:
            return self.check_hcl(entry)
        if path.startswith('eventlog/'):
            return self.check_log(entry)
        if path.endswith('.cose'):
            return self.check_cose(entry)
        if verdict in ('parse', 'no verifying certificate available', 'structure hashes match'):
            return self.check_readable(entry, UNCHECKED)
        if verdict.startswith('invalid certificate chain'):
            return self.check_readable(entry, REFUSED)
        if verdict == 'structure hashes do NOT match':
            assert self.show(path)[0] == 1
            return self.expect((UNCHECKED, REFUSED), [path], DEFAULT_CLOCK)
        if 'report' in (entry.get('expect') or {}):
            return self.check_snp(entry)
        return self.check_other(entry)

    def check_other(self, entry):
        path, verdict = entry['path'], entry['verdict']
        _, document = self.show(path)
        kind = document['kind']
        if kind == 'intel-quote':
            return self.check_intel(entry)
        if kind in ('snp-id-block', 'snp-id-auth'):
            pair = [p for p in self.entries if re.search(r'/id(block|auth)-', p)]
            return self.expect(VERIFIED, pair, DEFAULT_CLOCK)
        if verdict.startswith('must be rejected'):
            return self.expect((UNCHECKED, REFUSED) if kind == 'unknown' else REFUSED, [path], DEFAULT_CLOCK)
        return self.check_trust(entry)


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith('--')]
    only = sys.argv[sys.argv.index('--only') + 1] if '--only' in sys.argv else ''
    arguments = [a for a in arguments if a != only] if only else arguments
    program = os.path.abspath(arguments[0])
    folder = os.path.abspath(os.environ.get('CONSTELLATION_VECTORS') or arguments[1])
    if not os.path.isfile(os.path.join(folder, 'MANIFEST.json')):
        print(f'SKIPPED: NO VECTORS in {folder}; set CONSTELLATION_VECTORS to the folder with MANIFEST.json')
        return 77
    conformance = Conformance(program, folder)
    wrong = 0
    for path, entry in conformance.entries.items():
        if not path.startswith(only):
            continue
        try:
            conformance.check(entry)
            if '--verbose' in sys.argv:
                print(f'ok {path}')
        except (AssertionError, KeyError, ValueError, subprocess.TimeoutExpired) as error:
            wrong += 1
            print(f"DISAGREES {path} [{entry['verdict'][:60]}]: {type(error).__name__}: {error}")
    if not only:
        try:
            conformance.check_sets()
        except AssertionError as error:
            wrong += 1
            print(f'DISAGREES collateral_sets: {error}')
    count = sum(path.startswith(only) for path in conformance.entries)
    print(f'{count - wrong} of {count} vectors as stated, {conformance.runs} runs of the command')
    return 1 if wrong or count == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
