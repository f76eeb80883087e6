// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/enclave_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attestation/testing/intel_signer.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IdentityText;
using ::constellation::testing::IntelTestIdentity;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

std::string Replaced(std::string text, const std::string& from,
                     const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(EnclaveIdentityTest, ReadsEveryField) {
  const IntelTestIdentity wanted;
  ASSERT_OK_AND_ASSIGN(const EnclaveIdentity identity,
                       ParseEnclaveIdentityUnverified(IdentityText(wanted)));
  EXPECT_EQ(identity.kind, EnclaveKind::kTdQe);
  EXPECT_EQ(identity.issue_date, wanted.issue_date);
  EXPECT_EQ(identity.next_update, wanted.next_update);
  EXPECT_EQ(identity.evaluation_data_number, 18U);
  EXPECT_THAT(identity.misc_select_mask, ::testing::Each(0xff));
  EXPECT_EQ(identity.attributes[0], 0x11);
  EXPECT_EQ(identity.attributes_mask[0], 0xfb);
  EXPECT_EQ(identity.mr_signer, wanted.mr_signer);
  EXPECT_EQ(identity.isv_prod_id, 2);
  ASSERT_EQ(identity.levels.size(), 2U);
  EXPECT_EQ(identity.levels[1].status, TcbStatus::kOutOfDate);
}

TEST(EnclaveIdentityTest, KnowsIntelsThreeEnclaves) {
  for (const auto& [name, kind] : {std::pair("QE", EnclaveKind::kQe),
                                   std::pair("TD_QE", EnclaveKind::kTdQe),
                                   std::pair("QVE", EnclaveKind::kQve)}) {
    IntelTestIdentity identity;
    identity.id = name;
    ASSERT_OK_AND_ASSIGN(
        const EnclaveIdentity read,
        ParseEnclaveIdentityUnverified(IdentityText(identity)));
    EXPECT_EQ(read.kind, kind);
    EXPECT_EQ(ToString(kind), name);
  }
  IntelTestIdentity other;
  other.id = "PCE";
  EXPECT_THAT(
      ParseEnclaveIdentityUnverified(IdentityText(other)),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"PCE\"")));
}

TEST(EnclaveIdentityTest, EveryFieldMustBeThere) {
  const std::string good = IdentityText({});
  for (const std::string field :
       {"id", "version", "issueDate", "nextUpdate", "tcbEvaluationDataNumber",
        "miscselect", "miscselectMask", "attributes", "attributesMask",
        "mrsigner", "isvprodid", "tcbLevels"}) {
    EXPECT_THAT(ParseEnclaveIdentityUnverified(Replaced(
                    good, "\"" + field + "\"", "\"other" + field + "\"")),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)))
        << field;
  }
}

TEST(EnclaveIdentityTest, RefusesAnotherVersionAndWhatFollows) {
  const std::string good = IdentityText({});
  EXPECT_THAT(
      ParseEnclaveIdentityUnverified(
          Replaced(good, "\"version\":2", "\"version\":1")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want 2, got 1")));
  EXPECT_FALSE(ParseEnclaveIdentityUnverified(good + "{}").ok());
  EXPECT_FALSE(ParseEnclaveIdentityUnverified("").ok());
  for (size_t size = 0; size < good.size(); size += 7) {
    EXPECT_FALSE(ParseEnclaveIdentityUnverified(good.substr(0, size)).ok());
  }
}

}  // namespace
}  // namespace constellation::attestation
