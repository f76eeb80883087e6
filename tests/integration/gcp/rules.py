# SPDX-License-Identifier: Apache-2.0
"""What Compute Engine demands beyond its schema, as its documentation has it. Each rule gives texts, empty if all is well."""

FEATURE = {'SEV': 'SEV_CAPABLE', 'SEV_SNP': 'SEV_SNP_CAPABLE', 'TDX': 'TDX_CAPABLE'}
FAMILIES = {'SEV': ('n2d-', 'c2d-', 'c3d-', 'c4d-'), 'SEV_SNP': ('n2d-',), 'TDX': ('c3-standard-', 'a3-highgpu-1g')}


def template_problems(properties, images):
    """Confidential VM: supported configurations."""
    problems = []
    wanted = properties.get('confidentialInstanceConfig', {})
    kind = wanted.get('confidentialInstanceType')
    # gcloud leaves enableConfidentialCompute out where there is a type.
    if not wanted.get('enableConfidentialCompute', True) or kind not in FEATURE:
        return ['not a confidential VM']
    if not properties['machineType'].startswith(FAMILIES[kind]):
        problems.append('machine type %s cannot do %s' % (properties['machineType'], kind))
    if properties.get('scheduling', {}).get('onHostMaintenance') != 'TERMINATE':
        problems.append('%s needs onHostMaintenance TERMINATE' % kind)
    if kind == 'SEV_SNP' and properties.get('minCpuPlatform') != 'AMD Milan':
        problems.append('SEV_SNP needs minCpuPlatform AMD Milan')
    if kind == 'TDX' and 'minCpuPlatform' in properties:
        problems.append('TDX takes no minCpuPlatform')
    if not properties.get('shieldedInstanceConfig', {}).get('enableVtpm'):
        problems.append('no vTPM')
    boot = [disk for disk in properties['disks'] if disk.get('boot')]
    if len(boot) != 1:
        return problems + ['want one boot disk']
    image = images.get(boot[0]['initializeParams'].get('sourceImage', '').split('projects/')[-1])
    if image is None:
        return problems + ['the image does not exist']
    features = {entry['type'] for entry in image.get('guestOsFeatures', [])}
    for feature in (FEATURE[kind], 'UEFI_COMPATIBLE', 'GVNIC'):
        if feature not in features:
            problems.append('the image lacks %s' % feature)
    return problems


def policy_problems(policy):
    """Cloud Armor: ten ranges a rule, one rule a priority, a default rule at the end."""
    problems = []
    priorities = [rule.get('priority') for rule in policy.get('rules', [])]
    if len(set(priorities)) != len(priorities):
        problems.append('two rules of one priority')
    if 2147483647 not in priorities:
        problems.append('no default rule')
    for rule in policy.get('rules', []):
        ranges = rule.get('match', {}).get('config', {}).get('srcIpRanges', [])
        if not 1 <= len(ranges) <= 10:
            problems.append('a rule has %d ranges, allowed are 1 to 10' % len(ranges))
    return problems


def balancer_problems(rule, store):
    """A forwarding rule leads through its proxy to backends whose groups name the port; internal ones need proxies'
    addresses."""
    def find(link):
        return store.get('projects/' + link.split('projects/')[-1], {})

    problems = []
    service = find(find(rule.get('target', '')).get('service', ''))
    if not service:
        return ['the target leads nowhere']
    if service.get('loadBalancingScheme') != rule.get('loadBalancingScheme'):
        problems.append('rule and service have different schemes')
    for backend in service.get('backends', []):
        ports = {port['name'] for port in find(backend['group']).get('namedPorts', [])}
        if service['portName'] not in ports:
            problems.append('no instance of %s has a port named %s' % (backend['group'], service['portName']))
    if not service.get('backends'):
        problems.append('the service has no backends')
    if rule.get('loadBalancingScheme') == 'INTERNAL_MANAGED':
        network = rule.get('network', '').split('projects/')[-1]
        if not any(thing.get('purpose') == 'REGIONAL_MANAGED_PROXY' and thing.get('role') == 'ACTIVE'
                   and thing.get('network', '').endswith(network) for thing in store.values()):
            problems.append('an active proxy-only subnet is required')
    return problems
