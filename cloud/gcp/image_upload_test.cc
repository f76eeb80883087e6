// SPDX-License-Identifier: Apache-2.0
// Uploads that go on with an archive that is there; packing one, which takes
// seconds, is shown in tests/integration/gcp.
#include "cloud/gcp/image_upload.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/gcp/image_archive.h"
#include "cloud/gcp/testing/gcp_script.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::ElementsAre;
using testing::GcpScript;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = CloudErrorKind;

constexpr char kImage[] = "projects/p/global/images/node-v2";
constexpr char kSession[] = "https://storage.googleapis.com/session";
constexpr char kPut[] = "PUT storage session";

class GcpImageUploadTest : public ::testing::Test {
 protected:
  GcpImageUploadTest() {
    upload_ = {.path = folder_.Join("image.raw"),
               .sha256 = std::string(64, 'a'),
               .name = "node-v2",
               .version = "v2.0.0",
               .settings = GcpSettings{.project = "p", .region = "r"},
               .state_file = folder_.Join("state.json")};
    EXPECT_THAT(WriteFileAtomically(upload_.state_file + ".tar.gz", archive_),
                IsOk());
    Save({});
    gcp_.Answer(bucket_, json::object())
        .Answer(std::string("GET ") + kImage, json::object(), 404)
        .Answer(std::string("GET ") + kImage, {{"status", "READY"}})
        .Answer(kPut, Arrived());
  }
  // The state of an earlier run, with changes.
  void Save(const json& changes) {
    json state = {{"name", "node-v2"},
                  {"session", kSession},
                  {"size", archive_.size()},
                  {"crc32c", Crc32c(0, AsBytes(archive_))},
                  {"sha256", upload_.sha256}};
    if (changes.is_object()) {
      state.update(changes);
    }
    EXPECT_THAT(WriteFileAtomically(upload_.state_file, DumpJson(state)),
                IsOk());
  }
  json Arrived() const {
    const uint32_t crc = Crc32c(0, AsBytes(archive_));
    const Bytes octets = {
        static_cast<uint8_t>(crc >> 24U), static_cast<uint8_t>(crc >> 16U),
        static_cast<uint8_t>(crc >> 8U), static_cast<uint8_t>(crc)};
    return {{"crc32c", Base64Encode(octets)},
            {"size", fmt::format("{}", archive_.size())}};
  }
  absl::StatusOr<std::string> Upload() {
    return UploadGcpImage(gcp_.compute(), upload_, {});
  }
  // Content-Range of every part that was sent or asked about.
  std::vector<std::string> Ranges() {
    std::vector<std::string> out;
    for (const HttpRequest& request : gcp_.requests()) {
      for (const auto& [name, value] : request.headers) {
        if (name == "Content-Range") {
          out.push_back(value);
        }
      }
    }
    return out;
  }

  ::constellation::testing::TempDir folder_;
  const std::string archive_ = std::string(1000, 'z');
  const std::string bucket_ =
      "GET storage storage/v1/b/constellation-images-148de9c5a7a44d19";
  ImageUpload upload_;
  GcpScript gcp_;
};

TEST_F(GcpImageUploadTest, RefusesWhatIsNoImage) {
  upload_.name = "Node";
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument));
  upload_.name = "node";
  upload_.sha256 = "aa";
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument));
  upload_.settings = AwsSettings{};
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(gcp_.calls(), IsEmpty());
}

TEST_F(GcpImageUploadTest, AnImageWithThisDigestIsKept) {
  gcp_.Only(
      std::string("GET ") + kImage,
      {{"status", "READY"},
       {"description", "constellation-image v2.0.0 sha256=" + upload_.sha256}});
  EXPECT_THAT(Upload(), IsOkAndHolds(std::string(kImage)));
  gcp_.Forget();
  gcp_.Only(std::string("GET ") + kImage, {{"description", "another"}});
  EXPECT_EQ(CloudErrorKindOf(Upload().status()), Kind::kNameTaken);
  EXPECT_THAT(gcp_.changes(), IsEmpty());
}

TEST_F(GcpImageUploadTest, MakesAnImageOfWhatArrived) {
  EXPECT_THAT(Upload(), IsOkAndHolds(std::string(kImage)));
  EXPECT_THAT(Ranges(), ElementsAre("bytes */1000"));
  std::string image;
  for (const std::string& call : gcp_.changes()) {
    if (call.starts_with("POST projects/p/global/images")) {
      image = call;
    }
  }
  EXPECT_THAT(
      image,
      HasSubstr(R"("rawDisk":{"containerType":"TAR","source":)"
                R"("https://storage.googleapis.com/constellation-images-)"));
  EXPECT_THAT(image, HasSubstr(R"({"type":"SEV_SNP_CAPABLE"})"));
  EXPECT_THAT(image, HasSubstr("?requestId=* "));
  EXPECT_FALSE(FileExists(upload_.state_file));
  EXPECT_FALSE(FileExists(upload_.state_file + ".tar.gz"));
}

TEST_F(GcpImageUploadTest, NoticesDamageOnTheWay) {
  for (const char* key : {"crc32c", "size"}) {
    json other = Arrived();
    other[key] = "AAAAAA==";
    gcp_.Only(kPut, other);
    gcp_.Only(std::string("GET ") + kImage, json::object(), 404);
    Save({});
    EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kDataLoss)) << key;
    // The next run starts anew.
    EXPECT_FALSE(FileExists(upload_.state_file));
  }
}

TEST_F(GcpImageUploadTest, AUselessStateStartsAnew) {
  // Packing fails at once, as there is no image: the state was not used.
  for (const json& change :
       {json({{"name", "other"}}), json({{"sha256", std::string(64, 'b')}}),
        json({{"size", 0}}), json({{"size", "x"}}), json({{"crc32c", -1}}),
        json({{"extra", 1}})}) {
    gcp_.Only(std::string("GET ") + kImage, json::object(), 404);
    Save(change);
    EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kNotFound)) << change;
  }
  EXPECT_THAT(Ranges(), IsEmpty());
}

TEST_F(GcpImageUploadTest, AFailedImageIsReported) {
  gcp_.Only(std::string("GET ") + kImage, json::object(), 404)
      .Answer(std::string("GET ") + kImage, {{"status", "FAILED"}});
  EXPECT_EQ(CloudErrorKindOf(Upload().status()), Kind::kLateFailure);
}

// The session's address gets our token.
TEST_F(GcpImageUploadTest, ASessionElsewhereIsRefused) {
  gcp_.Only(kPut, json::object(), 404);  // forgotten: another one is opened
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kUnknown,
                                 HasSubstr("on another host")));
}

// What is sent behind each answer about what has arrived.
class ResumedUploadTest : public GcpImageUploadTest {
 protected:
  void Stopped(const char* range) {
    HttpResponse answer{.status = 308};
    if (range != nullptr) {
      answer.headers = {{"range", range}};
    }
    parts_.push_back(std::move(answer));
  }
  // The prepared answers, then that all has arrived.
  absl::StatusOr<std::string> Run() {
    gcp_.None(kPut);
    for (const HttpResponse& part : parts_) {
      gcp_.AnswerWith(kPut, part);
    }
    gcp_.Answer(kPut, Arrived());
    return Upload();
  }
  std::vector<HttpResponse> parts_;
};

TEST_F(ResumedUploadTest, GoesOnWhereTheServiceSaysThatItStopped) {
  Stopped("bytes=0-399");
  Stopped("bytes=0-899");
  EXPECT_THAT(Run(), IsOkAndHolds(std::string(kImage)));
  EXPECT_THAT(Ranges(), ElementsAre("bytes */1000", "bytes 400-999/1000",
                                    "bytes 900-999/1000"));
  std::vector<uint64_t> offsets;
  for (const HttpRequest& request : gcp_.requests()) {
    if (request.file) {
      EXPECT_EQ(request.repeatable, false);  // asked about instead
      offsets.push_back(request.file->offset);
    }
  }
  EXPECT_THAT(offsets, ElementsAre(400, 900));
}

TEST_F(ResumedUploadTest, HostileRangesCannotMoveItOutOfTheFile) {
  Stopped(nullptr);
  Stopped("bytes=0-99999999999999999999999");
  Stopped("bytes=x");
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(Ranges(), ElementsAre("bytes */1000", "bytes 0-999/1000",
                                    "bytes 0-999/1000", "bytes 0-999/1000"));
}

// Nothing was compared yet.
TEST_F(ResumedUploadTest, BelievesTheEndOnlyWithAChecksum) {
  Stopped("bytes=0-999");
  Stopped("bytes=0-5000");
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(Ranges(),
              ElementsAre("bytes */1000", "bytes */1000", "bytes */1000"));
}

TEST_F(ResumedUploadTest, AnUploadThatNeverEndsIsGivenUp) {
  for (int i = 0; i < 8; ++i) {
    Stopped("bytes=0-999");
  }
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ResumedUploadTest, GivesUpWithoutProgress) {
  for (int i = 0; i < 8; ++i) {
    Stopped("bytes=0-99");
  }
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kUnavailable,
                              HasSubstr("does not get on")));
  // The next run goes on with the same session.
  EXPECT_TRUE(FileExists(upload_.state_file));
}

TEST_F(ResumedUploadTest, AsksAgainAfterAFailureOfTheServer) {
  Stopped("bytes=0-99");
  parts_.push_back({.status = 503});
  Stopped("bytes=0-499");
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(Ranges(), ElementsAre("bytes */1000", "bytes 100-999/1000",
                                    "bytes */1000", "bytes 500-999/1000"));
}

TEST_F(ResumedUploadTest, AForgottenSessionIsReplaced) {
  parts_.push_back({.status = 410});
  const std::string open =
      "POST storage upload/storage/v1/b/constellation-images-148de9c5a7a44d19"
      "/o";
  gcp_.AnswerWith(open, {.status = 200,
                         .headers = {{"location",
                                      "https://storage.googleapis.com/session"
                                      "?upload_id=2"}}});
  EXPECT_THAT(Run(), IsOk());
  EXPECT_THAT(
      gcp_.changes(),
      ::testing::Contains(HasSubstr(open + "?uploadType=resumable&name=node-v2-"
                                           "aaaaaaaaaaaaaaaa.tar.gz")));
  EXPECT_THAT(gcp_.changes(),
              ::testing::Contains(HasSubstr("session?upload_id=2")));
}

TEST_F(GcpImageUploadTest, BucketsArePrivate) {
  gcp_.Only(bucket_, json::object(), 404);
  EXPECT_THAT(Upload(), IsOk());
  EXPECT_THAT(gcp_.changes().at(0),
              ::testing::AllOf(HasSubstr("POST storage storage/v1/b?project=p"),
                               HasSubstr(R"("location":"r")"),
                               HasSubstr(R"("publicAccessPrevention":)"
                                         R"("enforced")")));
}

}  // namespace
}  // namespace constellation::cloud::gcp
