// SPDX-License-Identifier: Apache-2.0
// Uploads of images: packing, sessions that stop, what was uploaded before.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "cloud/gcp/image_archive.h"
#include "cloud/json_fields.h"
#include "common/command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/hash.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kImage[] = "projects/demo-project/global/images/node-v2";

class GcpImageTest : public ::testing::Test {
 protected:
  GcpImageTest() {
    // Does not compress to less than a chunk of 256 KiB.
    std::string contents(700000, '\0');
    uint32_t value = 1;
    for (char& c : contents) {
      value = value * 1664525 + 1013904223;
      c = static_cast<char>(value >> 24U);
    }
    upload_.path = folder_.Join("image.raw");
    EXPECT_THAT(WriteFileAtomically(upload_.path, contents), IsOk());
    upload_.sha256 = HexEncode(crypto::Sha256(AsBytes(contents)));
    upload_.name = "node-v2";
    upload_.version = "v2.0.0";
    upload_.settings = world_.request.settings;
    upload_.state_file = folder_.Join("upload.json");
    EXPECT_THAT(world_.Start(), IsOk());
  }

  absl::StatusOr<std::string> Upload() {
    return world_.provider->UploadImage(upload_, {});
  }
  void Control(const json& wanted) { world_.server.Control("/_ctl", wanted); }
  json Image() { return world_.server.Control("/_image").at(kImage); }

  TempDir folder_;
  GcpWorld world_;
  ImageUpload upload_;
};

// Packing takes seconds: a GiB of zeros. So tests share uploads.
TEST_F(GcpImageTest, MakesAnImageForConfidentialMachinesOnce) {
  EXPECT_THAT(Upload(), IsOkAndHolds(std::string(kImage)));
  EXPECT_THAT(world_.Problems(), IsEmpty());
  const std::string image = DumpJson(Image());
  for (const char* feature :
       {"UEFI_COMPATIBLE", "GVNIC", "SEV_SNP_CAPABLE", "TDX_CAPABLE"}) {
    EXPECT_THAT(image, HasSubstr(feature));
  }
  EXPECT_EQ(world_.server.Control("/_dump").at("objects"), 0);
  EXPECT_FALSE(FileExists(upload_.state_file));
  EXPECT_FALSE(FileExists(upload_.state_file + ".tar.gz"));
  // The image can be used.
  world_.request.image = kImage;
  EXPECT_THAT(world_.provider->CheckOnline(world_.request), IsOk());
  // What is there is kept, what has its name is refused.
  const int before = world_.transport.requests();
  EXPECT_THAT(Upload(), IsOkAndHolds(std::string(kImage)));
  EXPECT_LE(world_.transport.requests() - before, 3);
  upload_.sha256 = std::string(64, 'b');
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kAlreadyExists));
}

TEST_F(GcpImageTest, GoesOnWhereTheServiceSaysThatItStopped) {
  Control({{"storage", {{"keep", 0.6}, {"forget", true}}}});
  EXPECT_THAT(Upload(), IsOk());
}

TEST_F(GcpImageTest, GoesOnAfterDying) {
  bool died = true;
  for (int step = 4; died; step += 7) {
    SCOPED_TRACE(step);
    world_.server.Control("/_reset", json::object());
    Control({{"auth", {{"tokens", {{"ya29.test", "tester"}}}}}});
    ASSERT_THAT(world_.Start(), IsOk());
    world_.kill.Arm(step);
    (void)Upload();
    died = world_.kill.dead();
    world_.kill.Arm(0);
    ASSERT_THAT(world_.Start(), IsOk());
    EXPECT_THAT(Upload(), IsOkAndHolds(std::string(kImage)));
    EXPECT_EQ(world_.server.Control("/_dump").at("objects"), 0);
  }
}

TEST_F(GcpImageTest, NoticesDamageOnTheWay) {
  Control({{"storage", {{"damage", true}}}});
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Upload(), IsOk());
}

TEST_F(GcpImageTest, RefusesAnotherFileThanTheOneThatWasMeant) {
  upload_.sha256 = std::string(64, 'b');
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("SHA-256")));
}

TEST(GcpImageArchiveTest, TarReadsTheArchive) {
  const TempDir folder;
  const std::string contents(3000, 'x');
  ASSERT_THAT(WriteFileAtomically(folder.Join("image.raw"), contents), IsOk());
  ASSERT_OK_AND_ASSIGN(const PackedImage packed,
                       PackImage(folder.Join("image.raw"),
                                 folder.Join("a.tar.gz"), [](double) {}));
  EXPECT_EQ(std::filesystem::file_size(folder.Join("a.tar.gz")), packed.size);
  ProcessRunner runner;
  ASSERT_OK_AND_ASSIGN(
      const std::string listed,
      RunChecked(runner, {"tar", "-tvzf", folder.Join("a.tar.gz")}));
  EXPECT_THAT(listed, HasSubstr(" 1073741824 "));
  EXPECT_THAT(listed, HasSubstr(" disk.raw\n"));
  ASSERT_OK_AND_ASSIGN(const std::string kind,
                       ReadFile(folder.Join("a.tar.gz")));
  EXPECT_EQ(Crc32c(0, AsBytes(kind)), packed.crc32c);
  EXPECT_THAT(PackImage(folder.Join("none"), folder.Join("b"), [](double) {}),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing
