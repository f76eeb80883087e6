// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/image_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cloud/openstack/testing/fake_cloud.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using testing::FakeCloud;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(ImageBodyTest, SaysWhatTheVariantNeeds) {
  json body = ImageBody({.name = "n", .attestation_variant = "qemu-vtpm"},
                        (uint64_t{2} << 30U) + 1);
  EXPECT_EQ(body["min_disk"], 3);
  EXPECT_EQ(body["hw_firmware_type"], "uefi");
  EXPECT_EQ(body["hw_tpm_model"], "tpm-crb");
  EXPECT_FALSE(body.contains("hw_mem_encryption"));
  body = ImageBody({.name = "n", .attestation_variant = "gcp-sev-snp"}, 1);
  EXPECT_EQ(body["hw_mem_encryption_model"], "amd-sev-snp");
  body = ImageBody({.name = "n", .attestation_variant = "qemu-tdx"}, 1);
  EXPECT_EQ(body["hw_mem_encryption_model"], "intel-tdx");
  EXPECT_FALSE(body.contains("hw_tpm_model"));
}

class UploadTest : public ::testing::Test {
 protected:
  UploadTest() {
    EXPECT_THAT(WriteFileAtomically(upload_.path, "image"), IsOk());
    upload_.sha256 = kSha256;
    cloud_.On("GET /v2/images", {{"images", json::array()}});
    cloud_.On("POST /v2/images", {{"id", "i1"}}, 201);
    cloud_.transport.On("GET /v2/images/i1", 200,
                        json{{"id", "i1"}, {"status", "queued"}}.dump());
    cloud_.transport.On("PUT /v2/images/i1/file", 204, "");
    cloud_.transport.On("DELETE /v2/images/i1", 204, "");
    Stored("sha256", kSha256);
  }
  // What glance says once it has the data.
  void Stored(const char* algorithm, const std::string& hash) {
    cloud_.transport.On("GET /v2/images/i1", 200,
                        json{{"id", "i1"},
                             {"status", "active"},
                             {"os_hash_algo", algorithm},
                             {"os_hash_value", hash}}
                            .dump());
  }
  absl::StatusOr<std::string> Run() {
    return UploadImage(cloud_.client, cloud_.clock, upload_, {});
  }

  const std::string kSha256 =
      "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d";
  const ::constellation::testing::TempDir dir_;
  FakeCloud cloud_;
  ImageUpload upload_{.path = dir_.path() + "/image",
                      .name = "n",
                      .version = "v1.2.3",
                      .attestation_variant = "qemu-vtpm"};
};

TEST_F(UploadTest, AnnouncesFillsAndCompares) {
  EXPECT_THAT(Run(), IsOkAndHolds(::testing::Eq("i1")));
  const json announced = cloud_.Sent("POST /v2/images").at(0);
  EXPECT_EQ(announced["constellation_sha256"], kSha256);
  EXPECT_EQ(announced["visibility"], "private");
  const auto filled = cloud_.transport.requests("PUT /v2/images/i1/file");
  ASSERT_THAT(filled, SizeIs(1));
  EXPECT_EQ(filled[0].file->path, upload_.path);
  EXPECT_EQ(filled[0].repeatable, false);
}

TEST_F(UploadTest, KeepsWhatIsThere) {
  cloud_.On("GET /v2/images",
            {{"images", json::array({{{"id", "i0"},
                                      {"status", "active"},
                                      {"constellation_sha256", "other"}},
                                     {{"id", "i1"},
                                      {"status", "active"},
                                      {"constellation_sha256", kSha256}}})}});
  cloud_.transport.Reset("GET /v2/images/i1");
  Stored("sha256", kSha256);
  EXPECT_THAT(Run(), IsOkAndHolds(::testing::Eq("i1")));
  EXPECT_THAT(cloud_.transport.requests("POST /v2/images"), SizeIs(0));
  EXPECT_THAT(cloud_.transport.requests("PUT /v2/images/i1/file"), SizeIs(0));
}

TEST_F(UploadTest, RefusesAndDeletesWhatArrivedOtherwise) {
  cloud_.transport.Reset("GET /v2/images/i1");
  Stored("sha512", std::string(128, '0'));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(cloud_.transport.requests("DELETE /v2/images/i1"), SizeIs(1));
}

TEST_F(UploadTest, RefusesAHashThatProvesNothing) {
  cloud_.transport.Reset("GET /v2/images/i1");
  Stored("md5", std::string(32, '0'));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              HasSubstr("os_hash_algo \"md5\"")));
}

TEST_F(UploadTest, RefusesAFileThatIsNotTheOneMeant) {
  upload_.sha256 = std::string(64, 'a');
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("want")));
  upload_.path = dir_.path();
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(cloud_.transport.requests(), SizeIs(0));
}

TEST_F(UploadTest, DeletesWhatItsSenderHasLeft) {
  cloud_.On("GET /v2/images",
            {{"images", json::array({{{"id", "i0"},
                                      {"status", "saving"},
                                      {"constellation_sha256", kSha256}}})}});
  cloud_.transport.On("DELETE /v2/images/i0", 204, "");
  EXPECT_THAT(Run(), IsOkAndHolds(::testing::Eq("i1")));
  EXPECT_THAT(cloud_.transport.requests("DELETE /v2/images/i0"), SizeIs(1));
}

}  // namespace
}  // namespace constellation::cloud::openstack
