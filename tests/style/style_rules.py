#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules of style that a machine can check. usage: style_rules.py SOURCE_DIR {includes|sizes|text|format}

includes  who may include whom (docs/adr/0003): a breach names file, line and rule
sizes     files of at most 700 lines, functions of at most 80
text      no conflict markers, no trailing white space, licence line first
format    clang-format agrees with every tracked C++ file
"""
import os
import re
import subprocess
import sys

DEPLOYABLES = {'keyservice', 'joinservice', 'verificationservice', 'disk-mapper', 'bootstrapper', 'cli'}
LIBRARIES = {
    'common': set(),
    'crypto': {'common'},
    'attestation': {'crypto', 'common'},
    'kubernetes': {'crypto', 'common'},
    'cloud': {'crypto', 'common'},
    'image': {'crypto', 'common'},
}
# The one adapter between libraries and gRPC: docs/adr/0005.
GRPC_ADAPTER = 'attestation/channel/transport/'
PROTO_HEADER = re.compile(r'^(proto/|grpc(pp)?/|google/protobuf/)')
OPENSSL_HEADER = re.compile(r'^openssl/')
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')
MAX_FILE, MAX_FUNCTION = 700, 80


def tracked(top, *suffixes):
    out = subprocess.run(['git', '-C', top, 'ls-files', '-co', '--exclude-standard'], check=True,
                         capture_output=True, text=True).stdout.split('\n')
    return [f for f in out if f.endswith(suffixes) and os.path.isfile(os.path.join(top, f))]


def lines_of(top, name):
    with open(os.path.join(top, name), encoding='utf-8') as file:
        return file.read().split('\n')


def is_test(name):
    return bool(re.search(r'(_test|_fuzz|_bench)\.cc$|(^|/)(testing|tests)/', name))


def include_breach(name, header):
    """The rule that `name` breaks by including `header`, or None."""
    folder, target = name.split('/')[0], header.split('/')[0]
    if OPENSSL_HEADER.match(header) and folder != 'crypto' and not is_test(name):
        return 'only crypto/ includes OpenSSL'
    if folder in LIBRARIES and not name.startswith(GRPC_ADAPTER):
        if PROTO_HEADER.match(header) and not is_test(name):
            return 'libraries include neither proto nor gRPC'
    known = DEPLOYABLES | set(LIBRARIES)
    if target not in known or target == folder or folder == 'tests':
        return None
    if target in DEPLOYABLES:
        return 'nobody includes a deployable'
    if folder in LIBRARIES and target not in LIBRARIES[folder] and not is_test(name):
        return f'{folder}/ may include only {sorted(LIBRARIES[folder])}'
    if '/internal/' in header:
        return 'internal/ is private to its folder'
    return None


def check_includes(top):
    problems = []
    for name in tracked(top, '.cc', '.h'):
        for number, line in enumerate(lines_of(top, name), 1):
            match = INCLUDE.match(line)
            breach = include_breach(name, match.group(1)) if match else None
            if breach:
                problems.append(f'{name}:{number}: includes {match.group(1)}: {breach}')
    return problems


def check_sizes(top):
    problems = []
    for name in tracked(top, '.cc', '.h', '.py', '.sh', '.proto'):
        count = len(lines_of(top, name)) - 1
        if count > MAX_FILE:
            problems.append(f'{name}: {count} lines; at most {MAX_FILE}: split it by concern')
    sources = tracked(top, '.cc', '.h')
    tags = subprocess.run(['ctags', '-f', '-', '--fields=+ne', '--kinds-c++=f', '--languages=C++', '--langmap=C++:.cc.h',
                           '-L', '-'], input='\n'.join(sources), check=True, capture_output=True, text=True, cwd=top).stdout
    for tag in tags.split('\n'):
        span = re.search(r'\tline:(\d+).*\tend:(\d+)', tag)
        if span and int(span.group(2)) - int(span.group(1)) + 1 > MAX_FUNCTION:
            fields = tag.split('\t')
            length = int(span.group(2)) - int(span.group(1)) + 1
            problems.append(f'{fields[1]}:{span.group(1)}: {fields[0]} has {length} lines; at most {MAX_FUNCTION}')
    return problems


def check_text(top):
    problems = []
    for name in tracked(top, '.cc', '.h', '.proto', '.py', '.sh', 'CMakeLists.txt', '.cmake', '.md', '.yaml'):
        lines = lines_of(top, name)
        for number, line in enumerate(lines, 1):
            if re.match(r'^(<<<<<<<|>>>>>>>) ', line):
                problems.append(f'{name}:{number}: conflict marker')
            if line != line.rstrip() and not name.endswith('.md'):
                problems.append(f'{name}:{number}: white space at the end')
        if name.endswith(('.cc', '.h', '.proto')) and 'SPDX-License-Identifier: Apache-2.0' not in lines[0]:
            problems.append(f'{name}:1: want "// SPDX-License-Identifier: Apache-2.0"')
    return problems


def check_format(top):
    files = tracked(top, '.cc', '.h')
    run = subprocess.run(['clang-format', '--dry-run', '--ferror-limit=1', *files], cwd=top, capture_output=True, text=True)
    return sorted({line.split(': ')[0] + ': not formatted; run clang-format -i'
                   for line in run.stderr.split('\n') if 'clang-format-violations' in line})


CHECKS = {'includes': check_includes, 'sizes': check_sizes, 'text': check_text, 'format': check_format}


def main():
    if len(sys.argv) != 3 or sys.argv[2] not in CHECKS:
        sys.exit(__doc__)
    problems = CHECKS[sys.argv[2]](os.path.abspath(sys.argv[1]))
    print('\n'.join(problems) if problems else f'{sys.argv[2]}: clean')
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()
