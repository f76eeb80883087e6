// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/image_upload.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/testing/aws_script.h"
#include "cloud/json_fields.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/hash.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::AwsScript;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HeaderOf;
using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr size_t kBlock = 512 * 1024;

// Three blocks, of which the second is empty and the third not full.
std::string Disk() {
  std::string disk(2 * kBlock + 1000, '\0');
  disk[5] = 'a';
  disk[2 * kBlock] = 'b';
  return disk;
}

class EbsUploadTest : public ::testing::Test {
 protected:
  EbsUploadTest() {
    const std::string disk = Disk();
    upload_ = {.path = folder_.Join("disk.raw"),
               .sha256 = HexEncode(crypto::Sha256(AsBytes(disk))),
               .name = "constellation-v2",
               .version = "v2.0.0",
               .attestation_variant = "aws-sev-snp",
               .state_file = folder_.Join("upload.json")};
    EXPECT_THAT(WriteFileAtomically(upload_.path, disk), IsOk());
    aws_.Answer("DescribeImages", "<R/>")
        .Answer("DescribeImages", AnImage("available"))
        .Answer("POST /snapshots",
                R"({"SnapshotId":"snap-1","BlockSize":524288})")
        .Answer("PUT /snapshots/snap-1/blocks/0", "{}")
        .Answer("PUT /snapshots/snap-1/blocks/2", "{}")
        .Answer("POST /snapshots/completion/snap-1", "{}")
        .Answer("DescribeSnapshots", Snapshot("completed"))
        .Answer("RegisterImage", "<R><imageId>ami-7</imageId></R>");
  }
  static std::string AnImage(const char* state) {
    return fmt::format(
        "<R><imagesSet><item><imageId>ami-7</imageId><imageState>{}"
        "</imageState><stateReason><message>broken</message></stateReason>"
        "</item></imagesSet></R>",
        state);
  }
  static std::string Snapshot(const char* status) {
    return fmt::format(
        "<R><snapshotSet><item><status>{}</status></item></snapshotSet></R>",
        status);
  }
  absl::StatusOr<std::string> Upload() {
    return UploadToEbs(aws_.client(), upload_, {});
  }
  HttpRequest Sent(std::string_view url_end) {
    for (const HttpRequest& request : aws_.transport().requests()) {
      if (request.url.ends_with(url_end)) {
        return request;
      }
    }
    ADD_FAILURE() << "nothing was sent to " << url_end;
    return {};
  }
  void SaveState(const Json& state) {
    EXPECT_THAT(WriteFileAtomically(upload_.state_file, DumpJson(state)),
                IsOk());
  }

  ::constellation::testing::TempDir folder_;
  AwsScript aws_;
  ImageUpload upload_;
};

TEST_F(EbsUploadTest, SendsBlocksThatAreNotEmpty) {
  EXPECT_THAT(Upload(), IsOkAndHolds("ami-7"));
  EXPECT_THAT(
      aws_.changes(),
      ElementsAre("POST /snapshots", "PUT /snapshots/snap-1/blocks/0",
                  "PUT /snapshots/snap-1/blocks/2",
                  "POST /snapshots/completion/snap-1",
                  "RegisterImage Architecture=x86_64 "
                  "BlockDeviceMapping.1.DeviceName=/dev/xvda "
                  "BlockDeviceMapping.1.Ebs.DeleteOnTermination=true "
                  "BlockDeviceMapping.1.Ebs.SnapshotId=snap-1 "
                  "BlockDeviceMapping.1.Ebs.VolumeType=gp3 BootMode=uefi "
                  "Description=Constellation v2.0.0 EnaSupport=true "
                  "ImdsSupport=v2.0 Name=constellation-v2 "
                  "RootDeviceName=/dev/xvda "
                  "TagSpecification.1.ResourceType=image "
                  "TagSpecification.1.Tag.1.Key=Name "
                  "TagSpecification.1.Tag.1.Value=constellation-v2 "
                  "TagSpecification.1.Tag.2.Key=constellation-attestation "
                  "TagSpecification.1.Tag.2.Value=aws-sev-snp "
                  "TagSpecification.1.Tag.3.Key=constellation-image-sha256 "
                  "TagSpecification.1.Tag.3.Value=" +
                      upload_.sha256 +
                      " TagSpecification.1.Tag.4.Key=constellation-version "
                      "TagSpecification.1.Tag.4.Value=v2.0.0 TpmSupport=v2.0 "
                      "VirtualizationType=hvm"));
  const Json start = Json::parse(Sent("/snapshots").body);
  EXPECT_EQ(start.at("VolumeSize"), 1);
  EXPECT_EQ(start.at("Timeout"), 60);
  EXPECT_TRUE(start.at("ClientToken")
                  .get_ref<const std::string&>()
                  .starts_with("constellation-"));
  // Each block has its checksum, all together theirs.
  std::string last = Disk().substr(2 * kBlock);
  last.resize(kBlock, '\0');
  const auto digest = crypto::Sha256(AsBytes(last));
  const HttpRequest block = Sent("/blocks/2");
  EXPECT_EQ(block.body, last);
  EXPECT_EQ(HeaderOf(block, "x-amz-Data-Length"), "524288");
  EXPECT_EQ(HeaderOf(block, "x-amz-Checksum"), Base64Encode(digest));
  EXPECT_EQ(HeaderOf(block, "X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
  const auto first = crypto::Sha256(AsBytes(Disk().substr(0, kBlock)));
  Bytes both(first.begin(), first.end());
  both.insert(both.end(), digest.begin(), digest.end());
  const HttpRequest completion = Sent("/completion/snap-1");
  EXPECT_EQ(HeaderOf(completion, "x-amz-ChangedBlocksCount"), "2");
  EXPECT_EQ(HeaderOf(completion, "x-amz-Checksum"),
            Base64Encode(crypto::Sha256(both)));
  EXPECT_EQ(HeaderOf(completion, "x-amz-Checksum-Aggregation-Method"),
            "LINEAR");
  EXPECT_FALSE(FileExists(upload_.state_file));
}

TEST_F(EbsUploadTest, AnImageOfThisDigestIsKept) {
  aws_.Only("DescribeImages", AnImage("available"));
  EXPECT_THAT(Upload(), IsOkAndHolds("ami-7"));
  EXPECT_EQ(aws_.calls().at(0),
            "DescribeImages Filter.1.Name=tag:constellation-image-sha256 "
            "Filter.1.Value.1=" +
                upload_.sha256 + " Owner.1=self");
  EXPECT_THAT(aws_.changes(), IsEmpty());
}

TEST_F(EbsUploadTest, GoesOnBehindTheLastBlockThatArrived) {
  SaveState({{"sha256", upload_.sha256},
             {"token", "t"},
             {"snapshot", "snap-1"},
             {"nextBlock", 1}});
  aws_.Only("DescribeSnapshots", Snapshot("pending"))
      .Answer("DescribeSnapshots", Snapshot("completed"));
  EXPECT_THAT(Upload(), IsOkAndHolds("ami-7"));
  EXPECT_EQ(aws_.changes().at(0), "PUT /snapshots/snap-1/blocks/2");
  // Blocks of the earlier run count, though they are not sent.
  EXPECT_EQ(HeaderOf(Sent("/completion/snap-1"), "x-amz-ChangedBlocksCount"),
            "2");
}

TEST_F(EbsUploadTest, ASnapshotThatIsGoneIsStartedAnew) {
  SaveState({{"sha256", upload_.sha256},
             {"token", "t"},
             {"snapshot", "snap-0"},
             {"nextBlock", 3}});
  aws_.Only("DescribeSnapshots", Snapshot("error"))
      .Answer("DescribeSnapshots", Snapshot("completed"));
  EXPECT_THAT(Upload(), IsOkAndHolds("ami-7"));
  EXPECT_EQ(aws_.changes().at(0), "POST /snapshots");
  EXPECT_NE(Json::parse(Sent("/snapshots").body).at("ClientToken"), "t");
}

TEST_F(EbsUploadTest, AnInterruptedStartKeepsItsToken) {
  SaveState({{"sha256", upload_.sha256},
             {"token", "t"},
             {"snapshot", ""},
             {"nextBlock", 0}});
  EXPECT_THAT(Upload(), IsOkAndHolds("ami-7"));
  EXPECT_EQ(Json::parse(Sent("/snapshots").body).at("ClientToken"), "t");
}

TEST_F(EbsUploadTest, ADamagedStateIsNotGuessedAt) {
  for (const char* state : {"{", "[]", "{}", R"({"sha256":1})"}) {
    EXPECT_THAT(WriteFileAtomically(upload_.state_file, state), IsOk());
    aws_.Only("DescribeImages", "<R/>");
    EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr(upload_.state_file)))
        << state;
  }
  EXPECT_THAT(aws_.changes(), IsEmpty());
}

TEST_F(EbsUploadTest, RefusesAnotherFileThanTheOneThatWasMeant) {
  upload_.sha256 = std::string(64, '0');
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("want SHA-256 000")));
  // Nothing is completed of it.
  EXPECT_THAT(aws_.changes(),
              ::testing::Not(::testing::Contains(HasSubstr("completion"))));
  EXPECT_EQ(aws_.changes().back(), "DeleteSnapshot SnapshotId=snap-1");
  EXPECT_FALSE(FileExists(upload_.state_file));
}

TEST_F(EbsUploadTest, WhatArrivedOtherwiseIsDropped) {
  aws_.Only("POST /snapshots/completion/snap-1",
            R"({"__type":"ValidationException","message":"checksum"})", 400)
      .Only("DescribeSnapshots", Snapshot("pending"));
  EXPECT_THAT(Upload(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checksum")));
  EXPECT_EQ(aws_.changes().back(), "DeleteSnapshot SnapshotId=snap-1");
  EXPECT_FALSE(FileExists(upload_.state_file)) << "the next run starts anew";
}

TEST_F(EbsUploadTest, RefusesHostileAnswers) {
  for (const char* answer : {R"({"SnapshotId":"vol-1","BlockSize":524288})",
                             R"({"SnapshotId":"snap-1","BlockSize":4096})",
                             R"({"BlockSize":1})", "[]", ""}) {
    aws_.Only("POST /snapshots", answer);
    aws_.Only("DescribeImages", "<R/>");
    EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument))
        << answer;
  }
}

TEST_F(EbsUploadTest, RefusesFilesThatAreNoImages) {
  upload_.path = folder_.path();
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument));
  upload_.path = folder_.Join("empty");
  EXPECT_THAT(WriteFileAtomically(upload_.path, ""), IsOk());
  aws_.Only("DescribeImages", "<R/>");
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument));
  upload_.path = folder_.Join("none");
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kNotFound));
  for (const std::string& name : {std::string("ab"), std::string(129, 'a')}) {
    upload_.name = name;
    EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("3-128")));
  }
}

TEST_F(EbsUploadTest, FailuresOfTheCloudAreReported) {
  aws_.Only("DescribeSnapshots", Snapshot("error"));
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("the snapshot failed")));
  aws_.Only("DescribeSnapshots", Snapshot("completed"))
      .Only("DescribeImages", "<R/>")
      .Answer("DescribeImages", AnImage("failed"));
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                 HasSubstr("broken")));
}

TEST_F(EbsUploadTest, ACompletionThatWasLostIsFoundAgain) {
  aws_.Only("POST /snapshots/completion/snap-1",
            R"({"__type":"ValidationException","message":"completed"})", 400);
  EXPECT_THAT(Upload(), IsOkAndHolds("ami-7"));
}

TEST_F(EbsUploadTest, ANameThatIsTakenMayBeOurs) {
  aws_.Only("RegisterImage",
            "<R><Errors><Error><Code>InvalidAMIName.Duplicate</Code></Error>"
            "</Errors></R>",
            400);
  EXPECT_THAT(Upload(), IsOkAndHolds("ami-7"));
  aws_.Only("DescribeImages", "<R/>");
  EXPECT_THAT(Upload(), StatusIs(absl::StatusCode::kAlreadyExists));
}

}  // namespace
}  // namespace constellation::cloud::aws
