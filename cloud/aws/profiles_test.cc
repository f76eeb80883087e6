// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/profiles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cloud/aws/testing/function_transport.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using testing::EnvironmentOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ProfilesTest : public ::testing::Test {
 protected:
  void Write(const std::string& variable, const std::string& text) {
    variables_[variable] = folder_.Join(variable);
    ASSERT_THAT(WriteFileAtomically(variables_[variable], text), IsOk());
  }
  Profiles Load() {
    auto profiles = Profiles::Load(environment_);
    EXPECT_THAT(profiles, IsOk());
    return profiles.ok() ? *std::move(profiles) : Profiles();
  }

  ::constellation::testing::TempDir folder_;
  std::map<std::string, std::string> variables_;
  Environment environment_ = EnvironmentOf(variables_);
};

TEST_F(ProfilesTest, AbsentFilesAreEmpty) {
  EXPECT_FALSE(Load().Has("default"));  // nor is there a home
  variables_["HOME"] = folder_.path();
  EXPECT_FALSE(Load().Has("default"));
}

TEST_F(ProfilesTest, DamagedFilesAreNamedAndNotQuoted) {
  Write("AWS_CONFIG_FILE", "[default]\nsecret-without-equals\n");
  EXPECT_THAT(Profiles::Load(environment_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(variables_["AWS_CONFIG_FILE"]),
                             HasSubstr("line 2"),
                             Not(HasSubstr("secret-without-equals")))));
}

TEST_F(ProfilesTest, TheCredentialsFileWins) {
  Write("AWS_CONFIG_FILE",
        "[default]\nregion=eu-west-1\n[profile a]\nregion=us-east-1\n"
        "aws_access_key_id=CONFIG\n[b]\nregion=none\n"
        "[sso-session s]\nsso_region=eu-north-1\n");
  Write("AWS_SHARED_CREDENTIALS_FILE",
        "[a]\naws_access_key_id=CREDENTIALS\n[c]\nx=y\n");
  const Profiles profiles = Load();
  EXPECT_EQ(ValueOf(profiles.Merged("a"), "aws_access_key_id"), "CREDENTIALS");
  EXPECT_EQ(ValueOf(profiles.Merged("a"), "region"), "us-east-1");
  EXPECT_EQ(ValueOf(profiles.InConfig("a"), "aws_access_key_id"), "CONFIG");
  EXPECT_EQ(ValueOf(profiles.InConfig("default"), "region"), "eu-west-1");
  // The config file writes "profile " before every name but "default".
  EXPECT_THAT(profiles.InConfig("b"), IsEmpty());
  EXPECT_TRUE(profiles.Has("c"));
  EXPECT_FALSE(profiles.Has("b"));
  EXPECT_EQ(ValueOf(profiles.SsoSession("s"), "sso_region"), "eu-north-1");
  EXPECT_EQ(ValueOf(profiles.SsoSession("t"), "sso_region"), "");
}

TEST_F(ProfilesTest, ChoosesAsBotocoreDoes) {
  EXPECT_EQ(Profiles::Choose(environment_, ""), "default");
  variables_["AWS_PROFILE"] = "new";
  EXPECT_EQ(Profiles::Choose(environment_, ""), "new");
  variables_["AWS_DEFAULT_PROFILE"] = "old";
  EXPECT_EQ(Profiles::Choose(environment_, ""), "old");
  EXPECT_EQ(Profiles::Choose(environment_, "named"), "named");
  variables_["AWS_DEFAULT_PROFILE"] = "";
  EXPECT_EQ(Profiles::Choose(environment_, ""), "new");
}

TEST_F(ProfilesTest, TheRegionOfTheEnvironmentComesFirst) {
  Write("AWS_CONFIG_FILE", "[default]\nregion=eu-west-1\n");
  const Profiles profiles = Load();
  EXPECT_EQ(ConfiguredRegion(environment_, profiles, "default"), "eu-west-1");
  EXPECT_EQ(ConfiguredRegion(environment_, profiles, "other"), "");
  variables_["AWS_DEFAULT_REGION"] = "eu-west-2";
  EXPECT_EQ(ConfiguredRegion(environment_, profiles, "default"), "eu-west-2");
  variables_["AWS_REGION"] = "eu-west-3";
  EXPECT_EQ(ConfiguredRegion(environment_, profiles, "default"), "eu-west-3");
}

}  // namespace
}  // namespace constellation::cloud::aws
