# SPDX-License-Identifier: Apache-2.0
"""What moto 5.1.1 leaves out, gets wrong or does again and again; applied to the imported package, before it serves."""
import functools
import json

from moto.ec2.exceptions import EC2ClientError


def repair():
    _launch_templates()
    _security_groups()
    _images()
    _refusals()
    _repetitions()


def _launch_templates():
    """ModifyLaunchTemplate does not exist; tags are shown as they were when the template was made."""
    from moto.ec2.models.launch_templates import LaunchTemplate
    from moto.ec2.responses.launch_templates import LaunchTemplates, pretty_xml, xml_root, xml_serialize

    def modify_launch_template(self):
        template = self.ec2_backend.get_launch_template(self._get_param('LaunchTemplateId'))
        number = int(self._get_param('SetDefaultVersion'))
        if not 1 <= number <= len(template.versions):
            raise EC2ClientError('InvalidLaunchTemplateId.VersionNotFound', f'no version {number}')
        template.default_version_number = number
        tree = xml_root('ModifyLaunchTemplateResponse')
        xml_serialize(tree, 'launchTemplate', {'launchTemplateId': template.id, 'launchTemplateName': template.name,
                                               'defaultVersionNumber': number,
                                               'latestVersionNumber': template.latest_version_number})
        return pretty_xml(tree)

    LaunchTemplates.modify_launch_template = modify_launch_template
    LaunchTemplate.tags = property(lambda self: self.get_tags(), lambda self, _frozen: None)


def _security_groups():
    """RevokeSecurityGroupIngress looks for a range only in the first rule of the same protocol and ports, and every
    DescribeSecurityGroups copies the ranges of the others into that one."""
    from moto.ec2.exceptions import InvalidPermissionNotFoundError
    from moto.ec2.models import EC2Backend
    original = EC2Backend.revoke_security_group_ingress

    def revoke(self, group_name_or_id, ip_protocol, from_port, to_port, ip_ranges, source_groups=None, **rest):
        if source_groups or not ip_ranges:
            return original(self, group_name_or_id, ip_protocol, from_port, to_port, ip_ranges, source_groups, **rest)
        group = self.get_security_group_by_name_or_id(group_name_or_id, rest.get('vpc_id'))
        same = [rule for rule in group.ingress_rules if (rule.ip_protocol, str(rule.from_port), str(rule.to_port)) == (
            ip_protocol, str(from_port), str(to_port))]
        for unwanted in ip_ranges:
            if not any(unwanted in rule.ip_ranges for rule in same):
                raise InvalidPermissionNotFoundError()
            for rule in same:
                rule.ip_ranges = [one for one in rule.ip_ranges if one != unwanted]
        group.ingress_rules = [r for r in group.ingress_rules if r.ip_ranges or r.source_groups or r.prefix_list_ids]
        return None

    EC2Backend.revoke_security_group_ingress = revoke


def _images():
    """Boot mode and TPM of registered images are dropped, and so is the name's uniqueness."""
    from moto.ec2.responses.amis import AmisResponse
    original = AmisResponse.register_image

    def register_image(self):
        name = self._get_param('Name')
        if any(ami.name == name for ami in self.ec2_backend.amis.values()):
            raise EC2ClientError('InvalidAMIName.Duplicate', f'AMI name {name} is already in use')
        before = set(self.ec2_backend.amis)
        answer = original(self)
        for ami_id in set(self.ec2_backend.amis) - before:
            ami = self.ec2_backend.amis[ami_id]
            ami.strict = {'bootMode': self._get_param('BootMode'), 'tpmSupport': self._get_param('TpmSupport')}
            ami.architecture = self._get_param('Architecture')
            tags = self._parse_tag_specification().get('image', {})
            if tags:
                ami.add_tags(tags)
        return answer

    AmisResponse.register_image = register_image


def _refusals():
    """Things in use are deleted without a word; names of groups are not unique; a tie with the internet can be cut."""
    from moto.autoscaling.exceptions import AutoscalingClientError
    from moto.autoscaling.models import AutoScalingBackend
    from moto.ec2.models import EC2Backend

    def refuse(name, users):
        original = getattr(EC2Backend, name)

        def checked(self, *args, **kwargs):
            target = args[0] if args else next(iter(kwargs.values()))
            user = next(iter(users(self, target)), None)
            if user:
                raise EC2ClientError('DependencyViolation', f'{target} is used by {user}')
            return original(self, *args, **kwargs)

        setattr(EC2Backend, name, checked)

    def machines(self):
        return [i for r in self.reservations.values() for i in r.instances if i.state != 'terminated']

    refuse('delete_subnet', lambda self, subnet: [
        n.id for n in self.nat_gateways.values() if n.subnet_id == subnet and n.state != 'deleted'] + [
        i.id for i in machines(self) if getattr(i, 'subnet_id', None) == subnet])
    refuse('delete_vpc', lambda self, vpc: [
        s.id for zone in self.subnets.values() for s in zone.values() if s.vpc_id == vpc] + [
        g.id for g in self.internet_gateways.values() if g.vpc and g.vpc.id == vpc])
    refuse('detach_internet_gateway', lambda self, gateway: [
        n.id for n in self.nat_gateways.values() if n.state != 'deleted' and n.vpc_id ==
        getattr(self.internet_gateways.get(gateway) and self.internet_gateways[gateway].vpc, 'id', '')])
    refuse('release_address', lambda self, address: [
        n.id for n in self.nat_gateways.values() if n.state != 'deleted' and any(
            part.get('allocationId') == address for part in n.address_set)])
    create_group = AutoScalingBackend.create_auto_scaling_group

    def unique_group(self, name, *args, **kwargs):
        if name in self.autoscaling_groups:
            raise AutoscalingClientError('AlreadyExists', f'AutoScalingGroup by this name already exists - {name}')
        return create_group(self, name, *args, **kwargs)

    AutoScalingBackend.create_auto_scaling_group = unique_group


def _repetitions():
    """The template of a listener's action is compiled for every answer; a thousand policies of Amazon's are parsed for each
    of its partitions at every reset."""
    from moto.elbv2 import models as elb
    from moto.iam import models as iam
    elb.Template = functools.lru_cache(maxsize=None)(elb.Template)
    parsed = json.loads(iam.aws_managed_policies_data)

    def policies(self):
        wanted = parsed.items() if self.region_name == 'aws' else ()
        return [iam.AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data) for name, data in wanted]

    iam.IAMBackend._init_aws_policies = policies
