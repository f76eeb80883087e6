# SPDX-License-Identifier: Apache-2.0
"""Strict checks of requests against Google's discovery documents (https://developers.google.com/discovery/v1/reference):
route, path and query parameters, every field of the body. Standard library only.

usage: discovery.py DOCUMENTS_DIR < lines of {"document", "method", "url", "body"}    prints problems, exit code 1 if any
"""
import json
import os
import re
import sys
import urllib.parse


class Method:
    """One method of one API: which URLs it takes, and what they may hold."""

    def __init__(self, document, description, path):
        self.id = description['id']
        self.http_method = description['httpMethod']
        self.parameters = {**document.get('parameters', {}), **description.get('parameters', {})}
        self.own = description.get('parameters', {})
        self.request = description.get('request', {}).get('$ref')
        self.segments = None if '{+' in path else path.count('/')
        pattern = ''
        for part in re.split(r'(\{\+?\w+\})', path):
            if part.startswith('{+'):
                pattern += '(?P<%s>.+)' % part[2:-1]
            elif part.startswith('{'):
                pattern += '(?P<%s>[^/:]+)' % part[1:-1]
            else:
                pattern += re.escape(part)
        self.regex = re.compile(pattern + r'\Z')

    def match(self, path):
        """The path's parameters, or None."""
        found = self.regex.match(path)
        if not found:
            return None
        values = {k: urllib.parse.unquote(v) for k, v in found.groupdict().items()}
        for name, value in values.items():
            wanted = self.own.get(name, {}).get('pattern')
            if wanted and '{+' not in name and not re.match('(?:%s)\\Z' % wanted.strip('^$'), value):
                return None
        return values


class Discovery:
    """One discovery document. check() is what it is for."""

    def __init__(self, path):
        with open(path, encoding='utf-8') as file:
            self.document = json.load(file)
        self.schemas = self.document['schemas']
        self.methods = {}
        self.walk(self.document)

    def walk(self, resource):
        for description in resource.get('methods', {}).values():
            paths = ['/' + self.document['servicePath'] + description['path']]
            uploads = description.get('mediaUpload', {}).get('protocols', {})
            paths += [upload['path'] for upload in uploads.values()]
            for path in paths:
                method = Method(self.document, description, path)
                self.methods.setdefault((method.http_method, method.segments), []).append(method)
        for child in resource.get('resources', {}).values():
            self.walk(child)

    def find(self, http_method, path):
        """(Method, path parameters) or (None, None); the one with the fewest parameters wins."""
        candidates = self.methods.get((http_method, path.count('/')), []) + self.methods.get((http_method, None), [])
        found = [(method, values) for method in candidates if (values := method.match(path)) is not None]
        return min(found, key=lambda pair: len(pair[1]), default=(None, None))

    def check(self, http_method, url, body):
        """(Method or None, path parameters, query, list of problems)."""
        path, _, query = url.partition('?')
        values = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        method, params = self.find(http_method, path)
        if method is None:
            return None, {}, values, ['no method for %s %s' % (http_method, path)]
        problems = []
        for key, value in values.items():
            if key not in method.parameters:
                problems.append('query parameter %s: unknown' % key)
            else:
                self.scalar(value, method.parameters[key], '?' + key, problems, in_query=True)
        for key, schema in method.own.items():
            if schema.get('required') and schema['location'] == 'query' and key not in values:
                problems.append('query parameter %s: missing' % key)
        if method.request is None:
            if body not in (None, {}):
                problems.append('no body is allowed')
        elif body is None:
            problems.append('a body is expected: %s' % method.request)
        else:
            self.value(body, self.schemas[method.request], '', problems, method.id)
        return method, params, values, problems

    def value(self, value, schema, at, problems, method_id):
        if '$ref' in schema:
            schema = self.schemas[schema['$ref']]
        kind = schema.get('type')
        if kind == 'any':
            return
        if kind == 'object':
            self.object(value, schema, at, problems, method_id)
        elif kind == 'array':
            if not isinstance(value, list):
                problems.append('%s: an array is expected' % at)
                return
            for index, element in enumerate(value):
                self.value(element, schema['items'], '%s[%d]' % (at, index), problems, method_id)
        else:
            self.scalar(value, schema, at, problems, in_query=False)

    def object(self, value, schema, at, problems, method_id):
        if not isinstance(value, dict):
            problems.append('%s: an object is expected' % at)
            return
        properties = schema.get('properties', {})
        for key, element in value.items():
            below = properties.get(key) or schema.get('additionalProperties')
            if below is None:
                problems.append('%s.%s: unknown field' % (at, key))
            elif below.get('readOnly') or '[Output Only]' in below.get('description', '')[:40]:
                problems.append('%s.%s: output only' % (at, key))
            else:
                self.value(element, below, '%s.%s' % (at, key), problems, method_id)
        for key, below in properties.items():
            if method_id in (below.get('annotations') or {}).get('required', []) and key not in value:
                problems.append('%s.%s: required' % (at, key))

    def scalar(self, value, schema, at, problems, in_query):
        kind, form = schema.get('type'), schema.get('format')
        if kind == 'boolean':
            good = value in ('true', 'false') if in_query else isinstance(value, bool)
        elif kind == 'integer':
            good = (re.fullmatch(r'-?\d+', value) is not None if in_query
                    else isinstance(value, int) and not isinstance(value, bool))
        elif kind == 'number':
            good = in_query or (isinstance(value, (int, float)) and not isinstance(value, bool))
        else:
            good = isinstance(value, str)
            if good and form in ('int64', 'uint64'):
                good = re.fullmatch(r'-?\d+', value) is not None
        if not good:
            problems.append('%s: %r is not a %s' % (at, value, kind + (' (%s)' % form if form else '')))
            return
        if 'enum' in schema and value not in schema['enum']:
            problems.append('%s: %r is none of %s' % (at, value, ', '.join(schema['enum'][:10])))
        if not in_query and isinstance(value, str) and 'pattern' in schema and value:
            if not re.match('(?:%s)\\Z' % schema['pattern'], value):
                problems.append('%s: %r does not match %s' % (at, value, schema['pattern']))


def documents_folder(schemas):
    """Where get_schemas puts Google's documents."""
    return os.path.join(schemas, 'usr/lib/python3/dist-packages/googleapiclient/discovery_cache/documents')


def main():
    folder = documents_folder(sys.argv[1])
    documents, bad, count = {}, 0, 0
    for line in sys.stdin:
        call = json.loads(line)
        name = call['document']
        if name not in documents:
            documents[name] = Discovery(os.path.join(folder, name + '.json'))
        method, _, _, problems = documents[name].check(call['method'], call['url'], call.get('body'))
        count += 1
        for problem in problems:
            bad += 1
            print('%s %s (%s): %s' % (call['method'], call['url'], method.id if method else 'unknown', problem))
    print('%d requests checked, %d problems' % (count, bad))
    return 1 if bad or not count else 0


if __name__ == '__main__':
    sys.exit(main())
