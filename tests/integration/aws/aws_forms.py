#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strict check of AWS form bodies against botocore's service descriptions.

usage: aws_forms.py SCHEMAS < lines of "SERVICE BODY"     exit code 1 and one line per finding if any is wrong

moto and botocore let unknown parameters pass; this refuses them, wrong enumeration values, gaps in list numbers, values
outside of documented lengths and patterns, booleans that are not true/false, and required members that are missing.
"""
import glob
import gzip
import json
import os
import re
import sys
import urllib.parse

# The signing name of our services and the folder of their description.
FOLDERS = {'ec2': 'ec2', 'elasticloadbalancing': 'elbv2', 'autoscaling': 'autoscaling', 'iam': 'iam', 'sts': 'sts'}


def load_model(schemas, service):
    pattern = os.path.join(schemas, 'usr/lib/python3/dist-packages/botocore/data', FOLDERS[service], '*', 'service-2.json*')
    path = sorted(glob.glob(pattern))[-1]
    opener = gzip.open if path.endswith('.gz') else open
    with opener(path, 'rt', encoding='utf-8') as file:
        return json.load(file)


class FormChecker:
    """Checks bodies of one service."""

    def __init__(self, model):
        self.model = model
        self.shapes = model['shapes']
        self.ec2 = model['metadata']['protocol'] == 'ec2'

    def check(self, body):
        """A list of findings, empty if the body is right."""
        self.findings, self.left = [], {}
        for key, value in urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True):
            if key in self.left:
                self.findings.append(f'{key}: twice')
            self.left[key] = value
        action, version = self.left.pop('Action', None), self.left.pop('Version', None)
        if version != self.model['metadata']['apiVersion']:
            self.findings.append(f'Version: want {self.model["metadata"]["apiVersion"]}, got {version}')
        operation = self.model['operations'].get(action)
        if operation is None:
            return self.findings + [f'Action: unknown {action}']
        if 'input' in operation:
            self.structure(operation['input']['shape'], '')
        return self.findings + [f'{action}: unknown parameter {key}' for key in self.left]

    def wire_name(self, member, reference, shape):
        if self.ec2:
            if reference.get('queryName'):
                return reference['queryName']
            name = reference.get('locationName') or shape.get('locationName') or member
            return name[0].upper() + name[1:]
        if shape['type'] == 'list' and shape.get('flattened') and shape['member'].get('locationName'):
            return shape['member']['locationName']
        return reference.get('locationName') or member

    def present(self, prefix):
        return any(key == prefix or key.startswith(prefix + '.') for key in self.left)

    def structure(self, name, prefix):
        shape = self.shapes[name]
        for member, reference in shape.get('members', {}).items():
            key = prefix + self.wire_name(member, reference, self.shapes[reference['shape']])
            if self.present(key):
                self.value(reference['shape'], key)
            elif member in shape.get('required', []):
                self.findings.append(f'{key}: required')

    def value(self, name, key):
        shape = self.shapes[name]
        if shape['type'] == 'structure':
            return self.structure(name, key + '.')
        if shape['type'] == 'list':
            plain = self.ec2 or shape.get('flattened')
            prefix = key + '.' if plain else f'{key}.{shape["member"].get("locationName") or "member"}.'
            count = 0
            while self.present(f'{prefix}{count + 1}'):
                count += 1
                self.value(shape['member']['shape'], f'{prefix}{count}')
            if not shape.get('min', 1) <= count <= shape.get('max', 1 << 30):
                self.findings.append(f'{key}: {count} elements')
            return None
        if key not in self.left:
            return self.findings.append(f'{key}: want a scalar')
        return self.scalar(shape, key, self.left.pop(key))

    def scalar(self, shape, key, value):
        kind = shape['type']
        if kind in ('integer', 'long'):
            if not re.fullmatch(r'-?\d+', value):
                self.findings.append(f'{key}: want a number, got {value!r}')
            elif not shape.get('min', -1 << 62) <= int(value) <= shape.get('max', 1 << 62):
                self.findings.append(f'{key}: {value} is out of range')
        elif kind == 'boolean':
            if value not in ('true', 'false'):
                self.findings.append(f'{key}: want true or false, got {value!r}')
        elif kind == 'string':
            if 'enum' in shape and value not in shape['enum']:
                self.findings.append(f'{key}: {value!r} is none of {shape["enum"][:8]}')
            if not shape.get('min', 0) <= len(value) <= shape.get('max', 1 << 30):
                self.findings.append(f'{key}: {len(value)} characters')
            self.pattern(shape.get('pattern'), key, value)

    def pattern(self, pattern, key, value):
        if not pattern:
            return
        for java, python in (('\\p{L}', '\\w'), ('\\p{Z}', '\\s'), ('\\p{N}', '\\d'), ('\\p{S}', ''), ('\\p{P}', '')):
            pattern = pattern.replace(java, python)
        try:
            if not re.fullmatch(pattern, value):
                self.findings.append(f'{key}: {value!r} does not match {pattern}')
        except re.error:
            pass  # a dialect of its own


class Forms:
    """All services, loaded when first asked for."""

    def __init__(self, schemas):
        self.schemas, self.checkers = schemas, {}

    def of(self, service):
        if service not in self.checkers:
            self.checkers[service] = FormChecker(load_model(self.schemas, service))
        return self.checkers[service]

    def check(self, service, body):
        return self.of(service).check(body)


def main():
    forms, lines, bad = Forms(sys.argv[1]), 0, 0
    for line in sys.stdin:
        service, body = line.rstrip('\n').split(' ', 1)
        lines += 1
        for finding in forms.check(service, body):
            bad += 1
            print(f'{service} {body[:60]}...: {finding}')
    print(f'{lines} bodies, {bad} findings')
    return 1 if bad or not lines else 0


if __name__ == '__main__':
    sys.exit(main())
