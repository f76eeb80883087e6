// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_CONFIGS_H_
#define CONSTELLATION_CLI_TESTING_CONFIGS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config.h"
#include "common/status.h"

// Configurations that are right in every line until a test spoils one.
namespace constellation::cli::testing {

// Of the local platform, with a field of every type.
inline constexpr std::string_view kGoodConfig = R"(version: v4
image: /images/node.raw
name: constell
kubernetesVersion: v1.20.2
microserviceVersion: ""
debugCluster: false
customEndpoint: ""
internalLoadBalancer: false
serviceCIDR: 10.96.0.0/12
podCIDR: 10.244.0.0/16
tags: {team: blue}
provider:
  qemu:
    imageFormat: raw
    vcpus: 2
    memory: 3072
    firmware: ""
    accelerator: auto
nodeGroups:
  control_plane_default:
    role: control-plane
    stateDiskSizeGB: 10
    initialCount: 1
  worker_default:
    role: worker
    stateDiskSizeGB: 10
    initialCount: 1
attestation:
  qemuVTPM:
    measurements: {}
)";

// `text` with the first `from` replaced, which must be there.
inline std::string Replaced(std::string text, std::string_view from,
                            std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in\n" << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// A whole configuration of a cloud, as a user and `iam create` complete it.
inline Config FilledConfig(std::string_view provider,
                           std::string_view variant) {
  constexpr char kUuid[] = "970ace5c-458f-484a-a660-0903bcfd91ad";
  Config config = DefaultCloudConfig(provider, variant);
  config.image = "image-1";
  config.name = "demo";
  config.kubernetes_version = "v1.31.13";
  config.allowed_sources = {"203.0.113.7/32", "198.51.100.0/24"};
  config.tags = {{"team", "blue"}};
  if (auto* aws = std::get_if<cloud::AwsSettings>(&config.cloud)) {
    aws->region = "eu-west-1";
    aws->zone = "eu-west-1a";
    aws->iam_profile_control_plane = "demo_control_plane";
    aws->iam_profile_worker_nodes = "demo_worker";
  } else if (auto* azure = std::get_if<cloud::AzureSettings>(&config.cloud)) {
    azure->subscription = kUuid;
    azure->tenant = kUuid;
    azure->location = "westeurope";
    azure->resource_group = "demo-rg";
    azure->user_assigned_identity =
        "/subscriptions/970ace5c-458f-484a-a660-0903bcfd91ad/resourceGroups/"
        "demo-identity/providers/Microsoft.ManagedIdentity/"
        "userAssignedIdentities/demo";
  } else if (auto* gcp = std::get_if<cloud::GcpSettings>(&config.cloud)) {
    gcp->project = "demo-project";
    gcp->region = "europe-west3";
    gcp->zone = "europe-west3-b";
    gcp->service_account_key_path = "gcpServiceAccountKey.json";
    gcp->iam_service_account_vm = "vm@demo-project.iam.gserviceaccount.com";
  } else {
    auto& openstack = std::get<cloud::OpenStackSettings>(config.cloud);
    openstack.availability_zone = "nova";
    openstack.floating_ip_pool_id = kUuid;
    openstack.region_name = "RegionOne";
    for (auto& [name, group] : config.node_groups) {
      group.instance_type = provider == "stackit" ? "m1a.4cd" : "c1.large";
    }
  }
  return config;
}

// All variants but the local platform's.
inline std::vector<CloudVariant> Clouds() {
  std::vector<CloudVariant> variants = CloudVariants();
  std::erase_if(variants, [](const CloudVariant& variant) {
    return variant.provider == kProviderQemu;
  });
  return variants;
}

// One spoilt line, and what the user is told. `provider`: "qemu" or a cloud,
// whose default variant is taken.
struct BadConfig {
  const char* name;
  const char* provider;
  const char* from;
  const char* to;
  const char* message;
};

inline std::string GoodText(std::string_view provider) {
  return provider == kProviderQemu
             ? std::string(kGoodConfig)
             : RenderConfig(FilledConfig(provider, DefaultVariant(provider)));
}

// Expects that the good configuration is read and the spoilt one refused.
inline void ExpectRefused(const BadConfig& bad) {
  SCOPED_TRACE(bad.name);
  const std::string good = GoodText(bad.provider);
  EXPECT_TRUE(ParseConfig(good, "conf").ok());
  const absl::Status status =
      ParseConfig(Replaced(good, bad.from, bad.to), "conf").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(Message(status)), ::testing::HasSubstr(bad.message));
}

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_CONFIGS_H_
