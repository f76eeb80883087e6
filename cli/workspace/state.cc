// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/state.h"

#include <fmt/format.h>

#include <array>
#include <set>

#include "cli/config/measurements.h"
#include "cli/config/syntax.h"
#include "cli/yaml/map_reader.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

constexpr size_t kSha256HexDigits = 64;
constexpr size_t kAkNameHexDigits = 68;  // algorithm identifier and SHA-256

// Hex of exactly `digits` digits, or empty.
std::string Hex(MapReader& reader, std::string_view key, size_t digits) {
  std::string text = reader.Text(key).value_or("");
  if (!text.empty() && !IsHexOfLength(text, digits)) {
    // Not repeated: one of these is a secret.
    reader.Problem(key, fmt::format("must be {} hex digits", digits));
  }
  return text;
}

// 0 for none.
uint16_t Port(MapReader& reader, std::string_view key) {
  return static_cast<uint16_t>(reader.Number(key, 0, 65535).value_or(0));
}

// A node without pins is one that was not enrolled yet; half a pin cannot be
// told from that and is treated so.
StateNode ReadNode(const YamlValue& value, Problems& problems) {
  MapReader reader(value, "infrastructure.qemu.nodes[]", problems);
  StateNode node;
  reader.Require("name");
  node.name = reader.Text("name").value_or("");
  if (!node.name.empty() && !IsDnsLabel(node.name)) {
    reader.Problem("name", "must be a DNS label");
  }
  reader.Require("role");
  node.role = reader
                  .Choice("role", {std::string(kControlPlaneRole),
                                   std::string(kWorkerRole)})
                  .value_or("");
  node.ek_certificate_sha256 =
      Hex(reader, "ekCertificateSHA256", kSha256HexDigits);
  node.ak_name = Hex(reader, "akName", kAkNameHexDigits);
  if (const YamlValue* ports = reader.ChildMap("ports")) {
    MapReader fields(*ports, "infrastructure.qemu.nodes[].ports", problems);
    node.ports.init = Port(fields, "init");
    node.ports.recovery = Port(fields, "recovery");
    node.ports.api_server = Port(fields, "apiServer");
    node.ports.verification = Port(fields, "verification");
    fields.Finish();
  }
  reader.Finish();
  return node;
}

// Names must be unique: they decide which TPM answers for whom.
void ReadQemuState(const YamlValue& value, Problems& problems,
                   QemuState& qemu) {
  MapReader reader(value, "infrastructure.qemu", problems);
  qemu.image = reader.Text("image").value_or("");
  qemu.measurements = ReadMeasurements(reader, "measurements", problems);
  std::set<std::string> names;
  if (const YamlValue* nodes = reader.ChildList("nodes")) {
    for (const YamlValue& item : nodes->items) {
      StateNode node = ReadNode(item, problems);
      if (!node.name.empty() && !names.insert(node.name).second) {
        problems.Add(item.line,
                     fmt::format("node {} is there twice", node.name));
      }
      qemu.nodes.push_back(std::move(node));
    }
  }
  reader.Finish();
}

constexpr std::array<std::string_view, 4> kClouds = {"aws", "azure", "gcp",
                                                     "openstack"};

// The block of a cloud, at most one, and what belongs to it.
void ReadCloudState(MapReader& reader, CloudState& cloud) {
  for (const std::string_view provider : kClouds) {
    if (reader.ChildMap(provider) == nullptr) {
      continue;
    }
    if (!cloud.provider.empty()) {
      reader.Problem(provider, fmt::format("is there beside {}: a cluster is "
                                           "in one cloud",
                                           cloud.provider));
    }
    cloud.provider = provider;
    cloud.details = reader.TextMap(provider);
  }
  cloud.attestation_profile = reader.Text("attestationProfile").value_or("");
  cloud.enrolled_tpms = reader.Text("enrolledTPMs").value_or("");
  cloud.first_node_ak = Hex(reader, "firstNodeAK", kSha256HexDigits);
  if (cloud.provider.empty() &&
      !(cloud.attestation_profile.empty() && cloud.first_node_ak.empty())) {
    reader.Problem(
        cloud.first_node_ak.empty() ? "attestationProfile" : "firstNodeAK",
        "belongs to a cloud, but there is no block of one");
  }
}

// The file may be edited by hand; what goes into addresses and certificates is
// checked as if it came from anybody.
void ReadInfrastructure(const YamlValue& value, Problems& problems,
                        Infrastructure& infrastructure) {
  MapReader reader(value, "infrastructure", problems);
  infrastructure.uid = reader.Text("uid").value_or("");
  infrastructure.name = reader.Text("name").value_or("");
  infrastructure.cluster_endpoint = reader.Text("clusterEndpoint").value_or("");
  infrastructure.in_cluster_endpoint =
      reader.Text("inClusterEndpoint").value_or("");
  for (const auto& [key, host] :
       {std::pair{"clusterEndpoint", infrastructure.cluster_endpoint},
        std::pair{"inClusterEndpoint", infrastructure.in_cluster_endpoint}}) {
    if (!host.empty() && !IsHostName(host)) {
      reader.Problem(key, "must be a host name or an IPv4 address");
    }
  }
  infrastructure.init_secret = Hex(reader, "initSecret", kSha256HexDigits);
  infrastructure.ip_cidr_node = reader.Text("ipCidrNode").value_or("");
  if (!infrastructure.ip_cidr_node.empty() &&
      !IsIpv4Cidr(infrastructure.ip_cidr_node)) {
    reader.Problem("ipCidrNode", "must be an IPv4 network");
  }
  infrastructure.api_server_cert_sans = reader.TextList("apiServerCertSANs");
  if (const YamlValue* qemu = reader.ChildMap("qemu")) {
    ReadQemuState(*qemu, problems, infrastructure.qemu);
  }
  ReadCloudState(reader, infrastructure.cloud);
  if (!infrastructure.cloud.provider.empty() &&
      !infrastructure.qemu.nodes.empty()) {
    reader.Problem("qemu", "is there beside a cloud");
  }
  if (!infrastructure.uid.empty() && !IsDnsLabel(infrastructure.uid)) {
    reader.Problem("uid", "must be lower-case letters and digits");
  }
  if (infrastructure.uid.empty() && !infrastructure.qemu.nodes.empty()) {
    problems.Add(value.line,
                 "infrastructure.uid is missing but there are nodes");
  }
  reader.Finish();
}

// Without the salt nobody could derive the cluster ID again.
void ReadClusterValues(const YamlValue& value, Problems& problems,
                       ClusterValues& values) {
  MapReader reader(value, "clusterValues", problems);
  values.cluster_id = Hex(reader, "clusterID", kSha256HexDigits);
  values.measurement_salt = Hex(reader, "measurementSalt", kSha256HexDigits);
  reader.Text("ownerID");  // written by the original, unused there too
  if (!values.cluster_id.empty() && values.measurement_salt.empty()) {
    reader.Problem("measurementSalt", "is missing but there is a clusterID");
  }
  reader.Finish();
}

// The renderers write all keys, also empty ones.
std::string RenderNode(const StateNode& node) {
  return fmt::format(
      "      - name: {}\n"
      "        role: {}\n"
      "        ekCertificateSHA256: \"{}\"\n"
      "        akName: \"{}\"\n"
      "        ports:\n"
      "          init: {}\n"
      "          recovery: {}\n"
      "          apiServer: {}\n"
      "          verification: {}\n",
      QuoteYaml(node.name), node.role, node.ek_certificate_sha256, node.ak_name,
      node.ports.init, node.ports.recovery, node.ports.api_server,
      node.ports.verification);
}

std::string RenderQemu(const QemuState& qemu) {
  std::string text =
      fmt::format("  qemu:\n    image: {}\n", QuoteYaml(qemu.image));
  if (qemu.measurements.empty()) {
    text += "    measurements: {}\n";
  } else {
    text +=
        "    measurements:\n" + RenderMeasurements(qemu.measurements, "      ");
  }
  if (qemu.nodes.empty()) {
    return text + "    nodes: []\n";
  }
  text += "    nodes:\n";
  for (const StateNode& node : qemu.nodes) {
    text += RenderNode(node);
  }
  return text;
}

std::string RenderCloud(const CloudState& cloud) {
  std::string text = fmt::format("  {}:", cloud.provider);
  text += cloud.details.empty() ? " {}\n" : "\n";
  for (const auto& [key, value] : cloud.details) {
    text += fmt::format("    {}: {}\n", QuoteYaml(key), QuoteYaml(value));
  }
  const std::string tpms =
      cloud.enrolled_tpms.empty()
          ? ""
          : fmt::format("  enrolledTPMs: {}\n", QuoteYaml(cloud.enrolled_tpms));
  return text + fmt::format(
                    "  # By what nodes are judged. Whoever changes it changes "
                    "what is believed.\n"
                    "  attestationProfile: {}\n"
                    "{}"
                    "  firstNodeAK: \"{}\"\n",
                    QuoteYaml(cloud.attestation_profile), tpms,
                    cloud.first_node_ak);
}

}  // namespace

const StateNode* State::FindNode(std::string_view name) const {
  for (const StateNode& node : infrastructure.qemu.nodes) {
    if (node.name == name) {
      return &node;
    }
  }
  return nullptr;
}

absl::StatusOr<State> ParseState(std::string_view text, std::string_view file) {
  Problems problems;
  const YamlValue document = ParseYaml(text, problems);
  RETURN_IF_ERROR(problems.ToStatus(file));
  State state;
  MapReader top(document, "", problems);
  top.Require("version");
  if (const auto version = top.Text("version");
      version && *version != kStateVersion) {
    top.Problem("version",
                fmt::format("must be {}, not \"{}\"", kStateVersion, *version));
  }
  if (const YamlValue* infrastructure = top.ChildMap("infrastructure")) {
    ReadInfrastructure(*infrastructure, problems, state.infrastructure);
  }
  if (const YamlValue* values = top.ChildMap("clusterValues")) {
    ReadClusterValues(*values, problems, state.cluster_values);
  }
  top.Finish();
  RETURN_IF_ERROR(problems.ToStatus(file));
  return state;
}

std::string RenderState(const State& state) {
  const Infrastructure& infrastructure = state.infrastructure;
  std::string text = fmt::format(
      "# Written by constellation. Holds the init secret: keep it private.\n"
      "version: {}\n"
      "infrastructure:\n"
      "  uid: {}\n"
      "  name: {}\n"
      "  clusterEndpoint: {}\n"
      "  inClusterEndpoint: {}\n"
      "  initSecret: \"{}\"\n"
      "  ipCidrNode: {}\n",
      kStateVersion, QuoteYaml(infrastructure.uid),
      QuoteYaml(infrastructure.name),
      QuoteYaml(infrastructure.cluster_endpoint),
      QuoteYaml(infrastructure.in_cluster_endpoint), infrastructure.init_secret,
      QuoteYaml(infrastructure.ip_cidr_node));
  if (infrastructure.api_server_cert_sans.empty()) {
    text += "  apiServerCertSANs: []\n";
  } else {
    text += "  apiServerCertSANs:\n";
    for (const std::string& name : infrastructure.api_server_cert_sans) {
      text += fmt::format("    - {}\n", QuoteYaml(name));
    }
  }
  if (state.IsCloud()) {
    text += RenderCloud(infrastructure.cloud);
  } else if (state.HasInfrastructure()) {
    text += RenderQemu(infrastructure.qemu);
  }
  text += fmt::format(
      "clusterValues:\n"
      "  clusterID: \"{}\"\n"
      "  ownerID: \"\"\n"
      "  measurementSalt: \"{}\"\n",
      state.cluster_values.cluster_id, state.cluster_values.measurement_salt);
  return text;
}

}  // namespace constellation::cli
