# SPDX-License-Identifier: Apache-2.0
"""Several control-plane nodes: each can give the others their keys, so a reboot needs no owner. One cluster, in order.

Three with KVM. In emulation two, which two processors can still run; there each counts, so nothing is written while one is away.
"""
import json

from cluster import expect, wait_for

BOOT = 2400


def _all_ready(cluster):
    nodes = cluster.nodes()
    return len(nodes) == cluster.control_planes and all(nodes.values()) and nodes


def _all_serve(cluster):
    """An API server is ready when its own etcd answers, and that answers only once it counts."""
    pods = json.loads(cluster.kubectl('-n', 'kube-system', 'get', 'pods', '-l', 'component=kube-apiserver', '-o', 'json'))['items']
    ready = [pod for pod in pods for condition in pod['status'].get('conditions', []) if condition['type'] == 'Ready' and condition['status'] == 'True']
    return len(ready) == cluster.control_planes


def _all_give_keys(cluster):
    sets = json.loads(cluster.kubectl('-n', 'kube-system', 'get', 'daemonsets', 'joinservice', 'keyservice', '-o', 'json'))['items']
    return all(item['status'].get('numberReady') == cluster.control_planes for item in sets)


def _etcd_log(cluster, node):
    return cluster.kubectl('-n', 'kube-system', 'logs', f'etcd-{node}')


def all_become_ready(cluster):
    cluster.configure(groups={'control_plane_default': cluster.control_planes, 'worker_default': 0})
    cluster.cli('apply', '-y', timeout=3 * BOOT)
    wait_for('every node Ready', lambda: _all_ready(cluster), BOOT)
    expect(len(cluster.nodes_of_role('control-plane')) == cluster.control_planes, f'roles: {cluster.status()}')
    wait_for('every API server', lambda: _all_serve(cluster), BOOT)
    members = cluster.kubectl('-n', 'kube-system', 'get', 'pods', '-l', 'component=etcd', '-o', 'name').split()
    expect(len(members) == cluster.control_planes, f'want etcd on every node, got {members}')
    cluster.verify_when_services_run()
    cluster.apply({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'kept'}, 'data': {'value': cluster.marker}})


def first_returns_without_the_owner(cluster):
    """Its key comes from the JoinService of another control-plane node; nobody runs `recover`."""
    _returns_without_the_owner(cluster, cluster.nodes_of_role('control-plane')[0])


def last_returns_without_the_owner(cluster):
    _returns_without_the_owner(cluster, cluster.nodes_of_role('control-plane')[-1])


def _returns_without_the_owner(cluster, node):
    # Two members make a majority only together: while one is away kubelets can start nothing new, so who gives keys must run before.
    wait_for('every node gives keys', lambda: _all_give_keys(cluster), BOOT)
    before = len(cluster.serial_log(node))
    cluster.power('reset', node)
    wait_for(f'{node} boots', lambda: '"component":"disk-mapper"' in cluster.serial_log(node)[before:], BOOT)
    wait_for(f'{node} member again', lambda: cluster.is_member(node), BOOT)
    wait_for('every node Ready', lambda: _all_ready(cluster), BOOT)
    wait_for('every API server', lambda: _all_serve(cluster), BOOT)
    cluster.verify_when_services_run()
    expect(cluster.marker in cluster.kubectl('get', 'configmap', 'kept', '-o', 'yaml'), 'the ConfigMap has another value')


def deleted_node_leaves_etcd(cluster):
    """Its machine runs on: the others remove its member. Then it can be stopped, and the majority is a smaller one."""
    first, last = cluster.nodes_of_role('control-plane')[0], cluster.nodes_of_role('control-plane')[-1]
    cluster.kubectl('delete', 'node', last)
    wait_for('etcd without the deleted node', lambda: 'removed member' in _etcd_log(cluster, first), BOOT)
    cluster.power('stop', last)
    cluster.apply({'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'written-alone'}, 'data': {}})


CHECKS = [all_become_ready, first_returns_without_the_owner, last_returns_without_the_owner, deleted_node_leaves_etcd]
