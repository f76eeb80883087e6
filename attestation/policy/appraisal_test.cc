// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/appraisal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "attestation/eventlog/event_log.h"
#include "attestation/testing/event_log_builder.h"
#include "attestation/testing/software_tpm.h"
#include "attestation/tpm/cluster_pcr.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::EventLogBuilder;
using ::constellation::testing::IsOk;
using ::constellation::testing::QuoteParts;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using crypto::Sha256Digest;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

const absl::Time kNow =
    absl::FromCivil(absl::CivilDay(2026, 6, 1), absl::UTCTimeZone());
const Bytes kClusterId(32, 0xc1);

Sha256Digest Digest(std::string_view text) {
  return crypto::Sha256(AsBytes(text));
}

// A node with one image, a policy that knows it, and evidence to spoil.
class AppraisalTest : public ::testing::Test {
 protected:
  AppraisalTest()
      : user_data_(kUserDataSize, 0x42), profile_(ProfileOf("image 1")) {
    for (const auto& [index, value] : profile_.pcrs) {
      tpm_.SetPcr(index, value);
    }
    tpm_.SetPcr(0, Digest("firmware"));  // in no profile
    nodes_ = {{.node_name = "worker-0",
               .role = std::string(kRoleWorker),
               .tpm = SoftwareTpm().enrolled()},
              {.node_name = "node-0",
               .role = std::string(kRoleControlPlane),
               .tpm = tpm_.enrolled()}};
  }

  static Profile ProfileOf(const std::string& name) {
    return {.name = name,
            .variant = std::string(kVariantQemuVtpm),
            .not_before = std::nullopt,
            .not_after = std::nullopt,
            .pcrs = {{4, Digest(name + "/4")},
                     {9, Digest(name + "/9")},
                     {11, Digest(name + "/11")},
                     {8, {}},
                     {12, {}},
                     {13, {}},
                     {14, {}}}};
  }

  Evidence Good() const { return tpm_.AttestParts(tpm_.PartsFor(user_data_)); }

  Appraisal AppraiseWith(const Evidence& evidence,
                         const std::vector<Profile>& profiles) const {
    const absl::StatusOr<Policy> policy = Policy::Create(profiles, nodes_);
    EXPECT_THAT(policy, IsOk());
    return Appraise(evidence, user_data_, state_, *policy, kNow);
  }
  Appraisal AppraiseIt(const Evidence& evidence) const {
    return AppraiseWith(evidence, {profile_});
  }

  // "layer name" of every failed row.
  static std::set<std::string> Failed(const Appraisal& appraisal) {
    std::set<std::string> names;
    for (const CheckRow& row : appraisal.rows) {
      if (row.verdict == CheckVerdict::kFailed) {
        names.insert(row.layer + " " + row.name);
      }
    }
    return names;
  }
  static CheckRow Row(const Appraisal& appraisal, const std::string& layer,
                      const std::string& name) {
    for (const CheckRow& row : appraisal.rows) {
      if (row.layer == layer && row.name == name) {
        return row;
      }
    }
    ADD_FAILURE() << "no row " << layer << " " << name;
    return {};
  }

  const Bytes user_data_;
  SoftwareTpm tpm_;
  Profile profile_;
  std::vector<EnrolledNode> nodes_;
  ClusterState state_ = ClusterState::None();
};

TEST_F(AppraisalTest, AcceptsGoodEvidence) {
  const Appraisal appraisal = AppraiseIt(Good());
  EXPECT_TRUE(appraisal.accepted) << appraisal.Failures();
  EXPECT_THAT(ToStatus(appraisal), IsOk());
  EXPECT_EQ(appraisal.rests_on, "simulated");
  EXPECT_EQ(appraisal.profile, "image 1");
  EXPECT_EQ(appraisal.node_name, "node-0");
  EXPECT_EQ(appraisal.role, kRoleControlPlane);
  EXPECT_EQ(appraisal.cluster_pcr, Sha256Digest{});
  EXPECT_THAT(appraisal.Failures(), IsEmpty());
}

TEST_F(AppraisalTest, ShowsEveryCheckAlwaysInTheSameOrder) {
  const auto names = [](const Appraisal& appraisal) {
    std::vector<std::string> all;
    for (const CheckRow& row : appraisal.rows) {
      if (row.verdict != CheckVerdict::kInfo || row.layer != "event log") {
        all.push_back(row.layer + " " + row.name);
      }
      EXPECT_FALSE(row.expected.empty()) << row.name;
      EXPECT_FALSE(row.got.empty()) << row.name;
    }
    return all;
  };
  EXPECT_THAT(
      names(AppraiseIt(Good())),
      ElementsAre("evidence variant", "evidence user data",
                  "evidence hardware report", "evidence endorsements",
                  "quote AK public area", "quote AK attributes",
                  "quote structure", "quote magic", "quote type",
                  "quote qualifying data", "quote signature", "quote selection",
                  "quote PCR list", "quote PCR digest", "tpm AK enrolled",
                  "tpm EK certificate", "profile image", "profile validity",
                  "pcr PCR4", "pcr PCR8", "pcr PCR9", "pcr PCR11", "pcr PCR12",
                  "pcr PCR13", "pcr PCR14", "cluster PCR15"));
  EXPECT_EQ(names(AppraiseIt(Good())), names(AppraiseIt({})));
  EXPECT_EQ(names(AppraiseIt(Good())), names(AppraiseWith(Good(), {})));
}

TEST_F(AppraisalTest, RefusesNothingAtAll) {
  const Appraisal appraisal = AppraiseIt({});
  EXPECT_FALSE(appraisal.accepted);
  EXPECT_EQ(appraisal.rests_on, "nothing");
  EXPECT_THAT(appraisal.node_name, IsEmpty());
}

TEST_F(AppraisalTest, RefusesEveryRegisterThatDiffers) {
  for (const auto& [index, value] : profile_.pcrs) {
    tpm_.SetPcr(index, Digest("something else"));
    const Appraisal appraisal = AppraiseIt(Good());
    tpm_.SetPcr(index, value);
    const std::string name = "PCR" + std::to_string(index);
    EXPECT_THAT(Failed(appraisal), ElementsAre("pcr " + name, "profile image"));
    EXPECT_THAT(
        ToStatus(appraisal),
        StatusIs(absl::StatusCode::kPermissionDenied,
                 HasSubstr(name + ": expected " + HexEncode(value) + ", got " +
                           HexEncode(Digest("something else")))));
  }
}

TEST_F(AppraisalTest, NamesAllFailedRegistersAtOnce) {
  tpm_.SetPcr(4, Digest("x"));
  tpm_.SetPcr(11, Digest("y"));
  tpm_.SetPcr(12, Digest("z"));
  EXPECT_THAT(ToStatus(AppraiseIt(Good())),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("PCR4: "), HasSubstr("PCR11: "),
                             HasSubstr("PCR12: "), Not(HasSubstr("PCR9: ")))));
}

TEST_F(AppraisalTest, IgnoresRegistersThatNoProfileNames) {
  tpm_.SetPcr(0, Digest("other firmware"));
  tpm_.SetPcr(10, Digest("ima"));
  EXPECT_TRUE(AppraiseIt(Good()).accepted);
}

TEST_F(AppraisalTest, RefusesMemberWhereNoneIsWanted) {
  tpm_.SetPcr(15, ExpectedClusterPcr(kClusterId));
  const Appraisal appraisal = AppraiseIt(Good());
  EXPECT_THAT(Failed(appraisal), ElementsAre("cluster PCR15"));
  EXPECT_THAT(ToStatus(appraisal),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("PCR15: expected 000000")));
  EXPECT_EQ(appraisal.cluster_pcr, ExpectedClusterPcr(kClusterId));
}

TEST_F(AppraisalTest, AcceptsMemberOfTheCluster) {
  tpm_.SetPcr(15, ExpectedClusterPcr(kClusterId));
  state_ = ClusterState::MemberOf(kClusterId);
  EXPECT_TRUE(AppraiseIt(Good()).accepted);
}

TEST_F(AppraisalTest, RefusesNonMemberAndMemberOfAnother) {
  state_ = ClusterState::MemberOf(kClusterId);
  EXPECT_THAT(Failed(AppraiseIt(Good())), ElementsAre("cluster PCR15"));
  tpm_.SetPcr(15, ExpectedClusterPcr(Bytes(32, 0xc2)));
  EXPECT_THAT(Failed(AppraiseIt(Good())), ElementsAre("cluster PCR15"));
}

TEST_F(AppraisalTest, AnyMemberIsAnythingButZero) {
  state_ = ClusterState::AnyMember();
  EXPECT_THAT(Failed(AppraiseIt(Good())), ElementsAre("cluster PCR15"));
  tpm_.SetPcr(15, ExpectedClusterPcr(kClusterId));
  const Appraisal appraisal = AppraiseIt(Good());
  EXPECT_TRUE(appraisal.accepted);
  EXPECT_EQ(appraisal.cluster_pcr, ExpectedClusterPcr(kClusterId));
}

TEST_F(AppraisalTest, RefusesTpmThatIsNotEnrolled) {
  nodes_.pop_back();
  const Appraisal appraisal = AppraiseIt(Good());
  EXPECT_THAT(Failed(appraisal),
              ElementsAre("tpm AK enrolled", "tpm EK certificate"));
  EXPECT_THAT(appraisal.node_name, IsEmpty());
  EXPECT_THAT(appraisal.role, IsEmpty());
}

TEST_F(AppraisalTest, RefusesCertificateOfAnotherEnrolledTpm) {
  SoftwareTpm other;
  nodes_[0].tpm = other.enrolled();
  Evidence evidence = Good();
  evidence.tpm.ek_certificate =
      other.AttestParts(other.PartsFor(user_data_)).tpm.ek_certificate;
  EXPECT_THAT(Failed(AppraiseIt(evidence)), ElementsAre("tpm EK certificate"));
  evidence.tpm.ek_certificate.clear();
  EXPECT_THAT(Failed(AppraiseIt(evidence)), ElementsAre("tpm EK certificate"));
}

// The classic: a TPM of the attacker's says what the genuine one would say.
TEST_F(AppraisalTest, RefusesForeignAkWithGenuineCertificateAndRegisters) {
  SoftwareTpm attacker;
  for (const auto& [index, value] : profile_.pcrs) {
    attacker.SetPcr(index, value);
  }
  Evidence evidence = attacker.AttestParts(attacker.PartsFor(user_data_));
  evidence.tpm.ek_certificate = Good().tpm.ek_certificate;
  EXPECT_THAT(Failed(AppraiseIt(evidence)),
              ElementsAre("tpm AK enrolled", "tpm EK certificate"));
  // With the genuine AK beside it, the signature is not the AK's.
  evidence.tpm.ak_public = Good().tpm.ak_public;
  EXPECT_THAT(Failed(AppraiseIt(evidence)), ElementsAre("quote signature"));
}

TEST_F(AppraisalTest, RefusesEvidenceForOtherUserData) {
  Bytes other = user_data_;
  other[0] ^= 1U;
  const Evidence evidence = tpm_.AttestParts(tpm_.PartsFor(other));
  const Appraisal appraisal = AppraiseIt(evidence);
  EXPECT_THAT(Failed(appraisal), ElementsAre("quote qualifying data"));
  EXPECT_EQ(appraisal.cluster_pcr, std::nullopt);
}

TEST_F(AppraisalTest, RefusesUserDataOfAnotherSize) {
  ASSERT_OK_AND_ASSIGN(const Policy policy, Policy::Create({profile_}, nodes_));
  const Bytes shorter(63, 0x42);
  const Evidence evidence = tpm_.AttestParts(tpm_.PartsFor(shorter));
  EXPECT_THAT(Failed(Appraise(evidence, shorter, state_, policy, kNow)),
              ElementsAre("evidence user data"));
}

TEST_F(AppraisalTest, RefusesForgedRegisterValue) {
  tpm_.SetPcr(4, Digest("evil"));
  Evidence evidence = Good();
  evidence.tpm.pcrs[4].sha256 = profile_.pcrs.at(4);  // as the policy wants it
  const Appraisal appraisal = AppraiseIt(evidence);
  EXPECT_THAT(Failed(appraisal), ElementsAre("quote PCR digest"));
  // No register passes while nothing vouches for it.
  EXPECT_EQ(Row(appraisal, "pcr", "PCR4").verdict, CheckVerdict::kInfo);
  EXPECT_EQ(Row(appraisal, "cluster", "PCR15").verdict, CheckVerdict::kInfo);
}

TEST_F(AppraisalTest, RefusesQuoteWithoutTheClusterRegister) {
  QuoteParts parts = tpm_.PartsFor(user_data_);
  parts.selections[0].pcrs.pop_back();
  Evidence evidence = tpm_.AttestParts(parts);
  evidence.tpm.pcrs.pop_back();
  crypto::Sha256Hasher hasher;
  for (const PcrValue& pcr : evidence.tpm.pcrs) {
    hasher.Update(pcr.sha256);
  }
  const Sha256Digest digest = hasher.Finish();
  parts.pcr_digest.assign(digest.begin(), digest.end());
  const std::vector<PcrValue> pcrs = evidence.tpm.pcrs;
  evidence = tpm_.AttestParts(parts);
  evidence.tpm.pcrs = pcrs;
  const Appraisal appraisal = AppraiseIt(evidence);
  EXPECT_THAT(Failed(appraisal), ElementsAre("cluster PCR15"));
  EXPECT_EQ(Row(appraisal, "cluster", "PCR15").got, "not quoted");
}

TEST_F(AppraisalTest, RefusesUnknownVariant) {
  Evidence evidence = Good();
  evidence.variant = "azure-snp";
  const Appraisal appraisal = AppraiseIt(evidence);
  EXPECT_THAT(Failed(appraisal), IsSupersetOf({"evidence variant"}));
  EXPECT_EQ(appraisal.rests_on, "nothing");
  evidence.variant = "qemu\x1b[2J";
  EXPECT_EQ(Row(AppraiseIt(evidence), "evidence", "variant").got, "qemu?[2J");
}

TEST_F(AppraisalTest, RefusesReportThatNobodyChecks) {
  Evidence evidence = Good();
  evidence.hardware_report = Bytes(1184);
  EXPECT_THAT(Failed(AppraiseIt(evidence)),
              ElementsAre("evidence hardware report", "quote qualifying data"));
  evidence = Good();
  evidence.endorsements.emplace_back(10);
  EXPECT_THAT(Failed(AppraiseIt(evidence)),
              ElementsAre("evidence endorsements"));
}

TEST_F(AppraisalTest, ProfileCountsFromItsFirstToItsLastInstant) {
  profile_.not_before = kNow;
  profile_.not_after = kNow;
  EXPECT_TRUE(AppraiseIt(Good()).accepted);
  profile_.not_after = kNow + absl::Hours(1);
  profile_.not_before = kNow + absl::Seconds(1);
  EXPECT_THAT(Failed(AppraiseIt(Good())), ElementsAre("profile validity"));
  profile_.not_before = std::nullopt;
  profile_.not_after = kNow - absl::Seconds(1);
  const Appraisal expired = AppraiseIt(Good());
  EXPECT_THAT(Failed(expired), ElementsAre("profile validity"));
  EXPECT_THAT(ToStatus(expired),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("image 1: always to 2026-05-31T23:59:59Z, got "
                                 "2026-06-01T00:00:00Z")));
}

TEST_F(AppraisalTest, ChoosesTheProfileThatMatches) {
  const Profile other = ProfileOf("image 2");
  EXPECT_EQ(AppraiseWith(Good(), {other, profile_}).profile, "image 1");
  EXPECT_TRUE(AppraiseWith(Good(), {other, profile_}).accepted);
  EXPECT_TRUE(AppraiseWith(Good(), {profile_, other}).accepted);
}

TEST_F(AppraisalTest, PrefersTheMatchingProfileThatIsValid) {
  Profile expired = profile_;
  expired.name = "expired";
  expired.not_after = kNow - absl::Hours(1);
  const Appraisal appraisal = AppraiseWith(Good(), {expired, profile_});
  EXPECT_TRUE(appraisal.accepted);
  EXPECT_EQ(appraisal.profile, "image 1");
}

TEST_F(AppraisalTest, NamesTheClosestProfile) {
  Profile close = profile_;
  close.name = "close";
  close.pcrs[4] = Digest("new kernel");
  const Appraisal appraisal =
      AppraiseWith(Good(), {ProfileOf("far"), close, ProfileOf("farther")});
  EXPECT_EQ(appraisal.profile, "close");
  EXPECT_THAT(Failed(appraisal), ElementsAre("pcr PCR4", "profile image"));
  EXPECT_EQ(Row(appraisal, "profile", "image").got,
            "none; the closest is \"close\": 1 of 7 PCRs differ");
}

// Registers of one image and registers of another do not add up to a third.
TEST_F(AppraisalTest, DoesNotMixProfiles) {
  const Profile other = ProfileOf("image 2");
  tpm_.SetPcr(4, other.pcrs.at(4));
  EXPECT_FALSE(AppraiseWith(Good(), {profile_, other}).accepted);
}

TEST_F(AppraisalTest, RefusesWithoutProfiles) {
  const Appraisal appraisal = AppraiseWith(Good(), {});
  EXPECT_FALSE(appraisal.accepted);
  EXPECT_THAT(Failed(appraisal),
              IsSupersetOf({"evidence variant", "profile image"}));
}

TEST_F(AppraisalTest, GivesAdviceForFailuresOnly) {
  tpm_.SetPcr(4, Digest("x"));
  const Appraisal appraisal = AppraiseIt(Good());
  EXPECT_THAT(Row(appraisal, "pcr", "PCR4").advice, HasSubstr("boot loader"));
  EXPECT_THAT(Row(appraisal, "pcr", "PCR9").advice, IsEmpty());
}

TEST_F(AppraisalTest, EventLogExplainsAndDecidesNothing) {
  const Bytes log =
      EventLogBuilder({kTpmAlgSha256}).Add(4, kEvIpl, "evil loader").bytes();
  tpm_.SetEventLog(log);
  EXPECT_TRUE(AppraiseIt(Good()).accepted);

  tpm_.SetPcr(4, {});
  tpm_.ExtendPcr(4, Digest("evil loader"));
  const Appraisal appraisal = AppraiseIt(Good());
  EXPECT_FALSE(appraisal.accepted);
  const CheckRow row = Row(appraisal, "event log", "PCR4");
  EXPECT_EQ(row.verdict, CheckVerdict::kInfo);
  EXPECT_THAT(row.advice, HasSubstr("#0 EV_IPL \"evil loader\""));

  tpm_.SetEventLog(Bytes(100, 0xaa));
  EXPECT_FALSE(AppraiseIt(Good()).accepted);
  tpm_.SetPcr(4, profile_.pcrs.at(4));
  EXPECT_TRUE(AppraiseIt(Good()).accepted);
}

TEST(CheckVerdictTest, HasWords) {
  EXPECT_EQ(ToString(CheckVerdict::kPassed), "passed");
  EXPECT_EQ(ToString(CheckVerdict::kFailed), "failed");
  EXPECT_EQ(ToString(CheckVerdict::kInfo), "info");
}

}  // namespace
}  // namespace constellation::attestation
