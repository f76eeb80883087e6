#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What neutron's metadata agent does: passes requests on to nova-metadata and says, signed, which server asks.

usage: metadata_proxy.py FILE      FILE holds "<server id> <project id>"; listens on 169.254.169.254:80
"""
import hashlib
import hmac
import http.server
import sys
import urllib.error
import urllib.request


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        with open(sys.argv[1], encoding="ascii") as chosen:
            server, project = chosen.read().split()
        request = urllib.request.Request("http://127.0.0.1:8775" + self.path, headers={
            "X-Instance-ID": server, "X-Tenant-ID": project, "X-Forwarded-For": "192.168.178.2",
            "X-Instance-ID-Signature": hmac.new(b"shared", server.encode(), hashlib.sha256).hexdigest()})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("169.254.169.254", 80), Handler).serve_forever()
