# SPDX-License-Identifier: Apache-2.0
"""Which permissions Compute Engine asks for, by method and by what a body refers to: "Compute Engine IAM permissions" and the
"required permissions" of each method in Google's reference."""

VERBS = {'insert': 'create', 'delete': 'delete', 'get': 'get', 'list': 'list', 'aggregatedList': 'list', 'patch': 'update',
         'resize': 'update', 'setInstanceTemplate': 'update', 'recreateInstances': 'update',
         'listManagedInstances': 'get', 'setNamedPorts': 'update', 'addRule': 'update', 'patchRule': 'update',
         'removeRule': 'update', 'setSecurityPolicy': 'setSecurityPolicy', 'getSerialPortOutput': 'getSerialPortOutput'}
# What lies in every place is listed with the permissions of both places.
BOTH = {'addresses': 'globalAddresses', 'forwardingRules': 'globalForwardingRules', 'healthChecks': 'regionHealthChecks',
        'backendServices': 'regionBackendServices', 'targetTcpProxies': 'regionTargetTcpProxies'}
# Because of references in bodies.
MORE = {
    'compute.subnetworks.insert': ['networks.use'],
    'compute.routers.insert': ['networks.updatePolicy', 'addresses.use'],
    'compute.routers.delete': ['networks.updatePolicy'],
    'compute.firewalls.insert': ['networks.updatePolicy'],
    'compute.firewalls.patch': ['networks.updatePolicy'],
    'compute.firewalls.delete': ['networks.updatePolicy'],
    'compute.routes.delete': ['networks.updatePolicy'],
    'compute.instanceTemplates.insert': ['networks.use', 'subnetworks.use', 'images.useReadOnly'],
    'compute.instanceGroupManagers.insert': [
        'instanceTemplates.useReadOnly', 'instances.create', 'disks.create', 'disks.setLabels', 'instances.setLabels',
        'instances.setMetadata', 'instances.setTags', 'instances.setServiceAccount', 'subnetworks.use',
        'instanceGroups.create'],
    'compute.instanceGroupManagers.setInstanceTemplate': ['instanceTemplates.useReadOnly'],
    'compute.instanceGroupManagers.delete': ['instances.delete', 'instanceGroups.delete'],
    'compute.backendServices.insert': ['healthChecks.useReadOnly', 'instanceGroups.use'],
    'compute.backendServices.setSecurityPolicy': ['securityPolicies.use'],
    'compute.regionBackendServices.insert': ['regionHealthChecks.useReadOnly', 'instanceGroups.use'],
    'compute.targetTcpProxies.insert': ['backendServices.use'],
    'compute.regionTargetTcpProxies.insert': ['regionBackendServices.use'],
    'compute.globalForwardingRules.insert': ['globalForwardingRules.setLabels', 'targetTcpProxies.use',
                                             'globalAddresses.use'],
    'compute.forwardingRules.insert': ['forwardingRules.setLabels', 'regionTargetTcpProxies.use', 'subnetworks.use',
                                       'addresses.useInternal'],
}


def needed(method, body):
    """Every permission that a call of `method` with `body` needs."""
    _, collection, verb = method.split('.')
    result = ['compute.%s.%s' % (collection, VERBS[verb])]
    if verb == 'aggregatedList' and collection in BOTH:
        result.append('compute.%s.list' % BOTH[collection])
    result += ['compute.' + extra for extra in MORE.get(method, [])]
    if collection == 'addresses' and verb == 'insert' and body.get('addressType') == 'INTERNAL':
        result += ['compute.addresses.createInternal', 'compute.subnetworks.use']
    if collection in ('instanceTemplates', 'instanceGroupManagers') and verb == 'insert':
        result.append('iam.serviceAccounts.actAs')
    return result
