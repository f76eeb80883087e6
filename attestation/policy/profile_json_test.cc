// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/profile_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "attestation/policy/testing/composed_node.h"
#include "attestation/policy/variants.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ComposedNode;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class VariantProfileTest : public ::testing::TestWithParam<std::string> {};

std::vector<std::string> TpmVariants() {
  std::vector<std::string> names;
  for (const std::string_view name : VariantNames()) {
    if (FindVariant(name)->has_tpm) {
      names.emplace_back(name);
    }
  }
  return names;
}
INSTANTIATE_TEST_SUITE_P(Variants, VariantProfileTest,
                         ::testing::ValuesIn(TpmVariants()),
                         [](const auto& each) {
                           std::string name = each.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST_P(VariantProfileTest, WritesWhatItReads) {
  const Profile profile = ComposedNode(GetParam()).Profile();
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Create({profile}, {}));
  ASSERT_OK_AND_ASSIGN(const Policy again, Policy::Parse(policy.ToJson()));
  EXPECT_EQ(again, policy);
  EXPECT_EQ(again.ToJson(), policy.ToJson());
}

// Each layer of the variant must be there (but NitroTPM's document beside
// SEV-SNP, which may), and no other may.
TEST_P(VariantProfileTest, HasExactlyItsLayers) {
  const Json good = ToJsonValue(ComposedNode(GetParam()).Profile());
  for (const char* key : {"sevSnp", "tdx", "sgx", "azure", "gcp", "aws"}) {
    Json value = good;
    if (good.contains(key)) {
      value.erase(key);
      const bool optional =
          GetParam() == "aws-sev-snp" && std::string_view(key) == "aws";
      EXPECT_EQ(ReadProfile(value, "p").ok(), optional) << key;
    } else if (std::string_view(key) == "sgx") {
      value[key] = {{"acceptedStatuses", {"UpToDate"}},
                    {"minimumEvaluationDataNumber", 18},
                    {"mrenclave", {std::string(64, 'a')}}};
      EXPECT_THAT(ReadProfile(value, "p"),
                  StatusIs(kInvalid, HasSubstr("has no such layer")));
    } else {
      const ComposedNode other(
          std::string_view(key) == "sevSnp" || std::string_view(key) == "azure"
              ? "azure-sev-snp"
          : std::string_view(key) == "aws" ? "aws-nitro-tpm"
                                           : "gcp-tdx");
      value[key] = ToJsonValue(other.Profile())[key];
      EXPECT_THAT(ReadProfile(value, "p"),
                  StatusIs(kInvalid, HasSubstr("has no such layer")))
          << key;
    }
  }
  Json value = good;
  value.erase("pcrs");
  EXPECT_THAT(ReadProfile(value, "p"), StatusIs(kInvalid, HasSubstr("p.pcrs")));
}

TEST(ProfileJsonTest, EnclavesHaveNoPcrs) {
  Json value = {{"name", "enclave"},
                {"variant", "intel-sgx"},
                {"sgx",
                 {{"acceptedStatuses", {"UpToDate"}},
                  {"minimumEvaluationDataNumber", 18},
                  {"mrenclave", {std::string(64, 'a')}}}}};
  ASSERT_OK_AND_ASSIGN(const Profile profile, ReadProfile(value, "p"));
  EXPECT_EQ(ToJsonValue(profile), value);
  value["pcrs"] = Json::object();
  EXPECT_THAT(ReadProfile(value, "p"), IsOk());
  value["pcrs"]["4"] = std::string(64, 'a');
  EXPECT_THAT(ReadProfile(value, "p"),
              StatusIs(kInvalid, HasSubstr("has no vTPM")));
  value["pcrs"].clear();
  value.erase("sgx");
  EXPECT_THAT(ReadProfile(value, "p"), StatusIs(kInvalid, HasSubstr("sgx")));
}

TEST(ProfileJsonTest, ErrorsInLayersNameTheirPlace) {
  Json value = ToJsonValue(ComposedNode("gcp-sev-snp").Profile());
  value["sevSnp"]["products"]["Milan"]["minimumTCB"].erase("microcode");
  EXPECT_THAT(
      ReadProfile(value, "policy.profiles[3]"),
      StatusIs(kInvalid, HasSubstr("policy.profiles[3].sevSnp.products.Milan."
                                   "minimumTCB.microcode: missing")));
}

// A profile made in memory is judged like one that was read.
TEST(ProfileJsonTest, ChecksProfilesMadeInMemory) {
  Profile profile = ComposedNode("qemu-sev-snp").Profile();
  profile.snp->policy.products.clear();
  EXPECT_THAT(Policy::Create({profile}, {}),
              StatusIs(kInvalid, HasSubstr("products")));
  profile = ComposedNode("qemu-tdx").Profile();
  profile.tdx->policy.tcb.minimum_evaluation_data_number.reset();
  EXPECT_THAT(Policy::Create({profile}, {}),
              StatusIs(kInvalid, HasSubstr("minimumEvaluationDataNumber")));
  profile = ComposedNode("gcp-tdx").Profile();
  profile.gcp->policy.project_ids.clear();
  EXPECT_THAT(Policy::Create({profile}, {}),
              StatusIs(kInvalid, HasSubstr("any customer")));
}

}  // namespace
}  // namespace constellation::attestation
