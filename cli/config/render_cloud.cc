// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config_reading.h"
#include "cli/config/measurements.h"
#include "cli/yaml/yaml_value.h"

namespace constellation::cli {
namespace {

using Json = nlohmann::ordered_json;

// "    # comment\n    key: value\n" for each line of a provider's section.
class Section final {
 public:
  explicit Section(std::string_view provider)
      : text_(fmt::format("# Where the nodes run. Exactly one provider.\n"
                          "provider:\n  {}:\n",
                          provider)) {}
  // Each adds one key with its comment. Values are quoted where YAML would read
  // them as something else.
  Section& Text(std::string_view key, std::string_view value,
                std::string_view comment) {
    text_ +=
        fmt::format("    # {}\n    {}: {}\n", comment, key, QuoteYaml(value));
    return *this;
  }
  Section& Truth(std::string_view key, bool value, std::string_view comment) {
    text_ += fmt::format("    # {}\n    {}: {}\n", comment, key, value);
    return *this;
  }
  // The text; the section is empty afterwards.
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

constexpr std::string_view kCsi =
    "Not available: install the cloud's driver for volumes yourself.";
constexpr std::string_view kByIam = "Written by `constellation iam create`.";

// Keys in the order in which a person fills them in.
std::string RenderAws(const cloud::AwsSettings& aws) {
  return Section("aws")
      .Text("region", aws.region, "Region, such as eu-west-1.")
      .Text("zone", aws.zone,
            "Zone of groups that name none, such as eu-west-1a.")
      .Text("iamProfileControlPlane", aws.iam_profile_control_plane, kByIam)
      .Text("iamProfileWorkerNodes", aws.iam_profile_worker_nodes, kByIam)
      .Truth("deployCSIDriver", aws.deploy_csi_driver, kCsi)
      .Take();
}

std::string RenderAzure(const cloud::AzureSettings& azure) {
  return Section("azure")
      .Text("subscription", azure.subscription, "Id of the subscription.")
      .Text("tenant", azure.tenant, "Id of the tenant.")
      .Text("location", azure.location, "Location, such as westeurope.")
      .Text("resourceGroup", azure.resource_group, kByIam)
      .Text("userAssignedIdentity", azure.user_assigned_identity, kByIam)
      .Truth("deployCSIDriver", azure.deploy_csi_driver, kCsi)
      .Truth("secureBoot", azure.secure_boot,
             "Whether machines boot signed images only; verified, too.")
      .Take();
}

std::string RenderGcp(const cloud::GcpSettings& gcp) {
  return Section("gcp")
      .Text("project", gcp.project, "Id of the project.")
      .Text("region", gcp.region, "Region, such as europe-west3.")
      .Text("zone", gcp.zone,
            "Zone of groups that name none, such as europe-west3-a.")
      .Text("serviceAccountKeyPath", gcp.service_account_key_path, kByIam)
      .Text("IAMServiceAccountVM", gcp.iam_service_account_vm, kByIam)
      .Truth("deployCSIDriver", gcp.deploy_csi_driver, kCsi)
      .Take();
}

// Keys of yawol are left out: they only exist to be refused or ignored.
std::string RenderOpenStack(const cloud::OpenStackSettings& openstack) {
  return Section("openstack")
      .Text("cloud", openstack.cloud,
            "Entry of clouds.yaml; empty: OS_CLOUD or the only one.")
      .Text("cloudsYAMLPath", openstack.clouds_yaml_path,
            "Path of clouds.yaml; empty: where OpenStack's own tools look.")
      .Text("availabilityZone", openstack.availability_zone,
            "Zone of groups that name none.")
      .Text("floatingIPPoolID", openstack.floating_ip_pool_id,
            "Id of the external network.")
      .Text("regionName", openstack.region_name, "Region.")
      .Text("stackitProjectID", openstack.stackit_project_id,
            "Id of the project; STACKIT only.")
      .Truth("deployCSIDriver", openstack.deploy_csi_driver, kCsi)
      .Take();
}

// A JSON value as YAML. Objects become indented maps, lists stay on their line
// (JSON lists are YAML lists), texts are quoted where they must be.
void RenderValue(const Json& value, const std::string& indent,
                 std::string& text) {
  if (!value.is_object() || value.empty()) {
    text += " " +
            (value.is_string() ? QuoteYaml(value.get_ref<const std::string&>())
                               : value.dump()) +
            "\n";
    return;
  }
  text += "\n";
  for (const auto& [key, member] : value.items()) {
    text += fmt::format("{}{}:", indent, key);
    RenderValue(member, indent + "  ", text);
  }
}

// The floors on Milan in the original's keys, taken out of `snp`; empty if they
// say more than those keys can.
std::string RenderFloors(Json& snp) {
  const auto products = snp.find("products");
  if (products == snp.end() || products->size() != 1 ||
      !products->contains("Milan") || (*products)["Milan"].size() != 1) {
    return "";
  }
  // All four components or none: the original's keys know no other floors.
  const Json floor = (*products)["Milan"].value("minimumTCB", Json::object());
  for (const char* part : {"bootLoader", "tee", "snp", "microcode"}) {
    if (floor.size() != 4 || !floor.contains(part)) {
      return "";
    }
  }
  snp.erase("products");
  return fmt::format(
      "    # Lowest firmware that is accepted (AMD Milan); other products: "
      "sevSnp.products.\n"
      "    bootloaderVersion: {}\n    teeVersion: {}\n    snpVersion: {}\n"
      "    microcodeVersion: {}\n",
      floor["bootLoader"].dump(), floor["tee"].dump(), floor["snp"].dump(),
      floor["microcode"].dump());
}

// What the user has to fill in, by the layer that is rendered.
std::string_view AdviceFor(std::string_view layer) {
  if (layer == "sevSnp") {
    return "    # Demands on the SEV-SNP report, in the words of a policy. "
           "`measurements` (launch digests,\n"
           "    # `constellation image measure --firmware`) or `idKeyDigests` "
           "must be among them.\n";
  }
  if (layer == "tdx") {
    return "    # Demands on the TDX quote, in the words of a policy. `mrtd`, "
           "the firmware's digest\n"
           "    # (`constellation image measure --firmware`), must be among "
           "them.\n";
  }
  return "    # Demands on what the cloud says of its machines, in the words "
         "of a policy.\n";
}

}  // namespace

std::string RenderCloudProvider(const Config& config) {
  if (const auto* aws = std::get_if<cloud::AwsSettings>(&config.cloud)) {
    return RenderAws(*aws);
  }
  if (const auto* azure = std::get_if<cloud::AzureSettings>(&config.cloud)) {
    return RenderAzure(*azure);
  }
  if (const auto* gcp = std::get_if<cloud::GcpSettings>(&config.cloud)) {
    return RenderGcp(*gcp);
  }
  return RenderOpenStack(std::get<cloud::OpenStackSettings>(config.cloud));
}

// The demands are rendered from JSON, so that whatever they are, ParseConfig()
// reads them back.
std::string RenderCloudAttestation(const Config& config) {
  const CloudVariant* variant = FindCloudVariant(config.attestation_variant);
  std::string text = fmt::format(
      "# How nodes prove what they run.\n"
      "attestation:\n"
      "  {}:\n"
      "    # PCR index: {{expected: SHA-256 in hex, warnOnly: false}}. "
      "`constellation image upload --update-config`\n"
      "    # writes them, `constellation image measure` shows them. warnOnly: "
      "true WEAKENS verification.\n",
      variant == nullptr ? config.attestation_variant : variant->key);
  text += config.measurements.empty()
              ? "    measurements: {}\n"
              : "    measurements:\n" +
                    RenderMeasurements(config.measurements, "      ");
  if (variant != nullptr && variant->key == "qemuVTPM") {
    text += fmt::format(
        "    # The TPM of each node, which only the owner of the cloud can "
        "read: "
        "{{nodeName, role, ekCertificateSHA256,\n"
        "    # akName}}. No other machine is believed; they prove nothing "
        "against whoever runs the cloud.\n"
        "    enrolledTPMs: {}\n",
        config.enrolled_tpms);
  }
  Json layers = Json::parse(config.attestation_layers, nullptr,
                            /*allow_exceptions=*/false);
  if (!layers.is_object()) {
    return text;
  }
  for (auto& [layer, demands] : layers.items()) {
    if (layer == "sevSnp") {
      text += RenderFloors(demands);
    }
    text += AdviceFor(layer);
    text += fmt::format("    {}:", layer);
    RenderValue(demands, "      ", text);
  }
  return text;
}

}  // namespace constellation::cli
