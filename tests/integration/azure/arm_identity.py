#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What surrounds Azure Resource Manager in the stand-in (arm_stub.py): Entra's token endpoint with its checks and errors, the
instance metadata service with tokens, the wireserver that waits for a VM's report, the catalogue of sizes and quotas, and page
blobs behind a signed address."""
import base64
import hashlib
import json
import re
import time
import urllib.parse
import uuid

TENANT = '00000000-0000-4000-8000-000000000002'
GOAL_STATE = '''<?xml version="1.0" encoding="utf-8"?>
<GoalState><Version>2012-11-30</Version><Incarnation>1</Incarnation><Machine><ExpectedState>Started</ExpectedState></Machine>
<Container><ContainerId>6b81b62a-c6b8-44b0-8a25-aaaaaaaaaaaa</ContainerId><RoleInstanceList><RoleInstance>
<InstanceId>demo_0</InstanceId><State>Started</State></RoleInstance></RoleInstanceList></Container></GoalState>'''


def decoded(part):
    return base64.urlsafe_b64decode(part + '=' * (-len(part) % 4))


def verify_assertion(text, certificate, audience, client):
    """Raises ValueError unless `text` is a JWT that Entra would take from the certificate's owner."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    der = parsed.public_bytes(__import__('cryptography').hazmat.primitives.serialization.Encoding.DER)
    head, payload, signature = text.split('.')
    header, claims = json.loads(decoded(head)), json.loads(decoded(payload))
    signed = ('%s.%s' % (head, payload)).encode()
    if header['alg'] == 'PS256':
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        thumb = decoded(header['x5t#S256']) == hashlib.sha256(der).digest()
    else:
        scheme, thumb = padding.PKCS1v15(), decoded(header['x5t']) == hashlib.sha1(der).digest()
    parsed.public_key().verify(decoded(signature), signed, scheme, hashes.SHA256())
    if not thumb or claims['aud'] != audience or claims['iss'] != client or claims['sub'] != client or not claims['jti']:
        raise ValueError('claims')
    if not claims['nbf'] <= time.time() + 300 or not time.time() - 300 <= claims['exp'] <= time.time() + 3600:
        raise ValueError('times')


class Identity:
    def __init__(self):
        self.tokens = {'t0ken': float('inf')}
        self.refusal = ('InvalidAuthenticationToken', 'The access token is invalid.', 401)
        self.secret, self.certificate, self.federated = 's3cr3t', None, 'federated-token'
        self.client = '00000000-0000-4000-8000-00000000000a'
        self.lifetime = 3600
        self.identities = True
        self.requests, self.health = [], []
        self.instance = None  # what the instance metadata service says
        self.usages = []  # instead of the true ones
        self.quota = 100  # cores of each family and of all
        self.corrupt = False       # page blobs lose an octet
        self.page_writes = None    # that are accepted; None: all
        self.metadata_faults = []  # statuses given before anything else

    def control(self, wish):
        for key in ('secret', 'certificate', 'federated', 'lifetime', 'identities', 'instance', 'usages', 'quota',
                    'metadata_faults', 'corrupt', 'page_writes'):
            if key in wish:
                setattr(self, key, wish[key])
        if wish.get('expire_tokens'):
            self.tokens = {}
            self.refusal = ('ExpiredAuthenticationToken', 'The access token expiry UTC time is earlier than now.', 401)

    def accepts(self, header):
        return header.startswith('Bearer ') and header[7:] in self.tokens

    def issue(self):
        token = 'tok.%s' % uuid.uuid4()
        self.tokens[token] = time.time() + self.lifetime
        return token

    # Entra

    def entra_error(self, status, number, error, text):
        return status, {}, {'error': error, 'error_description': 'AADSTS%d: %s' % (number, text), 'error_codes': [number]}

    def entra(self, cloud, tenant, form):
        if tenant != TENANT:
            return self.entra_error(400, 90002, 'invalid_request', 'Tenant %s not found.' % tenant)
        if form.get('client_id') != self.client:
            return self.entra_error(400, 700016, 'unauthorized_client', 'Application was not found in the directory.')
        if form.get('grant_type') != 'client_credentials' or form.get('scope') != 'https://management.azure.com/.default':
            return self.entra_error(400, 900144, 'invalid_request', 'grant_type or scope')
        if 'client_secret' in form:
            if form['client_secret'] != self.secret:
                return self.entra_error(401, 7000215, 'invalid_client', 'Invalid client secret provided.')
        elif form.get('client_assertion_type') != 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer':
            return self.entra_error(401, 7000216, 'invalid_client', 'client_assertion or client_secret is required')
        elif form.get('client_assertion') != self.federated:
            if not self.certificate:
                return self.entra_error(401, 700213, 'invalid_client', 'No matching federated identity record found.')
            try:
                verify_assertion(form['client_assertion'], self.certificate,
                                 '%s/%s/oauth2/v2.0/token' % (cloud.base, tenant), self.client)
            except Exception as problem:  # noqa: BLE001  any flaw is the same answer
                return self.entra_error(401, 700027, 'invalid_client', 'The certificate with identifier was not accepted: %r' % problem)
        return 200, {}, {'token_type': 'Bearer', 'expires_in': self.lifetime, 'access_token': self.issue()}

    # Metadata services

    def imds(self, path, query, headers):
        if headers.get('Metadata', '').lower() != 'true' or 'X-Forwarded-For' in headers:
            return 400, {}, {'error': 'Bad request. Metadata header is missing'}
        if self.metadata_faults:
            return self.metadata_faults.pop(0), {}, {'error': 'busy'}
        if path == '/metadata/identity/oauth2/token':
            if not self.identities:
                return 400, {}, {'error': 'invalid_request', 'error_description': 'Identity not found'}
            if query.get('api-version') != '2018-02-01' or query.get('resource') != 'https://management.azure.com/':
                return 400, {}, {'error': 'invalid_resource', 'error_description': 'resource'}
            return 200, {}, {'access_token': self.issue(), 'expires_in': str(self.lifetime), 'token_type': 'Bearer',
                             'expires_on': str(int(time.time()) + self.lifetime), 'resource': 'https://management.azure.com/'}
        if path == '/metadata/instance' and query.get('api-version') == '2021-02-01' and self.instance is not None:
            if isinstance(self.instance, str):
                return 200, {}, self.instance.encode()
            return 200, {}, self.instance
        return 404, {}, {'error': 'not found'}

    def wireserver(self, method, path, query, headers, data):
        if headers.get('x-ms-version') != '2012-11-30' or 'x-ms-agent-name' not in headers:
            return 400, {}, b''
        if self.metadata_faults:
            return self.metadata_faults.pop(0), {}, b''
        if query.get('comp') == 'goalstate' and method == 'GET':
            return 200, {'Content-Type': 'text/xml'}, GOAL_STATE.encode()
        if query.get('comp') == 'health' and method == 'POST' and headers.get('Content-Type', '').startswith('text/xml'):
            self.health.append(data.decode())
            return 200, {}, b''
        return 404, {}, b''

    # Page blobs

    def blob(self, cloud, method, path, query, headers, data):
        if query.get('sig') != 's3cret':
            return 403, {}, b'<Error><Code>AuthenticationFailed</Code></Error>'
        if path == '/_blob/console':
            return (403, {}, b'') if 'Authorization' in headers else (200, {'Content-Type': 'text/plain'}, b'kernel: hello\n')
        blob = cloud.blobs.get(path[len('/_blob'):])
        if blob is None:
            return 404, {}, b'<Error><Code>BlobNotFound</Code></Error>'
        if 'Authorization' in headers:
            return 403, {}, b'<Error><Code>AuthenticationFailed</Code></Error>'
        if method == 'GET' and query.get('comp') != 'pagelist':
            first, last = map(int, re.fullmatch(r'bytes=(\d+)-(\d+)', headers['x-ms-range'] or headers['Range']).groups())
            return 206, {'Content-Type': 'application/octet-stream'}, bytes(blob[first:last + 1])
        if method != 'PUT' or query.get('comp') != 'page' or headers.get('x-ms-page-write') != 'update' or not headers.get('x-ms-version'):
            return 400, {}, b'<Error><Code>InvalidHeaderValue</Code></Error>'
        first, last = map(int, re.fullmatch(r'bytes=(\d+)-(\d+)', headers.get('x-ms-range') or headers['Range']).groups())
        if first % 512 or (last + 1) % 512 or last + 1 - first > 4 * 2**20 or last >= len(blob) or len(data) != last + 1 - first:
            return 400, {}, b'<Error><Code>InvalidPageRange</Code></Error>'
        given = headers.get('Content-MD5')
        if given and given != base64.b64encode(hashlib.md5(data).digest()).decode():
            return 400, {}, b'<Error><Code>Md5Mismatch</Code></Error>'
        if self.page_writes is not None:
            if self.page_writes == 0:
                return 403, {}, b'<Error><Code>AuthorizationPermissionMismatch</Code></Error>'
            self.page_writes -= 1
        blob[first:last + 1] = data
        if self.corrupt:
            blob[first] ^= 1
        return 201, {}, b''

    # Catalogue

    def catalog(self, path, sizes, used):
        """`used`: cores in use by family."""
        low = path.lower()
        if low.endswith('/providers/microsoft.compute/skus'):
            found = []
            for name, (kind, family, cores, zones) in sizes.items():
                capabilities = [{'name': 'vCPUs', 'value': str(cores)}, {'name': 'HyperVGenerations', 'value': 'V1,V2'}]
                if kind:
                    capabilities.append({'name': 'ConfidentialComputingType', 'value': kind})
                found.append({'resourceType': 'virtualMachines', 'name': name, 'family': family, 'locations': ['northeurope'],
                              'locationInfo': [{'location': 'northeurope', 'zones': zones}], 'restrictions': [],
                              'capabilities': capabilities})
            return found
        if low.endswith('/locations/northeurope/usages'):
            families = ('standardDCASv5Family', 'standardDCESv5Family', 'standardDSv4Family', 'cores')
            return self.usages or [{'name': {'value': family}, 'limit': self.quota, 'unit': 'Count',
                                    'currentValue': sum(used.values()) if family == 'cores' else used.get(family, 0)}
                                   for family in families]
        match = re.fullmatch(r'/subscriptions/[^/]+/providers/(microsoft\.\w+)', low)
        if match:
            return {'namespace': match.group(1), 'registrationState': 'Registered'}
        return None

    def serve(self, cloud, method, target, headers, data):
        """The answer of whoever else is meant, or None for ARM."""
        split = urllib.parse.urlsplit(target)
        path, query = urllib.parse.unquote(split.path), dict(urllib.parse.parse_qsl(split.query))
        token = re.fullmatch(r'/([^/]+)/oauth2/v2.0/token', path)
        if token and method == 'POST':
            form = dict(urllib.parse.parse_qsl(data.decode()))
            self.requests.append(sorted(form))
            return self.entra(cloud, token.group(1), form)
        if path.startswith('/metadata/'):
            return self.imds(path, query, headers)
        if path in ('/machine', '/machine/'):
            return self.wireserver(method, path, query, headers, data)
        if path.startswith('/_blob/'):
            return self.blob(cloud, method, path, query, headers, data)
        return None
