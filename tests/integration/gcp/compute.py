# SPDX-License-Identifier: Apache-2.0
"""A Compute Engine in memory: resources by path ("projects/p/global/networks/n"), operations that take time, references that
must exist and must not be pulled away. Called with requests that passed the discovery document."""
import re
import uuid

import permissions
import rules

BASE = 'https://www.googleapis.com/compute/v1/'
REASONS = {400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND',
           409: 'ALREADY_EXISTS', 412: 'FAILED_PRECONDITION', 429: 'RESOURCE_EXHAUSTED', 503: 'UNAVAILABLE'}


def relative(link):
    return re.sub(r'^https?://[^/]+/compute/v1/', '', link)


def references(value):
    """Paths of compute things that `value` holds."""
    if isinstance(value, dict):
        for key, element in value.items():
            if key not in ('selfLink', 'targetLink', 'id', 'description'):
                yield from references(element)
    elif isinstance(value, list):
        for element in value:
            yield from references(element)
    elif isinstance(value, str) and re.match(r'(https?://[^/]+/compute/v1/)?projects/[^/]+/', value):
        yield relative(value)


def failure(status, reason, message):
    return status, {'error': {'code': status, 'message': message, 'status': REASONS.get(status, 'UNKNOWN'),
                              'errors': [{'message': message, 'domain': 'global', 'reason': reason}]}}


def place_of(path):
    return re.match(r'(projects/[^/]+/(?:global|zones/[^/]+|regions/[^/]+))', path).group(1)


def matches(expression, thing):
    """The two forms of filters that we send: name eq "regular expression", labels.k=v."""
    if not expression:
        return True
    found = re.fullmatch(r'name eq "(.*)"', expression)
    if found:
        return re.fullmatch(found.group(1), thing.get('name', '')) is not None
    found = re.fullmatch(r'labels\.([\w-]+)=([\w-]+)', expression)
    if found:
        return thing.get('labels', {}).get(found.group(1)) == found.group(2)
    raise ValueError('filter not understood: ' + expression)


class Compute:
    """All state; handle() answers one request. Not thread-safe."""

    def __init__(self):
        self.control = {'op_polls': 1, 'page_size': 0, 'fail': [], 'stockout': [], 'boot_polls': 1,
                        'cpu_quota': 100.0, 'cpu_quota_all': 100.0, 'permissions': None}  # all of them
        self.reset()

    def reset(self):
        self.store, self.operations, self.requests, self.counter = {}, {}, {}, 10
        self.machine_types = {'n2d-standard-4': 4, 'c2d-standard-4': 4, 'c3-standard-4': 4}
        features = ['UEFI_COMPATIBLE', 'GVNIC', 'SEV_CAPABLE', 'SEV_SNP_CAPABLE', 'TDX_CAPABLE']
        self.insert_now('projects/images/global/images/node-1', {
            'name': 'node-1', 'status': 'READY', 'guestOsFeatures': [{'type': f} for f in features]})
        self.insert_now('projects/images/global/images/node-2', {
            'name': 'node-2', 'status': 'READY', 'guestOsFeatures': [{'type': f} for f in features]})
        self.insert_now('projects/images/global/images/plain', {
            'name': 'plain', 'status': 'READY', 'guestOsFeatures': []})

    def insert_now(self, path, thing):
        self.counter += 1
        thing = {**thing, 'id': str(self.counter), 'selfLink': BASE + path, 'fingerprint': 'f%d=' % self.counter}
        self.store[path] = thing
        return thing

    def images(self):
        return {path.split('projects/')[-1]: thing for path, thing in self.store.items() if '/images/' in path}

    # --- operations ------------------------------------------------------------------------------------------------

    def operation(self, path, kind, effect, error=None):
        """Starts one. `effect` runs when it ends well."""
        name = 'operation-%d-%s' % (len(self.operations), uuid.uuid4().hex[:8])
        where = '%s/operations/%s' % (place_of(path), name)
        self.operations[where] = {
            'left': self.control['op_polls'], 'effect': effect, 'error': error, 'path': path,
            'shown': {'kind': 'compute#operation', 'name': name, 'operationType': kind, 'status': 'RUNNING',
                      'targetLink': BASE + path, 'selfLink': BASE + where}}
        for scope in ('region', 'zone'):
            if '/%ss/' % scope in where:
                self.operations[where]['shown'][scope] = BASE + place_of(path)
        if self.control['op_polls'] == 0:
            self.step(where)
        return self.operations[where]['shown']

    def step(self, where):
        """One look at an operation, which brings it forward."""
        operation = self.operations[where]
        shown = operation['shown']
        if shown['status'] == 'DONE':
            return shown
        if operation['left'] > 0:
            operation['left'] -= 1
            return shown
        shown['status'] = 'DONE'
        if operation['error']:
            shown['error'] = {'errors': [operation['error']]}
            shown['httpErrorStatusCode'] = 400
        else:
            operation['effect']()
        return shown

    def advance(self):
        """Every request is a tick: operations end even if nobody asks. Soon enough that none outlives the minutes for which
        clients look again, whose sleep takes neither time nor requests here."""
        for where, operation in list(self.operations.items()):
            if operation['shown']['status'] != 'DONE':
                operation['age'] = operation.get('age', 0) + 1
                if operation['age'] > 16 * max(1, operation['left']):
                    operation['left'] = 0
                    self.step(where)

    def making(self, path):
        return any(o['path'] == path and o['shown']['status'] != 'DONE' for o in self.operations.values())

    # --- requests --------------------------------------------------------------------------------------------------

    def handle(self, method, params, query, path, body):
        """(status, answer) for a request of method `method` (an id such as compute.networks.insert)."""
        self.advance()
        collection, verb = method.split('.')[1:]
        if self.control['permissions'] is not None:
            for permission in permissions.needed(method, body):
                if permission not in self.control['permissions']:
                    return failure(403, 'forbidden', "Required '%s' permission for '%s'" % (permission, path))
        request = query.get('requestId')
        if request is not None and method.split('.')[-1] != 'get':
            if not re.fullmatch(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', request) or set(request) <= {'0', '-'}:
                return failure(400, 'invalid', 'Invalid value for field requestId')
            if request in self.requests:
                known, where = self.requests[request]
                if known != (method, path, str(body)):
                    return failure(400, 'invalid', 'requestId was used for another request')
                return 200, self.step(where)
        fault = self.fault(method)
        if fault and 'http' in fault:
            return failure(fault['http'], fault['reason'], fault.get('message', fault['reason']))
        error = {'code': fault['op'], 'message': fault.get('message', fault['op'])} if fault else None
        action = getattr(self, 'do_' + verb, None)
        if collection.endswith('Operations'):
            action = self.do_operation
        if action is None:
            return failure(501, 'notImplemented', 'the stub does not know ' + method)
        status, answer = action(collection, path, query, body, error)
        if status == 200 and request is not None and answer.get('kind') == 'compute#operation':
            self.requests[request] = ((method, path, str(body)), relative(answer['selfLink']))
        return status, answer

    def fault(self, method):
        for fault in self.control['fail']:
            if fault['match'] == method and fault.get('skip', 0) > 0:
                fault['skip'] -= 1
            elif fault['match'] == method and fault.get('times', 1) > 0:
                fault['times'] = fault.get('times', 1) - 1
                return fault
        return None

    def do_operation(self, collection, path, query, body, error):
        where = path[:-len('/wait')] if path.endswith('/wait') else path
        if where not in self.operations:
            return failure(404, 'notFound', "The resource '%s' was not found" % where)
        return 200, self.step(where)

    def missing(self, body):
        for path in references(body):
            if not re.search(r'/(machineTypes|diskTypes|zones|regions)/[^/]+$', path) and path not in self.store:
                return path
        return None

    def problems(self, collection, body):
        if collection == 'instanceTemplates':
            return rules.template_problems(body['properties'], self.images())
        if collection == 'securityPolicies':
            return rules.policy_problems(body)
        if collection in ('forwardingRules', 'globalForwardingRules'):
            return rules.balancer_problems(body, self.store)
        return []

    def do_insert(self, collection, path, query, body, error):
        target = '%s/%s' % (path, body['name'])
        if target in self.store or self.making(target):
            return failure(409, 'alreadyExists', "The resource '%s' already exists" % target)
        missing = self.missing(body)
        if missing:
            return failure(404, 'notFound', "The resource '%s' was not found" % missing)
        problems = self.problems(collection, body)
        if problems:
            return failure(400, 'invalid', 'Invalid value: ' + '; '.join(problems))
        return 200, self.operation(target, 'insert', lambda: self.made(collection, target, body), error)

    def made(self, collection, target, body):
        thing = self.insert_now(target, body)
        if collection in ('addresses', 'globalAddresses'):
            internal = body.get('addressType') == 'INTERNAL'
            thing['address'] = ('192.168.180.%d' if internal else '203.0.113.%d') % (self.counter % 250)
            thing['status'] = 'RESERVED'
        if collection in ('forwardingRules', 'globalForwardingRules'):
            address = self.store.get(relative(body.get('IPAddress', '')), {})
            thing['uses'] = [relative(body['IPAddress'])] if address else []
            thing['IPAddress'] = address.get('address', body.get('IPAddress'))
            thing['portRange'] = '%s-%s' % (body['portRange'], body['portRange'])
        if collection == 'images':
            thing['status'] = 'READY'
        if collection == 'instanceGroupManagers':
            group = target.replace('/instanceGroupManagers/', '/instanceGroups/')
            self.insert_now(group, {'name': body['name'], 'owner': target})
            thing['instanceGroup'] = BASE + group
            thing['booting'] = self.control['boot_polls']

    def do_get(self, collection, path, query, body, error):
        static = self.static(path)
        if static:
            return 200, static
        if path in self.store:
            return 200, {k: v for k, v in self.store[path].items() if k not in ('owner', 'uses', 'booting')}
        return failure(404, 'notFound', "The resource '%s' was not found" % path)

    def static(self, path):
        found = re.fullmatch(r'projects/([^/]+)', path)
        if found:
            quotas = [{'metric': 'CPUS_ALL_REGIONS', 'limit': self.control['cpu_quota_all'], 'usage': 6.0}]
            return {'name': found.group(1), 'quotas': quotas}
        found = re.fullmatch(r'projects/[^/]+/(regions|zones)/(europe-west3(?:-[abc])?)(?:/machineTypes/(.*))?', path)
        if not found:
            return None
        if found.group(3):
            cpus = self.machine_types.get(found.group(3))
            return cpus and {'name': found.group(3), 'guestCpus': cpus}
        if (found.group(1) == 'regions') == found.group(2)[-2:-1].isalpha():
            quotas = [{'metric': 'N2D_CPUS', 'limit': self.control['cpu_quota'], 'usage': 4.0}]
            return {'name': found.group(2), 'status': 'UP', 'quotas': quotas}
        return None

    def users(self, path):
        """Who refers to `path`."""
        own = path.replace('/instanceGroupManagers/', '/instanceGroups/')
        for other, thing in self.store.items():
            if other in (path, own) or thing.get('owner') == path:
                continue
            uses = set(references(thing))
            if path in uses or (own != path and own in uses):
                yield other

    def do_delete(self, collection, path, query, body, error):
        if path not in self.store:
            return failure(404, 'notFound', "The resource '%s' was not found" % path)
        if self.making(path):
            return failure(400, 'resourceNotReady', "The resource '%s' is not ready" % path)
        user = next(self.users(path), None)
        if user:
            return failure(400, 'resourceInUseByAnotherResource',
                           "The %s resource '%s' is already being used by '%s'" % (collection, path, user))
        return 200, self.operation(path, 'delete', lambda: self.gone(path), error)

    def gone(self, path):
        self.store.pop(path, None)
        for other in [o for o, thing in self.store.items() if thing.get('owner') == path]:
            self.store.pop(other)

    # --- lists -----------------------------------------------------------------------------------------------------

    def page(self, elements, query):
        size = min(int(query.get('maxResults', 500)), self.control['page_size'] or 500)
        start = int(query.get('pageToken', '0'))
        rest = {'nextPageToken': str(start + size)} if start + size < len(elements) else {}
        return elements[start:start + size], rest

    def shown(self, path):
        return self.do_get('', path, {}, None, None)[1]

    def do_list(self, collection, path, query, body, error):
        found = sorted(p for p, thing in self.store.items()
                       if p.rsplit('/', 1)[0] == path and matches(query.get('filter'), thing))
        part, rest = self.page(found, query)
        return 200, {'items': [self.shown(p) for p in part], **rest}

    def do_aggregatedList(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        project, name = re.fullmatch(r'(projects/[^/]+)/aggregated/(\w+)', path).groups()
        found = sorted(p for p, thing in self.store.items()
                       if p.startswith(project + '/') and p.split('/')[-2] == name
                       and matches(query.get('filter'), thing))
        part, rest = self.page(found, query)
        items = {'zones/empty': {'warning': {'code': 'NO_RESULTS_ON_PAGE'}}}
        for one in part:
            items.setdefault(place_of(one).split('/', 2)[2], {}).setdefault(name, []).append(self.shown(one))
        return 200, {'items': items, **rest}
