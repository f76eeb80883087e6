#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small OpenStack: keystone, nova, neutron, glance, cinder and octavia behind one port of 127.0.0.1.

Strict about what the provider sends: unknown fields, types, references and states are refused as the real services refuse
them. Prints its port on the first line of standard output. Things move on by one state each time they are looked at, so no
test waits.

Control (no token): POST /_control {"faults": [...], "options": {...}}; GET /_dump: everything that exists; GET /_requests.
A fault: {"method", "path" (regular expression), "status", "body", "count", "after" (execute first), "drop" (no answer)}.
"""
import base64
import hashlib
import http.server
import json
import re
import socketserver
import sys
import threading
import urllib.parse
import uuid

from stub_state import (
    FAULTS, FLAVORS, HOOKS, LOCK, NEUTRON, OPTIONS, PROJECT, REQUESTS, Refusal, TABLES, TOKENS, address_number, bad_server,
    check_fields, in_use, need, neutron, neutron_associate, neutron_create, neutron_delete, neutron_router, nova,
    nova_create, nova_look, octavia, reset)


# --- octavia ---------------------------------------------------------------------------------------------------------
def lb_look(balancer):
    balancer["looked"] += 1
    if balancer["looked"] > 1:
        state = balancer["provisioning_status"]
        if state in ("PENDING_CREATE", "PENDING_UPDATE"):
            balancer["provisioning_status"] = "ERROR" if OPTIONS["lb_error"] else "ACTIVE"
        elif state == "PENDING_DELETE":
            for table in ("listeners", "pools", "members", "healthmonitors"):
                for key in [k for k, v in TABLES[table].items() if v["lb"] == balancer["id"]]:
                    del TABLES[table][key]
            TABLES["ports"].pop(balancer["vip_port_id"], None)
            del TABLES["loadbalancers"][balancer["id"]]


def lb_change(identifier, state="PENDING_UPDATE"):
    balancer = TABLES["loadbalancers"][identifier]
    need(balancer["provisioning_status"] != "PENDING_DELETE",
         octavia(409, "Invalid state PENDING_DELETE of loadbalancer resource " + identifier))
    need(not balancer["provisioning_status"].startswith("PENDING"),
         octavia(409, "Load Balancer %s is immutable and cannot be updated." % identifier))
    balancer.update(provisioning_status=state, looked=0)


def lb_check_option(table, body):
    if OPTIONS["lb_provider"] == "ovn" and (body.get("lb_algorithm", "SOURCE_IP_PORT") != "SOURCE_IP_PORT" or
                                            "allowed_cidrs" in body):
        raise octavia(501, "Provider 'ovn' does not support a requested option: OVN provider does not support it.")


LB_FIELDS = {
    "listeners": {"name", "loadbalancer_id", "protocol", "protocol_port", "timeout_client_data", "timeout_member_data",
                  "allowed_cidrs"},
    "pools": {"name", "listener_id", "protocol", "lb_algorithm"},
    "healthmonitors": {"name", "pool_id", "type", "delay", "timeout", "max_retries"},
}


def lb_child(table, body):
    check_fields(body, LB_FIELDS[table], lambda key: octavia(400, "Unknown attribute: " + key))
    identifier = str(uuid.uuid4())
    element = dict(body, id=identifier)
    if table == "listeners":
        balancer = body["loadbalancer_id"]
        need(balancer in TABLES["loadbalancers"], octavia(404, "Load Balancer not found."))
        taken = any(each["lb"] == balancer and each["protocol_port"] == body["protocol_port"]
                    for each in TABLES["listeners"].values())
        need(not taken, octavia(409, "Another Listener on this Load Balancer is already using protocol_port"))
    elif table == "pools":
        need(body["listener_id"] in TABLES["listeners"], octavia(404, "Listener not found."))
        balancer = TABLES["listeners"][body["listener_id"]]["lb"]
        need(not any(each["listener"] == body["listener_id"] for each in TABLES["pools"].values()),
             octavia(409, "Listener already has a default pool"))
        element["listener"] = body["listener_id"]
    else:
        need(body["pool_id"] in TABLES["pools"], octavia(404, "Pool not found."))
        balancer = TABLES["pools"][body["pool_id"]]["lb"]
        need(not any(each["pool"] == body["pool_id"] for each in TABLES["healthmonitors"].values()),
             octavia(409, "This pool already has a health monitor"))
        element["pool"] = body["pool_id"]
    lb_check_option(table, body)
    lb_change(balancer)
    element["lb"] = balancer
    TABLES[table][identifier] = element
    return element


def lb_create(body):
    check_fields(body, {"name", "description", "vip_subnet_id", "vip_address", "tags"},
                 lambda key: octavia(400, "Unknown attribute for argument loadbalancer: " + key))
    subnet = TABLES["subnets"].get(body["vip_subnet_id"])
    need(subnet, octavia(400, "Subnet %s not found." % body["vip_subnet_id"]))
    need(not in_use(body["vip_address"], subnet["network_id"]),
         octavia(409, "IP address %s already allocated" % body["vip_address"]))
    identifier = str(uuid.uuid4())
    port = str(uuid.uuid4())
    TABLES["ports"][port] = {
        "id": port, "name": "octavia-lb-" + identifier, "description": "", "network_id": subnet["network_id"],
        "device_owner": "Octavia", "device_id": "lb-" + identifier, "tags": [], "status": "DOWN",
        "fixed_ips": [{"subnet_id": subnet["id"], "ip_address": body["vip_address"]}]}
    balancer = {"id": identifier, "name": body["name"], "tags": body["tags"], "provisioning_status": "PENDING_CREATE",
                "operating_status": "OFFLINE", "vip_port_id": port, "vip_address": body["vip_address"],
                "vip_subnet_id": subnet["id"], "looked": 0, "lb": identifier}
    TABLES["loadbalancers"][identifier] = balancer
    return balancer


def lb_status(identifier):
    lb_look(TABLES["loadbalancers"][identifier])
    balancer = TABLES["loadbalancers"][identifier]
    listeners = []
    for listener in TABLES["listeners"].values():
        if listener["lb"] == identifier:
            pools = []
            for pool in [each for each in TABLES["pools"].values() if each["listener"] == listener["id"]]:
                entry = {"id": pool["id"], "name": pool["name"], "members": [
                    member for member in TABLES["members"].values() if member["pool"] == pool["id"]]}
                for monitor in TABLES["healthmonitors"].values():
                    if monitor["pool"] == pool["id"]:
                        entry["health_monitor"] = {"id": monitor["id"], "name": monitor["name"]}
                pools.append(entry)
            listeners.append({"id": listener["id"], "name": listener["name"], "pools": pools})
    return {"statuses": {"loadbalancer": {
        "id": identifier, "name": balancer["name"], "provisioning_status": balancer["provisioning_status"],
        "listeners": listeners}}}


def lb_members(pool_id, members):
    pool = TABLES["pools"][pool_id]
    lb_change(pool["lb"])
    for member in members:
        check_fields(member, {"name", "address", "protocol_port", "subnet_id"},
                     lambda key: octavia(400, "Unknown attribute: " + key))
        need(address_number(member["address"]) and member["subnet_id"] in TABLES["subnets"], octavia(400, "member"))
    for key in [k for k, v in TABLES["members"].items() if v["pool"] == pool_id]:
        del TABLES["members"][key]
    for member in members:
        identifier = str(uuid.uuid4())
        TABLES["members"][identifier] = dict(member, id=identifier, pool=pool_id, lb=pool["lb"])


# --- requests --------------------------------------------------------------------------------------------------------
class Request:
    def __init__(self, method, path, query, headers, body, base):
        self.method, self.path, self.query, self.headers, self.body = method, path, query, headers, body
        self.base = base

    def json(self):
        need(self.headers.get("Content-Type") == "application/json", Refusal(415, "wrong Content-Type"))
        return json.loads(self.body)


def page(elements, query, plural, base, glance=False):
    limit = min(int(query.get("limit", ["1000"])[0]), OPTIONS["page"])
    marker = query.get("marker", [None])[0]
    if marker:
        position = [element["id"] for element in elements].index(marker) + 1
        elements = elements[position:]
    answer = {plural: elements[:limit]}
    if len(elements) > limit:
        # A hostile address: whoever follows it gives the token away.
        link = "http://127.0.0.9:1/stolen?marker=" + elements[limit - 1]["id"]
        answer["next" if glance else plural + "_links"] = link if glance else [{"rel": "next", "href": link}]
    return answer


def filtered(elements, query, keys):
    for key in keys:
        if key in query:
            elements = [element for element in elements if str(element.get(key)) == query[key][0]]
    return elements


def keystone(request):
    if request.method == "GET" and request.path == "/identity/v3/auth/projects":
        need(request.headers.get("X-Auth-Token") in TOKENS, Refusal(401, {"error": {
            "code": 401, "title": "Unauthorized", "message": "no such token"}}))
        return 200, {"projects": [{"id": PROJECT, "name": "demo", "domain_id": "default", "enabled": True}], "links": {}}
    need(request.method == "POST" and request.path == "/identity/v3/auth/tokens", Refusal(404, {"error": {
        "code": 404, "title": "Not Found", "message": "no such path"}}))
    identity = request.json()["auth"]["identity"]
    wrong = Refusal(401, {"error": {"code": 401, "title": "Unauthorized",
                                    "message": "The request you have made requires authentication."}})
    if identity["methods"] == ["password"]:
        user = identity["password"]["user"]
        need(user.get("password") == "secret" and user.get("name") == "demo" and user["domain"] == {"name": "Default"},
             wrong)
        scope = request.json()["auth"]["scope"]
        need(scope == "unscoped" or scope["project"]["name"] == "demo", wrong)
    elif identity["methods"] == ["application_credential"]:
        need("scope" not in request.json()["auth"], wrong)
        need(identity["application_credential"] == {"id": "ac-1", "secret": "ac-secret"}, wrong)
    else:
        raise wrong
    token = base64.b64encode(uuid.uuid4().bytes).decode()
    TOKENS[token] = OPTIONS["token_uses"] or 10 ** 9
    services = {"identity": "/identity", "compute": "/compute/v2.1", "network": "/network", "image": "/image",
                "volumev3": "/volume/v3/" + PROJECT}
    if OPTIONS["octavia"]:
        services["load-balancer"] = "/load-balancer"
    catalog = [{"type": kind, "name": kind, "endpoints": [
        {"interface": "internal", "region_id": "RegionOne", "region": "RegionOne", "url": "http://10.0.0.1/wrong"},
        {"interface": "public", "region_id": "RegionOne", "region": "RegionOne", "url": request.base + path}]}
        for kind, path in services.items()]
    return 201, {"token": {"expires_at": "2099-01-01T00:00:00.000000Z", "catalog": catalog,
                           "user": {"id": "u1", "name": "demo"}, "project": {"id": PROJECT, "name": "demo"}}}, {
        "X-Subject-Token": token}


def neutron_request(request):
    parts = request.path.split("/")[3:]  # /network/v2.0/...
    need(request.path.startswith("/network/v2.0/"), Refusal(404, "no version"))
    table = parts[0].replace("-", "_")
    need(table in NEUTRON, neutron(404, "HTTPNotFound", "The resource could not be found."))
    singular = NEUTRON[table][0]
    if len(parts) == 1 and request.method == "GET":
        keys = ["name", "security_group_id", "device_id", "network_id"]
        if OPTIONS["neutron_description_filter"]:
            keys.append("description")
        return 200, page(filtered(list(TABLES[table].values()), request.query, keys), request.query, table, request.base)
    if len(parts) == 1:
        body = request.json()
        if table in body:  # bulk: all or nothing
            need(table == "security_group_rules", neutron(400, "HTTPBadRequest", "bulk"))
            made = []
            try:
                for element in body[table]:
                    made.append(neutron_create(table, element))
            except Refusal:
                for element in made:
                    del TABLES[table][element["id"]]
                raise
            return 201, {table: made}
        return 201, {singular: neutron_create(table, body[singular])}
    need(parts[1] in TABLES[table],
         neutron(404, singular.title().replace("_", "") + "NotFound", "%s could not be found." % parts[1]))
    if len(parts) == 3 and parts[2] == "tags":
        tags = request.json()["tags"]
        need(table != "security_group_rules" and all(len(tag) <= 60 for tag in tags), neutron(400, "InvalidInput", "tag"))
        TABLES[table][parts[1]]["tags"] = sorted(tags)
        return 200, {"tags": tags}
    if len(parts) == 3:
        return 200, neutron_router(parts[1], parts[2], request.json())
    if request.method == "GET":
        return 200, {singular: TABLES[table][parts[1]]}
    if request.method == "DELETE":
        neutron_delete(table, parts[1])
        return 204, None
    need(table == "floatingips", neutron(400, "HTTPBadRequest", "cannot update"))
    neutron_associate(TABLES[table][parts[1]], request.json()["floatingip"]["port_id"])
    return 200, {singular: TABLES[table][parts[1]]}


def nova_request(request):
    need(request.headers.get("OpenStack-API-Version") == "compute 2.67", bad_server("microversion"))
    parts = request.path.split("/")[3:]
    method = request.method
    if parts == ["servers", "detail"]:
        for server in list(TABLES["servers"].values()):
            nova_look(server)
        found = list(TABLES["servers"].values())
        if "tags" in request.query:
            wanted = set(request.query["tags"][0].split(","))
            found = [server for server in found if wanted <= set(server["tags"])]
        if "name" in request.query:
            found = [server for server in found if re.search(request.query["name"][0], server["name"])]
        return 200, page(found, request.query, "servers", request.base)
    if parts == ["servers"]:
        return 202, nova_create(request.json())
    if parts == ["flavors", "detail"]:
        return 200, page(FLAVORS, request.query, "flavors", request.base)
    if parts == ["os-availability-zone"]:
        return 200, {"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}]}
    if parts == ["limits"]:
        return 200, {"limits": {"rate": [], "absolute": {
            "maxTotalCores": OPTIONS["quota_cores"], "totalCoresUsed": 4 * len(TABLES["servers"]),
            "maxTotalInstances": -1, "totalInstancesUsed": len(TABLES["servers"]), "maxTotalRAMSize": -1}}}
    if parts == ["os-server-groups"]:
        if method == "GET":
            return 200, {"server_groups": list(TABLES["server_groups"].values())}
        body = request.json()["server_group"]
        check_fields(body, {"name", "policy"}, lambda key: bad_server("Additional property " + key))
        group = dict(body, id=str(uuid.uuid4()), members=[])
        TABLES["server_groups"][group["id"]] = group
        return 200, {"server_group": group}
    table = {"servers": "servers", "os-server-groups": "server_groups"}.get(parts[0])
    need(table, Refusal(404, "no such path"))
    missing = nova(404, "itemNotFound", "%s could not be found." % parts[1])
    need(parts[1] in TABLES[table], missing)
    element = TABLES[table][parts[1]]
    if table == "servers":
        nova_look(element)
        need(parts[1] in TABLES[table], missing)
    if len(parts) == 2 and method == "GET":
        return 200, {"server" if table == "servers" else "server_group": element}
    if len(parts) == 2:
        if table == "servers":
            element.update({"OS-EXT-STS:task_state": "deleting", "looked": 0})
        else:
            del TABLES[table][parts[1]]
        return 204, None
    if parts[2] == "metadata" and method == "POST":
        update = request.json()["metadata"]
        need(all(isinstance(value, str) and len(value) <= 255 for value in update.values()), bad_server("metadata"))
        element["metadata"].update(update)
        return 200, {"metadata": element["metadata"]}
    if parts[2] == "metadata" and method == "DELETE":
        need(parts[3] in element["metadata"], nova(404, "itemNotFound", "Metadata item was not found"))
        del element["metadata"][parts[3]]
        return 204, None
    need(parts[2] == "action", Refusal(404, "no such path"))
    return 200, {"output": HOOKS["console"](element) if "console" in HOOKS else "boot\nconstellation-status {}\n"}


def cinder_request(request):
    parts = request.path.split("/")[4:]
    if parts == ["volumes", "detail"]:
        return 200, page(list(TABLES["volumes"].values()), request.query, "volumes", request.base)
    if parts == ["limits"]:
        return 200, {"limits": {"rate": [], "absolute": {
            "maxTotalVolumes": OPTIONS["quota_volumes"], "totalVolumesUsed": len(TABLES["volumes"]),
            "maxTotalVolumeGigabytes": -1,
            "totalGigabytesUsed": sum(volume["size"] for volume in TABLES["volumes"].values())}}}
    if parts == ["types"]:
        return 200, {"volume_types": [{"id": "t1", "name": "standard"}, {"id": "t2", "name": "premium"}]}
    need(parts[0] == "volumes" and parts[1] in TABLES["volumes"], nova(404, "itemNotFound", "Volume not found."))
    volume = TABLES["volumes"][parts[1]]
    if request.method == "GET":
        return 200, {"volume": volume}
    need(volume["status"] != "in-use", nova(400, "badRequest",
         "Invalid volume: Volume status must be available or error or error_restoring"))
    del TABLES["volumes"][parts[1]]
    return 202, None


def glance_request(request):
    parts = request.path.split("/")[3:]
    need(request.path.startswith("/image/v2/"), Refusal(404, "no version"))
    if parts == ["images"] and request.method == "GET":
        found = [image for image in TABLES["images"].values() if all(
            value[0] in image["tags"] if key == "tag" else str(image.get(key)) == value[0]
            for key, value in request.query.items() if key not in ("limit", "marker"))]
        return 200, page(found, request.query, "images", request.base, glance=True)
    if parts == ["images"]:
        body = request.json()
        for key, value in body.items():
            need(isinstance(value, str) or key in ("tags", "min_disk", "min_ram", "protected"),
                 Refusal(400, "<html><head><title>400 Bad Request</title></head><body>%s: not a string</body></html>" % key))
        image = dict(body, id=str(uuid.uuid4()), status="queued", os_hash_algo=None, os_hash_value=None)
        TABLES["images"][image["id"]] = image
        return 201, image
    need(parts[1] in TABLES["images"], Refusal(404, "<html><body>No image found</body></html>"))
    image = TABLES["images"][parts[1]]
    if len(parts) == 3 and parts[2] == "file":
        need(request.headers.get("Content-Type") == "application/octet-stream", Refusal(415, "type"))
        need(image["status"] == "queued", Refusal(409, "<html><body>Image status transition not allowed</body></html>"))
        image.update(status="active", os_hash_algo="sha512", os_hash_value=hashlib.sha512(request.body).hexdigest(),
                     size=len(request.body))
        if "image" in HOOKS:
            HOOKS["image"](image["id"], request.body)
        if OPTIONS.get("corrupt_image"):
            image["os_hash_value"] = hashlib.sha512(b"other").hexdigest()
        return 204, None
    if request.method == "DELETE":
        del TABLES["images"][parts[1]]
        return 204, None
    return 200, image


def octavia_request(request):
    need(OPTIONS["octavia"] and request.path.startswith("/load-balancer/v2/lbaas/"), Refusal(404, "no octavia"))
    parts = request.path.split("/")[4:]
    method = request.method
    if parts == ["loadbalancers"] and method == "POST":
        return 201, {"loadbalancer": lb_create(request.json()["loadbalancer"])}
    if parts == ["loadbalancers"]:
        found = list(TABLES["loadbalancers"].values())
        if "tags" in request.query:
            found = [balancer for balancer in found if request.query["tags"][0] in balancer["tags"]]
        return 200, page(filtered(found, request.query, ["name"]), request.query, "loadbalancers", request.base)
    if method == "POST" and len(parts) == 1 and parts[0] in LB_FIELDS:
        singular = parts[0][:-1]
        return 201, {singular: lb_child(parts[0], request.json()[singular])}
    if parts == ["listeners"]:
        found = [each for each in TABLES["listeners"].values() if each["lb"] == request.query["loadbalancer_id"][0]]
        return 200, page(found, request.query, "listeners", request.base)
    need(len(parts) > 1 and parts[1] in TABLES.get(parts[0], {}), octavia(404, "%s not found." % parts[-1]))
    if parts[0] == "listeners":
        body = request.json()["listener"]
        lb_change(TABLES["listeners"][parts[1]]["lb"])
        TABLES["listeners"][parts[1]].update(body)
        return 200, {"listener": TABLES["listeners"][parts[1]]}
    if parts[0] == "pools":
        lb_members(parts[1], request.json()["members"])
        return 202, None
    if len(parts) == 3:
        return 200, lb_status(parts[1])
    if method == "DELETE":
        need(request.query.get("cascade") == ["true"], octavia(400, "has children"))
        lb_change(parts[1], "PENDING_DELETE")
        return 204, None
    lb_look(TABLES["loadbalancers"][parts[1]])
    need(parts[1] in TABLES["loadbalancers"], octavia(404, "not found"))
    return 200, {"loadbalancer": TABLES["loadbalancers"][parts[1]]}


SERVICES = {"network": neutron_request, "compute": nova_request, "image": glance_request, "volume": cinder_request,
            "load-balancer": octavia_request}


def control(request):
    if request.path == "/_dump":
        return 200, TABLES
    if request.path == "/_requests":
        return 200, {"requests": REQUESTS}
    body = json.loads(request.body)
    if body.get("reset"):
        reset()
    OPTIONS.update(body.get("options", {}))
    if "faults" in body:
        FAULTS[:] = body["faults"]
    REQUESTS.clear()
    for table, elements in body.get("add", {}).items():
        for element in elements:
            TABLES[table][element["id"]] = element
    for table, identifier in body.get("remove", []):
        TABLES[table].pop(identifier, None)
    return 200, {}


def find_fault(request):
    target = request.path + ("?" + urllib.parse.urlencode(request.query, doseq=True) if request.query else "")
    for fault in FAULTS:
        if fault.get("count", 1) > 0 and request.method == fault.get("method", request.method) and re.search(
                fault["path"], target):
            if fault.get("skip", 0) > 0:
                fault["skip"] -= 1
                continue
            fault["count"] = fault.get("count", 1) - 1
            return fault
    return None


def serve(request):
    if request.path.startswith("/_"):
        return control(request)
    REQUESTS.append([request.method, request.path])
    service = request.path.split("/")[1]
    if service == "identity":
        return keystone(request)
    token = request.headers.get("X-Auth-Token", "")
    if TOKENS.get(token, 0) <= 0:
        raise Refusal(401, {"error": {"code": 401, "title": "Unauthorized", "message": "The token is not valid"}})
    TOKENS[token] -= 1
    need(service in SERVICES, Refusal(404, "no such service"))
    return SERVICES[service](request)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def handle_any(self):
        size = int(self.headers.get("Content-Length", 0))
        url = urllib.parse.urlsplit(self.path)
        request = Request(self.command, urllib.parse.unquote(url.path), urllib.parse.parse_qs(url.query), self.headers,
                          self.rfile.read(size), "http://127.0.0.1:%d" % self.server.server_address[1])
        headers = {}
        with LOCK:
            fault = None if request.path.startswith("/_") else find_fault(request)
            if fault and not fault.get("after"):
                status, body, headers = fault.get("status", 503), fault.get("body", ""), fault.get("headers", {})
            else:
                try:
                    result = serve(request)
                    status, body = result[0], result[1]
                    headers = result[2] if len(result) > 2 else {}
                except Refusal as refusal:
                    status, body, headers = refusal.status, refusal.body, refusal.headers
                except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                    status, body = 400, {"badRequest": {"code": 400, "message": "stub: %r" % error}}
                if fault:
                    status, body = fault.get("status", 503), fault.get("body", "")
            if fault and fault.get("drop"):
                self.close_connection = True
                self.connection.close()
                return
            data = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("x-openstack-request-id", "req-" + str(uuid.uuid4()))
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if status != 204:
            self.wfile.write(data)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = handle_any


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def main():
    reset()
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
