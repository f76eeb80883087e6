# SPDX-License-Identifier: Apache-2.0
"""Changes of things that exist, and what instance groups do with their instances; the other half of compute.py."""
import re

from compute import BASE, Compute, failure, place_of, references, relative


class FullCompute(Compute):
    """Compute with everything our client calls."""

    def found(self, path):
        """The thing on which a method such as .../g/resize is called."""
        target = path.rsplit('/', 1)[0]
        return target, self.store.get(target)

    def change(self, target, effect, error, kind='patch'):
        def run():
            effect()
            self.counter += 1
            if target in self.store:
                self.store[target]['fingerprint'] = 'f%d=' % self.counter
        return 200, self.operation(target, kind, run, error)

    def not_found(self, path):
        return failure(404, 'notFound', "The resource '%s' was not found" % path)

    def do_patch(self, collection, path, query, body, error):
        thing = self.store.get(path)
        if thing is None:
            return self.not_found(path)
        if 'fingerprint' in body and body['fingerprint'] != thing['fingerprint']:
            return failure(412, 'conditionNotMet', 'The fingerprint does not match')
        if collection in ('routers', 'firewalls', 'healthChecks', 'regionHealthChecks', 'backendServices',
                          'regionBackendServices', 'networks'):
            missing = self.missing(body)
            if missing:
                return self.not_found(missing)
            return self.change(path, lambda: thing.update({k: v for k, v in body.items() if k != 'fingerprint'}), error)
        return failure(400, 'invalid', 'the stub patches no ' + collection)

    def do_setNamedPorts(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        if body.get('fingerprint') != thing['fingerprint']:
            return failure(412, 'conditionNotMet', 'The fingerprint does not match')
        return self.change(target, lambda: thing.update(namedPorts=body['namedPorts']), error)

    def do_setSecurityPolicy(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        policy = body.get('securityPolicy')
        if policy and relative(policy) not in self.store:
            return self.not_found(policy)
        if policy:
            return self.change(target, lambda: thing.update(securityPolicy=BASE + relative(policy)), error)
        return self.change(target, lambda: thing.pop('securityPolicy', None), error)

    def rule_change(self, path, query, body, error, verb):
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        priority = body['priority'] if verb == 'add' else int(query['priority'])
        there = [rule for rule in thing['rules'] if rule['priority'] == priority]
        if (verb == 'add') == bool(there):
            return failure(400, 'invalid', 'the rule %d %s' % (priority, 'exists' if there else 'does not exist'))
        rest = [rule for rule in thing['rules'] if rule['priority'] != priority]
        return self.change(target, lambda: thing.update(rules=rest + ([body] if body else [])), error)

    def do_addRule(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        return self.rule_change(path, query, body, error, 'add')

    def do_patchRule(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        return self.rule_change(path, query, body, error, 'patch')

    def do_removeRule(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        return self.rule_change(path, query, None, error, 'remove')

    # --- instance groups -------------------------------------------------------------------------------------------

    def do_resize(self, collection, path, query, body, error):
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        return self.change(target, lambda: thing.update(targetSize=int(query['size'])), error, 'resize')

    def do_setInstanceTemplate(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        if relative(body['instanceTemplate']) not in self.store:
            return self.not_found(body['instanceTemplate'])
        versions = [{'instanceTemplate': BASE + relative(body['instanceTemplate'])}]
        return self.change(target, lambda: thing.update(versions=versions), error)

    def do_recreateInstances(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        instances = [relative(link) for link in body['instances']]
        if any(link not in self.store for link in instances):
            return failure(400, 'invalid', 'an instance is not in the group')
        return self.change(target, lambda: [self.store.pop(link, None) for link in instances], error)

    def members(self, group):
        return sorted(path for path, thing in self.store.items() if thing.get('owner') == group and '/instances/' in path)

    def instance(self, group, name):
        """What the group makes from its template."""
        manager = self.store[group]
        template = self.store[relative(manager['versions'][0]['instanceTemplate'])]
        properties = template['properties']
        path = '%s/instances/%s' % (place_of(group), name)
        metadata = properties['metadata']['items'] + [{'key': 'created-by', 'value': group}]
        interface = properties['networkInterfaces'][0]
        self.insert_now(path, {
            'name': name, 'owner': group, 'status': 'RUNNING', 'labels': properties['labels'],
            'metadata': {'items': metadata}, 'zone': BASE + place_of(group), 'disks': properties['disks'],
            'machineType': properties['machineType'], 'serviceAccounts': properties['serviceAccounts'],
            'confidentialInstanceConfig': properties['confidentialInstanceConfig'],
            'networkInterfaces': [{'network': interface['network'], 'subnetwork': interface['subnetwork'],
                                   'networkIP': '192.168.178.%d' % (self.counter % 250 + 2),
                                   'aliasIpRanges': [{'ipCidrRange': '10.10.%d.0/24' % (self.counter % 250)}]}]})

    def reconcile(self, group):
        """Brings the number of instances to what is wanted; gives the machine type if there is no capacity."""
        manager = self.store[group]
        members = self.members(group)
        for path in members[manager['targetSize']:]:
            self.store.pop(path)
        number = 0
        template = self.store[relative(manager['versions'][0]['instanceTemplate'])]
        machine = template['properties']['machineType']
        while len(self.members(group)) < manager['targetSize']:
            if [group.split('/')[3], machine] in self.control['stockout']:
                return machine
            name = '%s-%04d' % (manager['baseInstanceName'], number)
            if '%s/instances/%s' % (place_of(group), name) not in self.store:
                self.instance(group, name)
            number += 1
        return None

    def do_listManagedInstances(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        if self.making(target):
            return 200, {}
        if thing['booting'] > 0:
            thing['booting'] -= 1
            names = ['%s-%04d' % (thing['baseInstanceName'], i) for i in range(thing['targetSize'])]
            shown = [{'instance': BASE + '%s/instances/%s' % (place_of(target), name), 'currentAction': 'CREATING'}
                     for name in names]
        else:
            short = self.reconcile(target)
            shown = [{'instance': BASE + member, 'instanceStatus': 'RUNNING', 'currentAction': 'NONE'}
                     for member in self.members(target)]
            if short:
                reason = {'code': 'ZONE_RESOURCE_POOL_EXHAUSTED', 'message':
                          "The zone '%s' does not have enough resources available" % target.split('/')[3]}
                shown.append({'instance': BASE + '%s/instances/x' % place_of(target), 'currentAction': 'CREATING',
                              'lastAttempt': {'errors': {'errors': [reason]}}})
        part, rest = self.page(shown, query)
        return 200, {'managedInstances': part, **rest}

    def do_getSerialPortOutput(self, collection, path, query, body, error):  # pylint: disable=invalid-name
        target, thing = self.found(path)
        if thing is None:
            return self.not_found(target)
        return 200, {'contents': 'booting %s\n' % thing['name'], 'start': '0', 'next': '20'}

    # --- for tests -------------------------------------------------------------------------------------------------

    def plant(self, path, thing):
        """Puts something there as Kubernetes, or a stranger, would."""
        self.insert_now(path, {'name': path.rsplit('/', 1)[1], **thing})

    def dump(self):
        """Everything but images."""
        return {path: thing for path, thing in sorted(self.store.items()) if not re.search(r'/global/images/', path)}


__all__ = ['FullCompute', 'references']
