# SPDX-License-Identifier: Apache-2.0
"""What exists in the small OpenStack, and how neutron and nova change it."""
import os
import re
import threading
import uuid

LOCK = threading.RLock()
PROJECT = "11112222333344445555666677778888"
OPTIONS = {"octavia": True, "page": 1000, "token_uses": 0, "server_error": "", "neutron_description_filter": True,
           "lb_error": False, "lb_provider": "amphora", "quota_cores": 1000, "quota_volumes": 1000}
# What somebody who really boots the servers puts here: "image": (id, octets) when an image is filled; "console": server ->
# text.
HOOKS = {}
FAULTS = []
REQUESTS = []
TOKENS = {}
TABLES = {name: {} for name in (
    "networks", "subnets", "routers", "ports", "security_groups", "security_group_rules", "floatingips", "servers",
    "server_groups", "volumes", "images", "loadbalancers", "listeners", "pools", "members", "healthmonitors")}
FLAVORS = [
    {"id": "f-4", "name": "m1a.4cd", "vcpus": 4, "ram": 8192, "disk": 0,
     "extra_specs": {"trait:HW_CPU_X86_AMD_SEV_SNP": "required"}},
    {"id": "f-tdx", "name": "tdx.4", "vcpus": 4, "ram": 8192, "disk": 0,
     "extra_specs": {"hw:mem_encryption_model": "intel-tdx"}},
    {"id": "f-dup1", "name": "twice", "vcpus": 1, "ram": 512, "disk": 0, "extra_specs": {}},
    {"id": "f-dup2", "name": "twice", "vcpus": 1, "ram": 512, "disk": 0, "extra_specs": {}},
]
EXTERNAL = "eeee0000-0000-4000-8000-000000000001"
IMAGE = "aaaa0000-0000-4000-8000-000000000001"


class Refusal(Exception):
    def __init__(self, status, body, headers=None):
        super().__init__(str(body))
        self.status, self.body, self.headers = status, body, headers or {}


def neutron(status, kind, message):
    return Refusal(status, {"NeutronError": {"type": kind, "message": message, "detail": ""}})


def nova(status, name, message):
    return Refusal(status, {name: {"code": status, "message": message}})


def octavia(status, message):
    return Refusal(status, {"faultcode": "Client", "faultstring": message, "debuginfo": None})


def need(condition, refusal):
    if not condition:
        raise refusal


def reset():
    for table in TABLES.values():
        table.clear()
    TABLES["networks"][EXTERNAL] = {
        "id": EXTERNAL, "name": "floating", "description": "", "status": "ACTIVE", "tags": [], "router:external": True,
        "project_id": "admin"}
    TABLES["images"][IMAGE] = {
        "id": IMAGE, "name": "node", "status": "active", "min_disk": 0, "tags": [], "hw_firmware_type": "uefi",
        "hw_machine_type": "q35", "disk_format": "raw", "container_format": "bare"}


def check_fields(body, allowed, refuse):
    for key in body:
        need(key in allowed, refuse(key))


# --- neutron ---------------------------------------------------------------------------------------------------------
NEUTRON = {
    "networks": ("network", {"name", "description"}),
    "subnets": ("subnet", {"name", "description", "network_id", "ip_version", "cidr", "gateway_ip", "enable_dhcp",
                           "allocation_pools", "dns_nameservers"}),
    "routers": ("router", {"name", "description", "external_gateway_info"}),
    "ports": ("port", {"name", "description", "network_id", "fixed_ips", "security_groups"}),
    "security_groups": ("security_group", {"name", "description"}),
    "security_group_rules": ("security_group_rule", {
        "security_group_id", "direction", "ethertype", "remote_ip_prefix", "description", "protocol", "port_range_min",
        "port_range_max"}),
    "floatingips": ("floatingip", {"floating_network_id", "description", "port_id"}),
}


def address_number(text):
    parts = [int(part) for part in text.split(".")]
    need(len(parts) == 4 and all(0 <= part < 256 for part in parts), neutron(400, "HTTPBadRequest", "bad address"))
    return sum(part << (24 - 8 * i) for i, part in enumerate(parts))


def address_text(number):
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def in_use(address, network):
    return any(port["network_id"] == network and port["fixed_ips"][0]["ip_address"] == address
               for port in TABLES["ports"].values())


def new_port(body):
    network = body["network_id"]
    need(network in TABLES["networks"], neutron(404, "NetworkNotFound", "Network %s could not be found." % network))
    fixed = dict(body.get("fixed_ips", [{}])[0])
    subnet = TABLES["subnets"].get(fixed.get("subnet_id", ""))
    need(subnet and subnet["network_id"] == network,
         neutron(400, "InvalidInput", "Invalid input for operation: bad subnet."))
    if "ip_address" in fixed:
        need(not in_use(fixed["ip_address"], network),
             neutron(409, "IpAddressAlreadyAllocated", "IP address already allocated in subnet"))
    else:
        pool = subnet["allocation_pools"][0]
        number = address_number(pool["start"])
        while in_use(address_text(number), network):
            number += 1
        need(number <= address_number(pool["end"]), neutron(409, "IpAddressGenerationFailure", "No more IP addresses"))
        fixed["ip_address"] = address_text(number)
    for group in body.get("security_groups", []):
        need(group in TABLES["security_groups"], neutron(404, "SecurityGroupNotFound", "Security group not found"))
    mac = "fa:16:3e:" + ":".join("%02x" % octet for octet in os.urandom(3))
    return dict(body, fixed_ips=[fixed], mac_address=mac, status="DOWN", device_owner="", device_id="")


def neutron_create(table, body):
    singular, allowed = NEUTRON[table]
    check_fields(body, allowed, lambda key: neutron(400, "HTTPBadRequest", "Unrecognized attribute(s) '%s'" % key))
    element = dict(body, id=str(uuid.uuid4()), status="ACTIVE", tags=[], project_id=PROJECT)
    element.setdefault("description", "")
    if table == "subnets":
        need(body["network_id"] in TABLES["networks"], neutron(404, "NetworkNotFound", "no network"))
        need(address_number(body["cidr"].split("/")[0]) & 1 == 0, neutron(400, "InvalidInput", "cidr"))
    elif table == "routers":
        info = body.get("external_gateway_info") or {}
        external = TABLES["networks"].get(info.get("network_id", ""), {})
        need(external.get("router:external"),
             neutron(400, "BadRequest", "Bad router request: Network is not an external network."))
    elif table == "ports":
        element.update(new_port(body))
    elif table == "security_group_rules":
        need(body["security_group_id"] in TABLES["security_groups"], neutron(404, "SecurityGroupNotFound", "no group"))
        rule = {key: body.get(key) for key in sorted(NEUTRON[table][1] - {"description"})}
        for other in TABLES[table].values():
            if rule == {key: other.get(key) for key in rule}:
                raise neutron(409, "SecurityGroupRuleExists", "Security group rule already exists.")
    elif table == "floatingips":
        external = TABLES["networks"].get(body.get("floating_network_id", ""), {})
        need(external.get("router:external"), neutron(400, "BadRequest", "not external"))
        element.update(floating_ip_address="203.0.113.%d" % (10 + len(TABLES[table])), port_id=body.get("port_id"),
                       status="DOWN")
    TABLES[table][element["id"]] = element
    return element


def neutron_delete(table, identifier):
    ports = TABLES["ports"].values()
    if table == "networks":
        need(not any(port["network_id"] == identifier for port in ports),
             neutron(409, "NetworkInUse", "Unable to complete operation on network. There are ports in use."))
        need(not any(subnet["network_id"] == identifier for subnet in TABLES["subnets"].values()),
             neutron(409, "NetworkInUse", "There are subnets in use."))
    elif table == "subnets":
        need(not any(port["fixed_ips"][0]["subnet_id"] == identifier for port in ports),
             neutron(409, "SubnetInUse", "One or more ports have an IP allocation from this subnet."))
    elif table == "routers":
        need(not any(port["device_id"] == identifier for port in ports), neutron(409, "RouterInUse", "still has ports"))
    elif table == "ports":
        port = TABLES["ports"][identifier]
        need(port["device_owner"] != "network:router_interface",
             neutron(409, "ServicePortInUse", "Port cannot be deleted directly via the port API: has device owner"))
        for address in TABLES["floatingips"].values():
            if address["port_id"] == identifier:
                address["port_id"] = None
    elif table == "security_groups":
        need(not any(identifier in port.get("security_groups", []) for port in ports),
             neutron(409, "SecurityGroupInUse", "Security Group in use."))
        for rule in [r for r in TABLES["security_group_rules"].values() if r["security_group_id"] == identifier]:
            del TABLES["security_group_rules"][rule["id"]]
    del TABLES[table][identifier]


def neutron_router(identifier, action, body):
    need(identifier in TABLES["routers"], neutron(404, "RouterNotFound", "Router could not be found"))
    port = TABLES["ports"].get(body.get("port_id", ""))
    need(port, neutron(404, "PortNotFound", "Port could not be found"))
    subnet = port["fixed_ips"][0]["subnet_id"]
    if action == "add_router_interface":
        need(not port["device_id"], neutron(409, "PortInUse", "Unable to complete operation on port: in use."))
        port.update(device_id=identifier, device_owner="network:router_interface", status="ACTIVE")
    else:
        need(port["device_id"] == identifier, neutron(404, "RouterInterfaceNotFound", "no such interface"))
        for address in TABLES["floatingips"].values():
            inside = TABLES["ports"].get(address["port_id"] or "")
            need(not inside or inside["fixed_ips"][0]["subnet_id"] != subnet,
                 neutron(409, "RouterInterfaceInUseByFloatingIP", "required by one or more floating IPs."))
        del TABLES["ports"][port["id"]]
    return {"id": identifier, "port_id": port["id"], "subnet_id": subnet}


def neutron_associate(address, port_id):
    if port_id:
        port = TABLES["ports"].get(port_id)
        need(port, neutron(404, "PortNotFound", "Port could not be found"))
        subnet = port["fixed_ips"][0]["subnet_id"]
        routed = any(each["device_owner"] == "network:router_interface" and each["fixed_ips"][0]["subnet_id"] == subnet
                     for each in TABLES["ports"].values())
        need(routed, neutron(404, "ExternalGatewayForFloatingIPNotFound",
                             "External network is not reachable from subnet."))
    address.update(port_id=port_id, status="ACTIVE" if port_id else "DOWN")


# --- nova ------------------------------------------------------------------------------------------------------------
SERVER_FIELDS = {"name", "flavorRef", "networks", "config_drive", "metadata", "tags", "block_device_mapping_v2",
                 "availability_zone"}
DEVICE_FIELDS = {"boot_index", "uuid", "source_type", "destination_type", "volume_size", "delete_on_termination", "tag",
                 "volume_type"}


def bad_server(message):
    return nova(400, "badRequest", message)


def nova_create(document):
    check_fields(document, {"server", "os:scheduler_hints"}, lambda key: bad_server("Additional property " + key))
    body = document["server"]
    check_fields(body, SERVER_FIELDS, lambda key: bad_server("Additional properties are not allowed ('%s')" % key))
    need(1 <= len(body["name"]) <= 255, bad_server("name"))
    for key, value in body["metadata"].items():
        need(isinstance(value, str) and len(value) <= 255 and re.fullmatch(r"[a-zA-Z0-9-_:. ]{1,255}", key),
             bad_server("Invalid input for field/attribute metadata: " + key))
    need(len(body["tags"]) <= 50 and all(len(tag) <= 60 and "," not in tag and "/" not in tag for tag in body["tags"]),
         bad_server("tags"))
    need(any(flavor["id"] == body["flavorRef"] for flavor in FLAVORS), bad_server("Flavor could not be found."))
    need(body.get("availability_zone", "nova") == "nova", bad_server("The requested availability zone is not available"))
    devices = body["block_device_mapping_v2"]
    for device in devices:
        check_fields(device, DEVICE_FIELDS, lambda key: bad_server("Additional property " + key))
        need(device["volume_size"] >= 1, bad_server("volume_size"))
    need(devices[0]["uuid"] in TABLES["images"], bad_server("Can not find requested image"))
    hints = document.get("os:scheduler_hints", {})
    need(hints.get("group") is None or hints["group"] in TABLES["server_groups"], bad_server("no such server group"))
    used = sum(4 for server in TABLES["servers"].values())
    need(used + 4 <= OPTIONS["quota_cores"],
         nova(403, "forbidden", "Quota exceeded for cores: Requested 4, but already used %d of %d cores" % (
             used, OPTIONS["quota_cores"])))
    identifier = str(uuid.uuid4())
    for network in body["networks"]:
        port = TABLES["ports"].get(network["port"])
        need(port, bad_server("Port %s could not be found." % network["port"]))
        need(not port["device_id"], nova(409, "conflictingRequest", "Port %s is still in use." % network["port"]))
        port.update(device_id=identifier, device_owner="compute:nova", status="ACTIVE")
    volumes = []
    for device in devices:
        volume = {"id": str(uuid.uuid4()), "status": "in-use",
                  "name": "" if device["source_type"] == "image" else identifier + "-blank-vol", "metadata": {}, "size": device["volume_size"],
                  "of_server": identifier}
        TABLES["volumes"][volume["id"]] = volume
        volumes.append(volume["id"])
    TABLES["servers"][identifier] = {
        "id": identifier, "name": body["name"], "status": "BUILD", "metadata": dict(body["metadata"]),
        "tags": list(body["tags"]), "OS-EXT-STS:task_state": "spawning", "OS-EXT-AZ:availability_zone": "nova",
        "volumes": volumes, "hints": hints, "flavor": {"original_name": "m1a.4cd"}, "image": "", "looked": 0}
    return {"server": {"id": identifier, "links": [], "adminPass": "x", "OS-DCF:diskConfig": "MANUAL",
                       "security_groups": [{"name": "default"}]}}


def nova_look(server):
    server["looked"] += 1
    if server["OS-EXT-STS:task_state"] == "deleting":
        if server["looked"] > 1:
            nova_remove(server)
    elif server["status"] == "BUILD" and server["looked"] > 1:
        server["OS-EXT-STS:task_state"] = None
        server["status"] = "ERROR" if OPTIONS["server_error"] else "ACTIVE"
        if OPTIONS["server_error"]:
            server["fault"] = {"code": 500, "message": OPTIONS["server_error"]}


def nova_remove(server):
    for port in TABLES["ports"].values():
        if port["device_id"] == server["id"]:
            port.update(device_id="", device_owner="", status="DOWN")
    for volume in server["volumes"]:
        TABLES["volumes"].pop(volume, None)
    TABLES["servers"].pop(server["id"], None)
