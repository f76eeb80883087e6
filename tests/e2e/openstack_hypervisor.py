# SPDX-License-Identifier: Apache-2.0
"""What stands behind nova, neutron and octavia when the small OpenStack of tests/integration really boots its servers.

Each server becomes a QEMU machine with its own swtpm, made as nova and libvirt make them: nova's SMBIOS strings, disks with
the volumes' ids as serial numbers, a boot volume larger than the image, a config drive, a TPM nobody enrolled. Everything is
in one private network namespace: the bridge is the cluster's subnet, its addresses are the router's, the metadata service's,
and those of load balancers and floating IPs, which a relay leads to their members.
"""
import base64
import ctypes
import http.server
import json
import os
import random
import selectors
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'integration', 'openstack'))
import openstack_stub  # noqa: E402
import stub_state  # noqa: E402

BRIDGE = 'br0'
FIRMWARE = '/usr/share/OVMF/OVMF_CODE_4M.fd'
VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.fd'
CLONE_NEWNET = 0x40000000
METADATA = '169.254.169.254'


def missing():
    """Why no hypervisor is possible here; empty if it is."""
    if os.geteuid() != 0:
        return 'it makes a network of its own, which needs root'
    if not os.path.exists('/dev/net/tun'):
        return 'there is no /dev/net/tun'
    for program in ('ip', 'dnsmasq', 'qemu-system-x86_64', 'swtpm', 'swtpm_setup', 'mkfs.vfat'):
        if shutil.which(program) is None:
            return f'there is no program {program}'
    run = subprocess.run(['unshare', '-n', 'ip', 'link', 'add', BRIDGE, 'type', 'bridge'], capture_output=True, check=False)
    return '' if run.returncode == 0 else 'no network namespace with a bridge can be made'


def command(*arguments):
    subprocess.run(arguments, check=True, capture_output=True, timeout=180)


class Namespace:
    """Puts this process and all that it starts into a network namespace of its own, until leave()."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.before = os.open('/proc/self/ns/net', os.O_RDONLY)
        if self.libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'unshare')
        command('ip', 'link', 'set', 'lo', 'up')

    def leave(self):
        self.libc.setns(self.before, CLONE_NEWNET)
        os.close(self.before)


class Machine:
    """A server of nova's as a QEMU process with its TPM."""

    def __init__(self, server, port, folder, image, accelerator):
        self.server, self.port, self.folder, self.accelerator = server, port, folder, accelerator
        self.name = server['name']
        self.tap = 'tap' + server['id'][:8]
        self.qemu = self.swtpm = None
        os.makedirs(self.path('tpm'))
        sizes = [stub_state.TABLES['volumes'][volume]['size'] << 30 for volume in server['volumes']]
        shutil.copyfile(image, self.path('root.raw'))
        for name, size in zip(('root.raw', 'state.raw', 'config.raw'), sizes + [64 << 20]):
            with open(self.path(name), 'ab') as file:
                file.truncate(size)
        command('mkfs.vfat', '-n', 'config-2', self.path('config.raw'))
        shutil.copyfile(VARIABLES, self.path('vars.fd'))
        self.make_tpm()
        command('ip', 'tuntap', 'add', self.tap, 'mode', 'tap')
        command('ip', 'link', 'set', self.tap, 'master', BRIDGE, 'up')

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_tpm(self):
        """As libvirt does it, with an authority of its own."""
        authority = os.path.join(os.path.dirname(self.folder), 'authority')
        os.makedirs(authority, exist_ok=True)
        for name, text in (
                ('localca.conf', f'statedir = {authority}\nsigningkey = {authority}/signkey.pem\n'
                 f'issuercert = {authority}/issuercert.pem\ncertserial = {authority}/certserial\n'),
                ('localca.options', '--platform-manufacturer OpenStack\n--platform-version 1\n--platform-model Nova\n'),
                ('setup.conf', 'create_certs_tool = /usr/bin/swtpm_localca\n'
                 f'create_certs_tool_config = {authority}/localca.conf\n'
                 f'create_certs_tool_options = {authority}/localca.options\nactive_pcr_banks = sha256\n')):
            with open(os.path.join(authority, name), 'w', encoding='utf-8') as file:
                file.write(text)
        command('swtpm_setup', '--config', os.path.join(authority, 'setup.conf'), '--tpm2', '--tpmstate', self.path('tpm'),
                '--vmid', f'{self.name}:{self.server["id"]}', '--create-ek-cert', '--create-platform-cert', '--lock-nvram',
                '--pcr-banks', 'sha256', '--not-overwrite')

    def enrol(self, enroller, role):
        """What the operator of this cloud can read from the TPM: an entry of "enrolledTPMs". Before the first boot only."""
        path = self.path('enrol.sock')
        with subprocess.Popen(['swtpm', 'socket', '--tpm2', '--tpmstate', f'dir={self.path("tpm")}', '--flags', 'startup-clear',
                               '--server', f'type=unixio,path={path}', '--ctrl', f'type=unixio,path={path}.ctrl']) as tpm:
            try:
                while not os.path.exists(path):
                    time.sleep(0.05)
                run = subprocess.run([enroller, f'swtpm:path={path}', self.name, role], capture_output=True, text=True, check=False,
                                     timeout=120)
                if run.returncode != 0:
                    raise RuntimeError(f'enrolment of {self.name}: {run.stderr}')
            finally:
                tpm.terminate()
        return json.loads(run.stdout)[0]

    def running(self):
        return self.qemu is not None and self.qemu.poll() is None

    def start(self):
        tpm = self.path('tpm.sock')
        self.swtpm = subprocess.Popen(  # pylint: disable=consider-using-with
            ['swtpm', 'socket', '--tpm2', '--terminate', '--tpmstate', f'dir={self.path("tpm")}', '--ctrl', f'type=unixio,path={tpm}'])
        while not os.path.exists(tpm):
            time.sleep(0.05)
        identifier = self.server['id']
        emulated = self.accelerator != 'kvm'
        arguments = [
            'qemu-system-x86_64', '-name', self.name, '-uuid', identifier, '-nodefaults', '-no-user-config', '-display', 'none',
            '-machine', 'q35,vmport=off,pflash0=code,pflash1=vars', '-accel', 'tcg,thread=multi' if emulated else 'kvm',
            '-cpu', 'max,cx16=off,la57=off' if emulated else 'host', '-smp', '2', '-m', '3072', '-boot', 'menu=off',
            '-smbios', 'type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,version=26.1.0,'
            f'serial={identifier},uuid={identifier},family=Virtual Machine']
        disks = [('code', FIRMWARE, 'on'), ('vars', self.path('vars.fd'), 'off'), ('root', self.path('root.raw'), 'off'),
                 ('state', self.path('state.raw'), 'off'), ('config', self.path('config.raw'), 'off')]
        for name, file, read_only in disks:
            arguments += ['-blockdev', f'driver=raw,node-name={name},read-only={read_only},file.driver=file,file.filename={file}']
        for number, name in enumerate(('root', 'state', 'config')):
            serial = f',serial={self.server["volumes"][number]}' if number < 2 else ''
            first = ',bootindex=1' if number == 0 else ''
            arguments += ['-device', f'virtio-blk-pci,drive={name}{serial}{first}']
        arguments += [
            '-netdev', f'tap,id=net,ifname={self.tap},script=no,downscript=no',
            '-device', f'virtio-net-pci,netdev=net,mac={self.port["mac_address"]},romfile=', '-device', 'virtio-rng-pci',
            '-chardev', f'socket,id=tpm,path={tpm}', '-tpmdev', 'emulator,id=tpm0,chardev=tpm', '-device', 'tpm-crb,tpmdev=tpm0',
            '-chardev', f'file,id=serial,append=on,path={self.path("serial.log")}', '-serial', 'chardev:serial']
        with open(self.path('qemu.log'), 'ab') as log:
            self.qemu = subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL)  # pylint: disable=consider-using-with

    def stop(self):
        """Power off, as nova's os-stop does in the end."""
        for process in (self.qemu, self.swtpm):
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        if os.path.exists(self.path('tpm.sock')):
            os.remove(self.path('tpm.sock'))

    def remove(self):
        self.stop()
        subprocess.run(['ip', 'link', 'del', self.tap], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def console(self):
        try:
            with open(self.path('serial.log'), encoding='utf-8', errors='replace') as log:
                return log.read()[-65536:]
        except OSError:
            return ''


class MetadataHandler(http.server.BaseHTTPRequestHandler):
    """nova's metadata service: who asks is told by his address."""

    def log_message(self, format, *arguments):  # the base class calls it so  # pylint: disable=redefined-builtin
        pass

    def do_GET(self):
        with stub_state.LOCK:
            document = self.document(self.client_address[0])
        data = b'404 Not Found' if document is None else document.encode()
        self.send_response(404 if document is None else 200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def document(self, address):
        tables = stub_state.TABLES
        port = next((p for p in tables['ports'].values() if p['fixed_ips'][0]['ip_address'] == address), None)
        server = tables['servers'].get(port['device_id']) if port else None
        if server is None:
            return None
        if self.path == '/openstack/latest/meta_data.json':
            return json.dumps({
                'uuid': server['id'], 'name': server['name'], 'hostname': server['name'] + '.novalocal', 'launch_index': 0,
                'availability_zone': server['OS-EXT-AZ:availability_zone'], 'project_id': stub_state.PROJECT,
                'random_seed': base64.b64encode(os.urandom(512)).decode(), 'meta': server['metadata'], 'dedicated_cpus': [],
                'devices': [{'type': 'disk', 'bus': 'virtio', 'address': '0000:00:03.0', 'serial': server['volumes'][1],
                             'tags': ['state-disk']}]})
        if self.path == '/openstack/latest/network_data.json':
            return json.dumps({
                'links': [{'id': self.tap_of(port), 'vif_id': port['id'], 'type': 'bridge', 'mtu': 1500,
                           'ethernet_mac_address': port['mac_address']}],
                'networks': [{'id': 'network0', 'type': 'ipv4_dhcp', 'link': self.tap_of(port), 'network_id': port['network_id']}],
                'services': []})
        return None

    @staticmethod
    def tap_of(port):
        return 'tap' + port['id'][:11]


class ThreadedServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class Relay(threading.Thread):
    """A listener of octavia's, at its address and at the floating one."""

    def __init__(self, address, listener):
        super().__init__(daemon=True)
        self.listener = listener
        self.socket = socket.create_server((address, listener['protocol_port']), backlog=64)

    def run(self):
        while True:
            try:
                client, peer = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client, peer[0]), daemon=True).start()

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def members(self):
        tables = stub_state.TABLES
        with stub_state.LOCK:
            pools = [pool['id'] for pool in tables['pools'].values() if pool['listener'] == self.listener['id']]
            found = [(m['address'], m['protocol_port']) for m in tables['members'].values() if m['pool'] in pools]
        random.shuffle(found)
        return found

    def allowed(self, address):
        sources = self.listener.get('allowed_cidrs') or ['0.0.0.0/0']
        number = stub_state.address_number(address)
        for source in sources:
            base, bits = source.split('/')
            if (number ^ stub_state.address_number(base)) >> (32 - int(bits)) == 0:
                return True
        return False

    def serve(self, client, peer):
        with client:
            if not self.allowed(peer):
                return
            for member in self.members():
                try:
                    server = socket.create_connection(member, timeout=4)
                except OSError:
                    continue
                with server:
                    relay_octets(client, server)
                return


def relay_octets(one, other):
    """Both ways, until both sides have ended."""
    for side in (one, other):
        side.settimeout(None)
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while selector.get_map():
            for key, _ in selector.select():
                try:
                    data = key.fileobj.recv(65536)
                    if data:
                        key.data.sendall(data)
                        continue
                    key.data.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                selector.unregister(key.fileobj)


class Hypervisor:
    """The small OpenStack with machines. One at a time in a process."""

    def __init__(self, folder, accelerator='tcg'):
        self.folder, self.accelerator = folder, accelerator
        self.machines, self.relays, self.addresses, self.failure = {}, {}, set(), None
        self.namespace = Namespace()
        self.dnsmasq, self.leases = None, ''
        self.hold = True  # servers are made, but not started, until their TPMs are enrolled
        os.makedirs(folder, exist_ok=True)
        for arguments in (('link', 'add', BRIDGE, 'type', 'bridge'), ('link', 'set', BRIDGE, 'up'),
                          ('addr', 'add', METADATA + '/32', 'dev', BRIDGE)):
            command('ip', *arguments)
        stub_state.reset()
        stub_state.FLAVORS.append({'id': 'f-plain', 'name': 'plain.2', 'vcpus': 2, 'ram': 3072, 'disk': 0, 'extra_specs': {}})
        stub_state.HOOKS.update(image=self.keep_image, console=self.console)
        self.api = openstack_stub.Server(('127.0.0.1', 0), openstack_stub.Handler)
        self.metadata = ThreadedServer((METADATA, 80), MetadataHandler)
        for server in (self.api, self.metadata):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        self.stopping = threading.Event()
        self.worker = threading.Thread(target=self.work, daemon=True)
        self.worker.start()

    def environment(self):
        """Credentials of the cloud, and no way around it."""
        base = {key: value for key, value in os.environ.items() if not key.lower().endswith('_proxy') and not key.startswith('OS_')}
        return {**base, 'OS_AUTH_URL': f'http://127.0.0.1:{self.api.server_address[1]}/identity/v3', 'OS_USERNAME': 'demo',
                'OS_PASSWORD': 'secret', 'OS_PROJECT_NAME': 'demo', 'OS_USER_DOMAIN_NAME': 'Default',
                'OS_PROJECT_DOMAIN_NAME': 'Default', 'OS_REGION_NAME': 'RegionOne'}

    def keep_image(self, identifier, data):
        with open(os.path.join(self.folder, identifier + '.raw'), 'wb') as file:
            file.write(data)

    def console(self, server):
        machine = self.machines.get(server['id'])
        return machine.console() if machine else ''

    def machine(self, name):
        return next(m for m in list(self.machines.values()) if m.name == name)

    def work(self):
        """Makes the machines what nova's tables say, until stop(). The first error ends it and is kept."""
        while not self.stopping.wait(1):
            try:
                with stub_state.LOCK:
                    tables = json.loads(json.dumps(stub_state.TABLES))
                self.serve_network(tables)
                self.serve_servers(tables)
            except Exception as error:  # shown by whoever waits  # pylint: disable=broad-except
                self.failure = error
                print('hypervisor:', repr(error), flush=True)
                return

    def serve_network(self, tables):
        wanted = {}
        for port in tables['ports'].values():
            if port['device_owner'] == 'network:router_interface':
                wanted[port['fixed_ips'][0]['ip_address'] + '/24'] = None
        for balancer in tables['loadbalancers'].values():
            wanted[balancer['vip_address'] + '/32'] = balancer
            for floating in tables['floatingips'].values():
                if floating['port_id'] == balancer['vip_port_id']:
                    wanted[floating['floating_ip_address'] + '/32'] = balancer
        for address in self.addresses ^ set(wanted):
            command('ip', 'addr', 'add' if address in wanted else 'del', address, 'dev', BRIDGE)
        self.addresses = set(wanted)
        relays = {}
        for address, balancer in wanted.items():
            for listener in tables['listeners'].values():
                if balancer and listener['lb'] == balancer['id']:
                    relays[(address, listener['id'])] = listener
        for key in list(self.relays):
            if key not in relays:
                self.relays.pop(key).stop()
        for key, listener in relays.items():
            if key not in self.relays:
                self.relays[key] = Relay(key[0].split('/')[0], listener)
                self.relays[key].start()
            self.relays[key].listener = listener
        self.serve_addresses(tables)

    def serve_addresses(self, tables):
        """Neutron's DHCP: the port's address for the port's MAC, nothing for others."""
        leases = ''.join(f'{port["mac_address"]},{port["fixed_ips"][0]["ip_address"]},infinite\n'
                         for port in tables['ports'].values() if port['device_owner'] == 'compute:nova')
        gateway = next((a.split('/')[0] for a in self.addresses if a.endswith('/24')), None)
        if gateway is None or leases == self.leases:
            return
        self.leases = leases
        hosts = os.path.join(self.folder, 'hosts')
        with open(hosts, 'w', encoding='utf-8') as file:
            file.write(leases)
        if self.dnsmasq is None:
            self.dnsmasq = subprocess.Popen(  # pylint: disable=consider-using-with
                ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--port=0', f'--interface={BRIDGE}', '--bind-interfaces',
                 '--except-interface=lo', f'--dhcp-hostsfile={hosts}', f'--dhcp-range={gateway[:gateway.rindex(".")]}.64,static',
                 f'--dhcp-option=option:router,{gateway}', '--dhcp-option=option:dns-server,9.9.9.9,1.1.1.1',
                 '--dhcp-authoritative', f'--dhcp-leasefile={self.folder}/leases', f'--pid-file={self.folder}/dnsmasq.pid',
                 '--user=root', f'--log-facility={self.folder}/dnsmasq.log', '--log-dhcp'], stdin=subprocess.DEVNULL)
        else:
            self.dnsmasq.send_signal(signal.SIGHUP)

    def serve_servers(self, tables):
        for identifier in list(self.machines):
            if identifier not in tables['servers']:
                self.machines.pop(identifier).remove()
        for identifier, server in tables['servers'].items():
            if identifier in self.machines:
                continue
            port = next(p for p in tables['ports'].values() if p['device_id'] == identifier)
            image = os.path.join(self.folder, server['metadata']['constellation-image'] + '.raw')
            machine = Machine(server, port, os.path.join(self.folder, identifier), image, self.accelerator)
            machine.enrolled = None
            self.machines[identifier] = machine
            if not self.hold:
                machine.start()

    def enrol_and_start(self, enroller):
        """The operator's list of all TPMs; the machines start after it, and from now on at once."""
        entries = []
        for machine in sorted(self.machines.values(), key=lambda m: m.name):
            entries.append(machine.enrol(enroller, machine.server['metadata']['constellation-role']))
            machine.start()
        self.hold = False
        return entries

    def leftovers(self):
        """What exists in the cloud, but for images and what its operator made."""
        with stub_state.LOCK:
            return {name: sorted(table) for name, table in stub_state.TABLES.items()
                    if table and name != 'images' and not (name == 'networks' and set(table) == {stub_state.EXTERNAL})}

    def stop(self):
        self.stopping.set()
        self.worker.join()
        for machine in list(self.machines.values()):
            machine.remove()
        for relay in self.relays.values():
            relay.stop()
        if self.dnsmasq is not None:
            self.dnsmasq.terminate()
            self.dnsmasq.wait()
        for server in (self.api, self.metadata):
            server.shutdown()
            server.server_close()
        self.namespace.leave()
        stub_state.HOOKS.clear()
        stub_state.FLAVORS.pop()
        shutil.rmtree(self.folder, ignore_errors=True)
