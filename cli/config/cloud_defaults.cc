// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <variant>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config.h"

namespace constellation::cli {
namespace {

// Lowest firmware of Milan without the flaw of AMD-SB-3019 (forged microcode).
constexpr char kMilanFloor[] =
    R"({"products":{"Milan":{"minimumTCB":)"
    R"({"bootLoader":4,"tee":0,"snp":24,"microcode":219}}}})";
// Digests are the user's to fill in: an empty list is refused when it matters.
constexpr char kTdx[] =
    R"({"acceptedStatuses":["UpToDate"],"minimumEvaluationDataNumber":17})";

// Demands that are the same for everybody: firmware floors and TCB statuses.
// Measurements are the image's and stay empty.
std::string LayersOf(std::string_view variant) {
  std::string text;
  const auto add = [&text](std::string_view key, std::string_view value) {
    text += text.empty() ? "\"" : ",\"";
    text += key;
    text += "\":";
    text += value;
  };
  if (variant == "aws-sev-snp") {
    // Reports of shared hosts are signed with the provider's key.
    std::string snp(kMilanFloor);
    snp.insert(1, R"("allowVlek":true,)");
    add("sevSnp", snp);
  } else if (variant.ends_with("-sev-snp")) {
    add("sevSnp", kMilanFloor);
  } else if (variant.ends_with("-tdx")) {
    add("tdx", kTdx);
  }
  return "{" + text + "}";
}

// Presets exist for STACKIT only, whose ids are the same for all customers.
cloud::ProviderSettings SettingsOf(std::string_view provider) {
  if (provider == "azure") {
    return cloud::AzureSettings{};
  }
  if (provider == "gcp") {
    return cloud::GcpSettings{};
  }
  if (provider == "openstack") {
    return cloud::OpenStackSettings{};
  }
  if (provider == "stackit") {
    cloud::OpenStackSettings stackit;
    stackit.cloud = "stackit";
    stackit.availability_zone = "eu01-1";
    stackit.floating_ip_pool_id = "970ace5c-458f-484a-a660-0903bcfd91ad";
    stackit.region_name = "RegionOne";
    return stackit;
  }
  return cloud::AwsSettings{};
}

// SSDs: etcd waits for each write to reach the disk.
std::string DiskTypeOf(std::string_view provider) {
  if (provider == "aws") {
    return "gp3";
  }
  if (provider == "azure") {
    return "Premium_LRS";
  }
  if (provider == "gcp") {
    return "pd-ssd";
  }
  return provider == "stackit" ? "storage_premium_perf6" : "";
}

}  // namespace

// Three control-plane nodes: the least number that survives the loss of one.
Config DefaultCloudConfig(std::string_view provider, std::string_view variant) {
  const bool stackit = provider == "stackit";
  Config config;
  config.provider = stackit ? "openstack" : std::string(provider);
  config.cloud = SettingsOf(provider);
  std::visit([](auto& settings) { settings.deploy_csi_driver = false; },
             config.cloud);
  config.attestation_variant = variant;
  config.attestation_layers = LayersOf(variant);
  constexpr int kDiskGb = 30;
  NodeGroup group = {
      .state_disk_size_gb = kDiskGb,
      .instance_type = std::string(DefaultInstanceType(variant, stackit)),
      .state_disk_type = DiskTypeOf(provider)};
  group.role = kControlPlaneRole;
  group.initial_count = 3;
  config.node_groups[std::string(kControlPlaneGroup)] = group;
  group.role = kWorkerRole;
  group.initial_count = 1;
  config.node_groups[std::string(kWorkerGroup)] = group;
  return config;
}

}  // namespace constellation::cli
