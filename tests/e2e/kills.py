# SPDX-License-Identifier: Apache-2.0
"""Machines whose power is cut, and a command that is interrupted, while a cluster is made. One cluster, in order."""
import signal
import subprocess

from cluster import Failure, expect, wait_for

BOOT = 1800
CONTROL_PLANE, WORKER = 'mini-control-plane-0', 'mini-worker-0'
# Where the power is cut, in the order in which these phases come.
CUTS = [
    (CONTROL_PLANE, 'kubeadm-init'),  # in which Ctrl-C left it
    (CONTROL_PLANE, 'format-state-disk'),
    (CONTROL_PLANE, 'kubeadm-init'),
    (CONTROL_PLANE, 'commit'),
    (CONTROL_PLANE, 'node-ready'),
    (WORKER, 'format-state-disk'),
    (WORKER, 'start-kubelet'),
    (WORKER, 'member'),
    (WORKER, 'node-ready'),
]


def _wait_for_phase(cluster, process, node, phase, offset):
    """Waits for the node to report `phase` behind `offset` of its log; returns the log's length."""
    def reached():
        log = cluster.serial_log(node)
        if f'"phase":"{phase}"' in log[offset:]:
            return len(log)
        if process.poll() is not None:
            raise Failure(f'the command ended with {process.returncode} before {node} reached {phase}')
        return 0
    return wait_for(f'{node} in phase {phase}', reached, BOOT, interval=0.2)


def ctrl_c_leaves_what_apply_continues(cluster):
    process = cluster.start('mini', 'up', '--image', cluster.image)
    _wait_for_phase(cluster, process, CONTROL_PLANE, 'kubeadm-init', 0)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    expect(process.returncode == 130, f'after Ctrl-C: want exit code 130, got {process.returncode}\n{output}')
    expect(set(cluster.status()) == {CONTROL_PLANE, WORKER}, 'the machines are gone after Ctrl-C')


def apply_survives_power_cuts_in_every_phase(cluster):
    process = cluster.start('apply', '-y')
    offsets = {CONTROL_PLANE: 0, WORKER: 0}
    for node, phase in CUTS:
        try:
            offsets[node] = _wait_for_phase(cluster, process, node, phase, offsets[node])
        except Failure as failure:
            process.kill()
            raise Failure(f'{failure}\n{process.communicate()[0][-4000:]}') from failure
        cluster.power('kill', node)
        print(f'  cut the power of {node} in {phase}', flush=True)
    try:
        output = process.communicate(timeout=2 * BOOT)[0]
    except subprocess.TimeoutExpired as error:
        process.kill()
        raise Failure(f'apply did not end\n{process.communicate()[0][-4000:]}') from error
    expect(process.returncode == 0, f'apply: want exit code 0, got {process.returncode}\n{output[-4000:]}')


def cluster_is_whole_after_power_cuts(cluster):
    cluster.cli('apply', '-y')  # gives keys to what waits for them
    wait_for('two Ready nodes', lambda: (n := cluster.nodes()) and len(n) == 2 and all(n.values()), BOOT)
    cluster.verify_when_services_run()


CHECKS = [ctrl_c_leaves_what_apply_continues, apply_survives_power_cuts_in_every_phase, cluster_is_whole_after_power_cuts]
