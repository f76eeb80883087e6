#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Starts Azurite, makes a page blob in it as Azure makes one for a managed disk, and prints its signed address.

usage: azurite_blob.py FOLDER SIZE        prints "url ADDRESS"; ends with its input"""
import base64
import datetime
import hashlib
import hmac
import http.client
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse

ACCOUNT = 'devstoreaccount1'
# Azurite's published key: the same everywhere, no secret.
KEY = base64.b64decode('Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==')
VERSION = '2021-08-06'


def sign(text):
    return base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()


def call(port, method, path, query, headers):
    """A request with the account's key (Authorize with Shared Key)."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%a, %d %b %Y %H:%M:%S GMT')
    headers = {**headers, 'x-ms-date': now, 'x-ms-version': VERSION}
    canonical = ''.join('%s:%s\n' % (name, headers[name]) for name in sorted(headers))
    resource = '/%s/%s%s' % (ACCOUNT, ACCOUNT, path) + ''.join('\n%s:%s' % (k, query[k]) for k in sorted(query))
    text = '\n'.join([method] + [''] * 11) + '\n' + canonical + resource
    headers['Authorization'] = 'SharedKey %s:%s' % (ACCOUNT, sign(text))
    connection = http.client.HTTPConnection('127.0.0.1', port)
    connection.request(method, '/%s%s?%s' % (ACCOUNT, path, urllib.parse.urlencode(query)), headers={**headers, 'Content-Length': '0'})
    status = connection.getresponse().status
    if status != 201:
        raise SystemExit('azurite: %s %s: %d' % (method, path, status))


def signed_address(port):
    now = datetime.datetime.now(datetime.timezone.utc)
    start, end = ((now + datetime.timedelta(minutes=m)).strftime('%Y-%m-%dT%H:%M:%SZ') for m in (-5, 60))
    text = '\n'.join(['rw', start, end, '/blob/%s/disks/abcd' % ACCOUNT, '', '', 'http,https', VERSION, 'b'] + [''] * 7)
    query = {'sv': VERSION, 'sr': 'b', 'sp': 'rw', 'st': start, 'se': end, 'spr': 'http,https', 'sig': sign(text)}
    return 'http://127.0.0.1:%d/%s/disks/abcd?%s' % (port, ACCOUNT, urllib.parse.urlencode(query))


def main():
    folder, size = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen(
            ['node', os.path.join(folder, 'node_modules/azurite/dist/src/blob/main.js'), '--blobHost', '127.0.0.1', '--blobPort', '0',
             '--location', data, '--disableTelemetry', '--skipApiVersionCheck', '--silent'], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
        try:
            for line in server.stdout:
                found = re.search(r'listens? on http://127\.0\.0\.1:(\d+)|listening (?:at|on) http://127\.0\.0\.1:(\d+)', line)
                if found:
                    break
            else:
                raise SystemExit('azurite did not start')
            port = int(found.group(1) or found.group(2))
            call(port, 'PUT', '/disks', {'restype': 'container'}, {})
            call(port, 'PUT', '/disks/abcd', {}, {'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': str(size)})
            print('url %s' % signed_address(port), flush=True)
            sys.stdin.read()
        finally:
            server.terminate()
            server.wait()


if __name__ == '__main__':
    main()
