// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/configs.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;

constexpr testing::BadConfig kBad[] = {
    {"UnknownNested", "qemu", "vcpus: 2", "vcpu: 2",
     "line 15: unknown key provider.qemu.vcpu; did you mean vcpus?"},
    {"Debug", "qemu", "debugCluster: false", "debugCluster: true",
     "debug image"},
    {"DebugText", "qemu", "debugCluster: false", "debugCluster: \"false\"",
     "debugCluster must be true or false, not the text \"false\""},
    {"LoadBalancer", "qemu", "internalLoadBalancer: false",
     "internalLoadBalancer: true", "not available"},
    {"CpuText", "qemu", "vcpus: 2", "vcpus: \"2\"",
     "vcpus must be a whole number, not the text \"2\""},
    {"CpuFraction", "qemu", "vcpus: 2", "vcpus: 1.5",
     "vcpus must be a whole number, not the number 1.5"},
    {"NoCpu", "qemu", "vcpus: 2", "vcpus: 0", "from 1 to 256, not 0"},
    {"HugeCpu", "qemu", "vcpus: 2", "vcpus: 99999999999999999999",
     "from 1 to 256"},
    {"LittleMemory", "qemu", "memory: 3072", "memory: 512",
     "provider.qemu.memory must be from 2048"},
    {"Format", "qemu", "imageFormat: raw", "imageFormat: qcow2",
     "imageFormat must be one of raw, not \"qcow2\""},
    {"Accelerator", "qemu", "accelerator: auto", "accelerator: kmv",
     "did you mean kvm?"},
    {"Libvirt", "qemu", "    vcpus: 2", "    libvirtSocket: \"\"",
     "provider.qemu.libvirtSocket is not used"},
    {"TwoProviders", "qemu", "  qemu:\n    imageFormat: raw",
     "  openstack: {}\n  qemu:\n    imageFormat: raw",
     "provider.qemu is there beside openstack"},
    {"Sources", "qemu", "tags: {team: blue}", "allowedSources: [10.0.0.0/8]",
     "allowedSources has no meaning for provider qemu"},
    {"AwsRegion", "aws", "region: eu-west-1", "region: eu-wset-1",
     "\"eu-wset-1\" is no known region of AWS; did you mean "
     "eu-west-1?"},
    {"AwsZone", "aws", "zone: eu-west-1a", "zone: eu-west-2a",
     "is no known zone of eu-west-1; did you mean eu-west-1a?"},
    {"AwsProfileArn", "aws", "demo_worker", "arn:aws:iam::1:instance-profile/x",
     "not an ARN"},
    {"AwsNoProfile", "aws", "demo_worker", "",
     "iamProfileWorkerNodes is missing: `constellation iam create"},
    {"AwsMarketplace", "aws", "  aws:\n",
     "  aws:\n    useMarketplaceImage: true\n",
     "useMarketplaceImage true is not available"},
    {"AwsCsi", "aws", "deployCSIDriver: false", "deployCSIDriver: true",
     "no driver is part of the node"},
    {"AwsTypo", "aws", "deployCSIDriver", "deployCsiDriver",
     "did you mean deployCSIDriver?"},
    {"AzureSubscription", "azure", "subscription: \"970ace5c",
     "subscription: \"970ace5", "subscription must be a UUID"},
    {"AzureLocation", "azure", "location: westeurope", "location: west-europe",
     "did you mean westeurope?"},
    {"AzureGroup", "azure", "resourceGroup: demo-rg", "resourceGroup: demo.",
     "resourceGroup must be up to 90"},
    {"AzureIdentity", "azure", "Microsoft.ManagedIdentity", "Microsoft.Other",
     "userAssignedIdentity must be a resource"},
    {"GcpProject", "gcp", "project: demo-project", "project: 123456789012",
     "must be a project's id"},
    {"GcpZone", "gcp", "zone: europe-west3-b", "zone: europe-west3-f",
     "is no known zone of europe-west3"},
    {"GcpAccount", "gcp", "vm@demo-project", "demo-project",
     "IAMServiceAccountVM must be a service account's"},
    {"OpenStackPool", "openstack", "floatingIPPoolID: \"970ace5c",
     "floatingIPPoolID: \"public-970ace5c", "must be the id of a net"},
    {"OpenStackYawol", "openstack", "  openstack:\n",
     "  openstack:\n    deployYawolLoadBalancer: true\n",
     "deployYawolLoadBalancer true is not available"},
    {"SourceWithoutLength", "gcp", "Sources: [203.0.113.7/32",
     "Sources: [203.0.113.7", "allowedSources must list IPv4 networks"},
    {"NoSources", "gcp", "[203.0.113.7/32, 198.51.100.0/24]", "[]",
     "your own public address"}};

TEST(ProviderSectionTest, RefusesEachSpoiltLineWithReason) {
  for (const testing::BadConfig& bad : kBad) {
    testing::ExpectRefused(bad);
  }
}

TEST(ProviderSectionTest, ForceAcceptsPlacesThatAreNotKnownYet) {
  std::string text = RenderConfig(testing::FilledConfig("aws", "aws-sev-snp"));
  text = testing::Replaced(text, "region: eu-west-1", "region: xy-west-9");
  text = testing::Replaced(text, "zone: eu-west-1a", "zone: xy-west-9a");
  text = testing::Replaced(text, "m6a.xlarge", "m99a.xlarge");
  EXPECT_THAT(ParseConfig(text, "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const Config config,
                       ParseConfig(text, "conf", {.any_place = true}));
  EXPECT_EQ(std::get<cloud::AwsSettings>(config.cloud).region, "xy-west-9");
}

}  // namespace
}  // namespace constellation::cli
