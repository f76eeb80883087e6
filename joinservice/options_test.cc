// SPDX-License-Identifier: Apache-2.0
#include "joinservice/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

absl::StatusOr<Options> Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "joinservice");
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  return ParseOptions(static_cast<int>(argv.size()), argv.data());
}

TEST(OptionsTest, DefaultsAreThoseOfTheManifest) {
  ASSERT_OK_AND_ASSIGN(const Options options, Parse({}));
  EXPECT_EQ(options.listen, "0.0.0.0:30090");
  EXPECT_EQ(options.key_service_socket,
            "/run/constellation/keyservice/keyservice.sock");
  EXPECT_EQ(options.pki_folder, "/etc/kubernetes/pki");
  EXPECT_EQ(options.kubeconfig, "");
  EXPECT_EQ(options.attester.variant, "");
  EXPECT_FALSE(options.collateral.offline);
  EXPECT_FALSE(options.help);
}

TEST(OptionsTest, EveryOptionHasItsPlace) {
  ASSERT_OK_AND_ASSIGN(const Options options, Parse({"--listen",
                                                     "1",
                                                     "--key-service-socket",
                                                     "2",
                                                     "--pki-folder",
                                                     "3",
                                                     "--kubeconfig",
                                                     "4",
                                                     "--tcti",
                                                     "5",
                                                     "--event-log",
                                                     "6",
                                                     "--variant",
                                                     "7",
                                                     "--collateral-folder",
                                                     "8",
                                                     "--amd-kds",
                                                     "9",
                                                     "--intel-pcs",
                                                     "10",
                                                     "--intel-root-crl",
                                                     "11",
                                                     "--offline"}));
  EXPECT_EQ(options.listen, "1");
  EXPECT_EQ(options.key_service_socket, "2");
  EXPECT_EQ(options.pki_folder, "3");
  EXPECT_EQ(options.kubeconfig, "4");
  EXPECT_EQ(options.attester.paths.tcti, "5");
  EXPECT_EQ(options.attester.paths.event_log, "6");
  EXPECT_EQ(options.attester.variant, "7");
  EXPECT_EQ(options.collateral.folder, "8");
  EXPECT_EQ(options.collateral.endpoints.amd_kds, "9");
  EXPECT_EQ(options.collateral.endpoints.intel_pcs, "10");
  EXPECT_EQ(options.collateral.endpoints.intel_root_crl, "11");
  EXPECT_TRUE(options.collateral.offline);
}

TEST(OptionsTest, LastOneCounts) {
  EXPECT_EQ(Parse({"--listen", "a", "--listen", "b"})->listen, "b");
}

TEST(OptionsTest, HelpIsASwitch) {
  ASSERT_OK_AND_ASSIGN(const Options options,
                       Parse({"--help", "--listen", "a"}));
  EXPECT_TRUE(options.help);
  EXPECT_EQ(options.listen, "a");
}

TEST(OptionsTest, RefusesUnknownOptions) {
  for (const char* bad : {"--Listen", "-l", "listen", "", "--listen=a"}) {
    EXPECT_THAT(Parse({bad}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "unknown option '" + std::string(bad) + "'"));
  }
}

TEST(OptionsTest, RefusesMissingValue) {
  EXPECT_THAT(Parse({"--offline", "--tcti"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "option --tcti wants a value"));
}

TEST(OptionsTest, UsageNamesEveryOption) {
  for (const char* name :
       {"--listen", "--key-service-socket", "--pki-folder", "--kubeconfig",
        "--tcti", "--event-log", "--variant", "--collateral-folder",
        "--amd-kds", "--intel-pcs", "--intel-root-crl", "--offline"}) {
    EXPECT_THAT(std::string(kUsage), HasSubstr(name));
  }
}

}  // namespace
}  // namespace constellation::joinservice
