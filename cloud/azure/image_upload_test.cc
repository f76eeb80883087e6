// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/image_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/arm_driver.h"
#include "cloud/azure/azure_iam.h"
#include "cloud/azure/testing/azure_requests.h"
#include "cloud/azure/vhd.h"
#include "cloud/engine/cloud_error.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(VhdTest, FooterIsThatOfTheSpecification) {
  const std::string footer = VhdFooter(3 * kVhdAlignment, "id");
  ASSERT_THAT(footer, SizeIs(512));
  EXPECT_TRUE(footer.starts_with("conectix"));
  const auto hex = [&](size_t at, size_t size) {
    return HexEncode(AsBytes(std::string_view(footer).substr(at, size)));
  };
  EXPECT_EQ(hex(8, 8), "0000000200010000");
  EXPECT_EQ(hex(16, 8), "ffffffffffffffff");
  EXPECT_EQ(hex(40, 8), "0000000000300000") << "original size";
  EXPECT_EQ(hex(48, 8), "0000000000300000") << "current size";
  EXPECT_EQ(hex(60, 4), "00000002") << "fixed";
  uint32_t sum = 0;
  for (size_t i = 0; i < footer.size(); ++i) {
    sum += i >= 64 && i < 68 ? 0 : static_cast<uint8_t>(footer[i]);
  }
  EXPECT_EQ(hex(64, 4), [&] {
    const uint32_t want = ~sum;
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
      text += static_cast<char>((want >> static_cast<unsigned>(shift)) & 0xffU);
    }
    return HexEncode(AsBytes(text));
  }());
}

// The specification's own example of the calculation: 40 GiB is 65535 cylinders
// at most; small disks have 17 sectors a track and 4 heads.
TEST(VhdTest, GeometryOfSmallAndLargeDisks) {
  const auto geometry = [](uint64_t size) {
    return HexEncode(
        AsBytes(std::string_view(VhdFooter(size, "")).substr(56, 4)));
  };
  EXPECT_EQ(geometry(kVhdAlignment), "001e0411");  // 30 x 4 x 17
  EXPECT_EQ(geometry(uint64_t{200} << 30U), "ffff10ff");
  EXPECT_EQ(VhdDiskSize(1), kVhdAlignment);
  EXPECT_EQ(VhdDiskSize(kVhdAlignment), kVhdAlignment);
  EXPECT_EQ(VhdDiskSize(kVhdAlignment + 1), 2 * kVhdAlignment);
}

ImageUpload Good() {
  return {.path = "/x",
          .sha256 = std::string(64, 'a'),
          .name = "constellation",
          .version = "v2.24.0",
          .attestation_variant = "azure-sev-snp",
          .settings = testing::SmallRequest().settings};
}

TEST(ImageNamesTest, FollowFromTheUpload) {
  ASSERT_OK_AND_ASSIGN(const ImageNames names, NamesOfImage(Good()));
  EXPECT_THAT(names.version,
              EndsWith("/resourceGroups/rg/providers/Microsoft.Compute/"
                       "galleries/constellation/images/azure-sev-snp/versions/"
                       "2.24.0"));
  EXPECT_THAT(names.disk, EndsWith("constellation-upload-aaaaaaaaaaaaaaaa"));
}

TEST(ImageNamesTest, RefusesWhatAzureWouldNotTake) {
  const std::vector<std::function<void(ImageUpload&)>> spoilers = {
      [](ImageUpload& u) { u.version = "2.24"; },
      [](ImageUpload& u) { u.version = "v2.24.0-pre"; },
      [](ImageUpload& u) { u.version = "v2.24.0.1"; },
      [](ImageUpload& u) { u.name = "a/b"; },
      [](ImageUpload& u) { u.name = ""; },
      [](ImageUpload& u) { u.sha256 = "aa"; },
      [](ImageUpload& u) { u.attestation_variant = "qemu-vtpm"; },
      [](ImageUpload& u) { u.settings = GcpSettings{}; },
      [](ImageUpload& u) {
        std::get<AzureSettings>(u.settings).subscription = "x";
      }};
  for (size_t i = 0; i < spoilers.size(); ++i) {
    ImageUpload upload = Good();
    spoilers[i](upload);
    EXPECT_THAT(NamesOfImage(upload),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << i;
  }
}

TEST(ImageBodiesTest, SayWhatTheImageCanDo) {
  ImageUpload upload = Good();
  EXPECT_EQ(ImageDefinitionBody(upload)["properties"]["features"][0]["value"],
            "ConfidentialVmSupported");
  EXPECT_EQ(
      UploadDiskBody(upload,
                     1 << 20)["properties"]["creationData"]["uploadSizeBytes"],
      (1 << 20) + 512);
  EXPECT_EQ(
      ImageVersionBody(
          upload,
          "/d")["properties"]["storageProfile"]["osDiskImage"]["source"]["id"],
      "/d");
  upload.attestation_variant = "azure-trustedlaunch";
  EXPECT_EQ(ImageDefinitionBody(upload)["properties"]["features"][0]["value"],
            "TrustedLaunchSupported");
}

TEST(IamTest, FormsAPlanWithTheLeastPermissions) {
  const ClusterIdentity identity{.uid = "0a1b2c3d", .name = "demo"};
  const auto settings =
      std::get<AzureSettings>(testing::SmallRequest().settings);
  ASSERT_OK_AND_ASSIGN(const auto all, DesiredIam(identity, settings, {}));
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_THAT(DependencyOrder(all), IsOk());
  const json role = all[2].desired["body"]["properties"];
  const json actions = role["permissions"][0]["actions"];
  for (const json& action : actions) {
    EXPECT_THAT(action.get<std::string>(), ::testing::Not(HasSubstr("*")));
    EXPECT_THAT(action.get<std::string>(),
                ::testing::Not(HasSubstr("Authorization")));
  }
  EXPECT_THAT(actions, Contains("Microsoft.Network/loadBalancers/read"));
  EXPECT_EQ(role["assignableScopes"].size(), 1);
  EXPECT_EQ(all[3].desired["body"]["properties"]["principalId"],
            "@{node-identity:/properties/principalId}");
  ASSERT_OK_AND_ASSIGN(const auto again, DesiredIam(identity, settings, {}));
  EXPECT_EQ(all[3].desired, again[3].desired) << "the same UUID";
  AzureSettings bad = settings;
  bad.location.clear();
  EXPECT_THAT(DesiredIam(identity, bad, {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DesiredIam(identity, settings, {{"identity", "a/b"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ReferencesTest, AreReplacedByOutputs) {
  const Observed identity{.attributes = {{"p", {{"id", "x"}}}}};
  const auto dependency = [&](std::string_view name) {
    return name == "i" ? &identity : nullptr;
  };
  const json body = {{"a", {"@{i:/p/id}", 7}}, {"b", "@x"}};
  ASSERT_OK_AND_ASSIGN(const json resolved,
                       ResolveReferences(body, dependency));
  EXPECT_EQ(resolved, json({{"a", {"x", 7}}, {"b", "@x"}}));
  EXPECT_EQ(CloudErrorKindOf(ResolveReferences("@{i:/q}", dependency).status()),
            CloudErrorKind::kNotFound);
  EXPECT_EQ(CloudErrorKindOf(ResolveReferences("@{j:/p}", dependency).status()),
            CloudErrorKind::kNotFound);
  EXPECT_THAT(ResolveReferences("@{nothing}", dependency),
              StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace constellation::cloud::azure
