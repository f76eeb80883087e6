#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fills a new OpenStack: seed.py identity (users, catalog), then seed.py rest (flavors, image, networks, volume types).

The latter prints {"image", "external", "project"} as JSON.
"""
import json
import sys
import time
import urllib.error
import urllib.request

KEYSTONE = "http://127.0.0.1:5000/v3"


def call(method, url, body=None, token=None, headers=None, data=None):
    headers = dict(headers or {})
    if token:
        headers["X-Auth-Token"] = token
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    for attempt in range(30):
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                text = answer.read()
                return (json.loads(text) if text else {}), answer.headers
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            if error.code == 409:
                return {}, error.headers
            if error.code < 500 or attempt == 29:
                raise SystemExit("%s %s: %s %s" % (method, url, error.code, text[:500])) from error
        except (urllib.error.URLError, ConnectionError):
            if attempt == 29:
                raise
        time.sleep(1)
    return {}, {}


def login(user, password, project):
    domain = {"name": "Default"}
    _, headers = call("POST", KEYSTONE + "/auth/tokens", {"auth": {
        "identity": {"methods": ["password"], "password": {"user": {"name": user, "domain": domain, "password": password}}},
        "scope": {"project": {"name": project, "domain": domain}}}})
    return headers["X-Subject-Token"]


def identity():
    token = login("admin", "secret", "admin")

    def make(kind, plural, body):
        made, _ = call("POST", "%s/%s" % (KEYSTONE, plural), {kind: body}, token)
        return made[kind]["id"] if made else ""
    for name in ("service", "load-balancer_member"):
        make("role", "roles", {"name": name})
    roles = {role["name"]: role["id"] for role in call("GET", KEYSTONE + "/roles", token=token)[0]["roles"]}
    service_project = make("project", "projects", {"name": "service", "domain_id": "default"})
    demo_project = make("project", "projects", {"name": "demo", "domain_id": "default"})
    service = make("user", "users", {"name": "service", "password": "secret", "domain_id": "default"})
    demo = make("user", "users", {"name": "demo", "password": "secret", "domain_id": "default"})
    for project, user, names in ((service_project, service, ("admin", "service")),
                                 (demo_project, demo, ("member", "reader", "load-balancer_member"))):
        for name in names:
            call("PUT", "%s/projects/%s/users/%s/roles/%s" % (KEYSTONE, project, user, roles[name]), token=token)
    for kind, url in (("image", "http://127.0.0.1:9292"), ("placement", "http://127.0.0.1:8778"),
                      ("compute", "http://127.0.0.1:8774/v2.1"), ("network", "http://127.0.0.1:9696"),
                      ("volumev3", "http://127.0.0.1:8776/v3/%(project_id)s"), ("load-balancer", "http://127.0.0.1:9876")):
        identifier = make("service", "services", {"type": kind, "name": kind})
        for interface in ("public", "internal", "admin"):
            make("endpoint", "endpoints", {"service_id": identifier, "interface": interface, "region_id": "RegionOne",
                                           "url": url})


def rest():
    token = login("admin", "secret", "admin")
    demo = login("demo", "secret", "demo")
    about, _ = call("GET", KEYSTONE + "/auth/tokens", token=demo, headers={"X-Subject-Token": demo})
    project = about["token"]["project"]["id"]
    admin_project = call("GET", KEYSTONE + "/auth/tokens", token=token, headers={"X-Subject-Token": token})[0][
        "token"]["project"]["id"]
    nova = "http://127.0.0.1:8774/v2.1"
    version = {"OpenStack-API-Version": "compute 2.67"}
    for name, vcpus, specs in (("m1a.4cd", 4, {}), ("big", 4000, {}), ("sev", 4, {"hw:mem_encryption": "true"}),
                               ("trait", 4, {"trait:CUSTOM_AMD_SEV_SNP": "required"})):
        flavor, _ = call("POST", nova + "/flavors", {"flavor": {"name": name, "vcpus": vcpus, "ram": 2048, "disk": 0}}, token,
                         version)
        if specs:
            call("POST", "%s/flavors/%s/os-extra_specs" % (nova, flavor["flavor"]["id"]), {"extra_specs": specs}, token,
                 version)
    call("PUT", "%s/os-quota-sets/%s" % (nova, project), {"quota_set": {"cores": 200, "instances": 50, "ram": 200000}}, token,
         version)
    for name in ("standard", "premium"):
        call("POST", "http://127.0.0.1:8776/v3/%s/types" % admin_project, {"volume_type": {"name": name}}, token)
    call("PUT", "http://127.0.0.1:8776/v3/%s/os-quota-sets/%s" % (admin_project, project), {
        "quota_set": {"volumes": 100, "gigabytes": 5000}}, token)
    image, _ = call("POST", "http://127.0.0.1:9292/v2/images", {
        "name": "node", "disk_format": "raw", "container_format": "bare", "visibility": "public", "hw_firmware_type": "uefi",
        "hw_machine_type": "q35"}, token)
    call("PUT", "http://127.0.0.1:9292/v2/images/%s/file" % image["id"], data=b"x" * 1048576, token=token,
         headers={"Content-Type": "application/octet-stream"})
    network, _ = call("POST", "http://127.0.0.1:9696/v2.0/networks", {"network": {
        "name": "floating", "router:external": True, "provider:network_type": "flat", "provider:physical_network": "ext"}},
        token)
    call("POST", "http://127.0.0.1:9696/v2.0/subnets", {"subnet": {
        "network_id": network["network"]["id"], "ip_version": 4, "cidr": "203.0.113.0/24", "enable_dhcp": False}}, token)
    print(json.dumps({"image": image["id"], "external": network["network"]["id"], "project": project}))


if __name__ == "__main__":
    {"identity": identity, "rest": rest}[sys.argv[1]]()
