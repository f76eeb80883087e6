#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What Azure's description of its API does not say but Azure enforces: rules across fields, what uses what, what an answer
adds to a request, which permission a call needs. Facts from Azure's documentation; by hand."""
import copy
import ipaddress
import re
import uuid

NETWORK = 'microsoft.network/'
COMPUTE = 'microsoft.compute/'
SCALE_SET = COMPUTE + 'virtualmachinescalesets'

# Name rules of the "resource name rules" page of the documentation.
NAMES = {
    NETWORK + 'networksecuritygroups': r'[A-Za-z0-9][\w.-]{0,78}[A-Za-z0-9_]',
    NETWORK + 'publicipaddresses': r'[A-Za-z0-9][\w.-]{0,78}[A-Za-z0-9_]',
    NETWORK + 'natgateways': r'[A-Za-z0-9][\w.-]{0,78}[A-Za-z0-9_]',
    NETWORK + 'virtualnetworks': r'[A-Za-z0-9][\w.-]{0,62}[A-Za-z0-9_]',
    NETWORK + 'loadbalancers': r'[A-Za-z0-9][\w.-]{0,78}[A-Za-z0-9_]',
    SCALE_SET: r'[A-Za-z0-9][\w.-]{0,62}[A-Za-z0-9_]',
    COMPUTE + 'disks': r'[A-Za-z0-9][\w.-]{0,78}[A-Za-z0-9_]',
    COMPUTE + 'galleries': r'[A-Za-z0-9][\w.]{0,78}[A-Za-z0-9]',
}
IN_USE = {
    NETWORK + 'networksecuritygroups': 'InUseNetworkSecurityGroupCannotBeDeleted',
    NETWORK + 'publicipaddresses': 'PublicIPAddressCannotBeDeleted',
    NETWORK + 'natgateways': 'InUseNatGatewayCannotBeDeleted',
    NETWORK + 'virtualnetworks': 'InUseSubnetCannotBeDeleted',
    NETWORK + 'loadbalancers': 'InUseLoadBalancerCannotBeDeleted',
}
# Who refers to a thing needs this on it as well ("linked access").
LINKED = [
    (r'/networksecuritygroups/[^/]+$', 'Microsoft.Network/networkSecurityGroups/join/action'),
    (r'/publicipaddresses/[^/]+$', 'Microsoft.Network/publicIPAddresses/join/action'),
    (r'/natgateways/[^/]+$', 'Microsoft.Network/natGateways/join/action'),
    (r'/subnets/[^/]+$', 'Microsoft.Network/virtualNetworks/subnets/join/action'),
    (r'/backendaddresspools/[^/]+$', 'Microsoft.Network/loadBalancers/backendAddressPools/join/action'),
    (r'/userassignedidentities/[^/]+$', 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'),
    (r'/images/[^/]+/versions/[^/]+$', 'Microsoft.Compute/galleries/images/versions/read'),
]
SIZES = {  # size -> (confidential type or None, family, cores, zones)
    'Standard_DC4as_v5': ('SNP', 'standardDCASv5Family', 4, ['1', '2', '3']),
    'Standard_DC4es_v5': ('TDX', 'standardDCESv5Family', 4, ['1', '2']),
    'Standard_D4s_v4': (None, 'standardDSv4Family', 4, ['1', '2', '3']),
}


class Refusal(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def refuse(condition, code, message, status=400):
    if condition:
        raise Refusal(status, code, message)


def type_of(identity):
    """'microsoft.network/virtualnetworks' of an id; also of collections."""
    parts = identity.lower().split('/providers/')[-1].split('/')
    if '/providers/' not in identity.lower():
        return 'resourcegroups'
    return '/'.join([parts[0]] + parts[1::2])


def references(value, own):
    """Every id in a body that is not the thing's own or below it."""
    found = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == 'id' and isinstance(inner, str) and inner.lower().startswith('/subscriptions/'):
                found.add(inner)
            if key == 'userAssignedIdentities' and isinstance(inner, dict):
                found.update(inner)
            found |= references(inner, own)
    elif isinstance(value, list):
        for inner in value:
            found |= references(inner, own)
    return {i for i in found if not (i.lower() + '/').startswith(own.lower() + '/')}


def children(thing):
    """Ids that answers give to what is inside of a thing, e.g. its subnets."""
    found, own = set(), thing['id'].lower() + '/'

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get('id'), str) and value['id'].lower().startswith(own):
                found.add(value['id'].lower())
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(thing)
    return found


def check_security_group(body):
    seen = set()
    for rule in body['properties'].get('securityRules', []):
        p = rule['properties']
        key = (p['direction'], p['priority'])
        refuse(key in seen, 'SecurityRuleConflict', 'two rules with priority %s' % p['priority'])
        refuse(not 100 <= p['priority'] <= 4096, 'SecurityRuleInvalidPriority', 'priority')
        seen.add(key)
        sources = p.get('sourceAddressPrefixes') or [p.get('sourceAddressPrefix')]
        refuse('sourceAddressPrefixes' in p and 'sourceAddressPrefix' in p and p['sourceAddressPrefixes'] and p['sourceAddressPrefix'],
               'SecurityRuleInvalidAddressPrefix', 'both forms of sources')
        for source in sources:
            try:
                source in ('*', 'VirtualNetwork', 'AzureLoadBalancer', 'Internet') or ipaddress.ip_network(source, strict=False)
            except ValueError:
                raise Refusal(400, 'SecurityRuleInvalidAddressPrefix', 'source %s' % source) from None


def check_network(body):
    spaces = [ipaddress.ip_network(p) for p in body['properties']['addressSpace']['addressPrefixes']]
    for subnet in body['properties'].get('subnets', []):
        prefix = ipaddress.ip_network(subnet['properties']['addressPrefix'])
        refuse(not any(prefix.subnet_of(space) for space in spaces), 'NetcfgInvalidSubnet', 'subnet outside of the network')


def check_balancer(body):
    p = body['properties']
    names = {kind: {c['name'] for c in p.get(kind, [])} for kind in ('frontendIPConfigurations', 'backendAddressPools', 'probes')}
    refuse(body.get('sku', {}).get('name') != 'Standard', 'InvalidSku', 'want a Standard load balancer')
    for rule in p.get('loadBalancingRules', []):
        r = rule['properties']
        for field, kind in (('frontendIPConfiguration', 'frontendIPConfigurations'), ('probe', 'probes')):
            refuse(r[field]['id'].rsplit('/', 1)[1] not in names[kind], 'InvalidResourceReference', '%s of %s' % (field, rule['name']))
        for pool in r.get('backendAddressPools', []):
            refuse(pool['id'].rsplit('/', 1)[1] not in names['backendAddressPools'], 'InvalidResourceReference', 'pool')
    for probe in p.get('probes', []):
        r = probe['properties']
        refuse((r['protocol'] == 'Tcp') == ('requestPath' in r), 'InvalidRequestPath', 'request path of %s' % probe['name'])
        refuse(r['intervalInSeconds'] < 5, 'InvalidProbeInterval', 'interval of a probe')


def check_scale_set(body, existing):
    profile = body['properties']['virtualMachineProfile']
    size = SIZES.get(body['sku']['name'])
    refuse(size is None, 'InvalidParameter', 'The value %s provided for the VM size is not valid' % body['sku']['name'])
    for zone in body.get('zones', []):
        refuse(zone not in size[3], 'InvalidAvailabilityZone', 'The zone(s) %s for resource are not supported' % zone)
    security = profile.get('securityProfile', {})
    disk = profile['storageProfile']['osDisk']['managedDisk'].get('securityProfile', {})
    confidential = security.get('securityType') == 'ConfidentialVM'
    refuse(confidential and not disk.get('securityEncryptionType'), 'InvalidParameter',
           "The OS disk's securityProfile.securityEncryptionType is required for confidential VMs")
    refuse(bool(disk) and not confidential, 'InvalidParameter', 'securityEncryptionType needs securityType ConfidentialVM')
    refuse(confidential and size[0] is None, 'BadRequest', 'The VM size %s does not support securityType ConfidentialVM' % body['sku']['name'])
    refuse(not confidential and size[0] is not None, 'BadRequest', 'The VM size %s needs securityType ConfidentialVM' % body['sku']['name'])
    refuse('securityType' in security and not security['uefiSettings'].get('vTpmEnabled'), 'InvalidParameter', 'vTpmEnabled')
    os_profile = profile['osProfile']
    refuse(len(os_profile['computerNamePrefix']) > 58, 'InvalidParameter', 'computerNamePrefix')
    if existing is None:
        password = os_profile.get('adminPassword', '')
        classes = sum(bool(re.search(c, password)) for c in ('[a-z]', '[A-Z]', '[0-9]', '[^A-Za-z0-9]'))
        refuse(not 6 <= len(password) <= 72 or classes < 3, 'InvalidParameter', 'adminPassword')
    else:
        old = existing['properties']['virtualMachineProfile']
        refuse(old.get('securityProfile') != security or existing.get('zones') != body.get('zones'),
               'PropertyChangeNotAllowed', 'securityProfile and zones cannot be changed')
    nics = profile['networkProfile']['networkInterfaceConfigurations']
    refuse(sum(bool(n['properties'].get('primary')) for n in nics) != 1, 'InvalidParameter', 'want one primary interface')
    refuse(profile['osProfile'].get('allowExtensionOperations') is not False
           and not profile['osProfile']['linuxConfiguration'].get('provisionVMAgent', True), 'InvalidParameter',
           'allowExtensionOperations without an agent')
    refuse(body['sku']['capacity'] > 100 and body['properties'].get('singlePlacementGroup'), 'InvalidParameter', 'more than 100 VMs')


def check(identity, body, existing):
    """Raises Refusal for what Azure would not take."""
    kind, name = type_of(identity), identity.rsplit('/', 1)[1]
    refuse(kind in NAMES and not re.fullmatch(NAMES[kind], name), 'InvalidResourceName', 'name %s' % name)
    refuse(len(body.get('tags') or {}) > 50, 'InvalidTags', 'too many tags')
    if kind == NETWORK + 'networksecuritygroups':
        check_security_group(body)
    elif kind == NETWORK + 'publicipaddresses':
        refuse(body['sku']['name'] == 'Standard' and body['properties']['publicIPAllocationMethod'] != 'Static',
               'PublicIPAllocationMethodNotSupported', 'Standard addresses are static')
        label = body['properties'].get('dnsSettings', {}).get('domainNameLabel')
        refuse(label is not None and not re.fullmatch(r'[a-z][a-z0-9-]{1,61}[a-z0-9]', label), 'InvalidDomainNameLabel', 'label')
    elif kind == NETWORK + 'virtualnetworks':
        check_network(body)
    elif kind == NETWORK + 'loadbalancers':
        check_balancer(body)
    elif kind == SCALE_SET:
        check_scale_set(body, existing)
    elif kind == COMPUTE + 'galleries/images/versions':
        refuse(not re.fullmatch(r'\d+\.\d+\.\d+', name), 'InvalidParameter', 'version of an image: want major.minor.patch')


def number(text, modulus):
    return uuid.uuid5(uuid.NAMESPACE_URL, text.lower()).int % modulus


def complete(identity, body, resources):
    """What an answer has and the request had not."""
    answer = copy.deepcopy(body)
    answer.update(id=identity, name=identity.rsplit('/', 1)[1], type=type_of(identity))
    p = answer.setdefault('properties', {})
    kind = type_of(identity)
    p.get('virtualMachineProfile', {}).get('osProfile', {}).pop('adminPassword', None)
    if kind.startswith(NETWORK):
        answer['etag'] = 'W/"%s"' % uuid.uuid4()
    for group in ('securityRules', 'subnets', 'frontendIPConfigurations', 'backendAddressPools', 'probes', 'loadBalancingRules'):
        for child in p.get(group, []):
            child['id'] = '%s/%s/%s' % (identity, group, child['name'])
            child['etag'] = answer.get('etag')
            child.setdefault('properties', {})['provisioningState'] = 'Succeeded'
            if group == 'frontendIPConfigurations' and 'subnet' in child['properties']:
                child['properties']['privateIPAddress'] = '192.168.178.4'
    if kind == NETWORK + 'publicipaddresses':
        p['ipAddress'] = '198.51.100.%d' % (1 + number(identity, 250))
        if 'dnsSettings' in p:
            p['dnsSettings']['fqdn'] = '%s.%s.cloudapp.example' % (p['dnsSettings']['domainNameLabel'], answer['location'])
    if kind == 'microsoft.managedidentity/userassignedidentities':
        p['principalId'] = str(uuid.uuid5(uuid.NAMESPACE_URL, identity.lower() + 'p'))
        p['clientId'] = str(uuid.uuid5(uuid.NAMESPACE_URL, identity.lower() + 'c'))
    for name in answer.get('identity', {}).get('userAssignedIdentities', {}):
        known = resources.get(name.lower())
        if known:
            answer['identity']['userAssignedIdentities'][name] = {k: known['properties'][k] for k in ('principalId', 'clientId')}
    if kind == SCALE_SET:
        p['uniqueId'] = str(uuid.uuid5(uuid.NAMESPACE_URL, identity.lower()))
    return answer


def action_of(method, path):
    """The permission that a call needs, "Microsoft.Network/natGateways/write"."""
    parts = path.split('/providers/')[-1].split('/')
    if '/providers/' not in path:  # /subscriptions/S/resourceGroups[/G]
        kind = 'Microsoft.Resources/subscriptions' + ('/resourceGroups' if 'resourcegroups' in path.lower() else '')
    elif len(parts) == 1:
        kind = 'Microsoft.Resources/subscriptions/providers'
    else:
        kind = '/'.join([parts[0]] + parts[1::2])
    if method == 'POST':
        kind = '/'.join([parts[0]] + parts[1:-1:2])
        return '%s/%s/action' % (kind, parts[-1])
    return '%s/%s' % (kind, {'GET': 'read', 'HEAD': 'read', 'PUT': 'write', 'PATCH': 'write', 'DELETE': 'delete'}[method])


def allowed(actions, action):
    return any(re.fullmatch(re.escape(a).replace(r'\*', '.*'), action, re.I) for a in actions)
