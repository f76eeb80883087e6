# SPDX-License-Identifier: Apache-2.0
"""IAM and Resource Manager: service accounts that become visible late, keys that are shown once, roles that stay deleted for
a while, a policy under an etag."""
import base64
import json
import uuid


def error(status, reason, message):
    names = {400: 'INVALID_ARGUMENT', 404: 'NOT_FOUND', 409: 'ALREADY_EXISTS'}
    return status, {'error': {'code': status, 'message': message, 'status': reason or names.get(status, 'UNKNOWN')}}


class Iam:
    """Accounts by e-mail address, roles by id, one project's policy."""

    def __init__(self):
        self.accounts, self.roles, self.keys = {}, {}, {}
        self.policy = {'version': 1, 'etag': 'e0', 'bindings': [
            {'role': 'roles/owner', 'members': ['user:owner@example.com']},
            {'role': 'roles/compute.networkAdmin', 'members': ['user:admin@example.com'],
             'condition': {'title': 'office hours', 'expression': 'true'}}]}
        self.control = {'hidden': 0, 'races': 0}  # policy calls that do not know new accounts; lost etags
        self.created = []

    def handle(self, method, params, query, body):
        verb = method.rsplit('.', 1)[1]
        if method.startswith('iam.projects.serviceAccounts.keys.'):
            return self.key(verb, params['name'], body)
        if method.startswith('iam.projects.serviceAccounts.'):
            return self.account(verb, params['name'], body)
        if method.startswith('iam.projects.roles.'):
            return self.role(verb, params.get('name') or params.get('parent'), body)
        return self.project(verb, body)

    def account(self, verb, name, body):
        if verb == 'create':
            email = '%s@%s.iam.gserviceaccount.com' % (body['accountId'], name.split('/')[1])
            if not 6 <= len(body['accountId']) <= 30:
                return error(400, None, 'Invalid account id')
            if email in self.accounts:
                return error(409, None, 'Service account %s already exists' % body['accountId'])
            self.accounts[email] = {**body['serviceAccount'], 'name': '%s/serviceAccounts/%s' % (name, email),
                                    'email': email, 'hidden': self.control['hidden']}
            return 200, self.accounts[email]
        if verb == 'list':
            return 200, {'accounts': list(self.accounts.values())}
        email = name.rsplit('/', 1)[1]
        if email not in self.accounts:
            return error(404, None, 'Unknown service account')
        if verb == 'delete':
            self.accounts.pop(email)
            self.keys = {k: v for k, v in self.keys.items() if email not in k}
            for binding in self.policy['bindings']:
                binding['members'] = ['deleted:%s?uid=1' % m if m == 'serviceAccount:' + email else m
                                      for m in binding['members']]
            return 200, {}
        return 200, self.accounts[email]

    def key(self, verb, name, body):
        if verb == 'create':
            email = name.rsplit('/', 1)[1]
            if email not in self.accounts:
                return error(404, None, 'Service account %s does not exist.' % email)
            key = '%s/keys/%s' % (name, uuid.uuid4().hex)
            self.keys[key] = {'name': key, 'keyAlgorithm': body['keyAlgorithm']}
            data = {'type': 'service_account', 'client_email': email, 'private_key_id': key.rsplit('/', 1)[1]}
            return 200, {**self.keys[key], 'privateKeyData': base64.b64encode(json.dumps(data).encode()).decode()}
        if name not in self.keys:
            return error(404, None, 'Unknown key')
        if verb == 'delete':
            self.keys.pop(name)
            return 200, {}
        return 200, self.keys[name]

    def role(self, verb, name, body):
        if verb == 'create':
            path = '%s/roles/%s' % (name, body['roleId'])
            if path in self.roles:
                return error(409, None, 'A role named %s already exists.' % body['roleId'])
            self.roles[path] = {**body['role'], 'name': path, 'etag': 'r'}
            return 200, self.roles[path]
        if verb == 'list':
            return 200, {'roles': [role for role in self.roles.values() if not role.get('deleted')]}
        role = self.roles.get(name)
        if role is None:
            return error(404, None, 'The role named %s was not found.' % name)
        if verb == 'delete':
            role['deleted'] = True
        elif verb == 'undelete':
            if not role.pop('deleted', False):
                return error(400, 'FAILED_PRECONDITION', 'The role is not deleted')
        elif verb == 'patch':
            if role.get('deleted'):
                return error(400, 'FAILED_PRECONDITION', 'The role is deleted')
            role.update(body)
        return 200, role

    def project(self, verb, body):
        if verb == 'getIamPolicy':
            return 200, json.loads(json.dumps(self.policy))
        wanted = body['policy']
        if self.control['races'] > 0:
            self.control['races'] -= 1
            self.policy['etag'] += 'x'
        if wanted.get('etag') != self.policy['etag']:
            return error(409, 'ABORTED', 'There were concurrent policy changes.')
        for binding in wanted['bindings']:
            for member in binding['members']:
                email = member.split(':', 1)[1]
                if not member.startswith('serviceAccount:'):
                    continue
                account = self.accounts.get(email)
                if account is None or account['hidden'] > 0:
                    if account:
                        account['hidden'] -= 1
                    return error(400, None, 'Service account %s does not exist.' % email)
        self.policy = {**wanted, 'etag': self.policy['etag'] + '1'}
        return 200, self.policy

    def dump(self):
        return {'accounts': self.accounts, 'roles': self.roles, 'keys': self.keys, 'policy': self.policy}
