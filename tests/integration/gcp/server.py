#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Google Cloud on 127.0.0.1, for tests: Compute Engine, IAM, Resource Manager, storage uploads, token endpoints, metadata.
Requests are checked against Google's own discovery documents. Standard library only.

usage: server.py SCHEMAS [PORT]     prints "port N" and serves until its standard input ends
Control, without authorisation: POST /_ctl {"compute": {...}, "auth": {...}}, POST /_reset, POST /_plant {path: thing},
GET /_dump, GET /_image, GET /_log.
"""
import json
import os
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from auth import Auth  # noqa: E402
from compute import failure  # noqa: E402
from discovery import Discovery, documents_folder  # noqa: E402
from groups import FullCompute  # noqa: E402
from iam import Iam  # noqa: E402
from storage import Storage  # noqa: E402


class Cloud:
    """All services, one request at a time."""

    def __init__(self, schemas):
        folder = documents_folder(schemas)
        self.documents = {name: Discovery(os.path.join(folder, name + '.json'))
                          for name in ('compute.v1', 'iam.v1', 'cloudresourcemanager.v1', 'iamcredentials.v1',
                                       'storage.v1', 'serviceusage.v1')}
        self.lock = threading.Lock()
        self.base = ''
        self.reset()

    def reset(self):
        self.compute, self.auth, self.log, self.metadata = FullCompute(), Auth(), [], {}
        self.storage, self.iam = Storage(), Iam()

    def answer(self, method, url, headers, raw):
        path = url.partition('?')[0]
        if path.startswith('/_session/') and self.auth.check(headers.get('Authorization')) is None:
            return self.storage.chunk(path, headers, raw)
        if path.startswith('/_'):
            return self.manage(path, raw)
        if path in ('/token', '/sts/v1/token'):
            return (*self.auth.token(raw.decode(), self.base), {})
        if path.startswith('/computeMetadata/'):
            return self.metadata_answer(path, headers)
        problem = self.auth.check(headers.get('Authorization'))
        if problem:
            return (*failure(401, problem, 'Request had invalid authentication credentials.'), {})
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            return (*failure(400, 'parseError', 'Parse Error'), {})
        return self.service(method, url, body, headers)

    def service(self, method, url, body, headers):
        for prefix, document in (('/iam', 'iam.v1'), ('/crm', 'cloudresourcemanager.v1'),
                                 ('/iamcredentials', 'iamcredentials.v1'), ('/serviceusage', 'serviceusage.v1')):
            if url.startswith(prefix + '/'):
                return self.checked(document, method, url[len(prefix):], body, headers)
        return self.checked('storage.v1' if '/storage/v1/' in url else 'compute.v1', method, url, body, headers)

    def checked(self, document, method, url, body, headers):
        found, params, query, problems = self.documents[document].check(method, url, body)
        name = found.id if found else 'unknown'
        self.log.append({'method': name, 'url': url, 'problems': problems, 'body': body})
        if found is None:
            return (*failure(404, 'notFound', problems[0]), {})
        if problems:
            return (*failure(400, 'invalid', 'Invalid value: ' + '; '.join(problems)), {})
        if document == 'compute.v1':
            path = re.sub('^/compute/v1/', '', url.partition('?')[0])
            return (*self.compute.handle(name, params, query, path, body), {})
        if document == 'storage.v1':
            return self.storage.handle(name, params, query, body, headers, self.base)
        if name == 'iamcredentials.projects.serviceAccounts.generateAccessToken':
            return (*self.auth.impersonate(params['name'].rsplit('/', 1)[1], body), {})
        if document in ('iam.v1', 'cloudresourcemanager.v1'):
            return (*self.iam.handle(name, params, query, body), {})
        return (*failure(501, 'notImplemented', 'the stub does not know ' + name), {})

    def metadata_answer(self, path, headers):
        flavor = {'Metadata-Flavor': 'Google'}
        if headers.get('Metadata-Flavor') != 'Google':
            return 403, 'Missing Metadata-Flavor:Google header.', {}
        if path.endswith('/service-accounts/default/token') and self.metadata:
            return 200, self.auth.issue('vm'), flavor
        key = path[len('/computeMetadata/v1/'):]
        if key in self.metadata:
            return 200, self.metadata[key], flavor
        return 404, 'not found', flavor

    def manage(self, path, raw):
        wanted = json.loads(raw) if raw else {}
        if path == '/_reset':
            self.reset()
        elif path == '/_ctl':
            self.compute.control.update(wanted.get('compute', {}))
            self.metadata.update(wanted.get('metadata', {}))
            self.storage.control.update(wanted.get('storage', {}))
            self.iam.control.update(wanted.get('iam', {}))
            for key, value in wanted.get('auth', {}).items():
                setattr(self.auth, key, value)
        elif path == '/_plant':
            for where, thing in wanted.items():
                self.compute.plant(where, thing)
        elif path == '/_dump':
            return 200, {'compute': self.compute.dump(), 'objects': len(self.storage.objects),
                         'iam': self.iam.dump()}, {}
        elif path == '/_image':
            return 200, {k: v for k, v in self.compute.store.items() if '/images/' in k}, {}
        elif path == '/_log':
            return 200, {'calls': self.log, 'grants': self.auth.log}, {}
        return 200, {}, {}


def handler_of(cloud):
    """A request handler class that answers from `cloud`."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        wbufsize = 65536

        def handle_expect_100(self):
            good = super().handle_expect_100()
            self.wfile.flush()
            return good

        def go(self):
            raw = self.rfile.read(int(self.headers.get('Content-Length') or 0))
            with cloud.lock:
                try:
                    status, answer, headers = cloud.answer(self.command, self.path, self.headers, raw)
                except Exception as error:  # a mistake of the stub must not look like the cloud's
                    status, answer, headers = 599, {'stub': '%s: %s' % (type(error).__name__, error)}, {}
            data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {'Content-Type': 'application/json; charset=UTF-8', **headers}.items():
                self.send_header(name, value)
            self.send_header('Content-Length', str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            self.wfile.flush()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = go  # pylint: disable=invalid-name

        def log_message(self, *args):  # pylint: disable=arguments-differ
            pass
    return Handler


def main():
    cloud = Cloud(sys.argv[1])
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2]) if len(sys.argv) > 2 else 0), handler_of(cloud))
    server.daemon_threads = True
    cloud.base = 'http://127.0.0.1:%d' % server.server_address[1]
    print('port %d' % server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == '__main__':
    main()
