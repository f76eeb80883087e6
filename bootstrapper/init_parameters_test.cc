// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/init_parameters.h"

#include <gtest/gtest.h>

#include <functional>

#include "attestation/policy/testing/composed_node.h"
#include "bootstrapper/testing/init_fixtures.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

struct Mutation {
  const char* name;
  std::function<void(InitParameters&)> apply;
  const char* message;
};

void PrintTo(const Mutation& mutation, std::ostream* stream) {
  *stream << mutation.name;
}

class RefusesTest : public ::testing::TestWithParam<Mutation> {};

TEST(InitParametersTest, AcceptsGoodOnes) {
  EXPECT_THAT(ValidateInitParameters(testing::GoodParameters(),
                                     testing::ControlPlaneNode()),
              IsOk());
}

TEST(InitParametersTest, PlatformsThatVouchForTheirNodesNeedNoEnrolment) {
  for (const char* variant : {"gcp-sev-es", "azure-sev-snp"}) {
    const constellation::testing::ComposedNode node(variant);
    const auto policy = attestation::Policy::Create({node.Profile()}, {});
    ASSERT_THAT(policy, IsOk());
    InitParameters parameters = testing::GoodParameters();
    parameters.attestation_policy = policy->ToJson();
    EXPECT_THAT(ValidateInitParameters(parameters, testing::ControlPlaneNode()),
                IsOk());
  }
}

TEST(InitParametersTest, TheCloudsEndpointMustBeOne) {
  NodeIdentity self = testing::ControlPlaneNode();
  for (const char* good : {"lb.example.com:6443", "10.0.0.1:6443"}) {
    self.api_server_endpoint = good;
    EXPECT_THAT(ValidateInitParameters(testing::GoodParameters(), self),
                IsOk());
  }
  for (const char* bad : {"lb.example.com", "10.0.0.1:0", "a b:1", ":6443"}) {
    self.api_server_endpoint = bad;
    EXPECT_THAT(ValidateInitParameters(testing::GoodParameters(), self),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("address of the API server")))
        << bad;
  }
}

TEST_P(RefusesTest, OneMutation) {
  InitParameters parameters = testing::GoodParameters();
  GetParam().apply(parameters);
  EXPECT_THAT(ValidateInitParameters(parameters, testing::ControlPlaneNode()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusesTest,
    ::testing::Values(
        Mutation{"MasterKeyShort",
                 [](auto& p) { p.master_key = testing::Filled(2, 31); },
                 "master_key: want 32 bytes, got 31"},
        Mutation{"MasterKeyMissing",
                 [](auto& p) { p.master_key = SecretBytes(); },
                 "master_key: want 32 bytes, got 0"},
        Mutation{"MasterSaltLong", [](auto& p) { p.master_salt.push_back(0); },
                 "master_salt: want 32 bytes, got 33"},
        Mutation{"MeasurementSaltShort",
                 [](auto& p) { p.measurement_salt.pop_back(); },
                 "measurement_salt: want 32 bytes, got 31"},
        Mutation{"ClusterNameEmpty", [](auto& p) { p.cluster_name.clear(); },
                 "cluster_name"},
        Mutation{"ClusterNameInjects",
                 [](auto& p) { p.cluster_name = "a\nkind: Secret"; },
                 "cluster_name"},
        Mutation{"OtherVersion",
                 [](auto& p) { p.kubernetes_version = "v1.20.3"; },
                 "kubernetes_version: want v1.20.2"},
        Mutation{"SanWithSpace",
                 [](auto& p) { p.api_server_cert_sans.emplace_back("a b"); },
                 "api_server_cert_sans[2]"},
        Mutation{
            "TooManySans",
            [](auto& p) { p.api_server_cert_sans.assign(65, "a.example.com"); },
            "api_server_cert_sans: want at most 64, got 65"},
        Mutation{"TimeScaleZero", [](auto& p) { p.time_scale = 0; },
                 "time_scale: want 1 to 20, got 0"},
        Mutation{"TimeScaleHuge", [](auto& p) { p.time_scale = 21; },
                 "time_scale"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Networks, RefusesTest,
    ::testing::Values(
        Mutation{"PodCidrHostBits",
                 [](auto& p) { p.pod_cidr = "10.244.0.1/16"; }, "pod_cidr"},
        Mutation{"PodCidrIpv6", [](auto& p) { p.pod_cidr = "fd00::/48"; },
                 "pod_cidr"},
        Mutation{"PodCidrSmall", [](auto& p) { p.pod_cidr = "10.244.0.0/24"; },
                 "pod_cidr: want a prefix length of 8 to 23, got 24"},
        Mutation{"PodCidrHoldsNode",
                 [](auto& p) { p.pod_cidr = "10.42.0.0/16"; },
                 "without this node's address 10.42.0.11"},
        Mutation{"PodCidrLinkLocal",
                 [](auto& p) { p.pod_cidr = "169.254.0.0/16"; },
                 "169.254.0.0/16"},
        Mutation{"ServiceCidrSmall",
                 [](auto& p) { p.service_cidr = "10.96.0.0/29"; },
                 "service_cidr"},
        Mutation{"ServiceCidrLarge",
                 [](auto& p) { p.service_cidr = "10.0.0.0/8"; },
                 "service_cidr"},
        Mutation{"CidrsOverlap",
                 [](auto& p) { p.service_cidr = "10.244.128.0/20"; },
                 "service_cidr: want no address of pod_cidr"}),
    [](const auto& test) { return std::string(test.param.name); });

INSTANTIATE_TEST_SUITE_P(
    Policies, RefusesTest,
    ::testing::Values(Mutation{"PolicyNotJson",
                               [](auto& p) { p.attestation_policy = "{"; },
                               "attestation_policy"},
                      Mutation{"PolicyWithoutThisNode",
                               [](auto& p) {
                                 p.attestation_policy =
                                     testing::PolicyJson("other");
                               },
                               "control-plane-0, among the enrolled"},
                      Mutation{"PolicyMakesThisNodeWorker",
                               [](auto& p) {
                                 p.attestation_policy = testing::PolicyJson(
                                     "control-plane-0", "worker");
                               },
                               "among the enrolled control-plane nodes"}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace constellation::bootstrapper
