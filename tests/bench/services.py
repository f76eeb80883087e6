# SPDX-License-Identifier: Apache-2.0
"""Services as processes with what they need around them: software TPM, an API server that knows one ConfigMap."""
import base64
import http.server
import json
import os
import secrets
import socket
import ssl
import subprocess
import threading
import time

NONCE = '0a20' + 'ab' * 32  # field 1, 32 octets


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_for(connect, process, patience=10):
    begin = time.perf_counter()
    while True:
        try:
            connect().close()
            return
        except OSError:
            if process.poll() is not None or time.perf_counter() - begin > patience:
                raise
            time.sleep(0.0005)


class Silent(http.server.BaseHTTPRequestHandler):
    """Answers a list with one attestation policy, and a watch with nothing for as long as the client waits."""
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        if 'watch=' in self.path:
            self.send_response(200)
            self.send_header('Transfer-Encoding', 'chunked')
            self.end_headers()
            self.wfile.flush()
            self.server.stopping.wait()
            return
        body = json.dumps({'apiVersion': 'v1', 'kind': 'ConfigMapList', 'metadata': {'resourceVersion': '1'}, 'items': [
            {'metadata': {'name': 'join-config', 'namespace': 'kube-system', 'resourceVersion': '1'}, 'data': {}}]}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        self.server.requests += 1


class ApiServer:
    """As far as a service needs one when nothing happens. TLS 1.3, certificate made by openssl."""

    def __init__(self, folder):
        self.folder = folder
        certificate, key = os.path.join(folder, 'api.crt'), os.path.join(folder, 'api.key')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                        '/CN=api', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Silent)
        self.server.daemon_threads = True
        self.server.stopping, self.server.requests = threading.Event(), 0
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        with open(certificate, 'rb') as file:
            authority = base64.b64encode(file.read()).decode()
        self.kubeconfig = os.path.join(folder, 'kubeconfig')
        with open(self.kubeconfig, 'w', encoding='utf-8') as file:
            json.dump({'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'c',
                       'contexts': [{'name': 'c', 'context': {'cluster': 'k', 'user': 'u'}}],
                       'clusters': [{'name': 'k', 'cluster': {'server': f'https://127.0.0.1:{self.server.server_port}',
                                                              'certificate-authority-data': authority}}],
                       'users': [{'name': 'u', 'user': {'token': 't'}}]}, file)

    def requests(self):
        return self.server.requests

    def stop(self):
        self.server.stopping.set()
        self.server.shutdown()


class Tpm:
    """swtpm without certificates: enough to quote."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'tpm.sock')
        state = os.path.join(folder, 'tpm')
        os.makedirs(state)
        self.process = subprocess.Popen(['swtpm', 'socket', '--tpm2', '--flags', 'not-need-init,startup-clear', '--tpmstate', f'dir={state}',
                                         '--server', f'type=unixio,path={self.path}'], stderr=subprocess.DEVNULL)
        while not os.path.exists(self.path) and self.process.poll() is None:
            time.sleep(0.01)
        self.tcti = f'swtpm:path={self.path}'

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Service:
    """A running service: how long it took to listen, how much memory it has, and calls to it."""

    def __init__(self, bin_dir, command, connect, address, method, message):
        self.bin_dir, self.address, self.method, self.message = bin_dir, address, method, message
        begin = time.perf_counter()
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(connect, self.process)
        self.start_ms = (time.perf_counter() - begin) * 1000

    def resident_mib(self):
        with open(f'/proc/{self.process.pid}/status', encoding='utf-8') as file:
            return next(int(line.split()[1]) for line in file if line.startswith('VmRSS')) / 1024

    def call(self, count):
        run = subprocess.run([os.path.join(self.bin_dir, 'service_load'), self.address, self.method, self.message, str(count)],
                             check=True, capture_output=True, text=True)
        return json.loads(run.stdout)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def tcp(port):
    return lambda: socket.create_connection(('127.0.0.1', port))


def unix(path):
    def connect():
        probe = socket.socket(socket.AF_UNIX)
        try:
            probe.connect(path)
        except OSError:
            probe.close()
            raise
        return probe
    return connect


def keyservice(bin_dir, folder):
    for name in ('key', 'salt', 'measurement-salt'):
        with open(os.path.join(folder, name), 'wb') as file:
            file.write(secrets.token_bytes(32))
    path = os.path.join(folder, 'run', 'keyservice.sock')
    uuid = b'0b1e8a1e-3c57-4a4d-9b1c-0a2b3c4d5e6f'
    return Service(bin_dir, [os.path.join(bin_dir, 'keyservice'), '--master-secret-dir', folder, '--socket', path, '--measurement-salt',
                             os.path.join(folder, 'measurement-salt')],
                   unix(path), f'unix:{path}', '/constellation.v1.KeyService/DeriveStateDiskKey', '0a24' + uuid.hex())


def joinservice(bin_dir, folder, api, tpm):
    """Its calls begin a join: the service proves itself, then waits for evidence that the caller has not got."""
    port = free_port()
    return Service(bin_dir, [os.path.join(bin_dir, 'joinservice'), '--listen', f'127.0.0.1:{port}', '--kubeconfig', api.kubeconfig,
                             '--key-service-socket', os.path.join(folder, 'none'), '--tcti', tpm.tcti, '--event-log', '/nowhere',
                             '--variant', 'qemu-vtpm', '--collateral-folder', os.path.join(folder, 'collateral'), '--offline'],
                   tcp(port), f'127.0.0.1:{port}', '/constellation.v1.JoinService/IssueJoinTicket', '0a22' + NONCE)


def verificationservice(bin_dir, _folder, api, tpm):
    """Its calls get evidence: one quote each."""
    port = free_port()
    return Service(bin_dir, [os.path.join(bin_dir, 'verificationservice'), '--listen', f'127.0.0.1:{port}', '--kubeconfig', api.kubeconfig,
                             '--node-name', 'node', '--tcti', tpm.tcti, '--event-log', '/nowhere', '--variant', 'qemu-vtpm'],
                   tcp(port), f'127.0.0.1:{port}', '/constellation.v1.VerificationService/GetEvidence', NONCE)
