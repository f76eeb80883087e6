# SPDX-License-Identifier: Apache-2.0
"""The life of one cluster in order; each function is one check and builds on those before it."""
import json
import os
import shutil
import tempfile

from cluster import expect, wait_for
import tampering

BOOT = 1800  # seconds that an emulated machine may take until it is Ready again
WORKLOAD = {
    'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': 'probe'},
    'spec': {
        'containers': [{
            'name': 'probe', 'image': 'constellation.local/toolbox:v1', 'imagePullPolicy': 'Never',
            'command': ['/bin/sh', '-c', 'echo probe-started; sync; while true; do sleep 1; done'],
            'volumeMounts': [{'name': 'data', 'mountPath': '/data'}]}],
        'volumes': [{'name': 'data', 'hostPath': {'path': '/var/lib/kubelet/probe-data', 'type': 'DirectoryOrCreate'}}],
        'terminationGracePeriodSeconds': 0,
    },
}


def mini_up_gives_two_ready_nodes(cluster):
    cluster.cli('mini', 'up', '--image', cluster.image)
    nodes = wait_for('two Ready nodes', lambda: (n := cluster.nodes()) and len(n) == 2 and all(n.values()) and n, BOOT)
    expect(len(nodes) == 2, f'want 2 nodes, got {nodes}')
    for node in json.loads(cluster.kubectl('get', 'nodes', '-o', 'json'))['items']:
        expect(node['spec'].get('providerID', '').startswith('qemu:///'), f'provider id: {node["spec"]}')
        expect(node['metadata']['labels'].get('topology.kubernetes.io/zone') == 'local', f'labels: {node["metadata"]["labels"]}')


def verify_shows_every_check_of_every_node(cluster):
    report = json.loads(cluster.cli('verify', '--output', 'json'))
    names = {node['name'] for node in report['nodes']}
    expect(names == set(cluster.nodes()), f'verify names {names}')
    for node in report['nodes']:
        expect(node['verdict'] == 'verified', f'{node["name"]}: {node["verdict"]}')
        checks = {row['check'] for row in node['checks']}
        for index in (4, 8, 9, 11, 12, 13, 14, 15):
            expect(any(str(index) in check and 'pcr' in check.lower() for check in checks), f'{node["name"]}: no row for PCR {index}: {checks}')


def verify_refuses_another_cluster_id(cluster):
    cluster.cli('verify', '--cluster-id', '00' * 32, want=2)


def apply_again_changes_nothing(cluster):
    before = cluster.status()
    cluster.cli('apply', '-y')
    after = cluster.status()
    expect({n: s.get('pid') for n, s in before.items()} == {n: s.get('pid') for n, s in after.items()}, 'apply restarted a machine')


def second_init_is_refused(cluster):
    """The owner's files, but another master secret: the node belongs to a cluster that this secret does not make."""
    names = ('constellation-mastersecret.json', 'constellation-state.yaml')
    saved = tempfile.mkdtemp(prefix='constellation-e2e-saved-')
    for name in names:
        shutil.copy(os.path.join(cluster.workspace, name), saved)
    os.remove(os.path.join(cluster.workspace, names[0]))
    state = os.path.join(cluster.workspace, names[1])
    with open(state, encoding='utf-8') as file:
        lines = [line for line in file if 'clusterID' not in line]
    with open(state, 'w', encoding='utf-8') as file:
        file.writelines(lines)
    try:
        cluster.cli('init', want=2, timeout=600)
    finally:
        for name in names:
            shutil.copy(os.path.join(saved, name), cluster.workspace)
        shutil.rmtree(saved)
    cluster.cli('verify')


def pod_runs_on_the_worker(cluster):
    worker = cluster.node_of_role('worker')
    workload = json.loads(json.dumps(WORKLOAD))
    workload['spec']['nodeName'] = worker
    cluster.apply(workload)
    wait_for('pod Running', lambda: cluster.kubectl('get', 'pod', 'probe', '-o', 'jsonpath={.status.phase}') == 'Running', 600)
    wait_for('logs of the pod', lambda: 'probe-started' in cluster.kubectl('logs', 'probe'), 120)
    cluster.kubectl('exec', 'probe', '--', '/bin/sh', '-c', f'echo {cluster.marker} > /data/file; sync')
    expect(cluster.marker in cluster.kubectl('exec', 'probe', '--', 'cat', '/data/file'), 'exec does not show the file')
    cluster.kubectl('create', 'configmap', 'probe', f'--from-literal=marker={cluster.marker}')


def pods_reach_each_other_by_name(cluster):
    """A pod on the worker asks a Service by name; the pod behind it runs on the control plane."""
    web = json.loads(json.dumps(WORKLOAD))
    web['metadata'] = {'name': 'web', 'labels': {'app': 'web'}}
    web['spec']['nodeName'] = cluster.node_of_role('control-plane')
    web['spec']['volumes'] = [{'name': 'data', 'emptyDir': {}}]
    web['spec']['containers'][0]['command'] = ['/bin/sh', '-c', f'echo answer-{cluster.marker} > /data/file; exec httpd -f -p 8080 -h /data']
    cluster.apply(web)
    cluster.apply({'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'web'},
                   'spec': {'selector': {'app': 'web'}, 'ports': [{'port': 80, 'targetPort': 8080}]}})
    wait_for('web Running', lambda: cluster.kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.phase}') == 'Running', 600)
    address = cluster.kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')
    wait_for('address of web.default.svc.cluster.local', lambda: address in cluster.kubectl(
        'exec', 'probe', '--', 'nslookup', 'web.default.svc.cluster.local'), 300)
    # Not wget: Debian's static busybox crashes in getaddrinfo().
    for host, port in ((address, 80), (cluster.kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.podIP}'), 8080)):
        wait_for(f'answer of {host}', lambda host=host, port=port: f'answer-{cluster.marker}' in cluster.kubectl(
            'exec', 'probe', '--', 'sh', '-c', f'printf "GET /file HTTP/1.0\\r\\n\\r\\n" | nc -w 20 {host} {port}'), 300)
    cluster.kubectl('delete', 'pod,service', 'web', '--grace-period=0', '--force')


def privileged_pod(cluster, name):
    """A pod with all rights on the worker, whose root is at /host."""
    pod = json.loads(json.dumps(WORKLOAD))
    pod['metadata']['name'] = name
    pod['spec']['nodeName'] = cluster.node_of_role('worker')
    pod['spec']['hostNetwork'] = True
    container = pod['spec']['containers'][0]
    container['securityContext'] = {'privileged': True}
    container['volumeMounts'] = [{'name': 'data', 'mountPath': '/host'}]
    pod['spec']['volumes'][0]['hostPath'] = {'path': '/', 'type': 'Directory'}
    cluster.apply(pod)
    wait_for(f'{name} Running', lambda: cluster.kubectl('get', 'pod', name, '-o', 'jsonpath={.status.phase}') == 'Running', 600)


def host_configures_nothing(cluster):
    """What the host wrote into the tables of the firmware is there (HOSTILE_QEMU), and nobody on the node obeys it."""
    privileged_pod(cluster, 'witness')
    offered = cluster.kubectl('exec', 'witness', '--', 'busybox', 'grep', '-c', 'host-was-here', '/host/sys/firmware/dmi/entries/11-0/raw')
    expect(offered.strip() == '1', f'the node does not see the offer: {offered}')
    taken = cluster.kubectl('exec', 'witness', '--', 'busybox', 'ls', '/host/run')
    expect('host-was-here' not in taken.split(), 'systemd-tmpfiles obeyed the host')
    swappiness = cluster.kubectl('exec', 'witness', '--', 'cat', '/proc/sys/vm/swappiness').strip()
    expect(swappiness.isdigit() and swappiness != '17', f'systemd-sysctl obeyed the host: vm.swappiness is {swappiness}')
    cluster.kubectl('delete', 'pod', 'witness', '--grace-period=0', '--force')


def member_gets_no_ticket(cluster):
    """Somebody who runs code on a member asks the JoinService with the member's own TPM: PCR15 gives him away."""
    worker = cluster.node_of_role('worker')
    privileged_pod(cluster, 'attacker')
    cluster.send_file('attacker', cluster.program('ticket_probe'), '/host/run/ticket-probe')
    answer = cluster.kubectl('exec', 'attacker', '--', 'busybox', 'chroot', '/host', '/run/ticket-probe',
                             f'{cluster.address_of_role("control-plane")}:30090', '6fa459ea-ee8a-4ca4-894e-db77e160355e', worker)
    for kind in ('join', 'rejoin'):
        line = next((line for line in answer.splitlines() if line.startswith(f'{kind}: ')), '')
        expect('PERMISSION_DENIED' in line and 'PCR15' in line, f'want a refusal that names PCR15, got: {answer}')
    cluster.kubectl('delete', 'pod', 'attacker', '--grace-period=0', '--force')


def state_disk_hides_the_marker(cluster):
    for node in cluster.nodes():
        disk = cluster.state_disk(node)
        with open(disk, 'rb') as file:
            tail = b''
            size = os.fstat(file.fileno()).st_size
            position = 0
            while position < size:
                try:
                    position = os.lseek(file.fileno(), position, os.SEEK_DATA)
                except OSError:
                    break  # only holes follow
                file.seek(position)
                chunk = file.read(1 << 20)
                expect(cluster.marker.encode() not in tail + chunk, f'{disk} holds the marker in clear near {position}')
                tail, position = chunk[-64:], position + len(chunk)


def worker_returns_after_a_reset(cluster):
    worker = cluster.node_of_role('worker')
    cluster.power('reset', worker)
    wait_for('worker member again', lambda: cluster.is_member(worker), BOOT)
    wait_for('worker Ready', lambda: cluster.nodes().get(worker), BOOT)
    wait_for('file in the pod', lambda: cluster.marker in cluster.kubectl('exec', 'probe', '--', 'cat', '/data/file'), 600)
    cluster.verify_when_services_run()


def control_plane_returns_after_a_reset(cluster):
    """The only control-plane node: nobody but the owner can give it its key."""
    control_plane = cluster.node_of_role('control-plane')
    cluster.power('reset', control_plane)
    wait_for('control plane waits for its key', lambda: cluster.waits_for_key(control_plane), BOOT)
    cluster.cli('recover')
    wait_for('control plane Ready', lambda: cluster.is_member(control_plane) and cluster.nodes().get(control_plane), BOOT)
    value = cluster.kubectl('get', 'configmap', 'probe', '-o', 'jsonpath={.data.marker}')
    expect(value == cluster.marker, f'the ConfigMap holds {value!r}')
    cluster.verify_when_services_run()


def changed_command_line_is_refused(cluster):
    """The worker boots, but the JoinService refuses its key and names the registers."""
    worker = cluster.node_of_role('worker')
    cluster.power('stop', worker)
    cluster.set_image(worker, tampering.with_changed_command_line(cluster.image, cluster.scratch))
    cluster.power('start', worker)
    message = wait_for('refusal', lambda: (m := cluster.status()[worker]['message']) and 'PCR' in m.upper() and m, BOOT)
    for register in ('4', '9', '11'):
        expect(register in message, f'the refusal does not name PCR {register}: {message}')
    expect(not cluster.is_member(worker), 'a changed image became a member')
    wait_for('JoinService naming the registers', lambda: all(
        f'PCR{register}: expected' in cluster.service_log('joinservice') for register in ('4', '9', '11')), 300)


def changed_root_byte_does_not_boot(cluster):
    worker = cluster.node_of_role('worker')
    cluster.power('stop', worker)
    cluster.set_image(worker, tampering.with_changed_root_byte(cluster.image, cluster.scratch))
    before = len(cluster.serial_log(worker))
    cluster.power('start', worker)
    wait_for('verity error', lambda: 'verity' in cluster.serial_log(worker)[before:].lower(), 600)
    expect('systemd' not in cluster.serial_log(worker)[before:], 'systemd ran from a changed root')
    cluster.power('stop', worker)
    cluster.set_image(worker, '')
    cluster.power('start', worker)
    wait_for('worker Ready', lambda: cluster.is_member(worker) and cluster.nodes().get(worker), BOOT)


def recover_brings_everything_back(cluster):
    cluster.recover_after_power_cut(BOOT)
    wait_for('file in the pod', lambda: cluster.marker in cluster.kubectl('exec', 'probe', '--', 'cat', '/data/file'), 600)
    cluster.verify_when_services_run()


def terminate_leaves_only_the_master_secret(cluster):
    cluster.cli('terminate', '-y')
    processes, files = cluster.leftovers()
    expect(not processes, f'processes left: {processes}')
    expect(not files, f'files left: {files}')
    expect(os.path.exists(os.path.join(cluster.workspace, 'constellation-mastersecret.json')), 'the master secret is gone')


CHECKS = [
    mini_up_gives_two_ready_nodes,
    verify_shows_every_check_of_every_node,
    verify_refuses_another_cluster_id,
    apply_again_changes_nothing,
    pod_runs_on_the_worker,
    pods_reach_each_other_by_name,
    second_init_is_refused,
    host_configures_nothing,
    member_gets_no_ticket,
    state_disk_hides_the_marker,
    worker_returns_after_a_reset,
    control_plane_returns_after_a_reset,
    changed_command_line_is_refused,
    changed_root_byte_does_not_boot,
    recover_brings_everything_back,
    terminate_leaves_only_the_master_secret,
]
