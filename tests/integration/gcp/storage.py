# SPDX-License-Identifier: Apache-2.0
"""Cloud Storage as far as image uploads need it: buckets, resumable uploads that may stop anywhere, objects."""
import base64
import re
import uuid

CHUNK = 256 * 1024


def crc32c(data):
    """CRC-32C, bit by bit in a table made here."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82f63b78 if value & 1 else 0)
        table.append(value)
    crc = 0xffffffff
    for octet in data:
        crc = (crc >> 8) ^ table[(crc ^ octet) & 0xff]
    return crc ^ 0xffffffff


class Storage:
    """Buckets by name, objects by (bucket, name), uploads by id."""

    def __init__(self):
        self.buckets, self.objects, self.uploads = {}, {}, {}
        # Part of each chunk that arrives; sessions that are lost; octets that are; chunks that are refused when they have arrived.
        self.control = {'keep': 1.0, 'forget': False, 'damage': False, 'refuse': 0}

    def handle(self, method, params, query, body, headers, base):
        """(status, answer, headers) for a checked request that is not a chunk."""
        if method == 'storage.buckets.get':
            bucket = self.buckets.get(params['bucket'])
            return (200, bucket, {}) if bucket else (404, {'error': {'code': 404, 'message': 'no bucket', 'errors': [
                {'reason': 'notFound'}]}}, {})
        if method == 'storage.buckets.insert':
            if body.get('iamConfiguration', {}).get('publicAccessPrevention') != 'enforced':
                return 400, {'error': {'code': 400, 'message': 'the stub wants private buckets'}}, {}
            self.buckets[body['name']] = body
            return 200, body, {}
        if method == 'storage.objects.insert':
            if params['bucket'] not in self.buckets or query.get('uploadType') != 'resumable':
                return 404, {'error': {'code': 404, 'message': 'no bucket', 'errors': [{'reason': 'notFound'}]}}, {}
            session = uuid.uuid4().hex
            self.uploads[session] = {'bucket': params['bucket'], 'name': query['name'], 'data': b'',
                                     'size': int(headers['X-Upload-Content-Length'])}
            return 200, {}, {'Location': '%s/_session/%s' % (base, session)}
        if method == 'storage.objects.delete':
            gone = self.objects.pop((params['bucket'], params['object']), None)
            return (204, '', {}) if gone is not None else (404, {'error': {'code': 404, 'message': 'no object'}}, {})
        return 501, {'error': {'code': 501, 'message': 'the stub does not know ' + method}}, {}

    def chunk(self, path, headers, raw):
        """PUT of a part, or a question where an upload stopped."""
        upload = self.uploads.get(path.rsplit('/', 1)[1])
        if self.control['forget'] or upload is None:
            self.control['forget'] = False
            return 410, {'error': {'code': 410, 'message': 'the session is over'}}, {}
        found = re.fullmatch(r'bytes (?:\*|(\d+)-(\d+))/(\d+)', headers['Content-Range'])
        if found.group(1) is not None:
            first, last, total = (int(x) for x in found.groups())
            whole = last + 1 == total
            if total != upload['size'] or first != len(upload['data']) or last - first + 1 != len(raw) or (
                    not whole and len(raw) % CHUNK):
                return 400, {'error': {'code': 400, 'message': 'wrong range'}}, {}
            keep = len(raw)
            if self.control['keep'] < 1 and keep > CHUNK:
                keep = max(CHUNK, int(keep * self.control['keep']) // CHUNK * CHUNK)
            upload['data'] += raw[:keep]
            if self.control['damage']:
                self.control['damage'] = False
                upload['data'] = upload['data'][:-1] + bytes([upload['data'][-1] ^ 1])
            if self.control['refuse'] > 0:
                self.control['refuse'] -= 1
                return 403, {'error': {'code': 403, 'message': 'no more for now', 'errors': [{'reason': 'forbidden'}]}}, {}
        if len(upload['data']) < upload['size']:
            arrived = {'Range': 'bytes=0-%d' % (len(upload['data']) - 1)} if upload['data'] else {}
            return 308, '', arrived
        self.objects[(upload['bucket'], upload['name'])] = upload['data']
        return 200, self.shown(upload), {}

    def shown(self, upload):
        crc = crc32c(upload['data'])
        return {'name': upload['name'], 'bucket': upload['bucket'], 'size': str(len(upload['data'])),
                'crc32c': base64.b64encode(crc.to_bytes(4, 'big')).decode()}
