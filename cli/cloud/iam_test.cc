// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/iam.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/terminal/interrupt.h"
#include "cli/testing/cloud_workspace.h"
#include "cloud/engine/cloud_error.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class IamTest : public testing::CloudWorkspace {
 protected:
  static IamRequest AwsRequest() {
    return {.provider = "aws",
            .options = {{"prefix", "demo"}, {"zone", "eu-west-1b"}}};
  }
  absl::StatusOr<IamResult> Create(const IamRequest& request = AwsRequest()) {
    ClusterTools tools = Tools();
    return CreateIam(Open(), request, tools);
  }
  absl::Status Destroy() {
    ClusterTools tools = Tools();
    return DestroyIam(Open(), tools);
  }
};

TEST_F(IamTest, GivesWhatTheConfigNeeds) {
  ASSERT_OK_AND_ASSIGN(const IamResult result, Create());
  EXPECT_EQ(result.config_values.at("provider.aws.zone"), "eu-west-1b");
  EXPECT_EQ(result.config_values.at("provider.aws.region"), "eu-west-1");
  EXPECT_NE(result.config_values.at("provider.aws.iamProfileControlPlane"), "");
  ASSERT_OK_AND_ASSIGN(
      const std::string text,
      UpdateConfigText(*ReadFile(Open().config_path()), result.config_values));
  EXPECT_THAT(ParseConfig(text, "conf"), IsOk());
  ASSERT_EQ(result.key_files.size(), 1U);
  struct stat status {};
  ASSERT_EQ(stat(result.key_files[0].c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(IamTest, RepeatingItMakesNothingTwice) {
  ASSERT_OK_AND_ASSIGN(const IamResult first, Create());
  const int made = cloud_.memory.creations();
  ASSERT_OK_AND_ASSIGN(const IamResult second, Create());
  EXPECT_EQ(cloud_.memory.creations(), made);
  EXPECT_EQ(first.config_values, second.config_values);
  EXPECT_EQ(cloud_.plans_shown, 1);
}

TEST_F(IamTest, GoesOnAfterFailure) {
  cloud_.memory.FailCreate("worker",
                           {.kind = cloud::CloudErrorKind::kPermission,
                            .subject = "iam:CreateRole"});
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kPermissionDenied,
                                 HasSubstr("iam:CreateRole")));
  ASSERT_THAT(Create(), IsOk());
  EXPECT_EQ(cloud_.memory.creations(), 2);
}

TEST_F(IamTest, DestroyLeavesNothing) {
  ASSERT_OK_AND_ASSIGN(const IamResult result, Create());
  ASSERT_THAT(Destroy(), IsOk());
  EXPECT_FALSE(FileExists(result.key_files[0]));
  EXPECT_FALSE(FileExists(Open().iam_journal_path()));
  EXPECT_THAT(Destroy(), StatusIs(absl::StatusCode::kNotFound,
                                  HasSubstr("there are no identities")));
}

TEST_F(IamTest, FailedDestructionCanBeRepeated) {
  ASSERT_OK_AND_ASSIGN(const IamResult result, Create());
  cloud_.kill.Arm(1);
  EXPECT_FALSE(Destroy().ok());
  cloud_.kill.Arm(0);
  EXPECT_TRUE(FileExists(Open().iam_record_path()));
  EXPECT_TRUE(FileExists(result.key_files[0]));
  EXPECT_THAT(Destroy(), IsOk());
  EXPECT_FALSE(FileExists(Open().iam_record_path()));
}

TEST_F(IamTest, DeletesNothingThatOthersNeed) {
  ASSERT_OK_AND_ASSIGN(const IamResult result, Create());
  cloud_.destroy_status = FailedPrecondition("others' things are in it");
  EXPECT_THAT(Destroy(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("others' things")));
  EXPECT_TRUE(FileExists(result.key_files[0]));
  const int made = cloud_.memory.creations();
  EXPECT_THAT(Create(), IsOk());
  EXPECT_EQ(cloud_.memory.creations(), made) << "all of it is there";
  // An error of the cloud comes with what to do, as everywhere.
  cloud::CloudError refused;
  refused.kind = cloud::CloudErrorKind::kBadCredentials;
  cloud_.destroy_status = cloud::MakeCloudError(refused);
  EXPECT_THAT(Destroy(), StatusIs(cloud_.destroy_status.code(),
                                  HasSubstr(cloud::NextStep(refused))));
  cloud_.destroy_status = absl::OkStatus();
  EXPECT_THAT(Destroy(), IsOk());
}

TEST_F(IamTest, KeepsIdentitiesOfLivingCluster) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_THAT(Open().SaveState({}), IsOk());
  EXPECT_THAT(Destroy(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("constellation terminate")));
  EXPECT_TRUE(FileExists(Open().iam_record_path()));
}

// The state may be lost, or on a disk that is not mounted; the journal tells of
// the cluster as well.
TEST_F(IamTest, AnySignOfAClusterKeepsIdentities) {
  ASSERT_THAT(Create(), IsOk());
  const auto kept = StatusIs(absl::StatusCode::kFailedPrecondition,
                             HasSubstr("constellation terminate"));
  for (const std::string& path :
       {Open().state_path(), Open().cloud_journal_path()}) {
    ASSERT_THAT(WriteFileAtomically(path, ""), IsOk());
    EXPECT_THAT(Destroy(), kept) << path;
    ASSERT_EQ(unlink(path.c_str()), 0);
    ASSERT_EQ(symlink("unmounted/file", path.c_str()), 0);
    EXPECT_THAT(Destroy(), kept) << path;
    ASSERT_EQ(unlink(path.c_str()), 0);
  }
  EXPECT_THAT(Destroy(), IsOk());
}

TEST_F(IamTest, RefusesOthersInTheSameFolder) {
  ASSERT_THAT(Create(), IsOk());
  IamRequest other = AwsRequest();
  other.options["prefix"] = "another";
  EXPECT_THAT(Create(other), StatusIs(absl::StatusCode::kFailedPrecondition,
                                      HasSubstr("iam destroy")));
}

TEST_F(IamTest, WithoutApprovalNothingIsLeftBehind) {
  cloud_.approval = FailedPrecondition("not confirmed");
  EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(FileExists(Open().iam_record_path()));
  EXPECT_EQ(cloud_.memory.creations(), 0);
}

TEST_F(IamTest, CtrlCAtTheQuestionLeavesNothingBehind) {
  cloud_.while_asking = [] { SetInterruptedForTesting(true); };
  const absl::Status status = Create().status();
  SetInterruptedForTesting(false);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_FALSE(FileExists(Open().iam_record_path()));
  EXPECT_EQ(cloud_.memory.creations(), 0);
}

// Beside the config lies whatever else the owner has.
TEST_F(IamTest, WritesKeysUnderPlainNamesOnly) {
  for (const char* name : {"", "../key.json", "a/b", ".profile", ".."}) {
    cloud_.key_files = {{name, "secret"}};
    EXPECT_THAT(Create(), StatusIs(absl::StatusCode::kInternal,
                                   HasSubstr("want a plain name")))
        << name;
  }
}

TEST_F(IamTest, DamagedRecordDeletesNoOtherFile) {
  ASSERT_THAT(Create(), IsOk());
  const std::string text = *ReadFile(Open().iam_record_path());
  std::string evil = text;
  evil.replace(evil.find("key.json"), 8, "../../x");
  ASSERT_THAT(WriteFileAtomically(Open().iam_record_path(), evil), IsOk());
  EXPECT_THAT(Destroy(), StatusIs(absl::StatusCode::kDataLoss));
  std::vector<std::string> damaged = {"", "[]", "{"};
  for (const char* key : {"uid", "provider", "options", "keyFiles"}) {
    auto record = nlohmann::json::parse(text);
    record[key] = 1;
    damaged.push_back(record.dump());
    record.erase(key);
    damaged.push_back(record.dump());
  }
  auto record = nlohmann::json::parse(text);
  record["options"] = nlohmann::json::array();
  damaged.push_back(record.dump());
  record = nlohmann::json::parse(text);
  record["keyFiles"] = nlohmann::json::object();
  damaged.push_back(record.dump());
  record = nlohmann::json::parse(text);
  record["options"]["prefix"] = 7;
  damaged.push_back(record.dump());
  record = nlohmann::json::parse(text);
  record["keyFiles"] = {7};
  damaged.push_back(record.dump());
  for (const std::string& bad : damaged) {
    ASSERT_THAT(WriteFileAtomically(Open().iam_record_path(), bad), IsOk());
    EXPECT_THAT(Destroy(), StatusIs(absl::StatusCode::kDataLoss)) << bad;
  }
}

TEST(IamSettingsTest, ListsEveryWrongFlag) {
  EXPECT_THAT(IamSettingsOf({.provider = "aws"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--prefix is missing"),
                             HasSubstr("--zone is missing"))));
  EXPECT_THAT(
      IamSettingsOf({.provider = "aws",
                     .options = {{"prefix", "Demo"}, {"zone", "eu-wset-1a"}}}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("--prefix: want at most 36"),
                     HasSubstr("did you mean eu-west-1?"))));
  const std::string longest = "a" + std::string(35, '7');
  EXPECT_THAT(
      IamSettingsOf({.provider = "aws",
                     .options = {{"prefix", longest}, {"zone", "eu-west-1a"}}}),
      IsOk());
  EXPECT_THAT(IamSettingsOf({.provider = "aws",
                             .options = {{"prefix", longest + "7"},
                                         {"zone", "eu-west-1a"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--prefix: want at most 36")));
  EXPECT_THAT(IamSettingsOf({.provider = "azure",
                             .options = {{"region", "westeurope"},
                                         {"subscriptionID", "x"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--resourceGroup is missing"),
                             HasSubstr("--subscriptionID: want a UUID"))));
  EXPECT_THAT(IamSettingsOf({.provider = "gcp",
                             .options = {{"prefix", "demo"},
                                         {"projectID", "demo-project"},
                                         {"zone", "europe-west3-x"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("zone of europe-west3")));
  EXPECT_THAT(IamSettingsOf({.provider = "openstack"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IamSettingsTest, RegionFollowsFromZone) {
  ASSERT_OK_AND_ASSIGN(
      const auto settings,
      IamSettingsOf({.provider = "gcp",
                     .options = {{"prefix", "demo"},
                                 {"projectID", "demo-project"},
                                 {"zone", "europe-west3-b"}}}));
  EXPECT_EQ(std::get<cloud::GcpSettings>(settings).region, "europe-west3");
}

}  // namespace
}  // namespace constellation::cli
