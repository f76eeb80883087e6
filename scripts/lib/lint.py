#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over the sources of a finished Ninja build, see scripts/lint.

A source is looked at unless it was clean before with the same content, headers, options, checks and clang-tidy.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys

SOURCES = r'/[^./]*\.(h|cc)$'


def headers_by_object(build):
    """What each object was compiled from, as Ninja remembers it."""
    text = subprocess.run(['ninja', '-C', build, '-t', 'deps'], capture_output=True, text=True, check=True).stdout
    found, current = {}, None
    for line in text.splitlines():
        if line.startswith('    '):
            current.append(line.strip())
        elif ': #deps ' in line:
            current = found.setdefault(line.split(':')[0], [])
    return found


class Digests:
    """SHA-256 of files, each read once."""

    def __init__(self):
        self.known = {}

    def of(self, path):
        if path not in self.known:
            try:
                with open(path, 'rb') as file:
                    self.known[path] = hashlib.sha256(file.read()).hexdigest()
            except OSError:
                self.known[path] = 'absent'
        return self.known[path]


def parts_of(path, source):
    """The sources in one of CMake's files that include several; of others themselves."""
    if '/Unity/' not in path:
        return [path]
    with open(os.path.join(source, path), encoding='utf-8') as file:
        return [os.path.relpath(name, source) for name in re.findall(r'#include "([^"]*)"', file.read())]


def jobs(source, build, wanted, version):
    """(source file, key) of everything to look at: what the project's own targets compile, generated code left out.

    Takes what it finds out of `wanted`, unless that is empty: then everything is.
    """
    everything = not wanted
    headers, digests = headers_by_object(build), Digests()
    checks = digests.of(os.path.join(source, '.clang-tidy'))
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as file:
        commands = json.load(file)
    seen, named = set(), frozenset(wanted)
    for entry in commands:
        path = os.path.relpath(entry['file'], source)
        if path.startswith('..') or path.endswith('.pb.cc') or path in seen:
            continue
        if path.startswith(os.path.relpath(build, source)) and '/Unity/' not in path:
            continue
        found = set(parts_of(path, source))
        if not everything and not named & found:
            continue
        wanted -= found
        seen.add(path)
        words = shlex.split(entry['command'])
        output = words[words.index('-o') + 1]
        parts = [version, checks, entry['command'].replace(source, ''), path]
        for name in sorted(headers.get(output, [])):
            full = os.path.normpath(os.path.join(build, name))
            if full.startswith(source) and not full.endswith('.pch'):
                parts += [os.path.relpath(full, source), digests.of(full)]
        yield path, hashlib.sha256('\0'.join(parts).encode()).hexdigest()


def look(path, source, build):
    """clang-tidy's findings about one source; empty if there are none."""
    command = ['clang-tidy', '-p', build, '--quiet']
    if '/Unity/' in path:
        # CMake's file that includes several sources: these are what is looked at.
        command += ['--checks=-bugprone-suspicious-include', '--header-filter=' + SOURCES]
    run = subprocess.run(command + [os.path.join(source, path)], capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return ''
    return run.stdout.strip() or run.stderr.strip() or f'clang-tidy ended with {run.returncode}'


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ('source', 'build', 'cache'):
        parser.add_argument('--' + option, required=True)
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('file', nargs='*', help='relative to the current folder')
    options = parser.parse_args()
    source = os.path.abspath(options.source)
    wanted = {os.path.relpath(os.path.abspath(file), source) for file in options.file}
    version = subprocess.run(['clang-tidy', '--version'], capture_output=True, text=True, check=True).stdout
    os.makedirs(options.cache, exist_ok=True)
    todo, passed, failed = [], 0, 0
    for path, key in jobs(source, options.build, wanted, version):
        if os.path.exists(os.path.join(options.cache, key)):
            passed += 1
        else:
            todo.append((path, key))
    if wanted:
        sys.exit('scripts/lint: not compiled by themselves, so nobody can look at them: ' + ', '.join(sorted(wanted)))
    print(f'{passed} sources are known to be clean, {len(todo)} to look at', flush=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(look, path, source, options.build): (path, key) for path, key in todo}
        for number, future in enumerate(concurrent.futures.as_completed(running), 1):
            path, key = running[future]
            findings = future.result()
            print(f'[{number}/{len(todo)}] {"FAIL" if findings else "ok"} {path}', flush=True)
            if findings:
                failed += 1
                print(findings, flush=True)
            else:
                passed += 1
                with open(os.path.join(options.cache, key), 'w', encoding='utf-8'):
                    pass
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
