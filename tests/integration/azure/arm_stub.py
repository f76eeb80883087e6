#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for Azure Resource Manager, with Azure's own description as its rules (arm_schema.py) and the rest by hand
(arm_rules.py): things in memory, operations that need to be asked for in both styles, pages of a chosen size, refusals of what
is in use, tokens, permissions, faults on demand. Plus Entra's token endpoint, the metadata services and page blobs.

usage: arm_stub.py SCHEMA.json        prints "port N" and serves on 127.0.0.1 until its input ends
control: POST /_control {"page_size", "polls", "faults", "random", "resources", "actions", ...}; GET /_dump"""
import base64
import copy
import hashlib
import http.server
import json
import os
import random
import re
import sys
import threading
import time
import urllib.parse
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import arm_identity  # noqa: E402
import arm_rules  # noqa: E402
import arm_schema  # noqa: E402
from arm_rules import Refusal, refuse, type_of  # noqa: E402

SUBSCRIPTION = '/subscriptions/00000000-0000-4000-8000-000000000001'
# How each type tells about its operations: a status document, a location, or nothing but its state.
STYLES = {'microsoft.network/natgateways': 'state', 'microsoft.network/virtualnetworks': 'location',
          'microsoft.compute/disks': 'location'}
AT_ONCE = ('microsoft.managedidentity/', 'microsoft.authorization/')
DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'


class Cloud:
    """Everything that exists. One lock around each request."""

    def __init__(self, schema):
        self.schema = schema
        self.lock = threading.RLock()
        self.resources = {}   # lower-case id -> answer's body
        self.operations = {}  # name -> {"id", "left", "style", "deletes", "failure"}
        self.instances = {}   # lower-case id of a scale set -> [instance number]
        self.blobs = {}       # lower-case id of a disk -> bytearray
        self.pages = {}
        self.violations, self.log, self.denied = [], [], []
        self.page_size, self.polls, self.retry_after = 2, 2, None
        self.faults, self.random = [], None
        self.actions = None   # None: everything is allowed
        self.base = ''
        self.identity = arm_identity.Identity()
        self.blob_service = None

    def control(self, wish):
        if wish.get('reset'):
            base = self.base
            self.__init__(self.schema)
            self.base = base
        for key in ('page_size', 'polls', 'faults', 'actions', 'retry_after', 'blob_service'):
            if key in wish:
                setattr(self, key, wish[key])
        if 'random' in wish:
            self.random = wish['random'] and {**wish['random'], 'source': random.Random(wish['random']['seed'])}
        for body in wish.get('resources', []):
            self.resources[body['id'].lower()] = arm_rules.complete(body['id'], body, self.resources)
        if 'remove' in wish:  # with all that is below it
            self.resources = {k: v for k, v in self.resources.items() if not (k + '/').startswith(wish['remove'].lower() + '/')}
        self.identity.control(wish)
        return {}

    def dump(self):
        return {'resources': list(self.resources.values()), 'violations': self.violations, 'denied': self.denied,
                'requests': len(self.log), 'log': self.log, 'health': self.identity.health,
                'instances': {k: len(v) for k, v in self.instances.items()},
                'blobs': {k: hashlib.sha256(v).hexdigest() for k, v in self.blobs.items()}}

    # Operations

    def start(self, identity, deletes):
        failure = self.fault('late', '%s %s' % ('DELETE' if deletes else 'PUT', identity))
        name = str(uuid.uuid4())
        style = STYLES.get(type_of(identity), 'status')
        self.operations[name] = {'id': identity.lower(), 'left': self.polls, 'style': style, 'deletes': deletes,
                                 'failure': failure, 'done': None}
        self.resources[identity.lower()]['properties']['provisioningState'] = 'Deleting' if deletes else 'Updating'
        return self.announcement(name)

    def announcement(self, name):
        """The headers that tell of an operation."""
        style, headers = self.operations[name]['style'], {}
        if style == 'status':
            headers['Azure-AsyncOperation'] = '%s%s/providers/Microsoft.Network/locations/x/operations/%s?api-version=1' % (
                self.base, SUBSCRIPTION, name)
        if style == 'location':
            headers['Location'] = '%s%s/operationresults/%s?api-version=1' % (self.base, SUBSCRIPTION, name)
        if self.retry_after:
            headers['Retry-After'] = str(self.retry_after)
        return headers

    def advance(self, operation):
        if operation['done'] is not None:
            return
        operation['left'] -= 1
        if operation['left'] > 0:
            return
        thing = self.resources.get(operation['id'])
        operation['done'] = True
        if operation['failure']:
            if thing:
                thing['properties']['provisioningState'] = 'Failed'
        elif operation['deletes']:
            self.resources.pop(operation['id'], None)
            self.instances.pop(operation['id'], None)
            self.blobs.pop(operation['id'], None)
        elif thing:
            thing['properties']['provisioningState'] = 'Succeeded'
            self.settle(operation['id'], thing)

    def settle(self, identity, thing):
        """Makes and deletes a scale set's VMs until there are as many as wanted."""
        if type_of(identity) == arm_rules.SCALE_SET:
            numbers = self.instances.setdefault(identity, [])
            while len(numbers) < thing['sku']['capacity']:
                numbers.append(max(numbers, default=-1) + 1)
            del numbers[thing['sku']['capacity']:]

    def busy(self, identity):
        return [o for o in self.operations.values() if o['id'] == identity.lower() and o['done'] is None]

    def refuse_busy(self, identity, operations):
        """Refuses while something goes on, which goes on meanwhile."""
        for operation in operations:
            self.advance(operation)
        refuse(operations, 'AnotherOperationInProgress', 'another operation on %s' % identity, 409)

    def poll(self, name):
        operation = self.operations.get(name)
        refuse(operation is None, 'NotFound', 'no such operation', 404)
        self.advance(operation)
        if operation['style'] == 'location':
            if operation['done'] is None:
                return 202, {'Location': '%s%s/operationresults/%s?api-version=1&again=1' % (self.base, SUBSCRIPTION, name)}, None
            if operation['failure']:
                raise Refusal(operation['failure'].get('status', 400), operation['failure']['code'], operation['failure']['message'])
            return 204, {}, None
        if operation['done'] is None:
            return 200, {}, {'status': 'InProgress'}
        if operation['failure']:
            return 200, {}, {'status': 'Failed', 'error': {
                'code': 'OperationFailed', 'message': 'see details',
                'details': [{'code': operation['failure']['code'], 'message': operation['failure']['message']}]}}
        return 200, {}, {'status': 'Succeeded', 'properties': {'output': operation.get('output')}}

    # Faults

    def fault(self, kind, text):
        for fault in self.faults:
            if fault['kind'] == kind and fault.get('times', 1) > 0 and re.search(fault['match'], text, re.I):
                fault['times'] = fault.get('times', 1) - 1
                return fault
        return None

    def misfortune(self):
        """One of the random faults, or None."""
        if not self.random:
            return None
        dice = self.random['source'].random()
        for kind in ('throttled', 'unavailable', 'lost', 'dropped'):
            dice -= self.random.get(kind, 0)
            if dice < 0:
                return kind
        return None

    # Requests

    def users_of(self, identity):
        mine = {identity.lower()} | arm_rules.children(self.resources[identity.lower()])
        return [other['id'] for key, other in self.resources.items()
                if key != identity.lower() and not type_of(other['id']).endswith('/versions')  # a copy
                and any(r.lower() in mine for r in arm_rules.references(other, other['id']))]

    def permit(self, action):
        if self.actions is not None and not arm_rules.allowed(self.actions, action):
            self.denied.append(action)
            raise Refusal(403, 'AuthorizationFailed', "The client 'x' does not have authorization to perform action "
                          "'%s' over scope '%s'" % (action, SUBSCRIPTION))

    def exists(self, identity):
        low = identity.lower()
        return low in self.resources or any(low in arm_rules.children(r) for r in self.resources.values())

    def put(self, identity, body, headers, merge=False):
        low, existing = identity.lower(), self.resources.get(identity.lower())
        group = re.match(r'(?i)/subscriptions/[^/]+/resourcegroups/[^/]+', identity)
        refuse(group and group.group().lower() != low and group.group().lower() not in self.resources, 'ResourceGroupNotFound',
               'Resource group %s could not be found.' % (group and group.group()), 404)
        refuse(merge and existing is None, 'ResourceNotFound', 'no %s' % identity, 404)
        self.refuse_busy(identity, [o for o in self.busy(identity)])
        match = headers.get('If-Match')
        refuse(match and match != '*' and existing and existing.get('etag') != match, 'PreconditionFailed', 'etag', 412)
        if merge:
            body = arm_merge({k: v for k, v in existing.items() if k not in ('id', 'name', 'type', 'etag')}, body)
        for reference in arm_rules.references(body, identity):
            for pattern, action in arm_rules.LINKED:
                if re.search(pattern, reference.lower()):
                    self.permit(action)
            refuse(not self.exists(reference), 'InvalidResourceReference', '%s was not found' % reference)
        arm_rules.check(identity, body, existing)
        if low.find('/roleassignments/') > 0 and existing:
            raise Refusal(409, 'RoleAssignmentExists', 'The role assignment already exists.')
        self.resources[low] = arm_rules.complete(identity, body, self.resources)
        if type_of(identity).startswith(AT_ONCE) or type_of(identity) == 'resourcegroups':
            self.resources[low]['properties']['provisioningState'] = 'Succeeded'
            return (200 if existing else 201), {}, self.resources[low]
        extra = self.start(identity, deletes=False)
        return (202 if 'Location' in extra else 200 if existing else 201), extra, self.resources[low]

    def delete(self, identity):
        low = identity.lower()
        if low not in self.resources:
            return 204, {}, None
        self.refuse_busy(identity, [o for o in self.busy(identity) if not o['deletes']])
        refuse(self.resources[low].get('properties', {}).get('diskState') in ('ActiveUpload', 'ActiveSAS'),
               'OperationNotAllowed', 'there is an active shared access signature for %s' % identity, 409)
        users = self.users_of(identity)
        refuse(users, arm_rules.IN_USE.get(type_of(identity), 'CannotDeleteResource'), '%s is used by %s' % (identity, users))
        if type_of(identity) == 'resourcegroups':
            for key in [k for k in self.resources if k.startswith(low + '/')]:
                del self.resources[key]
        if type_of(identity).startswith(AT_ONCE):
            del self.resources[low]
            return 200, {}, None
        for name, operation in self.operations.items():
            if operation['id'] == low and operation['done'] is None:
                return 202, self.announcement(name), None
        return 202, self.start(identity, deletes=True), None

    def get(self, path, query):
        low = path.lower()
        for operation in self.busy(path):
            self.advance(operation)
        if low in self.resources:
            return 200, {}, self.resources[low]
        parts = low.split('/')
        owner = re.fullmatch('(.*/virtualmachinescalesets/[^/]+)/networkinterfaces', low)
        if owner:
            refuse(owner.group(1) not in self.resources, 'ResourceNotFound', path, 404)
            return self.page([self.nic(self.resources[owner.group(1)], n) for n in self.instances.get(owner.group(1), [])])
        if re.search(r'/virtualmachines(/|$)', low):
            return self.vms(path)
        if low.endswith('/resources') and low.rpartition('/')[0] in self.resources:
            return self.page([r for k, r in sorted(self.resources.items()) if k.startswith(low.rpartition('/')[0] + '/')
                              and '/microsoft.authorization/' not in k])
        fixed = self.identity.catalog(path, arm_rules.SIZES, self.used_cores())
        if fixed is not None:
            return self.page(fixed) if isinstance(fixed, list) else (200, {}, fixed)
        group = re.match(r'/subscriptions/[^/]+/resourcegroups/[^/]+', low)
        if group and group.group() not in self.resources:
            raise Refusal(404, 'ResourceGroupNotFound', 'Resource group %s could not be found.' % group.group())
        if len(low.split('/providers/')[-1].split('/')) % 2 == 0 and '/providers/' in low or parts[-1] == 'resourcegroups':
            depth = low.count('/') + 1
            return self.page([r for k, r in sorted(self.resources.items()) if k.startswith(low + '/') and k.count('/') == depth])
        raise Refusal(404, 'ResourceNotFound', 'The Resource %s was not found.' % path)

    def page(self, elements, start=0):
        body = {'value': elements[start:start + self.page_size]}
        if start + self.page_size < len(elements):
            name = str(uuid.uuid4())
            self.pages[name] = (elements, start + self.page_size)
            body['nextLink'] = '%s/_pages/%s?%%24skiptoken=x' % (self.base, name)
        return 200, {}, body

    def vms(self, path):
        match = re.match(r'(?i)(.*/virtualMachineScaleSets/[^/]+)/virtualMachines(?:/(\d+)(/networkInterfaces)?)?$', path)
        owner = match and self.resources.get(match.group(1).lower())
        refuse(not owner, 'ResourceNotFound', path, 404)
        numbers = self.instances.get(match.group(1).lower(), [])
        if match.group(2) is None:
            return self.page([self.vm(owner, n) for n in numbers])
        refuse(int(match.group(2)) not in numbers, 'InstanceIdNotFound', path, 404)
        if match.group(3):
            return self.page([self.nic(owner, int(match.group(2)))])
        return 200, {}, self.vm(owner, int(match.group(2)))

    def used_cores(self):
        used = {}
        for identity, numbers in self.instances.items():
            owner = self.resources.get(identity)
            if owner is None:
                continue
            _, family, cores, _ = arm_rules.SIZES[owner['sku']['name']]
            used[family] = used.get(family, 0) + cores * len(numbers)
        return used

    def vm(self, owner, number):
        profile = owner['properties']['virtualMachineProfile']
        name = profile['osProfile']['computerNamePrefix'] + ''.join(DIGITS[number // 36**i % 36] for i in range(5, -1, -1))
        body = {'id': '%s/virtualMachines/%d' % (owner['id'], number), 'instanceId': str(number), 'location': owner['location'],
                'name': '%s_%d' % (owner['name'], number), 'tags': owner.get('tags', {}), 'sku': {'name': owner['sku']['name']},
                'properties': {'provisioningState': 'Succeeded', 'osProfile': {'computerName': name},
                               'storageProfile': copy.deepcopy(profile['storageProfile']),
                               'instanceView': {'statuses': [{'code': 'ProvisioningState/succeeded'}, {'code': 'PowerState/running'}]}}}
        if 'zones' in owner:
            body['zones'] = owner['zones']
        return body

    def nic(self, owner, number):
        place = sorted(self.instances).index(owner['id'].lower()) * 20 + number
        address = {'name': 'node-network', 'properties': {
            'primary': True, 'privateIPAddress': '192.168.178.%d' % (10 + place), 'subnet': {'id': 'x'}}}
        return {'name': 'node-network', 'properties': {
            'primary': True, 'macAddress': '00-0D-3A-00-00-%02X' % place, 'ipConfigurations': [address],
            'virtualMachine': {'id': '%s/virtualMachines/%d' % (owner['id'], number)}}}

    def post(self, path, body):
        low = path.lower()
        owner, _, verb = path.rpartition('/')
        if low.endswith('/delete') and arm_rules.SCALE_SET in low:
            thing = self.resources.get(owner.lower())
            refuse(thing is None, 'ResourceNotFound', owner, 404)
            self.refuse_busy(owner, self.busy(owner))
            left = [n for n in self.instances.get(owner.lower(), []) if str(n) not in body['instanceIds']]
            thing['sku']['capacity'] -= len(self.instances[owner.lower()]) - len(left)
            self.instances[owner.lower()] = left
            return 202, self.start(owner, deletes=False), None
        if verb.lower() == 'retrievebootdiagnosticsdata':
            return 200, {}, {'serialConsoleLogBlobUri': '%s/_blob/console?sig=s3cret' % self.base}
        if verb.lower() in ('begingetaccess', 'endgetaccess'):
            return self.disk_access(owner, verb.lower(), (body or {}).get('access'))
        raise Refusal(404, 'NotFound', path)

    def disk_access(self, owner, verb, access):
        disk = self.resources.get(owner.lower())
        refuse(disk is None, 'ResourceNotFound', owner, 404)
        if verb == 'endgetaccess':
            disk['properties']['diskState'] = 'Unattached'
            return 202, self.start(owner, deletes=False), None
        size = disk['properties']['creationData']['uploadSizeBytes']
        self.blobs.setdefault(owner.lower(), bytearray(size))
        ended = disk['properties'].get('diskState') in ('Unattached', 'ActiveSAS')
        refuse(access == 'Write' and ended, 'OperationNotAllowed', 'the upload of this disk has ended', 409)
        disk['properties']['diskState'] = 'ActiveUpload' if access == 'Write' else 'ActiveSAS'
        headers = self.start(owner, deletes=False)
        name = next(reversed(self.operations))
        address = self.blob_service or '%s/_blob%s?sv=2021-12-02&sig=s3cret' % (self.base, owner.lower())
        self.operations[name].update(style='status', output={'accessSAS': address})
        return 202, {'Azure-AsyncOperation': '%s%s/providers/Microsoft.Compute/locations/x/operations/%s?api-version=1' % (
            self.base, SUBSCRIPTION, name), **{k: v for k, v in headers.items() if k == 'Retry-After'}}, None

    def arm(self, method, url, body, headers):
        path = urllib.parse.unquote(urllib.parse.urlsplit(url).path)
        query = urllib.parse.urlsplit(url).query
        refuse(not self.identity.accepts(headers.get('Authorization', '')), *self.identity.refusal)
        operation = re.search(r'/(?:operations|operationresults)/([0-9a-f-]{36})$', path)
        if operation:
            return self.poll(operation.group(1))
        if path.startswith('/_pages/'):
            return self.page(*self.pages[path[8:]])
        problems = self.schema.check(method, url, body)
        if problems:
            self.violations.append({'method': method, 'url': url, 'problems': problems})
            raise Refusal(400, 'SchemaViolation', '; '.join(problems))
        self.permit(arm_rules.action_of(method, path))
        if method in ('PUT', 'PATCH'):
            return self.put(path, body, headers, merge=method == 'PATCH')
        if method == 'DELETE':
            return self.delete(path)
        return self.post(path, body) if method == 'POST' else self.get(path, query)


def arm_merge(old, patch):
    """PATCH: objects are merged (tags replaced), all else is replaced."""
    merged = copy.deepcopy(old)
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict) and key != 'tags':
            merged[key] = arm_merge(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True
    wbufsize = 65536  # an answer in one packet
    cloud = None

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body):
        data = body if isinstance(body, bytes) else b'' if body is None else json.dumps(body).encode()
        self.send_response(status)
        headers = {'Content-Type': 'application/json', 'x-ms-request-id': str(uuid.uuid4()), **headers}
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)
        self.wfile.flush()

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(2)

    def serve(self):
        data = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        cloud, path = self.cloud, urllib.parse.urlsplit(self.path).path
        with cloud.lock:
            if path == '/_control':
                return self.answer(200, {}, cloud.control(json.loads(data)))
            if path == '/_dump':
                return self.answer(200, {}, cloud.dump())
            other = cloud.identity.serve(cloud, self.command, self.path, self.headers, data)
            if other is not None:
                return self.answer(*other)
            return self.serve_arm(cloud, data)

    def serve_arm(self, cloud, data):
        line = '%s %s' % (self.command, self.path)
        cloud.log.append(line)
        luck = cloud.misfortune()
        if luck == 'dropped' or cloud.fault('drop', line):
            return self.hang_up()
        if luck in ('throttled', 'unavailable'):
            status = 429 if luck == 'throttled' else 503
            return self.answer(status, {'Retry-After': '3'}, {'error': {'code': 'TooManyRequests', 'message': 'later'}})
        refusal = cloud.fault('refuse', line)
        try:
            if refusal:
                status, headers = refusal.get('status', 409), refusal.get('headers', {})
                body = {'error': {'code': refusal['code'], 'message': refusal.get('message', refusal['code'])}}
            else:
                status, headers, body = cloud.arm(self.command, self.path, json.loads(data) if data else None, self.headers)
        except Refusal as problem:
            status, headers, body = problem.status, {}, {'error': {'code': problem.code, 'message': problem.message}}
            if status == 401:
                headers = {'WWW-Authenticate': 'Bearer error="invalid_token"'}
        if luck == 'lost' or cloud.fault('lose', line):
            return self.hang_up()
        return self.answer(status, headers, body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = serve


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        schema = arm_schema.Schema(json.load(file))
    Handler.cloud = Cloud(schema)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    Handler.cloud.base = 'http://127.0.0.1:%d' % server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print('port %d' % server.server_address[1], flush=True)
    sys.stdin.read()  # ends with whoever started it
    server.shutdown()


if __name__ == '__main__':
    main()
