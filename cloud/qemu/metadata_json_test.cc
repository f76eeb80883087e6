// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/metadata_json.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "common/testing/status_matchers.h"

namespace constellation::cloud::qemu {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

InstanceMetadata Instance() {
  return {.name = "worker-1",
          .role = NodeRole::kWorker,
          .uid = "0a1b2c3d",
          .provider_id = "qemu:///0a1b2c3d/worker-1",
          .zone = "local",
          .cluster_ip = "10.42.0.12",
          .cluster_prefix_length = 24,
          .cluster_mac = "52:54:00:c1:00:02",
          .init_secret_sha256 = std::string(64, 'e'),
          .time_scale = 10};
}

TEST(InstanceJson, RoundTrips) {
  const InstanceMetadata wanted = Instance();
  ASSERT_OK_AND_ASSIGN(const InstanceMetadata got,
                       ParseInstance(InstanceToJson(wanted)));
  EXPECT_EQ(got.name, wanted.name);
  EXPECT_EQ(got.role, wanted.role);
  EXPECT_EQ(got.uid, wanted.uid);
  EXPECT_EQ(got.provider_id, wanted.provider_id);
  EXPECT_EQ(got.zone, wanted.zone);
  EXPECT_EQ(got.cluster_ip, wanted.cluster_ip);
  EXPECT_EQ(got.cluster_prefix_length, wanted.cluster_prefix_length);
  EXPECT_EQ(got.cluster_mac, wanted.cluster_mac);
  EXPECT_EQ(got.init_secret_sha256, wanted.init_secret_sha256);
  EXPECT_EQ(got.time_scale, wanted.time_scale);
}

TEST(InstanceJson, AllowsFieldsOfNewerServers) {
  auto object = nlohmann::json::parse(InstanceToJson(Instance()));
  object["future"] = 1;
  object.erase("initSecretSHA256");
  EXPECT_THAT(ParseInstance(object.dump()), IsOk());
}

// One wrong value per field; the message must name it.
TEST(InstanceJson, RejectsEachWrongField) {
  const std::vector<std::pair<std::string, nlohmann::json>> mutations = {
      {"name", "Worker"},
      {"name", "../../etc"},
      {"name", 1},
      {"role", "admin"},
      {"role", nullptr},
      {"uid", ""},
      {"uid", "a b"},
      {"uid", std::string(65, 'a')},
      {"providerID", "qemu:///a\nb"},
      {"providerID", std::string(257, 'a')},
      {"zone", "a b"},
      {"clusterIP", "10.42.0.256"},
      {"clusterIP", "10.42.0"},
      {"clusterIP", "::1"},
      {"clusterPrefixLength", 33},
      {"clusterPrefixLength", -1},
      {"clusterMAC", "52:54:00:C1:00:02"},
      {"clusterMAC", "52-54-00-c1-00-02"},
      {"clusterMAC", "52:54:00:c1:00"},
      {"timeScale", 0},
      {"timeScale", 101},
      {"timeScale", "1"},
      {"initSecretSHA256", std::string(63, 'e')},
      {"initSecretSHA256", std::string(64, 'E')}};
  for (const auto& [key, value] : mutations) {
    auto object = nlohmann::json::parse(InstanceToJson(Instance()));
    object[key] = value;
    EXPECT_THAT(ParseInstance(object.dump()),
                StatusIs(kInvalid, HasSubstr("\"" + key + "\"")))
        << value;
  }
}

TEST(InstanceJson, RejectsEachMissingField) {
  for (const char* key :
       {"name", "role", "uid", "providerID", "zone", "clusterIP",
        "clusterPrefixLength", "clusterMAC", "timeScale"}) {
    auto object = nlohmann::json::parse(InstanceToJson(Instance()));
    object.erase(key);
    EXPECT_THAT(ParseInstance(object.dump()),
                StatusIs(kInvalid, HasSubstr(key)));
  }
}

TEST(InstancesJson, RoundTripsAndNamesTheBadElement) {
  auto object =
      nlohmann::json::parse(InstancesToJson({Instance(), Instance()}));
  ASSERT_OK_AND_ASSIGN(const auto both, ParseInstances(object.dump()));
  EXPECT_EQ(both.size(), 2U);
  object["instances"][1]["name"] = "";
  EXPECT_THAT(ParseInstances(object.dump()),
              StatusIs(kInvalid, HasSubstr("instances[1]")));
  object["instances"][1] = "x";
  EXPECT_THAT(ParseInstances(object.dump()), StatusIs(kInvalid));
}

TEST(InstancesJson, RejectsTooMany) {
  nlohmann::json array = nlohmann::json::array();
  for (size_t i = 0; i <= kMaxInstances; ++i) {
    array.push_back(nullptr);
  }
  EXPECT_THAT(ParseInstances(nlohmann::json({{"instances", array}}).dump()),
              StatusIs(kInvalid, HasSubstr("at most 1000")));
}

TEST(EndpointJson, AcceptsAddressWithPortOnly) {
  EXPECT_THAT(ParseEndpoint(EndpointToJson("10.42.0.11:6443")),
              IsOkAndHolds("10.42.0.11:6443"));
  for (const char* bad :
       {"", "10.42.0.11", "10.42.0.11:", "10.42.0.11:0", "10.42.0.11:65536",
        "10.42.0.11:6443x", "evil.example:6443", ":6443", "10.42.0.11:-1"}) {
    EXPECT_THAT(ParseEndpoint(EndpointToJson(bad)), StatusIs(kInvalid)) << bad;
  }
}

TEST(EnrolledTpmsJson, CarriesTheArray) {
  EXPECT_THAT(ParseEnrolledTpms(EnrolledTpmsToJson(R"([{"nodeName":"a"}])")),
              IsOkAndHolds(R"([{"nodeName":"a"}])"));
  EXPECT_THAT(ParseEnrolledTpms(R"({"enrolledTPMs":{}})"), StatusIs(kInvalid));
  EXPECT_THAT(ParseEnrolledTpms("{}"), StatusIs(kInvalid));
}

TEST(CheckJsonArray, RejectsOtherText) {
  EXPECT_THAT(CheckJsonArray("[]"), IsOk());
  EXPECT_THAT(CheckJsonArray("{}"), StatusIs(kInvalid));
  EXPECT_THAT(CheckJsonArray("[1] x"), StatusIs(kInvalid));
  EXPECT_THAT(CheckJsonArray("[\"" + std::string(600000, 'a') + "\"]"),
              StatusIs(kInvalid));
  EXPECT_THAT(CheckJsonArray(std::string(40, '[') + std::string(40, ']')),
              StatusIs(kInvalid));
}

TEST(CheckBootStatus, BoundsTheSize) {
  const auto status = [](size_t size) {
    return "{\"m\":\"" + std::string(size - 8, 'a') + "\"}";
  };
  EXPECT_THAT(CheckBootStatus(status(kMaxBootStatus)), IsOk());
  EXPECT_THAT(CheckBootStatus(status(kMaxBootStatus + 1)), StatusIs(kInvalid));
  EXPECT_THAT(CheckBootStatus("[]"), StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::cloud::qemu
