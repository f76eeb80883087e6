// SPDX-License-Identifier: Apache-2.0
#include "attestation/gcp/instance_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "attestation/gcp/testing/gce_machine.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::InstanceSpec;
using ::constellation::testing::IsOk;
using ::constellation::testing::kNoVectors;
using ::constellation::testing::StatusIs;
using ::constellation::testing::VectorEntries;
using ::constellation::testing::VectorsFolder;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(GceInstanceTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const GceInstance instance,
                       ParseGceInstanceUnverified(InstanceSpec().Build()));
  EXPECT_EQ(instance, (GceInstance{.zone = "europe-west3-b",
                                   .project_number = 117,
                                   .project_id = "my-project",
                                   .instance_id = 0x8000000000000001,
                                   .instance_name = "node-1",
                                   .security_version = 4,
                                   .is_production = true}));
}

TEST(GceInstanceTest, PropertiesMayBeMissingOrMore) {
  InstanceSpec spec;
  spec.properties = {};
  ASSERT_OK_AND_ASSIGN(GceInstance instance,
                       ParseGceInstanceUnverified(spec.Build()));
  EXPECT_FALSE(instance.security_version.has_value());
  EXPECT_FALSE(instance.is_production.has_value());
  // [1] alone, then flags that nobody knows yet, whatever they hold.
  spec.properties = {0xa1, 3, 1, 1, 0, 0xa7, 2, 5, 0, 0xb0, 1, 0x55};
  ASSERT_OK_AND_ASSIGN(instance, ParseGceInstanceUnverified(spec.Build()));
  EXPECT_FALSE(instance.security_version.has_value());
  EXPECT_EQ(instance.is_production, false);
}

struct Spoilt {
  const char* name;
  std::function<void(InstanceSpec&)> spoil;
  const char* message;
};

class SpoiltInstanceTest : public ::testing::TestWithParam<Spoilt> {};

TEST_P(SpoiltInstanceTest, IsRefused) {
  InstanceSpec spec;
  GetParam().spoil(spec);
  EXPECT_THAT(ParseGceInstanceUnverified(spec.Build()),
              StatusIs(kInvalid, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, SpoiltInstanceTest,
    ::testing::Values(
        Spoilt{"zone", [](InstanceSpec& s) { s.zone = ""; },
               "zone: want 1 to 256 printable"},
        Spoilt{"project", [](InstanceSpec& s) { s.project_id = "a\x1b[0m"; },
               "project id: want"},
        Spoilt{"name",
               [](InstanceSpec& s) { s.instance_name = std::string(257, 'a'); },
               "instance name: want"},
        Spoilt{"descending",
               [](InstanceSpec& s) {
                 s.properties = {0xa1, 3, 1, 1, 0, 0xa0, 3, 2, 1, 4};
               },
               "want ascending tags, got 0xa0"},
        Spoilt{"twice",
               [](InstanceSpec& s) {
                 s.properties = {0xa1, 3, 1, 1, 0, 0xa1, 3, 1, 1, 0xff};
               },
               "want ascending tags, got 0xa1"},
        Spoilt{"untagged",
               [](InstanceSpec& s) {
                 s.properties = {0x02, 1, 4};
               },
               "want ascending tags, got 0x02"},
        Spoilt{"otherClass",
               [](InstanceSpec& s) {
                 s.properties = {0xe0, 1, 0};
               },
               "want ascending tags, got 0xe0"},
        Spoilt{"versionMore",
               [](InstanceSpec& s) { s.properties = {0xa0, 5, 2, 1, 4, 5, 0}; },
               "security version"},
        Spoilt{"flag",
               [](InstanceSpec& s) {
                 s.properties = {0xa1, 3, 1, 1, 1};
               },
               "is production"},
        Spoilt{"flagMore",
               [](InstanceSpec& s) { s.properties = {0xa1, 5, 1, 1, 0, 5, 0}; },
               "is production"},
        Spoilt{"version",
               [](InstanceSpec& s) {
                 s.properties = {0xa0, 3, 2, 1, 0x80};
               },
               "security version"},
        Spoilt{"cut",
               [](InstanceSpec& s) {
                 s.properties = {0xa1, 3, 1, 1};
               },
               "want"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(GceInstanceTest, RefusesEveryOtherLength) {
  Bytes value = InstanceSpec().Build();
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_THAT(ParseGceInstanceUnverified(std::span(value).first(size)),
                StatusIs(kInvalid));
  }
  value.push_back(0);
  EXPECT_THAT(ParseGceInstanceUnverified(value), StatusIs(kInvalid));
}

// Octets behind the properties, inside their tag and behind it.
TEST(GceInstanceTest, RefusesWhatFollowsTheProperties) {
  InstanceSpec spec;
  spec.properties = {0xa1, 3, 1, 1, 0};
  Bytes inside = spec.Build();
  inside.insert(inside.end(), {5, 0});
  Bytes behind = inside;
  behind[1] += 2;
  EXPECT_THAT(ParseGceInstanceUnverified(behind),
              StatusIs(kInvalid, HasSubstr("GCE instance")));
  inside = behind;
  inside[inside.size() - 10] += 2;  // the length of [0]
  ASSERT_EQ(inside[inside.size() - 11], 0xa0);
  EXPECT_THAT(ParseGceInstanceUnverified(inside),
              StatusIs(kInvalid, HasSubstr("security properties")));
}

TEST(GceInstanceVectorsTest, ShippedExtensionsAreRead) {
  if (!VectorsFolder().has_value()) {
    GTEST_SKIP() << kNoVectors;
  }
  constexpr char kField[] = "gce_instance_ext_1_3_6_1_4_1_11129_2_1_21_hex";
  size_t seen = 0;
  for (const nlohmann::json& entry : VectorEntries("gcp/")) {
    if (!entry.contains("expect") || !entry["expect"].contains(kField)) {
      continue;
    }
    SCOPED_TRACE(entry["path"]);
    ASSERT_OK_AND_ASSIGN(const GceInstance instance,
                         ParseGceInstanceUnverified(*HexDecode(
                             entry["expect"][kField].get<std::string>())));
    EXPECT_EQ(instance.is_production, true);
    EXPECT_FALSE(instance.project_id.empty());
    ++seen;
  }
  EXPECT_GE(seen, 3U);
}

}  // namespace
}  // namespace constellation::attestation
