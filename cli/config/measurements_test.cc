// SPDX-License-Identifier: Apache-2.0
#include "cli/config/measurements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/config/config.h"
#include "cli/testing/configs.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Measured(std::string_view measurements) {
  return testing::Replaced(
      std::string(testing::kGoodConfig), "measurements: {}",
      std::string("measurements:\n") + std::string(measurements));
}

constexpr char kThree[] =
    "      4: {expected: "
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n"
    "      9: {expected: "
    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}\n"
    "      11: {expected: "
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n";

TEST(MeasurementsTest, ReadsAndLowersHex) {
  ASSERT_OK_AND_ASSIGN(const Config config,
                       ParseConfig(Measured(kThree), "conf"));
  ASSERT_THAT(config.measurements, SizeIs(3));
  EXPECT_EQ(config.measurements.at(9).expected, std::string(64, 'a'));
}

TEST(MeasurementsTest, RefusesMissingRegister) {
  const std::string two(std::string_view(kThree).substr(
      0, std::string_view(kThree).find("      11:")));
  EXPECT_THAT(ParseConfig(Measured(two), "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("PCR 11 is missing")));
}

TEST(MeasurementsTest, RefusesPcr15) {
  EXPECT_THAT(
      ParseConfig(
          Measured(std::string(kThree) + "      15: {expected: \"00\"}\n"),
          "conf"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cluster ID")));
}

TEST(MeasurementsTest, RefusesBadIndexHexOrField) {
  const std::string three(kThree);
  for (const auto& [line, message] :
       {std::pair{"      24: {expected: \"00\"}\n", "0 to 14"},
        std::pair{"      04: {expected: \"00\"}\n", "0 to 14"},
        std::pair{"      x: {expected: \"00\"}\n", "0 to 14"},
        std::pair{"      0: {expected: \"00\"}\n", "64 hex digits"},
        std::pair{"      0: {expcted: \"00\"}\n", "did you mean expected?"},
        std::pair{"      0: {warnOnly: false}\n", "expected is missing"},
        std::pair{"      0: text\n", "must be a map"}}) {
    EXPECT_THAT(
        ParseConfig(Measured(three + line), "conf"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << line;
  }
}

TEST(MeasurementsTest, RefusesWarnOnlyForRegistersThatMatter) {
  std::string text(kThree);
  text.insert(text.find('}'), ", warnOnly: true");
  EXPECT_THAT(ParseConfig(Measured(text), "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("any image would be accepted")));
}

TEST(MeasurementsTest, WarnsLoudlyAboutWarnOnly) {
  const std::string text = std::string(kThree) + "      0: {expected: \"" +
                           std::string(64, '0') + "\", warnOnly: true}\n";
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(Measured(text), "c"));
  EXPECT_THAT(ConfigWarnings(config),
              ::testing::ElementsAre(HasSubstr("VERIFICATION IS WEAKENED")));
}

}  // namespace
}  // namespace constellation::cli
