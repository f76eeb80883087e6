# SPDX-License-Identifier: Apache-2.0
"""A local cluster as the end-to-end tests see it: the command line, kubectl and the files of a workspace."""
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time


# A host that offers "credentials" to systemd in the tables of the firmware: root on the node, if anybody there took them.
HOSTILE_QEMU = """#!/bin/sh
case "$*" in
  *pflash0=code*)
    exec {qemu} "$@" -smbios 'type=11,value=io.systemd.credential:tmpfiles.extra=f /run/host-was-here' \\
      -fw_cfg 'name=opt/io.systemd.credentials/sysctl.extra,string=vm.swappiness=17' ;;
esac
exec {qemu} "$@"
"""


class Failure(Exception):
    """A check that did not hold; the message says wanted and got."""


class Cluster:
    """Drives one workspace through the `constellation` binary, as a user does."""

    def __init__(self, constellation, kubectl, image, workspace=None):
        self.constellation = constellation
        self.kubectl_path = kubectl
        self.image = image
        self.workspace = os.path.abspath(workspace) if workspace else tempfile.mkdtemp(prefix='constellation-e2e-')
        os.makedirs(self.workspace, exist_ok=True)
        # What is looked for on disks; the same when a kept cluster is taken up again.
        self.marker = 'marker-' + hashlib.sha256(self.workspace.encode()).hexdigest()[:32]
        self.scratch = tempfile.mkdtemp(prefix='constellation-e2e-images-')
        self.environment = self._hostile_environment()

    def _hostile_environment(self):
        """In which every machine of the cluster is started by such a host."""
        wrapper = os.path.join(self.scratch, 'bin', 'qemu-system-x86_64')
        os.makedirs(os.path.dirname(wrapper))
        with open(wrapper, 'w', encoding='utf-8') as file:
            file.write(HOSTILE_QEMU.format(qemu=shutil.which('qemu-system-x86_64')))
        os.chmod(wrapper, 0o755)
        return {**os.environ, 'PATH': os.path.dirname(wrapper) + ':' + os.environ['PATH']}

    def cli(self, *arguments, timeout=3600, want=0, workspace=None):
        """Runs the cli; returns standard output. `want` is the exit code demanded (None: any) ."""
        command = [self.constellation, '-C', workspace or self.workspace, *arguments]
        print('$ constellation', ' '.join(arguments), flush=True)
        run = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL,
                             env=self.environment)
        if want is not None and run.returncode != want:
            raise Failure(f'constellation {" ".join(arguments)}: want exit code {want}, got {run.returncode}\n'
                          f'{run.stdout[-6000:]}\n{run.stderr[-6000:]}')
        return run.stdout

    def configure(self, *arguments, groups):
        """Makes a configuration with this many nodes in each group."""
        self.cli('config', 'generate', 'qemu', '--image', self.image, *arguments)
        path = os.path.join(self.workspace, 'constellation-conf.yaml')
        group, lines = '', []
        with open(path, encoding='utf-8') as file:
            for line in file:
                group = line.strip().rstrip(':') if line.strip().rstrip(':') in groups else group
                if line.strip().startswith('initialCount:') and group:
                    line = line.split('initialCount:')[0] + f'initialCount: {groups[group]}\n'
                lines.append(line)
        with open(path, 'w', encoding='utf-8') as file:
            file.writelines(lines)

    def start(self, *arguments):
        """Starts the cli in the background; its output is in the Popen's stdout."""
        print('$ constellation', ' '.join(arguments), '&', flush=True)
        return subprocess.Popen([self.constellation, '-C', self.workspace, *arguments], stdout=subprocess.PIPE,  # pylint: disable=consider-using-with
                                stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL, env=self.environment)

    def verify_when_services_run(self, timeout=900):
        """`constellation verify` until it could check every node; a refusal fails at once."""
        def verified():
            run = subprocess.run([self.constellation, '-C', self.workspace, 'verify'], capture_output=True, text=True, timeout=600,
                                 check=False, stdin=subprocess.DEVNULL, env=self.environment)
            if run.returncode == 2:
                raise AssertionError(f'verify refused a node\n{run.stdout[-6000:]}\n{run.stderr[-2000:]}')
            return run.returncode == 0
        wait_for('verify of every node', verified, timeout)

    def kubectl(self, *arguments, timeout=300, check=True):
        """Runs kubectl against the cluster; returns standard output. What only reads is asked three times: an emulated API server
        on a loaded machine may be silent for a minute."""
        config = os.path.join(self.workspace, 'constellation-admin.conf')
        for _ in range(3 if arguments[0] in ('get', 'describe', 'logs') else 1):
            run = subprocess.run([self.kubectl_path, '--kubeconfig', config, '--request-timeout=60s', *arguments],
                                 capture_output=True, text=True, timeout=timeout, check=False)
            if 'Unable to connect to the server' not in run.stderr:
                break
        if check and run.returncode != 0:
            raise Failure(f'kubectl {" ".join(arguments)}: {run.stderr[-2000:]}')
        return run.stdout

    def program(self, name):
        """Path of one of our programs."""
        return os.path.join(os.path.dirname(self.constellation), name)

    def send_file(self, pod, source, target):
        """Copies a program into a pod whose image has busybox."""
        config = os.path.join(self.workspace, 'constellation-admin.conf')
        with open(source, 'rb') as file:
            subprocess.run([self.kubectl_path, '--kubeconfig', config, 'exec', '-i', pod, '--', 'sh', '-c',
                            f'cat > {target} && busybox chmod 755 {target}'], stdin=file, check=True, timeout=300)

    def apply(self, manifest):
        config = os.path.join(self.workspace, 'constellation-admin.conf')
        for attempts_left in (2, 1, 0):  # applying twice is harmless, and the API server may have been silent
            run = subprocess.run([self.kubectl_path, '--kubeconfig', config, 'apply', '-f', '-'], input=json.dumps(manifest), text=True,
                                 capture_output=True, check=False, timeout=300)
            if run.returncode == 0:
                return
            if not attempts_left:
                raise Failure(f'kubectl apply: {run.stderr[-2000:]}')
            time.sleep(5)

    def service_log(self, service):
        """What the DaemonSet `service` of kube-system has logged lately."""
        return self.kubectl('-n', 'kube-system', 'logs', f'daemonset/{service}', '--tail=50')

    def nodes(self):
        """Name -> whether Ready, from the API server."""
        items = json.loads(self.kubectl('get', 'nodes', '-o', 'json'))['items']
        return {n['metadata']['name']: any(c['type'] == 'Ready' and c['status'] == 'True' for c in n['status']['conditions'])
                for n in items}

    def status(self):
        """Name -> status object of every machine, as `constellation status --output json` says."""
        return {node['name']: node for node in json.loads(self.cli('status', '--output', 'json'))['nodes']}

    def is_member(self, node):
        """Whether the machine says that it got its key and belongs to the cluster."""
        return self.status()[node]['phase'] in ('member', 'pod-network', 'node-ready')

    def waits_for_key(self, node):
        status = self.status()[node]
        return status['component'] == 'disk-mapper' and status['state'] == 'waiting'

    def node_of_role(self, role):
        return next(name for name, node in self.status().items() if node['role'] == role)

    def nodes_of_role(self, role):
        return [name for name, node in self.status().items() if node['role'] == role]

    def address_of_role(self, role):
        """The address of a node inside the cluster."""
        node = self.node_of_role(role)
        return self.kubectl('get', 'node', node, '-o', 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')

    def power(self, operation, node):
        """stop, start, reset or kill a machine."""
        self.cli('qemu-power', operation, node)

    def set_image(self, node, image):
        """Gives a stopped machine another image; '' for the cluster's own."""
        self.cli('qemu-power', 'set-image', node, image)

    def recover_after_power_cut(self, boot):
        """All machines off and on; nobody but the owner has keys then. The ConfigMap `probe` holds the marker from before."""
        names = list(self.status())
        for name in names:
            self.power('stop', name)
        for name in names:
            self.power('start', name)
        control_plane = self.node_of_role('control-plane')
        wait_for('control plane waits for recovery', lambda: self.waits_for_key(control_plane), boot)
        self.cli('recover')
        wait_for('both nodes Ready', lambda: (n := self.nodes()) and len(n) == 2 and all(n.values()), boot)
        value = self.kubectl('get', 'configmap', 'probe', '-o', 'jsonpath={.data.marker}')
        expect(value == self.marker, f'the ConfigMap holds {value!r}')

    def serial_log(self, node):
        for folder, _, files in os.walk(self.workspace):
            if os.path.basename(folder) == node and 'serial.log' in files:
                with open(os.path.join(folder, 'serial.log'), encoding='utf-8', errors='replace') as log:
                    return log.read()
        return ''

    def state_disk(self, node):
        for folder, _, files in os.walk(self.workspace):
            if os.path.basename(folder) == node:
                for name in files:
                    if name.startswith('state') and name.endswith(('.raw', '.img')):
                        return os.path.join(folder, name)
        raise Failure(f'{node}: no state disk file in {self.workspace}')

    def leftovers(self):
        """Processes whose command line names the workspace, and files other than the master secret."""
        processes, ancestors, above = [], set(), str(os.getpid())
        while above != '0':  # this test and who called it with the name of the workspace
            ancestors.add(above)
            with open(f'/proc/{above}/status', encoding='utf-8') as file:
                above = next(line.split()[1] for line in file if line.startswith('PPid:'))
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{pid}/cmdline', 'rb') as file:
                    line = file.read().replace(b'\0', b' ').decode(errors='replace')
            except OSError:
                continue
            if self.workspace in line and pid not in ancestors:
                processes.append(line)
        files = [os.path.join(folder, name) for folder, _, names in os.walk(self.workspace) for name in names]
        return processes, [f for f in files if os.path.basename(f) != 'constellation-mastersecret.json']

    def destroy(self):
        """Cleans up after a test, whatever happened in it."""
        self.cli('terminate', '-y', want=None, timeout=300)
        shutil.rmtree(self.workspace, ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)


def wait_for(what, condition, timeout, interval=5):
    """Polls `condition` until it returns something true. Errors count as "not yet"; the last one is in the failure."""
    deadline, last = time.monotonic() + timeout, ''
    while time.monotonic() < deadline:
        try:
            result = condition()
            if result:
                return result
        except (Failure, subprocess.SubprocessError, ValueError, KeyError) as error:
            last = str(error)
        time.sleep(interval)
    raise Failure(f'{what}: not within {timeout} s; last: {last}')


def expect(condition, message):
    if not condition:
        raise Failure(message)
