// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/policy_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "attestation/policy/testing/composed_node.h"
#include "attestation/policy/variants.h"

namespace constellation::cli {
namespace {

using attestation::Policy;
using attestation::Profile;
using ::constellation::testing::ComposedNode;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

Policy PolicyOf(std::vector<Profile> profiles) {
  return Policy::Create(std::move(profiles), {}).value();
}

// A profile of real use: no test roots.
Profile Production(const std::string& variant) {
  Profile profile = ComposedNode(variant).Profile();
  if (profile.snp.has_value()) {
    profile.snp->policy.more_roots.clear();
  }
  if (profile.tdx.has_value()) {
    profile.tdx->policy.tcb.insecure_roots.clear();
  }
  if (profile.gcp.has_value()) {
    profile.gcp->insecure_roots.clear();
  }
  if (profile.aws.has_value()) {
    profile.aws->insecure_roots.clear();
  }
  return profile;
}

TEST(PolicyWarningsTest, AreNotGivenWithoutReason) {
  EXPECT_THAT(PolicyWarnings(PolicyOf({Production("gcp-tdx")}), kNow),
              IsEmpty());
}

TEST(PolicyWarningsTest, NameEmptyPolicies) {
  EXPECT_THAT(PolicyWarnings(PolicyOf({}), kNow),
              ElementsAre("no profiles: nothing is accepted"));
}

TEST(PolicyWarningsTest, NameProfilesOutOfTime) {
  Profile profile = Production("gcp-tdx");
  profile.not_after = kNow - absl::Seconds(1);
  EXPECT_THAT(PolicyWarnings(PolicyOf({profile}), kNow),
              ElementsAre("no profile is valid now: nothing is accepted",
                          HasSubstr("has ended at 2023-11-14T22:13:19Z")));
  profile.not_after = kNow + absl::Hours(24);
  EXPECT_THAT(PolicyWarnings(PolicyOf({profile}), kNow),
              ElementsAre(HasSubstr("ends soon")));
  profile.not_after = kNow + absl::Hours(24 * 31);
  EXPECT_THAT(PolicyWarnings(PolicyOf({profile}), kNow), IsEmpty());
  profile.not_before = kNow + absl::Seconds(1);
  EXPECT_THAT(PolicyWarnings(PolicyOf({profile}), kNow),
              Contains(HasSubstr("counts from")));
}

TEST(PolicyWarningsTest, NameEveryInsecureKey) {
  Profile profile = ComposedNode("qemu-sev-snp").Profile();
  profile.snp->policy.insecure_allow_debug = true;
  EXPECT_THAT(
      PolicyWarnings(PolicyOf({profile}), kNow),
      ElementsAre(
          AllOf(HasSubstr("insecureAllowDebug"), HasSubstr("switches")),
          AllOf(HasSubstr("insecureRoots"), HasSubstr("makes any evidence"))));
}

TEST(PolicyWarningsTest, NameFloorsOfZero) {
  Profile profile = Production("qemu-sev-snp");
  auto& floor =
      profile.snp->policy.products[attestation::SnpProduct::kMilan].minimum;
  floor.snp = 0;
  floor.microcode = 0;
  EXPECT_THAT(PolicyWarnings(PolicyOf({profile}), kNow),
              ElementsAre(HasSubstr("floors of zero for Milan")));
}

TEST(PolicyWarningsTest, NameVariantsThatNeedEnrolledTpms) {
  Profile profile = Production("gcp-sev-es");
  profile.gcp.reset();
  profile.variant = "qemu-vtpm";
  EXPECT_THAT(PolicyWarnings(PolicyOf({profile}), kNow),
              ElementsAre(HasSubstr("accepts enrolled TPMs only")));
}

TEST(ExplainPolicyTest, SaysWhatEveryVariantRestsOn) {
  for (const std::string_view name : attestation::VariantNames()) {
    const attestation::Variant& variant = *attestation::FindVariant(name);
    if (!variant.has_tpm || variant.enrolled_only) {
      continue;
    }
    const Profile profile = Production(std::string(name));
    const std::string text = ExplainPolicy(PolicyOf({profile}), kNow);
    EXPECT_THAT(text, HasSubstr(name));
    EXPECT_THAT(text, HasSubstr("Rests on: "));
    EXPECT_THAT(text, HasSubstr("valid from always to for ever"));
    const nlohmann::json document =
        nlohmann::json::parse(ExplainPolicyJson(PolicyOf({profile}), kNow));
    EXPECT_EQ(document["profiles"][0]["variant"], name);
    EXPECT_EQ(document["profiles"][0]["validNow"], true);
    EXPECT_FALSE(document["profiles"][0]["demands"].empty());
  }
}

TEST(ExplainPolicyTest, SaysFloorsAndDanger) {
  Profile profile = Production("azure-sev-snp");
  const std::string text = ExplainPolicy(PolicyOf({profile}), kNow);
  EXPECT_THAT(text, HasSubstr("Milan processors, every TCB at least boot "
                              "loader 4, tee 0, snp 24, microcode 219"));
  EXPECT_THAT(text, HasSubstr("no debugging"));
  EXPECT_THAT(text, HasSubstr("paravisor-rooted"));
  profile.snp->policy.insecure_allow_debug = true;
  EXPECT_THAT(ExplainPolicy(PolicyOf({profile}), kNow),
              HasSubstr("DEBUGGING IS ALLOWED"));
  EXPECT_THAT(ExplainPolicy(PolicyOf({}), kNow),
              HasSubstr("nothing is accepted"));
}

TEST(DiffPoliciesTest, FindsNothingInEqualPolicies) {
  const Policy policy = PolicyOf({Production("aws-sev-snp")});
  EXPECT_THAT(DiffPolicies(policy, policy), IsEmpty());
}

TEST(DiffPoliciesTest, NamesPlacesAndValues) {
  const Profile before = Production("qemu-tdx");
  Profile after = before;
  after.tdx->policy.tcb.minimum_evaluation_data_number = 20;
  after.tdx->policy.allow_migratable = true;
  after.tdx->policy.rtmr[1].clear();
  const std::vector<PolicyChange> changes =
      DiffPolicies(PolicyOf({before}), PolicyOf({after}));
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0],
            (PolicyChange{.kind = PolicyChange::Kind::kAdded,
                          .place = "profiles[\"image 1\"].tdx.allowMigratable",
                          .before = "",
                          .after = "true"}));
  EXPECT_EQ(changes[1], (PolicyChange{.kind = PolicyChange::Kind::kChanged,
                                      .place = "profiles[\"image 1\"].tdx."
                                               "minimumEvaluationDataNumber",
                                      .before = "18",
                                      .after = "20"}));
  EXPECT_EQ(changes[2].kind, PolicyChange::Kind::kRemoved);
  EXPECT_THAT(changes[2].place, HasSubstr("rtmr1"));
}

TEST(DiffPoliciesTest, TellsProfilesApartByName) {
  const Profile one = Production("qemu-tdx");
  Profile two = one;
  two.name = "image 2";
  const std::vector<PolicyChange> changes =
      DiffPolicies(PolicyOf({one}), PolicyOf({two, one}));
  EXPECT_THAT(changes, Not(IsEmpty()));
  for (const PolicyChange& change : changes) {
    EXPECT_EQ(ToString(change.kind), "added");
    EXPECT_THAT(change.place, HasSubstr("profiles[\"image 2\"]."));
  }
}

}  // namespace
}  // namespace constellation::cli
