#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AWS for tests: moto (Debian 13's, unpacked by ../clouds/get_schemas) behind a layer that is as strict as the cloud.

usage: /usr/bin/python3 strict_aws.py SCHEMAS PORT     (0: a free one; "port N" is printed when it serves)

The layer refuses forms that botocore's descriptions do not allow (answered 400 StrictFinding and kept), answers repeated
ClientTokens as before, pages lists, adds what moto leaves out of answers, and misbehaves on demand:

  POST /strict/reset           forget everything; body: JSON of Settings below, all optional
  POST /strict/settings        change some of them
  GET  /strict/report          {"findings": [...], "calls": {"ec2:CreateVpc": n}, "requests": n, "bytes": n}
  GET  /strict/inventory?uid=  ids of everything that carries that uid and is not gone
"""
import base64
import hashlib
import io
import json
import os
import random
import re
import sys
import threading
import urllib.parse
import xml.etree.ElementTree as ET

ACCOUNT, REGION = '123456789012', 'eu-west-1'
DEFAULTS = {
    'seed': 1,
    'throttle': 0.0,    # probability of a refusal for being too fast, per request
    'unavailable': 0.0,  # of a 503 of unclear meaning, executed or not
    'lost': 0.0,        # of an answer that never comes, after execution
    'page_size': 0,     # of lists; 0: as moto
    'slow': 0,          # questions that find a NAT gateway or load balancer still being made
    'hide': 0,          # questions that do not find what was just made
    'expire': 0,        # after that many requests the keys are expired once
    'fail': [],         # [{"action", "code", "message", "status", "times", "after": calls that succeed before}]
    'corrupt': 0,       # blocks of snapshots that are stored otherwise than they came
    'launch_failure': '',  # text of a failed scaling activity; machines do not come
    'authentication': False,
}
CREATED = re.compile(r'<(vpcId|subnetId|internetGatewayId|allocationId|natGatewayId|routeTableId|groupId|launchTemplateId)>'
                     r'([^<]+)</\1>')
NOT_FOUND = {'vpc': 'InvalidVpcID.NotFound', 'subnet': 'InvalidSubnetID.NotFound', 'nat': 'NatGatewayNotFound',
             'igw': 'InvalidInternetGatewayID.NotFound', 'eipalloc': 'InvalidAllocationID.NotFound',
             'rtb': 'InvalidRouteTableID.NotFound', 'sg': 'InvalidGroup.NotFound',
             'lt': 'InvalidLaunchTemplateId.NotFound'}
SNP_FAMILIES = ('m6a.', 'c6a.', 'r6a.')


class Refusal(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Lost(Exception):
    """The answer does not come."""


class Strict:
    """WSGI: checks and faults around moto. One lock: moto is not thread-safe."""

    def __init__(self, inner, forms, reset_moto):
        self.inner, self.forms, self.reset_moto = inner, forms, reset_moto
        self.lock = threading.Lock()
        self.reset({})

    def reset(self, settings):
        self.reset_moto()
        self.settings = dict(DEFAULTS)
        self.findings, self.calls, self.requests, self.bytes = [], {}, 0, 0
        self.tokens, self.hidden, self.pending = {}, {}, {}
        self.blocks, self.open_snapshots = {}, set()
        self.change({'authentication': False, **settings})

    def change(self, settings):
        unknown = set(settings) - set(DEFAULTS)
        if unknown:
            raise Refusal(400, 'StrictUsage', f'unknown settings {unknown}')
        self.settings.update(settings)
        self.random = random.Random(self.settings['seed'])
        if 'authentication' in settings:
            import moto.core.responses
            from moto import settings as moto_settings
            moto_settings.INITIAL_NO_AUTH_ACTION_COUNT = 0 if settings['authentication'] else float('inf')
            moto.core.responses.ActionAuthenticatorMixin.request_count = 0

    def __call__(self, environ, start_response):
        path = environ['PATH_INFO']
        body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
        with self.lock:
            try:
                if path.startswith('/strict/'):
                    return self.control(path, environ, body, start_response)
                status, headers, answer = self.serve(environ, body)
            except Lost:
                import socket
                environ['werkzeug.socket'].shutdown(socket.SHUT_RDWR)
                raise ConnectionResetError from None
            except Refusal as refusal:
                status, headers, answer = self.refuse(environ, refusal)
        start_response(status, headers)
        return [answer]

    def control(self, path, environ, body, start_response):
        if path in ('/strict/reset', '/strict/settings'):
            (self.reset if path.endswith('reset') else self.change)(json.loads(body or b'{}'))
            answer = {}
        elif path == '/strict/report':
            answer = {'findings': self.findings, 'calls': self.calls, 'requests': self.requests, 'bytes': self.bytes}
        else:
            query = urllib.parse.parse_qs(environ['QUERY_STRING'])
            answer = inventory(query['uid'][0])
        start_response('200 OK', [('Content-Type', 'application/json')])
        return [json.dumps(answer).encode()]

    # --- One request ------------------------------------------------------------------------------------------------

    def serve(self, environ, body):
        scope = re.search(r'Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/', environ.get('HTTP_AUTHORIZATION', ''))
        service = scope.group(2) if scope else 'sts'
        self.requests += 1
        self.bytes += len(body)
        form = environ.get('CONTENT_TYPE', '').startswith('application/x-www-form-urlencoded')
        action = None
        fields = {}
        if form:
            text = body.decode()
            fields = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
            action = fields.get('Action', '')
            for finding in self.forms.check(service, text):
                self.findings.append(f'{service}: {finding}')
                raise Refusal(400, 'StrictFinding', finding)
            self.own_rules(service, action, fields)
        name = f'{service}:{action}' if form else self.rest_name(service, environ)
        self.misbehave(name.split(':')[1], fields)
        if not form:
            self.check_rest(name, environ, body)
        self.calls[name] = self.calls.get(name, 0) + 1
        lost = self.chance('lost')
        unclear = self.chance('unavailable')
        if unclear and self.random.random() < 0.5:
            raise Refusal(503, 'ServiceUnavailable', 'try again')
        token = fields.get('ClientToken')
        if token and (action, token) in self.tokens:
            known, answer = self.tokens[(action, token)]
            if known != fields:
                raise Refusal(400, 'IdempotentParameterMismatch', f'token {token} with other parameters')
            result = answer
        else:
            result = self.ask_moto(environ, self.strip(service, action, body, fields), action)
            if token and result[0].startswith('200'):
                self.tokens[(action, token)] = (fields, result)
        if name == 'ebs:StartSnapshot':  # moto gives the size of a block in KiB
            result = result[0], result[1], result[2].replace(b'"BlockSize": 512,', b'"BlockSize": 524288,')
        status, headers, answer = self.dress(service, action, fields, *result)
        if lost:
            raise Lost
        if unclear:
            raise Refusal(500, 'InternalError', 'something went wrong')
        return status, [h for h in headers if h[0].lower() != 'content-length'] + [('Content-Length', str(len(answer)))], answer

    @staticmethod
    def rest_name(service, environ):
        """The permission of a call of EBS direct."""
        path, method = environ['PATH_INFO'].strip('/').split('/'), environ['REQUEST_METHOD']
        if service != 'ebs' or path[0] != 'snapshots':
            raise Refusal(400, 'StrictFinding', f'{service}: {method} {path}')
        if (method, len(path)) == ('POST', 1):
            return 'ebs:StartSnapshot'
        return 'ebs:CompleteSnapshot' if path[1] == 'completion' else 'ebs:PutSnapshotBlock'

    def check_rest(self, name, environ, body):
        """EBS direct: checksums of blocks and of all of them, which moto keeps unseen."""
        path, checksum = environ['PATH_INFO'].strip('/').split('/'), environ.get('HTTP_X_AMZ_CHECKSUM')
        if name == 'ebs:CompleteSnapshot':
            blocks = self.blocks.get(path[2], {})
            digest = hashlib.sha256(b''.join(blocks[i] for i in sorted(blocks))).digest()
            if environ.get('HTTP_X_AMZ_CHANGEDBLOCKSCOUNT') != str(len(blocks)):
                raise Refusal(400, 'ValidationException', f'{len(blocks)} blocks have arrived')
            if checksum != base64.b64encode(digest).decode():
                raise Refusal(400, 'ValidationException', 'the checksum of all blocks differs')
            self.open_snapshots.discard(path[2])
        elif name == 'ebs:PutSnapshotBlock':
            digest = hashlib.sha256(body).digest()
            if checksum != base64.b64encode(digest).decode() or len(body) != 524288:
                raise Refusal(400, 'ValidationException', 'the block\'s checksum differs')
            if self.settings['corrupt'] > 0:
                self.settings['corrupt'] -= 1
                digest = bytes(32)
            self.blocks.setdefault(path[1], {})[int(path[3])] = digest
            self.open_snapshots.add(path[1])

    def chance(self, name):
        return self.random.random() < self.settings[name]

    def misbehave(self, action, fields):
        if self.chance('throttle'):
            raise Refusal(503, 'RequestLimitExceeded', 'Request limit exceeded.')
        if self.settings['expire'] and self.requests == self.settings['expire']:
            raise Refusal(403, 'ExpiredToken', 'The security token included in the request is expired')
        for failure in self.settings['fail']:
            if failure['action'] != action:
                continue
            if failure.get('after', 0) > 0:
                failure['after'] -= 1
            elif failure.get('times', 1) > 0:
                failure['times'] = failure.get('times', 1) - 1
                raise Refusal(failure.get('status', 400), failure['code'], failure.get('message', 'refused'))
        for key, value in fields.items():
            left = self.hidden.get(value, 0)
            if left and key not in ('Action', 'Version') and not (action or '').startswith('Create'):
                self.hidden[value] = left - 1
                raise Refusal(400, NOT_FOUND[value.split('-')[0]], f'{value} does not exist')

    def own_rules(self, service, action, fields):
        """Rules of the cloud that are in no description."""
        if action in ('CreateLaunchTemplate', 'CreateLaunchTemplateVersion'):
            data = 'LaunchTemplateData.'
            snp = fields.get(data + 'CpuOptions.AmdSevSnp') == 'enabled'
            if snp and not fields.get(data + 'InstanceType', '').startswith(SNP_FAMILIES):
                raise Refusal(400, 'InvalidParameterCombination', 'The instance type does not support AMD SEV-SNP')
            if fields.get(data + 'MetadataOptions.HttpTokens') != 'required':
                raise Refusal(400, 'StrictFinding', 'IMDSv2 is not required')
        names = fields.get('Name', '')
        if action in ('CreateLoadBalancer', 'CreateTargetGroup') and not re.fullmatch(
                r'(?!internal-)[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?', names):
            raise Refusal(400, 'ValidationError', f'name {names}')

    # --- moto -------------------------------------------------------------------------------------------------------

    def ask_moto(self, environ, body, action):
        inner = dict(environ)
        inner['wsgi.input'], inner['CONTENT_LENGTH'] = io.BytesIO(body), str(len(body))
        seen = {}

        def start_response(status, headers, _exc=None):
            seen['status'], seen['headers'] = status, headers

        answer = b''.join(self.inner(inner, start_response))
        if self.settings['hide'] and (action or '').startswith('Create'):
            for _, name in CREATED.findall(answer.decode(errors='replace')):
                self.hidden.setdefault(name, self.settings['hide'])
        return seen['status'], seen['headers'], answer

    def strip(self, service, action, body, fields):
        """Pages are cut here, so moto must not see their tokens."""
        if self.pages(service, action) and ('NextToken' in fields or 'Marker' in fields):
            kept = [(k, v) for k, v in urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
                    if k not in ('NextToken', 'Marker')]
            return urllib.parse.urlencode(kept, quote_via=urllib.parse.quote, safe='-_.~').encode()
        return body

    def pages(self, service, action):
        if not action or not self.settings['page_size'] or self.settings['authentication']:
            return None
        model = self.forms.of(service).model
        shape = model['operations'][action].get('input')
        members = model['shapes'][shape['shape']].get('members', {}) if shape else {}
        return 'NextToken' if 'NextToken' in members else 'Marker' if 'Marker' in members else None

    # --- Answers ----------------------------------------------------------------------------------------------------

    def dress(self, service, action, fields, status, headers, answer):
        token = self.pages(service, action) if status.startswith('200') else None
        special = action in ('DescribeInstanceTypes', 'DescribeImages', 'DescribeNatGateways', 'DescribeLoadBalancers',
                             'DescribeAutoScalingGroups', 'DescribeScalingActivities', 'DescribeSnapshots')
        if not status.startswith('200') or not (token or special):
            return status, headers, answer
        tree = ET.fromstring(answer)
        space = re.match(r'\{.*\}', tree.tag)
        space = space.group(0) if space else ''
        if special:
            self.add_missing(tree, space, action, fields)
        if token:
            self.cut(tree, space, token, fields)
        if space:
            ET.register_namespace('', space[1:-1])
        return status, headers, ET.tostring(tree)

    def cut(self, tree, space, token, fields):
        result = next((c for c in tree if c.tag.endswith('Result')), tree)
        for container in result:
            children = [c for c in container if c.tag[len(space):] in ('item', 'member')]
            if children and len(children) == len(list(container)):
                break
        else:
            return
        start = int(fields.get(token, '0'))
        end = start + self.settings['page_size']
        for child in children[:start] + children[end:]:
            container.remove(child)
        name = {'NextToken': 'nextToken' if result is tree else 'NextToken', 'Marker': 'NextMarker'}[token]
        if end < len(children):
            if token == 'Marker' and 'iam.amazonaws.com' in space:
                ET.SubElement(result, space + 'IsTruncated').text = 'true'
                name = 'Marker'
            ET.SubElement(result, space + name).text = str(end)

    def add_missing(self, tree, space, action, fields):
        def element(parent, path, text):
            for name in path.split('/'):
                found = parent.find(space + name)
                parent = ET.SubElement(parent, space + name) if found is None else found
            parent.text = text

        if action == 'DescribeInstanceTypes':
            for item in tree.iter(space + 'item'):
                kind = item.findtext(space + 'instanceType')
                if kind and kind.startswith(SNP_FAMILIES):
                    element(item, 'processorInfo/supportedFeatures/item', 'amd-sev-snp')
                if kind:
                    element(item, 'nitroTpmSupport', 'supported')
        elif action == 'DescribeImages':
            for item in tree.find(space + 'imagesSet'):
                ami = backend('ec2').amis.get(item.findtext(space + 'imageId'))
                for name, value in getattr(ami, 'strict', {}).items():
                    element(item, name, value)
        elif action == 'DescribeSnapshots':
            for item in tree.find(space + 'snapshotSet'):
                if item.findtext(space + 'snapshotId') in self.open_snapshots:
                    element(item, 'status', 'pending')
        elif action == 'DescribeNatGateways':
            for item in tree.find(space + 'natGatewaySet'):
                if self.still_pending(item.findtext(space + 'natGatewayId')):
                    element(item, 'state', 'pending')
        elif action == 'DescribeLoadBalancers':
            for item in tree.iter(space + 'member'):
                arn = item.findtext(space + 'LoadBalancerArn')
                if arn and self.still_pending(arn):
                    element(item, 'State/Code', 'provisioning')
        elif action == 'DescribeAutoScalingGroups' and self.settings['launch_failure']:
            for item in tree.iter(space + 'member'):
                instances = item.find(space + 'Instances')
                if instances is not None:
                    instances.clear()
        elif action == 'DescribeScalingActivities' and self.settings['launch_failure']:
            import datetime
            activities = next(tree.iter(space + 'Activities'))
            member = ET.SubElement(activities, space + 'member')
            now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
            for name, value in (('StatusCode', 'Failed'), ('StartTime', now), ('StatusMessage', self.settings['launch_failure'])):
                ET.SubElement(member, space + name).text = value

    def still_pending(self, name):
        left = self.pending.setdefault(name, self.settings['slow'])
        self.pending[name] = max(0, left - 1)
        return left > 0

    def refuse(self, environ, refusal):
        code, message = refusal.code, refusal.message.replace('&', '').replace('<', '')
        ec2 = '/ec2/aws4_request' in environ.get('HTTP_AUTHORIZATION', '')
        if environ.get('CONTENT_TYPE', '').startswith('application/x-www-form'):
            error = f'<Error><Code>{code}</Code><Message>{message}</Message></Error>'
            text = (f'<Response><Errors>{error}</Errors><RequestID>strict-1</RequestID></Response>' if ec2 else
                    f'<ErrorResponse>{error}<RequestId>strict-1</RequestId></ErrorResponse>')
        else:
            text = json.dumps({'__type': code, 'message': message})
        return f'{refusal.status} Refused', [('Content-Type', 'text/xml'), ('Content-Length', str(len(text)))], text.encode()


def backend(name):
    from moto.backends import get_backend
    one = get_backend(name)[ACCOUNT]
    return one['aws' if name == 'iam' else REGION]


def inventory(uid):
    """Ids of everything that has the uid in a tag and still exists."""
    ec2, found = backend('ec2'), []
    things = list(ec2.vpcs.values()) + list(ec2.internet_gateways.values()) + list(ec2.route_tables.values())
    things += [s for zone in ec2.subnets.values() for s in zone.values()]
    things += [g for vpc in ec2.groups.values() for g in vpc.values()]
    things += [n for n in ec2.nat_gateways.values() if n.state != 'deleted']
    things += list(ec2.launch_templates.values()) + [v for v in ec2.volumes.values() if v.status != 'deleted']
    things += [i for r in ec2.reservations.values() for i in r.instances if i.state != 'terminated']
    ids = [t.id for t in things] + [a.allocation_id for a in ec2.addresses]
    for one in ids:
        if uid in json.dumps(ec2.tags.get(one, {})):
            found.append(one)
    elb = backend('elbv2')
    for arn, tags in elb.tagging_service.tags.items():
        alive = arn in elb.load_balancers or arn in elb.target_groups or any(
            arn in balancer.listeners for balancer in elb.load_balancers.values())
        if alive and uid in json.dumps(tags):
            found.append(arn)
    for name, group in backend('autoscaling').autoscaling_groups.items():
        if uid in json.dumps(group.tags):
            found.append(name)
    iam = backend('iam')
    for one in list(iam.roles.values()) + list(iam.instance_profiles.values()):
        if uid in one.arn:
            found.append(one.arn)
    return sorted(found)


def main():
    schemas, port = sys.argv[1], int(sys.argv[2])
    sys.path.insert(0, os.path.join(schemas, 'usr/lib/python3/dist-packages'))
    os.environ.update(MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION='1', MOTO_IAM_LOAD_MANAGED_POLICIES='true',
                      MOTO_ALLOW_NONEXISTENT_REGION='false')
    from werkzeug.serving import make_server
    import moto_repairs
    from aws_forms import Forms
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    moto_repairs.repair()

    def reset_moto():
        from moto.moto_api._internal.models import moto_api_backend
        moto_api_backend.reset()

    app = Strict(DomainDispatcherApplication(create_backend_app), Forms(schemas), reset_moto)
    import logging
    logging.getLogger('werkzeug').setLevel(logging.ERROR)
    server = make_server('127.0.0.1', port, app, threaded=True)
    print(f'port {server.server_port}', flush=True)
    server.serve_forever()


if __name__ == '__main__':
    main()
