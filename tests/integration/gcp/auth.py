# SPDX-License-Identifier: Apache-2.0
"""Google's token endpoints and the check of bearer tokens, as far as our client uses them. Signatures are verified."""
import base64
import hashlib
import json
import secrets
import time
import urllib.parse

SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
# DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1).
DIGEST_INFO = bytes.fromhex('3031300d060960864801650304020105000420')


def unbase64(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def der_items(data):
    """Tag and contents of each DER element in `data`."""
    while data:
        tag, length, head = data[0], data[1], 2
        if length >= 0x80:
            size = length & 0x7f
            length, head = int.from_bytes(data[2:2 + size], 'big'), 2 + size
        yield tag, data[head:head + length]
        data = data[head + length:]


def rsa_numbers(spki):
    """Modulus and exponent of an RSA SubjectPublicKeyInfo."""
    (_, outer), = der_items(spki)
    _, (_, bits) = der_items(outer)
    (_, numbers), = der_items(bits[1:])
    (_, modulus), (_, exponent) = der_items(numbers)
    return int.from_bytes(modulus, 'big'), int.from_bytes(exponent, 'big')


def verifies(spki, message, signature):
    modulus, exponent = rsa_numbers(spki)
    size = (modulus.bit_length() + 7) // 8
    if len(signature) != size:
        return False
    got = pow(int.from_bytes(signature, 'big'), exponent, modulus).to_bytes(size, 'big')
    tail = DIGEST_INFO + hashlib.sha256(message).digest()
    return got == b'\0\1' + b'\xff' * (size - len(tail) - 3) + b'\0' + tail


class Auth:
    """Who may call. `accounts` maps e-mail addresses to {"key_id", "spki"}; tokens are opaque."""

    def __init__(self):
        self.accounts = {}
        self.tokens = {}           # token -> account
        self.refresh_tokens = {}   # refresh token -> [client id, client secret]
        self.subject_tokens = {}   # foreign token -> audience
        self.refuse_self_signed = False
        self.log = []

    def issue(self, account, lifetime=3600):
        token = 'ya29.' + secrets.token_urlsafe(24)
        self.tokens[token] = account
        return {'access_token': token, 'expires_in': lifetime, 'token_type': 'Bearer'}

    def jwt_account(self, token, audience):
        """The account that signed `token`, or a text that says what is wrong."""
        try:
            head, body, signature = token.split('.')
            header, claims = json.loads(unbase64(head)), json.loads(unbase64(body))
        except ValueError:
            return None, 'not a JWT'
        account = self.accounts.get(claims.get('iss'))
        if account is None or header.get('alg') != 'RS256' or header.get('kid') != account['key_id']:
            return None, 'unknown issuer, algorithm or key'
        if not verifies(base64.b64decode(account['spki']), ('%s.%s' % (head, body)).encode(), unbase64(signature)):
            return None, 'wrong signature'
        if not (isinstance(claims.get('exp'), int) and claims['exp'] - claims.get('iat', 0) <= 3600
                and claims['exp'] > time.time()):
            return None, 'expired, or longer than an hour'
        if audience is None and (claims.get('sub') != claims['iss'] or claims.get('scope') != SCOPE):
            return None, 'a self-signed token needs sub = iss and a scope'
        if audience is not None and (claims.get('aud') != audience or claims.get('scope') != SCOPE):
            return None, 'wrong audience or scope'
        return claims['iss'], None

    def check(self, header):
        """None if the bearer token is good, else the reason."""
        if not header or not header.startswith('Bearer '):
            return 'required'
        token = header[len('Bearer '):]
        if token in self.tokens:
            return None
        if token.count('.') == 2 and not token.startswith('ya29.') and not self.refuse_self_signed:
            return None if self.jwt_account(token, None)[0] else 'authError'
        return 'authError'

    def token(self, body, base):
        """POST of a form to /token (OAuth) or /sts/v1/token."""
        form = dict(urllib.parse.parse_qsl(body))
        kind = form.get('grant_type')
        self.log.append(kind)
        if kind == 'urn:ietf:params:oauth:grant-type:jwt-bearer':
            account, problem = self.jwt_account(form.get('assertion', ''), base + '/token')
            if account:
                return 200, self.issue(account)
            return 400, {'error': 'invalid_grant', 'error_description': problem}
        if kind == 'refresh_token':
            if self.refresh_tokens.get(form.get('refresh_token')) == [form.get('client_id'), form.get('client_secret')]:
                return 200, self.issue('user')
            return 400, {'error': 'invalid_grant', 'error_description': 'Token has been expired or revoked.'}
        if kind == 'urn:ietf:params:oauth:grant-type:token-exchange':
            if (self.subject_tokens.get(form.get('subject_token')) == form.get('audience')
                    and form.get('requested_token_type') == 'urn:ietf:params:oauth:token-type:access_token'
                    and form.get('scope') == SCOPE):
                return 200, {**self.issue('federated'), 'issued_token_type': form['requested_token_type']}
            return 400, {'error': 'invalid_grant', 'error_description': 'The subject token is not known.'}
        return 400, {'error': 'unsupported_grant_type', 'error_description': 'unknown grant type'}

    def impersonate(self, account, body):
        """iamcredentials generateAccessToken, after check()."""
        if body.get('scope') != [SCOPE]:
            return 400, {'error': {'code': 400, 'message': 'wrong scope', 'status': 'INVALID_ARGUMENT'}}
        token = self.issue(account)['access_token']
        expire = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 3600))
        return 200, {'accessToken': token, 'expireTime': expire}
