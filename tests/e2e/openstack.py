# SPDX-License-Identifier: Apache-2.0
"""A cluster's life in an OpenStack whose servers are real machines (openstack_hypervisor.py); each function is one check.

The owner of the cluster is the operator of the cloud as well: without confidential hardware only TPMs that he enrolled are
believed (attestation.qemuVTPM.enrolledTPMs).
"""
import json
import os
import shutil

from cluster import Cluster, expect, wait_for
from lifecycle import BOOT
import openstack_hypervisor

FLOATING = '203.0.113.0/24'


class OpenStackCluster(Cluster):
    """As Cluster, with the cloud's credentials and power switches."""

    def __init__(self, constellation, kubectl, image, workspace=None, accelerator='tcg'):
        super().__init__(constellation, kubectl, image, workspace)
        self.cloud = openstack_hypervisor.Hypervisor(os.path.join(self.scratch, 'cloud'), accelerator)
        self.environment = self.cloud.environment()

    def config_path(self):
        return os.path.join(self.workspace, 'constellation-conf.yaml')

    def edit(self, changes):
        """Replaces the value of every line `key: ...` of the configuration."""
        with open(self.config_path(), encoding='utf-8') as file:
            lines = file.read().split('\n')
        for number, line in enumerate(lines):
            key = line.strip().split(':')[0]
            if key in changes:
                lines[number] = line.split(key + ':')[0] + f'{key}: {changes[key]}'
        with open(self.config_path(), 'w', encoding='utf-8') as file:
            file.write('\n'.join(lines))

    def waits_for_key(self, node):
        return 'waits for its key' in self.cloud.machine(node).console()

    def power(self, operation, node):
        """What nova's os-stop and os-start do in the end; the console begins anew."""
        machine = self.cloud.machine(node)
        if operation == 'stop':
            machine.stop()
            os.truncate(machine.path('serial.log'), 0)
        else:
            machine.start()

    def destroy(self):
        self.cli('terminate', '-y', want=None, timeout=300)
        self.cloud.stop()
        shutil.rmtree(self.workspace, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)


def image_is_uploaded_and_measured(cluster):
    cluster.cli('config', 'generate', 'openstack', '--attestation', 'qemu-vtpm')
    cluster.edit({'floatingIPPoolID': openstack_hypervisor.stub_state.EXTERNAL, 'regionName': 'RegionOne',
                  'availabilityZone': 'nova', 'allowedSources': f'[{FLOATING}]', 'initialCount': 1, 'instanceType': 'plain.2',
                  'stateDiskSizeGB': 10})
    cluster.cli('image', 'upload', cluster.image, '--update-config')


def servers_are_made_and_enrolled(cluster):
    cluster.cli('apply', '-y', '--skip-phases', 'init,attestationconfig,nodes')

    def made():
        if cluster.cloud.failure:
            raise RuntimeError(repr(cluster.cloud.failure))
        return len(cluster.cloud.machines) == 2
    wait_for('both machines', made, 300, 1)
    entries = cluster.cloud.enrol_and_start(cluster.program('tpm_enroller'))
    expect({entry['role'] for entry in entries} == {'control-plane', 'worker'}, f'enrolled: {entries}')
    cluster.edit({'enrolledTPMs': json.dumps(entries)})


def apply_makes_two_ready_nodes(cluster):
    cluster.cli('apply', '-y')
    nodes = json.loads(cluster.kubectl('get', 'nodes', '-o', 'json'))['items']
    servers = {server['name']: server for server in openstack_hypervisor.stub_state.TABLES['servers'].values()}
    expect({node['metadata']['name'] for node in nodes} == set(servers), f'nodes {[n["metadata"]["name"] for n in nodes]}')
    expect(all(cluster.nodes().values()), f'not all are Ready: {cluster.nodes()}')
    for node in nodes:
        server, labels = servers[node['metadata']['name']], node['metadata']['labels']
        expect(node['spec'].get('providerID') == 'openstack:///' + server['id'], f'providerID {node["spec"].get("providerID")}')
        expect(labels.get('topology.kubernetes.io/zone') == 'nova', f'labels {labels}')
        addresses = [a['address'] for a in node['status']['addresses'] if a['type'] == 'InternalIP']
        expect(addresses == [server['metadata']['constellation-node-ip']], f'addresses {addresses}')
        control_plane = server['metadata']['constellation-role'] == 'control-plane'
        expect(any(name.startswith('node-role.kubernetes.io/') for name in labels) == control_plane, f'labels {labels}')
    cluster.kubectl('create', 'configmap', 'probe', f'--from-literal=marker={cluster.marker}')


def status_and_console_come_from_the_cloud(cluster):
    expect({node['kubernetes'] for node in cluster.status().values()} == {'Ready'}, f'status: {cluster.status()}')
    console = cluster.cli('status', '--console', cluster.node_of_role('worker'))
    expect('constellation-status' in console, f'console: {console[-2000:]}')


def verify_accepts_every_node(cluster):
    report = json.loads(cluster.cli('verify', '--output', 'json'))
    expect({node['name'] for node in report['nodes']} == set(cluster.nodes()), f'verify names {report["nodes"]}')
    for node in report['nodes']:
        expect(node['verdict'] == 'verified', f'{node["name"]}: {node["verdict"]}')
    cluster.cli('verify', '--cluster-id', '00' * 32, want=2)


def plan_says_no_changes(cluster):
    plan = cluster.cli('plan')
    expect('0 to create, 0 to change, 0 to replace, 0 to delete' in plan, f'plan: {plan}')
    machines = {name: machine.qemu.pid for name, machine in cluster.cloud.machines.items()}
    cluster.cli('apply', '-y')
    expect(machines == {name: machine.qemu.pid for name, machine in cluster.cloud.machines.items()}, 'apply restarted a machine')


def recover_brings_both_machines_back(cluster):
    cluster.recover_after_power_cut(BOOT)
    cluster.verify_when_services_run(BOOT)


def terminate_leaves_only_the_image(cluster):
    cluster.cli('terminate', '-y')
    wait_for('no machine', lambda: not cluster.cloud.machines, 120, 1)
    expect(not cluster.cloud.leftovers(), f'left in the cloud: {cluster.cloud.leftovers()}')
    _, files = cluster.leftovers()
    left = sorted(map(os.path.basename, files))
    expect(left == ['constellation-conf.yaml'], f'files left: {left}')


CHECKS = [
    image_is_uploaded_and_measured,
    servers_are_made_and_enrolled,
    apply_makes_two_ready_nodes,
    status_and_console_come_from_the_cloud,
    verify_accepts_every_node,
    plan_says_no_changes,
    recover_brings_both_machines_back,
    terminate_leaves_only_the_image,
]
