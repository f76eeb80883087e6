# SPDX-License-Identifier: Apache-2.0
"""Three control-plane nodes: each can give the others their keys, so a reboot needs no owner. One cluster, in order."""
import json

from cluster import expect, wait_for

BOOT = 2400  # three machines share what two have in the other scenarios


def _all_ready(cluster):
    nodes = cluster.nodes()
    return len(nodes) == 3 and all(nodes.values()) and nodes


def _all_serve(cluster):
    """An API server is ready when its own etcd answers, and that answers only once it counts."""
    pods = json.loads(cluster.kubectl('-n', 'kube-system', 'get', 'pods', '-l', 'component=kube-apiserver', '-o', 'json'))['items']
    ready = [pod for pod in pods for condition in pod['status'].get('conditions', []) if condition['type'] == 'Ready' and condition['status'] == 'True']
    return len(ready) == 3


def three_control_planes_become_ready(cluster):
    cluster.configure(groups={'control_plane_default': 3, 'worker_default': 0})
    cluster.cli('apply', '-y', timeout=3 * BOOT)
    wait_for('three Ready nodes', lambda: _all_ready(cluster), BOOT)
    expect(len(cluster.nodes_of_role('control-plane')) == 3, f'roles: {cluster.status()}')
    wait_for('three API servers', lambda: _all_serve(cluster), BOOT)
    members = cluster.kubectl('-n', 'kube-system', 'get', 'pods', '-l', 'component=etcd', '-o', 'name').split()
    expect(len(members) == 3, f'want etcd on three nodes, got {members}')
    cluster.verify_when_services_run()


def first_returns_without_the_owner(cluster):
    """Its key comes from the JoinService of another control-plane node; nobody runs `recover`."""
    _returns_without_the_owner(cluster, cluster.nodes_of_role('control-plane')[0])


def last_returns_without_the_owner(cluster):
    _returns_without_the_owner(cluster, cluster.nodes_of_role('control-plane')[-1])


def _returns_without_the_owner(cluster, node):
    before = len(cluster.serial_log(node))
    cluster.power('reset', node)
    wait_for(f'{node} boots', lambda: '"component":"disk-mapper"' in cluster.serial_log(node)[before:], BOOT)
    wait_for(f'{node} member again', lambda: cluster.is_member(node), BOOT)
    wait_for('three Ready nodes', lambda: _all_ready(cluster), BOOT)
    cluster.verify_when_services_run()


CHECKS = [three_control_planes_become_ready, first_returns_without_the_owner, last_returns_without_the_owner]
