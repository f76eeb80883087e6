// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/image_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/testing/cloud_workspace.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class ImageUploadTest : public testing::CloudWorkspace {
 protected:
  ImageUploadTest() : path_(folder_.path() + "/node.raw") {
    EXPECT_THAT(WriteFileAtomically(path_, "abc"), IsOk());
  }
  absl::StatusOr<UploadedImage> Upload(const Config& config) {
    ClusterTools tools = Tools();
    return UploadImageFile(Open(), config, path_, "", "v1.2.3", tools);
  }
  const std::string path_;
};

TEST_F(ImageUploadTest, TellsTheProviderWhatTheFileIs) {
  ASSERT_OK_AND_ASSIGN(const UploadedImage image,
                       Upload(testing::CloudTestConfig()));
  EXPECT_EQ(image.reference, "image-7");
  EXPECT_EQ(cloud_.uploaded.path, path_);
  // FIPS 180-2, B.1.
  EXPECT_EQ(cloud_.uploaded.sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(cloud_.uploaded.name, "constellation-ba7816bf8f01");
  EXPECT_EQ(cloud_.uploaded.version, "v1.2.3");
  EXPECT_EQ(cloud_.uploaded.attestation_variant, "aws-sev-snp");
  EXPECT_THAT(cloud_.uploaded.state_file, HasSubstr(folder_.path()));
}

TEST_F(ImageUploadTest, WritesConfig) {
  ASSERT_OK_AND_ASSIGN(const UploadedImage image,
                       Upload(testing::CloudTestConfig()));
  ASSERT_THAT(WriteImageToConfig(Open(), image), IsOk());
  const Config config = LoadedConfig();
  EXPECT_EQ(config.image, "image-7");
  EXPECT_EQ(config.kubernetes_version, "v1.20.2");
  EXPECT_EQ(config.measurements.size(), 7U);
  EXPECT_THAT(config.measurements.at(4).expected, HasSubstr("0404"));
}

TEST_F(ImageUploadTest, RefusesLocalPlatform) {
  EXPECT_THAT(
      Upload(DefaultQemuConfig()),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("qemu")));
}

TEST_F(ImageUploadTest, MissingFile) {
  world_.image_status = absl::NotFoundError("no such file");
  EXPECT_THAT(Upload(testing::CloudTestConfig()),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(cloud_.uploaded.path, "");
  EXPECT_THAT(HashFile(folder_.path() + "/absent"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ImageUploadTest, HashOfEmptyFile) {
  const std::string empty = folder_.path() + "/empty";
  ASSERT_THAT(WriteFileAtomically(empty, ""), IsOk());
  EXPECT_THAT(
      HashFile(empty),
      IsOkAndHolds(std::string("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934"
                               "ca495991b7852b855")));
}

}  // namespace
}  // namespace constellation::cli
