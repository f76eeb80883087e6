// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/image_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/azure/testing/azure_requests.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::EndsWith;

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

}  // namespace
}  // namespace constellation::cloud::azure
