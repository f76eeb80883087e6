// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/image_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cloud/azure/testing/azure_requests.h"
#include "cloud/azure/vhd.h"
#include "cloud/http/testing/routed_transport.h"
#include "common/clock.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::azure {
namespace {

using ::constellation::cloud::testing::RoutedTransport;
using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;

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

// A gallery and a disk behind a signed address, as far as an upload asks.
class UploadFlowTest : public ::testing::Test {
 protected:
  UploadFlowTest() {
    upload_.path = dir_.Join("image");
    upload_.state_file = dir_.Join("state");
    EXPECT_THAT(WriteFileAtomically(upload_.path, "image"), IsOk());
    upload_.sha256 =
        "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d";
    names_ = *NamesOfImage(upload_);
    const std::string access =
        json{{"accessSAS", "https://blob.example/d?sig=s3cret"}}.dump();
    transport_.On("POST " + names_.disk + "/beginGetAccess", 200, access);
    transport_.On("POST " + names_.disk + "/endGetAccess", 200, "");
    for (const std::string& id :
         {names_.disk, names_.gallery, names_.definition, names_.version}) {
      transport_.On("PUT " + id, 200, "{}");
    }
    transport_.On("DELETE " + names_.disk, 200, "");
    transport_.On("PUT /d", 201, "");
    stored_.resize(kVhdAlignment, '\0');
    transport_.On("GET /d", 206, stored_);
  }
  void DiskIs(const char* state, const std::string& sha256) {
    transport_.On("GET " + names_.disk, 200,
                  json{{"tags", {{std::string(kImageShaTag), sha256}}},
                       {"properties", {{"diskState", state}}}}
                      .dump());
  }
  void AllWasSent() {
    EXPECT_THAT(
        WriteFileAtomically(upload_.state_file, json{{"sha256", upload_.sha256},
                                                     {"disk", names_.disk},
                                                     {"done", kVhdAlignment}}
                                                    .dump()),
        IsOk());
  }
  absl::StatusOr<std::string> Run() {
    return UploadAzureImage(client_, transport_, upload_, {});
  }

  const ::constellation::testing::TempDir dir_;
  ImageUpload upload_ = Good();
  ImageNames names_;
  std::string stored_ = "image";
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  RoutedTransport transport_;
  testing::FixedTokens tokens_{"t0ken"};
  ArmClient client_{transport_, tokens_, clock_, [] { return 0.5; }, {}};
};

TEST_F(UploadFlowTest, SendsDataAndFooterWithoutTheToken) {
  EXPECT_THAT(Run(), IsOkAndHolds(Eq(names_.version)));
  const auto pages = transport_.requests("PUT /d");
  ASSERT_THAT(pages, SizeIs(2));
  EXPECT_THAT(pages[0].headers,
              Contains(Pair("x-ms-range", "bytes=0-1048575")));
  EXPECT_EQ(pages[0].body, stored_);
  EXPECT_THAT(pages[1].headers,
              Contains(Pair("x-ms-range", "bytes=1048576-1049087")));
  EXPECT_TRUE(pages[1].body.starts_with("conectix"));
  for (const HttpRequest& page : pages) {
    EXPECT_THAT(page.headers, Not(Contains(Key("Authorization"))));
  }
  EXPECT_THAT(transport_.requests("DELETE " + names_.disk), SizeIs(1));
  EXPECT_FALSE(FileExists(upload_.state_file));
}

TEST_F(UploadFlowTest, ADiskWhoseUploadHasEndedIsOnlyVerified) {
  DiskIs("Unattached", upload_.sha256);
  AllWasSent();
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(transport_.requests("PUT /d"), IsEmpty());
  EXPECT_THAT(transport_.requests("GET /d"), SizeIs(1));
  EXPECT_THAT(transport_.requests("PUT " + names_.disk), IsEmpty());
}

// Azure gives no write token for it any more.
TEST_F(UploadFlowTest, ADiskThatNobodyVouchesForIsMadeAnew) {
  DiskIs("ActiveSAS", upload_.sha256);
  EXPECT_THAT(Run(), IsOk());
  const auto asked = transport_.requests();
  const auto at = [&](std::string_view method, const std::string& id) {
    return std::ranges::find_if(asked, [&](const HttpRequest& request) {
      return request.method == method &&
             request.url.find(id + "?") != std::string::npos;
    });
  };
  EXPECT_LT(at("POST", names_.disk + "/endGetAccess"),
            at("DELETE", names_.disk));
  EXPECT_LT(at("DELETE", names_.disk), at("PUT", names_.disk));
  EXPECT_THAT(transport_.requests("PUT " + names_.disk), SizeIs(1));
  EXPECT_THAT(transport_.requests("PUT /d"), SizeIs(2));
}

TEST_F(UploadFlowTest, GoesOnWithADiskThatTakesMore) {
  DiskIs("ActiveUpload", upload_.sha256);
  AllWasSent();
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(transport_.requests("PUT /d"), SizeIs(1)) << "the footer";
}

TEST_F(UploadFlowTest, SomebodyElsesDiskIsInTheWay) {
  DiskIs("Unattached", std::string(64, 'b'));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists,
                              HasSubstr("is in the way")));
  EXPECT_THAT(transport_.requests("DELETE " + names_.disk), IsEmpty());
}

TEST_F(UploadFlowTest, RefusesWhatArrivedOtherwise) {
  transport_.Reset("GET /d");
  stored_[3] = 'x';
  transport_.On("GET /d", 206, stored_);
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(FileExists(upload_.state_file)) << "the next run begins anew";
  EXPECT_THAT(transport_.requests("PUT " + names_.version), IsEmpty());
}

TEST_F(UploadFlowTest, AVersionIsNeverReplaced) {
  transport_.On("GET " + names_.version, 200,
                json{{"tags", {{std::string(kImageShaTag), "other"}}}}.dump());
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kAlreadyExists,
                              HasSubstr("choose another version")));
}

TEST_F(UploadFlowTest, TheSignedAddressIsInNoMessage) {
  transport_.Reset("PUT /d");
  transport_.On("PUT /d", 403, "<Error/>");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kUnavailable,
                              Not(HasSubstr("s3cret"))));
}

}  // namespace
}  // namespace constellation::cloud::azure
