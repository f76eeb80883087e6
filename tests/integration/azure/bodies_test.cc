// SPDX-License-Identifier: Apache-2.0
// Every body that the provider can send, over all options, against Azure's own
// description of its API; and that this check finds mistakes.
#include "cloud/azure/bodies.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloud/azure/arm_kinds.h"
#include "cloud/azure/azure_iam.h"
#include "cloud/azure/desired.h"
#include "cloud/azure/image_upload.h"
#include "cloud/azure/testing/azure_requests.h"
#include "common/command.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "tests/integration/azure/azure_world.h"

namespace constellation::cloud::azure::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Requests, a line each, for arm_schema.py --check.
class Requests final {
 public:
  void Add(std::string_view method, const std::string& id,
           std::string_view version, const json& body) {
    lines_ += json{
        {"method", method},
        {"url", fmt::format("{}?api-version={}", id, version)},
        {"body",
         body}}.dump();
    lines_ += "\n";
    ++count_;
  }
  // What the checker says; empty if it finds nothing.
  std::string Check() const {
    ProcessRunner runner;
    const auto result =
        runner.Run({"/usr/bin/python3", SourcePath("arm_schema.py"), "--check",
                    SchemaPath()},
                   {.input = AsBytes(lines_)});
    if (!result.ok()) {
      return result.status().ToString();
    }
    return result->exit_code == 0 ? "" : result->out + result->err;
  }
  int count() const { return count_; }

 private:
  std::string lines_;
  int count_ = 0;
};

void AddPlan(const std::vector<Resource>& plan, std::span<const ArmKind> kinds,
             Requests& requests) {
  for (const Resource& resource : plan) {
    for (const ArmKind& kind : kinds) {
      if (kind.kind == resource.kind) {
        json body = resource.desired["body"];
        if (kind.kind == kScaleSet) {
          CompleteScaleSet(body);
        }
        requests.Add("PUT", resource.desired["id"], kind.api_version, body);
      }
    }
  }
}

std::vector<ClusterRequest> EveryRequest() {
  using Change = std::function<void(ClusterRequest&)>;
  const auto settings = [](ClusterRequest& request) -> AzureSettings& {
    return std::get<AzureSettings>(request.settings);
  };
  const std::vector<std::vector<Change>> options = {
      {[](auto&) {}, [](auto& r) { r.internal_load_balancer = true; }},
      {[](auto&) {}, [](auto& r) { r.debug = true; }},
      {[](auto& r) { r.attestation_variant = "azure-sev-snp"; },
       [](auto& r) { r.attestation_variant = "azure-tdx"; },
       [](auto& r) { r.attestation_variant = "azure-trustedlaunch"; }},
      {[](auto&) {},
       [](auto& r) {
         for (auto& group : r.groups) {
           group.zone.clear();
         }
       }},
      {[](auto&) {},
       [](auto& r) {  // several groups, all zones, other disks
         for (int i = 1; i <= 3; ++i) {
           r.groups.push_back(r.groups[1]);
           r.groups.back().name = fmt::format("more_{}", i);
           r.groups.back().zone = std::to_string(i);
           r.groups.back().state_disk_type = "StandardSSD_LRS";
           r.groups.back().state_disk_size_gb = 100 * i;
           r.groups.back().count = 0;
         }
       }},
      {[](auto&) {},
       [](auto& r) {
         r.image = "/communityGalleries/g/images/i/versions/1.0.0";
       },
       [](auto& r) { r.image = "/sharedGalleries/g/images/i/versions/1.0.0"; },
       [&](auto& r) {
         settings(r).use_marketplace_image = true;
         r.image = "publisher:offer:plan:1.0.0";
       }},
      {[](auto&) {},
       [&](auto& r) {
         settings(r).secure_boot = true;
         r.tags.clear();
         r.custom_endpoint = "k8s.example.org";
         r.allowed_sources = {"0.0.0.0/0", "198.51.100.0/24"};
         r.node_cidr = "10.9.0.0/16";
       }}};
  std::vector<ClusterRequest> all = {SmallRequest()};
  for (const auto& choices : options) {
    std::vector<ClusterRequest> next;
    for (const ClusterRequest& request : all) {
      for (const Change& change : choices) {
        next.push_back(request);
        change(next.back());
      }
    }
    all = std::move(next);
  }
  return all;
}

TEST(BodiesTest, EveryClusterIsAsAzureDescribesIt) {
  Requests requests;
  for (const ClusterRequest& request : EveryRequest()) {
    ASSERT_OK_AND_ASSIGN(const auto plan, DesiredCluster(request));
    AddPlan(plan, ClusterKinds(), requests);
  }
  EXPECT_GT(requests.count(), 3000);
  EXPECT_EQ(requests.Check(), "");
}

TEST(BodiesTest, IdentitiesAndImagesToo) {
  Requests requests;
  const ClusterRequest request = SmallRequest();
  ASSERT_OK_AND_ASSIGN(
      const auto iam,
      DesiredIam(request.identity, std::get<AzureSettings>(request.settings),
                 {}));
  AddPlan(iam, IamKinds(), requests);
  for (const char* variant :
       {"azure-sev-snp", "azure-tdx", "azure-trustedlaunch"}) {
    const ImageUpload upload{.sha256 = std::string(64, 'a'),
                             .name = "constellation",
                             .version = "v2.24.0",
                             .attestation_variant = variant,
                             .settings = request.settings};
    ASSERT_OK_AND_ASSIGN(const ImageNames names, NamesOfImage(upload));
    requests.Add("PUT", names.disk, kDiskApi, UploadDiskBody(upload, 1 << 20));
    requests.Add("POST", names.disk + "/beginGetAccess", kDiskApi,
                 {{"access", "Write"}, {"durationInSeconds", 86400}});
    requests.Add("PUT", names.gallery, kGalleryApi, GalleryBody(upload));
    requests.Add("PUT", names.definition, kGalleryApi,
                 ImageDefinitionBody(upload));
    requests.Add("PUT", names.version, kGalleryApi,
                 ImageVersionBody(upload, names.disk));
  }
  EXPECT_EQ(requests.Check(), "");
}

// One change of what a scale set watches, as it is sent with PATCH.
TEST(BodiesTest, PatchesToo) {
  Requests requests;
  const ClusterRequest request = SmallRequest();
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredCluster(request));
  const Resource& set = plan.back();
  for (const Watched& watched : ClusterKinds().back().watched) {
    const json::json_pointer at{std::string(watched.pointer)};
    if (watched.replaces || !set.desired["body"].contains(at)) {
      continue;
    }
    json patch;
    patch[at] = set.desired["body"].at(at);
    for (const char* whole : {"sku", "identity"}) {
      if (patch.contains(whole)) {
        patch[whole] = set.desired["body"][whole];
      }
    }
    requests.Add("PATCH", set.desired["id"], kComputeApi, patch);
  }
  EXPECT_GE(requests.count(), 5);
  EXPECT_EQ(requests.Check(), "");
}

TEST(BodiesTest, TheCheckFindsMistakes) {
  const ClusterRequest request = SmallRequest();
  ASSERT_OK_AND_ASSIGN(const auto plan, DesiredCluster(request));
  const Resource& set = plan.back();
  struct Mistake {
    const char* finding;
    std::function<void(json&)> make;
  };
  const json::json_pointer security(
      "/properties/virtualMachineProfile/securityProfile");
  const std::vector<Mistake> mistakes = {
      {"want one of",
       [&](json& b) { b[security]["securityType"] = "ConfidentialVm"; }},
      {"vTPMEnabled: is not a field",
       [&](json& b) { b[security]["uefiSettings"]["vTPMEnabled"] = true; }},
      {"want int", [](json& b) { b["sku"]["capacity"] = "3"; }},
      {"is required by",
       [](json& b) {
         b["properties"]["virtualMachineProfile"]["storageProfile"]["osDisk"]
             .erase("createOption");
       }},
      {"is read-only",
       [](json& b) { b["properties"]["provisioningState"] = "Succeeded"; }},
      {"is required by", [](json& b) { b.erase("location"); }}};
  for (const Mistake& mistake : mistakes) {
    json body = set.desired["body"];
    mistake.make(body);
    Requests requests;
    requests.Add("PUT", set.desired["id"], kComputeApi, body);
    EXPECT_THAT(requests.Check(), HasSubstr(mistake.finding));
  }
  Requests version;
  version.Add("PUT", set.desired["id"], "2019-01-01", set.desired["body"]);
  EXPECT_THAT(version.Check(), HasSubstr("known are"));
}

}  // namespace
}  // namespace constellation::cloud::azure::testing
