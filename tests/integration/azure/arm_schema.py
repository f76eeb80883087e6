#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Azure's own description of its API, as strict rules.

Debian packages the Python SDK, which is generated from that description: operations with their URLs and versions, models with
their fields, types, enumerations, required and read-only marks. Only the sources' text is read; nothing of it is run.

usage: arm_schema.py DIST_PACKAGES OUT.json          extracts (some seconds)
       arm_schema.py --check SCHEMA.json < requests  checks lines {"method","url","body"}; prints findings, exits 1 if any
"""
import ast
import json
import os
import re
import sys
import urllib.parse

# Which part of the SDK describes which version that we call.
PARTS = [
    'compute/v2024_11_01', 'compute/v2024_03_02', 'compute/v2023_07_03', 'compute/v2021_07_01', 'network',
    'msi/v2023_01_31', 'authorization/v2022_04_01', 'resource/resources/v2022_09_01', 'network/v2018_10_01',
]


def literal(node, default=None):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return default


def classes_below(folder):
    for name in sorted(os.listdir(folder)):
        if name.endswith('.py'):
            with open(os.path.join(folder, name), encoding='utf-8') as file:
                tree = ast.parse(file.read())
            yield from (node for node in tree.body if isinstance(node, ast.ClassDef))


def enumerations_of_arguments(init):
    """Argument -> name of its enumeration, out of annotations like Union[str, "_models.SecurityTypes"]."""
    found = {}
    for argument in init.args.kwonlyargs:
        text = ast.unparse(argument.annotation) if argument.annotation is not None else ''
        match = re.search(r'Union\[str, .?_models\.(\w+)', text)
        if match:
            found[argument.arg] = match.group(1)
    return found


def model_of(node):
    tables = {}
    enums = {}
    for part in node.body:
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            tables[part.targets[0].id] = literal(part.value, {})
        if isinstance(part, ast.FunctionDef) and part.name == '__init__':
            enums = enumerations_of_arguments(part)
    rules = tables.get('_validation', {})
    fields = {}
    for argument, place in tables.get('_attribute_map', {}).items():
        rule = rules.get(argument, {})
        fields[place['key']] = {
            'type': place['type'], 'enum': enums.get(argument), 'required': bool(rule.get('required')),
            'readonly': bool(rule.get('readonly')), 'limits': {k: v for k, v in rule.items()
                                                               if k in ('minimum', 'maximum', 'min_length', 'max_length', 'pattern')}}
    bases = [base.id if isinstance(base, ast.Name) else getattr(base, 'attr', '') for base in node.bases]
    return {'bases': bases, 'fields': fields}


def models_of(folder):
    models, enums = {}, {}
    for node in classes_below(folder):
        if any(getattr(base, 'id', '') == 'Enum' for base in node.bases):
            enums[node.name] = [literal(part.value) for part in node.body if isinstance(part, ast.Assign)]
        else:
            models[node.name] = model_of(node)
    return {'models': models, 'enums': enums}


def operations_of(folder):
    """(builder's name) -> method, URL, version, query parameters, body's model."""
    found = {}
    for name in sorted(os.listdir(folder)):
        if not name.endswith('_operations.py'):
            continue
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            tree = ast.parse(file.read())
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith('build_'):
                text = ast.unparse(node)
                url = re.search(r"template_url', '([^']+)'", text) or re.search(r"_url = '([^']+)'", text)
                method = re.search(r"method='(\w+)'", text)
                version = re.search(r"'api-version', '([^']+)'", text)
                if url and method:
                    found[(name, node.name)] = {
                        'method': method.group(1), 'url': url.group(1), 'version': version.group(1) if version else None,
                        'query': sorted(set(re.findall(r"_params\['([^']+)'\]", text)) | {'api-version'}), 'body': None}
        for outer in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            for node in (inner for inner in outer.body if isinstance(inner, ast.FunctionDef)):
                text = ast.unparse(node)
                model = re.search(r"_serialize\.body\(\w+, '([^']+)'\)", text)
                for builder in re.findall(r'(build_\w+_request)\(', text):
                    if model and (name, builder) in found:
                        found[(name, builder)]['body'] = model.group(1)
    return list(found.values())


def extract(packages):
    parts = {}
    for part in PARTS:
        folder = os.path.join(packages, 'azure/mgmt', part)
        if os.path.isdir(os.path.join(folder, 'models')):
            parts[part] = {**models_of(os.path.join(folder, 'models')),
                           'operations': operations_of(os.path.join(folder, 'operations'))}
    return parts


class Schema:
    """Checks requests. Operations are found by method, URL and version."""

    def __init__(self, parts):
        self.parts = parts
        self.operations = []
        for part, description in parts.items():
            for operation in description['operations']:
                url = operation['url']
                if '{parentResourcePath}' in url or url.lstrip('/') in ('{resourceId}', '{roleId}', '{roleAssignmentId}'):
                    continue  # would match anything
                pattern = ''
                for piece in re.split(r'(\{\w+\})', url):
                    if piece.startswith('{'):
                        pattern += '.+?' if piece in ('{scope}', '{resourceId}') else '[^/]+'
                    else:
                        pattern += re.escape(piece)
                fixed = len(re.sub(r'\{\w+\}', '', url))
                self.operations.append((re.compile('^/?%s$' % pattern.lstrip('/'), re.I), fixed, part, operation))

    def find(self, method, path, version):
        """(part, operation) or a reason."""
        fits = [o for o in self.operations if o[3]['method'] == method and o[0].match(path)]
        if not fits:
            return None, 'no operation %s %s' % (method, path)
        best = max(o[1] for o in fits)
        fits = [o for o in fits if o[1] == best]
        exact = [o for o in fits if o[3]['version'] == version]
        if not exact:
            return None, 'version %s of %s %s: known are %s' % (version, method, path,
                                                               sorted({str(o[3]['version']) for o in fits}))
        return (exact[0][2], exact[0][3]), None

    def fields(self, part, model):
        found = {}
        for base in self.parts[part]['models'][model]['bases']:
            if base in self.parts[part]['models']:
                found.update(self.fields(part, base))
        found.update(self.parts[part]['models'][model]['fields'])
        return found

    def check(self, method, url, body):
        """All that is wrong with a request, in words."""
        split = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
        found, reason = self.find(method, split.path, query.get('api-version'))
        if found is None:
            return [reason]
        part, operation = found
        problems = ['query parameter %s is not known' % name for name in query if name not in operation['query']]
        if operation['body'] in self.parts[part]['models']:
            if isinstance(body, dict):
                self.model(part, operation['body'], body, '', problems, method == 'PATCH')
            else:
                problems.append('want a body: %s' % operation['body'])
        elif body is not None and operation['body'] is None:
            problems.append('want no body')
        return problems

    def model(self, part, model, value, where, problems, partial=False):
        if not isinstance(value, dict):
            problems.append('%s: want an object (%s)' % (where, model))
            return
        fields, seen = self.fields(part, model), set()

        def walk(value, prefix, where):
            for key, inner in value.items():
                name = prefix + key.replace('.', '\\\\.')
                if name in fields:
                    seen.add(name)
                    if fields[name]['readonly'] and name != 'id':
                        problems.append('%s.%s: is read-only' % (where, key))
                    self.value(part, fields[name], fields[name]['type'], inner, '%s.%s' % (where, key), problems)
                elif isinstance(inner, dict) and any(field.startswith(name + '.') for field in fields):
                    walk(inner, name + '.', '%s.%s' % (where, key))
                else:
                    problems.append('%s.%s: is not a field of %s' % (where, key, model))

        walk(value, '', where)
        for name, field in fields.items():
            if field['required'] and not field['readonly'] and name not in seen and not partial:
                problems.append('%s.%s: is required by %s' % (where, name, model))

    def value(self, part, field, kind, value, where, problems):
        if kind.startswith('['):
            if not isinstance(value, list):
                problems.append('%s: want a list' % where)
                return
            for index, inner in enumerate(value):
                self.value(part, field, kind[1:-1], inner, '%s[%d]' % (where, index), problems)
        elif kind.startswith('{'):
            if not isinstance(value, dict):
                problems.append('%s: want a map' % where)
                return
            for key, inner in value.items():
                self.value(part, {'enum': None, 'limits': {}}, kind[1:-1], inner, '%s.%s' % (where, key), problems)
        elif kind in self.parts[part]['models']:
            self.model(part, kind, value, where, problems)
        else:
            self.scalar(part, field, kind, value, where, problems)

    def scalar(self, part, field, kind, value, where, problems):
        types = {'bool': bool, 'int': int, 'long': int, 'float': (int, float), 'object': object, 'str': str, 'iso-8601': str,
                 'duration': str, 'base64': str, 'bytearray': str}
        if kind not in types:
            problems.append('%s: unknown type %s' % (where, kind))
            return
        wrong = not isinstance(value, types[kind]) or (isinstance(value, bool) and kind in ('int', 'long', 'float'))
        if wrong:
            problems.append('%s: want %s, got %r' % (where, kind, value))
            return
        allowed = self.parts[part]['enums'].get(field['enum']) if field['enum'] else None
        if allowed and value not in allowed:
            problems.append('%s: want one of %s, got %r' % (where, allowed[:8], value))
        self.limits(field['limits'], value, where, problems)

    @staticmethod
    def limits(limits, value, where, problems):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if value < limits.get('minimum', value) or value > limits.get('maximum', value):
                problems.append('%s: %s is out of range' % (where, value))
        if isinstance(value, str):
            if not limits.get('min_length', 0) <= len(value) <= limits.get('max_length', len(value)):
                problems.append('%s: wrong length' % where)
            if 'pattern' in limits and not re.search(limits['pattern'], value):
                problems.append('%s: does not match %s' % (where, limits['pattern']))


def main(arguments):
    if len(arguments) == 2 and arguments[0] == '--check':
        with open(arguments[1], encoding='utf-8') as file:
            schema = Schema(json.load(file))
        count = bad = 0
        for line in sys.stdin:
            request = json.loads(line)
            problems = schema.check(request['method'], request['url'], request.get('body'))
            count += 1
            bad += bool(problems)
            for problem in problems:
                print('%s %s: %s' % (request['method'], request['url'], problem))
        print('%d requests, %d wrong' % (count, bad))
        return 1 if bad or not count else 0
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    parts = extract(arguments[0])
    if len(parts) < len(PARTS) - 1:
        print('arm_schema: only %s are there' % sorted(parts), file=sys.stderr)
        return 1
    work = '%s.%d' % (arguments[1], os.getpid())
    with open(work, 'w', encoding='utf-8') as file:
        json.dump(parts, file, separators=(',', ':'))
    os.replace(work, arguments[1])
    for part, description in parts.items():
        print(part, len(description['models']), 'models,', len(description['operations']), 'operations')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
