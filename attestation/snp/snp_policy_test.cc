// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/snp_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>

#include "attestation/snp/testing/test_platform.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeEvidence;
using testing::TestSnpEvidence;
using testing::TestSnpPlatform;

const absl::Time kNow = absl::FromUnixSeconds(1788220800);  // 2026-09-01

constexpr SnpTcbFloor kFloor{.fmc = std::nullopt,
                             .boot_loader = 4,
                             .tee = 2,
                             .snp = 24,
                             .microcode = 213};

std::vector<std::string> Failed(const std::vector<SnpPolicyCheck>& checks) {
  std::vector<std::string> names;
  for (const SnpPolicyCheck& check : checks) {
    if (!check.passed) {
      names.push_back(check.name);
      EXPECT_NE(check.reason, "") << check.name;
    } else {
      EXPECT_EQ(check.reason, "") << check.name;
    }
  }
  return names;
}

class SnpPolicyTest : public ::testing::Test {
 protected:
  SnpPolicyTest() { Use(SnpProduct::kMilan); }

  void Use(SnpProduct product, SnpSigningKey kind = SnpSigningKey::kVcek) {
    platform_ = TestSnpPlatform::Create(product, kind);
    policy_ = {};
    policy_.profile = "azure";
    SnpTcbFloor floor = kFloor;
    if (product == SnpProduct::kTurin) {
      floor.fmc = 1;
    }
    policy_.products[product].minimum = floor;
    policy_.measurements = {platform_.report.measurement};
    policy_.more_roots = MakeEvidence(platform_).roots;
  }

  std::vector<SnpPolicyCheck> Appraise(
      std::span<const uint8_t> report_data = {}) {
    const TestSnpEvidence evidence = MakeEvidence(platform_);
    SnpVerification result = CheckSnp(evidence.Input(), kNow);
    EXPECT_TRUE(result.report.has_value());
    return AppraiseSnp(*result.report, policy_, report_data);
  }

  // The reason of the only failed row.
  std::string Reason() {
    const std::vector<SnpPolicyCheck> checks = Appraise();
    EXPECT_EQ(Failed(checks).size(), 1U)
        << ::testing::PrintToString(Failed(checks));
    for (const SnpPolicyCheck& check : checks) {
      if (!check.passed) {
        return check.reason;
      }
    }
    return "";
  }

  // A demand that is switched on by `policy` and met only after `platform`.
  void ExpectDemand(const std::function<void(SnpPolicy&)>& demand,
                    const std::function<void(SnpReportUnverified&)>& meet,
                    const std::string& row, const std::string& reason) {
    Use(SnpProduct::kMilan);
    demand(policy_);
    const std::vector<SnpPolicyCheck> checks = Appraise();
    EXPECT_THAT(Failed(checks), ElementsAre(row));
    EXPECT_THAT(ToStatus(checks), StatusIs(absl::StatusCode::kPermissionDenied,
                                           HasSubstr("SNP policy: " + reason)));
    meet(platform_.report);
    EXPECT_THAT(Failed(Appraise()), IsEmpty());
  }

  TestSnpPlatform platform_;
  SnpPolicy policy_;
};

TEST_F(SnpPolicyTest, AcceptsWhatMeetsIt) {
  for (const SnpProduct product :
       {SnpProduct::kMilan, SnpProduct::kGenoa, SnpProduct::kTurin}) {
    Use(product);
    const std::vector<SnpPolicyCheck> checks = Appraise();
    EXPECT_THAT(Failed(checks), IsEmpty());
    EXPECT_THAT(ToStatus(checks), IsOk());
  }
}

TEST_F(SnpPolicyTest, AnEmptyPolicyAcceptsNothing) {
  policy_ = {};
  policy_.profile = "empty";
  EXPECT_THAT(Failed(Appraise()),
              ElementsAre("root", "product", "measurement"));
  EXPECT_THAT(ToStatus({}), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(SnpPolicyTest, EveryPartOfEveryTcbHasAFloor) {
  const auto set = [](SnpRawTcb& raw, const char* part, uint8_t value) {
    SnpTcb tcb = DecodeSnpTcb(raw, SnpProduct::kMilan);
    const std::string_view name = part;
    (name == "boot loader" ? tcb.boot_loader
     : name == "tee"       ? tcb.tee
     : name == "snp"       ? tcb.snp
                           : tcb.microcode) = value;
    raw = EncodeSnpTcb(tcb, SnpProduct::kMilan);
  };
  const std::pair<const char*, uint8_t> parts[] = {
      {"boot loader", 4}, {"tee", 2}, {"snp", 24}, {"microcode", 213}};
  const std::pair<const char*, SnpRawTcb SnpReportUnverified::*> tcbs[] = {
      {"current TCB", &SnpReportUnverified::current_tcb},
      {"committed TCB", &SnpReportUnverified::committed_tcb},
      {"launch TCB", &SnpReportUnverified::launch_tcb}};
  for (const auto& [tcb, member] : tcbs) {
    for (const auto& [part, floor] : parts) {
      Use(SnpProduct::kMilan);
      set(platform_.report.*member, part, floor);
      EXPECT_THAT(Failed(Appraise()), IsEmpty());
      set(platform_.report.*member, part, static_cast<uint8_t>(floor - 1));
      EXPECT_THAT(Failed(Appraise()),
                  ElementsAre(std::string(tcb) + " " + part));
    }
  }
}

TEST_F(SnpPolicyTest, SaysHowToMendALowReportedTcb) {
  platform_.tcb[7] = 209;
  platform_.signer.extensions = testing::SignerExtensions(platform_);
  platform_.report.reported_tcb = platform_.tcb;
  EXPECT_EQ(Reason(),
            "reported TCB microcode 209 < 213: update the host's firmware or "
            "lower `minimumTCB.microcode` in profile azure");
}

TEST_F(SnpPolicyTest, TurinHasAnFmcAndOthersHaveNone) {
  Use(SnpProduct::kTurin);
  platform_.report.current_tcb[0] = 0;
  EXPECT_EQ(Reason(),
            "current TCB fmc 0 < 1: update the host's firmware or lower "
            "`minimumTCB.fmc` in profile azure");
  Use(SnpProduct::kMilan);
  policy_.products[SnpProduct::kMilan].minimum.fmc = 0;
  EXPECT_THAT(Failed(Appraise()),
              ElementsAre("reported TCB fmc", "current TCB fmc",
                          "committed TCB fmc", "launch TCB fmc"));
  EXPECT_THAT(ToStatus(Appraise()),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("Milan has no fmc: remove `minimumTCB.fmc` "
                                 "in profile azure")));
}

TEST_F(SnpPolicyTest, AMissingFloorIsNeverZero) {
  SnpTcbFloor& floor = policy_.products[SnpProduct::kMilan].minimum;
  floor.snp.reset();
  EXPECT_THAT(Failed(Appraise()),
              ElementsAre("reported TCB snp", "current TCB snp",
                          "committed TCB snp", "launch TCB snp"));
  EXPECT_THAT(ToStatus(Appraise()),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("the policy has no floor for reported TCB "
                                 "snp: set `minimumTCB.snp` in profile azure, "
                                 "it is never taken as zero")));
  floor = {};
  EXPECT_EQ(Failed(Appraise()).size(), 16U);
  Use(SnpProduct::kTurin);
  policy_.products[SnpProduct::kTurin].minimum.fmc.reset();
  EXPECT_EQ(Failed(Appraise()).size(), 4U);
}

TEST_F(SnpPolicyTest, OneTcbMayHaveAFloorOfItsOwn) {
  SnpTcbFloors& floors = policy_.products[SnpProduct::kMilan];
  floors.current = kFloor;
  floors.current->microcode = 220;
  EXPECT_EQ(Reason(),
            "current TCB microcode 219 < 220: update the host's firmware or "
            "lower `minimumCurrentTCB.microcode` in profile azure");
  floors.current.reset();
  floors.launch = SnpTcbFloor{};
  EXPECT_EQ(Failed(Appraise()).size(), 4U);
  floors.launch.reset();
  floors.committed = kFloor;
  floors.committed->tee = 3;
  EXPECT_THAT(Failed(Appraise()), ElementsAre("committed TCB tee"));
  floors.committed.reset();
  floors.reported = kFloor;
  floors.reported->boot_loader = 5;
  EXPECT_THAT(Failed(Appraise()), ElementsAre("reported TCB boot loader"));
}

TEST_F(SnpPolicyTest, ProductsMustBeNamed) {
  policy_.products.clear();
  EXPECT_EQ(Reason(),
            "the policy names no product: add `products.Milan` in profile "
            "azure");
  policy_.products[SnpProduct::kGenoa].minimum = kFloor;
  EXPECT_EQ(Reason(),
            "product Milan is not allowed: use another kind of machine, or add "
            "`products.Milan` in profile azure");
}

TEST_F(SnpPolicyTest, DebuggingIsForbidden) {
  platform_.report.policy.raw |= 1U << 19U;
  EXPECT_EQ(Reason(),
            "the host may read and write the guest's memory: launch the guest "
            "without the debug bit, or set `insecureAllowDebug` in profile "
            "azure");
  policy_.insecure_allow_debug = true;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
}

TEST_F(SnpPolicyTest, AMigrationAgentIsForbidden) {
  platform_.report.policy.raw |= 1U << 18U;
  EXPECT_EQ(Reason(),
            "a migration agent may move the guest's memory to another machine: "
            "launch the guest without the bit, or set `allowMigrationAgent` in "
            "profile azure");
  policy_.allow_migration_agent = true;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
}

TEST_F(SnpPolicyTest, BitsOfTheGuestPolicyCanBeDemanded) {
  struct Case {
    bool SnpPolicy::*demand;
    unsigned bit;
    const char* row;
    const char* reason;
  };
  const Case cases[] = {
      {&SnpPolicy::require_smt_forbidden, 16, "SMT allowed",
       "the guest may run on a host with SMT: launch the guest without the "
       "bit, or drop `requireSmtForbidden` in profile azure"},
      {&SnpPolicy::require_single_socket, 20, "single socket only",
       "the guest may run on a host with more sockets: launch the guest with "
       "the bit, or drop `requireSingleSocket` in profile azure"},
      {&SnpPolicy::require_aes256_xts, 22, "AES-256-XTS required",
       "the guest's memory may be encrypted with AES-128: launch the guest "
       "with the bit, or drop `requireAes256Xts` in profile azure"},
      {&SnpPolicy::require_rapl_off, 23, "RAPL off required",
       "the host may measure the guest's power consumption: launch the guest "
       "with the bit, or drop `requireRaplOff` in profile azure"},
      {&SnpPolicy::require_ciphertext_hiding, 24, "ciphertext hiding required",
       "the host may read the guest's encrypted memory: launch the guest with "
       "the bit, or drop `requireCiphertextHiding` in profile azure"},
      {&SnpPolicy::require_page_swap_disabled, 25, "page swap disabled",
       "the host may move and swap the guest's pages: launch the guest with "
       "the bit, or drop `requirePageSwapDisabled` in profile azure"}};
  for (const Case& one : cases) {
    ExpectDemand([&one](SnpPolicy& policy) { policy.*(one.demand) = true; },
                 [&one](SnpReportUnverified& report) {
                   report.policy.raw ^= uint64_t{1} << one.bit;
                 },
                 one.row, one.reason);
  }
}

TEST_F(SnpPolicyTest, CxlCanBeForbidden) {
  policy_.require_cxl_forbidden = true;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  platform_.report.policy.raw |= 1U << 21U;
  EXPECT_EQ(Reason(),
            "the guest may get memory behind CXL: launch the guest without the "
            "bit, or drop `requireCxlForbidden` in profile azure");
}

TEST_F(SnpPolicyTest, BitsOfThePlatformCanBeDemanded) {
  struct Case {
    bool SnpPolicy::*demand;
    unsigned bit;
    bool wanted;
    const char* row;
    const char* reason;
  };
  const Case cases[] = {
      {&SnpPolicy::require_platform_smt_off, 0, false, "platform SMT",
       "SMT is on: switch it off in the host's firmware, or drop "
       "`requirePlatformSmtOff` in profile azure"},
      {&SnpPolicy::require_platform_tsme, 1, true, "platform TSME",
       "memory of the host is not encrypted: switch TSME on in the host's "
       "firmware, or drop `requirePlatformTsme` in profile azure"},
      {&SnpPolicy::require_platform_ecc, 2, true, "platform ECC",
       "memory has no error correction: use a host with ECC memory, or drop "
       "`requirePlatformEcc` in profile azure"},
      {&SnpPolicy::require_platform_rapl_off, 3, true, "platform RAPL off",
       "the host can measure power consumption: switch RAPL off in the host's "
       "firmware, or drop `requirePlatformRaplOff` in profile azure"},
      {&SnpPolicy::require_platform_ciphertext_hiding, 4, true,
       "platform ciphertext hiding",
       "ciphertext hiding is off: switch it on in the host's firmware, or drop "
       "`requirePlatformCiphertextHiding` in profile azure"},
      {&SnpPolicy::require_platform_alias_check, 5, true,
       "platform alias check",
       "the firmware has not checked memory for aliases: update the host's "
       "firmware, or drop `requirePlatformAliasCheck` in profile azure"},
      {&SnpPolicy::require_platform_tio_off, 7, false, "platform TIO",
       "trusted I/O is on: switch it off in the host's firmware, or drop "
       "`requirePlatformTioOff` in profile azure"}};
  for (const Case& one : cases) {
    Use(SnpProduct::kMilan);
    const uint64_t mask = uint64_t{1} << one.bit;
    uint64_t& raw = platform_.report.platform_info.raw;
    raw = one.wanted ? ~mask : mask;
    EXPECT_THAT(Failed(Appraise()), IsEmpty()) << "not demanded";
    policy_.*(one.demand) = true;
    EXPECT_EQ(Reason(), one.reason);
    EXPECT_THAT(Failed(Appraise()), ElementsAre(one.row));
    raw = ~raw;
    EXPECT_THAT(Failed(Appraise()), IsEmpty());
  }
}

TEST_F(SnpPolicyTest, VersionsHaveFloors) {
  ExpectDemand(
      [](SnpPolicy& policy) { policy.minimum_abi = {.major = 1, .minor = 31}; },
      [](SnpReportUnverified& report) { report.policy.raw |= 0x200U; },
      "guest policy ABI",
      "guest policy ABI 0.0 < 1.31: launch the guest with a higher minimum, or "
      "lower `minimumAbi` in profile azure");
  Use(SnpProduct::kMilan);
  policy_.minimum_firmware = {.major = 1, .minor = 55, .build = 29};
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  platform_.report.committed_version = {.major = 1, .minor = 54, .build = 99};
  EXPECT_EQ(Reason(),
            "committed firmware 1.54.99 < 1.55.29: update the host's firmware "
            "or lower `minimumFirmware` in profile azure");
  platform_.report.committed_version = {.major = 2, .minor = 0, .build = 0};
  platform_.report.current_version = {.major = 1, .minor = 55, .build = 28};
  EXPECT_THAT(Failed(Appraise()), ElementsAre("current firmware"));
}

TEST_F(SnpPolicyTest, MeasurementsMustBeNamed) {
  platform_.report.measurement[0] ^= 1U;
  EXPECT_EQ(Reason(),
            "measurement " + HexEncode(platform_.report.measurement) +
                " is not expected: run what the profile names, or add it to "
                "`measurements` in profile azure");
  policy_.measurements.push_back(platform_.report.measurement);
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  policy_.measurements.clear();
  EXPECT_EQ(Reason(),
            "the policy names no measurement: predict it from the image and "
            "add it to `measurements` in profile azure");
  policy_.insecure_any_measurement = true;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
}

TEST_F(SnpPolicyTest, VmplZeroUnlessOthersAreNamed) {
  for (const uint32_t vmpl : {1U, 3U, 0xffffffffU}) {
    platform_.report.vmpl = vmpl;
    EXPECT_EQ(Reason(), "VMPL " + std::to_string(vmpl) +
                            " is not expected: run what the profile names, or "
                            "add it to `vmpls` in profile azure");
  }
  platform_.report.vmpl = 1;
  policy_.vmpls = {0, 1};
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  policy_.vmpls.clear();
  EXPECT_THAT(Failed(Appraise()), ElementsAre("VMPL"));
}

TEST_F(SnpPolicyTest, GuestSvnHasAFloor) {
  policy_.minimum_guest_svn = 3;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  policy_.minimum_guest_svn = 4;
  EXPECT_EQ(Reason(),
            "guest SVN 3 < 4: launch a newer guest or lower `minimumGuestSvn` "
            "in profile azure");
}

TEST_F(SnpPolicyTest, ReportDataIsCompared) {
  const Bytes wanted(64, 0xda);
  EXPECT_THAT(Failed(Appraise(wanted)), IsEmpty());
  for (const size_t i : {0U, 63U}) {
    Bytes other = wanted;
    other[i] ^= 1U;
    EXPECT_THAT(Failed(Appraise(other)), ElementsAre("report data"));
  }
  EXPECT_THAT(Failed(Appraise(std::span(wanted).first(63))),
              ElementsAre("report data"));
}

TEST_F(SnpPolicyTest, ListsOfIdentities) {
  platform_.report.author_key_enabled = true;
  policy_.host_data = {platform_.report.host_data};
  policy_.family_ids = {platform_.report.family_id};
  policy_.image_ids = {platform_.report.image_id};
  policy_.id_key_digests = {platform_.report.id_key_digest};
  policy_.author_key_digests = {platform_.report.author_key_digest};
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  platform_.report.host_data[31] ^= 1U;
  EXPECT_THAT(Failed(Appraise()), ElementsAre("host data"));
  platform_.report.family_id[15] ^= 1U;
  platform_.report.image_id[15] ^= 1U;
  EXPECT_THAT(Failed(Appraise()),
              ElementsAre("host data", "family ID", "image ID"));
  platform_.report.id_key_digest[47] ^= 1U;
  platform_.report.author_key_digest[47] ^= 1U;
  EXPECT_THAT(Failed(Appraise()),
              ElementsAre("host data", "family ID", "image ID", "ID key digest",
                          "author key digest"));
}

TEST_F(SnpPolicyTest, AnAuthorKeyMustBeEnabled) {
  policy_.author_key_digests = {platform_.report.author_key_digest};
  EXPECT_EQ(Reason(),
            "no author key vouches for the guest's ID key: launch the guest "
            "with one, or empty `authorKeyDigests` in profile azure");
}

TEST_F(SnpPolicyTest, MitigationsCanBeDemanded) {
  Use(SnpProduct::kTurin);
  policy_.required_launch_mitigations = 0x5;
  policy_.required_current_mitigations = 0x2;
  platform_.report.launch_mitigations = 0x7;
  platform_.report.current_mitigations = 0x2;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  platform_.report.launch_mitigations = 0x3;
  EXPECT_EQ(Reason(),
            "launch mitigations lack 0x4: update the host's firmware (reports "
            "before version 5 have none) or lower `requiredLaunchMitigations` "
            "in profile azure");
  platform_.report.launch_mitigations = 0x5;
  platform_.report.current_mitigations = 0;
  EXPECT_THAT(Failed(Appraise()), ElementsAre("current mitigations"));
}

TEST_F(SnpPolicyTest, AMaskedChipIsRefusedUnlessAllowed) {
  platform_.report.chip_id = {};
  EXPECT_EQ(Reason(),
            "the host hides which chip the guest runs on: have the host's "
            "owner unmask it, or set `allowMaskedChipId` in profile azure");
  policy_.allow_masked_chip_id = true;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
}

TEST_F(SnpPolicyTest, ChipsCanBeListed) {
  policy_.chip_ids = {Bytes(64, 0xaa), Bytes(64, 0xc1)};
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  policy_.chip_ids.pop_back();
  EXPECT_THAT(Failed(Appraise()), ElementsAre("chip ID"));
  Use(SnpProduct::kTurin);
  policy_.chip_ids = {Bytes(8, 0xc1)};
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
}

TEST_F(SnpPolicyTest, VleksMustBeAllowed) {
  Use(SnpProduct::kMilan, SnpSigningKey::kVlek);
  EXPECT_EQ(Reason(),
            "a key of the cloud provider signed, not one of the chip: set "
            "`allowVlek` in profile azure if you trust the provider's use of "
            "it");
  policy_.allow_vlek = true;
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  policy_.csp_ids = {"CN=other.example"};
  EXPECT_THAT(Failed(Appraise()), ElementsAre("provider"));
  policy_.csp_ids = {"CN=other.example", "CN=provider.example"};
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  // A list of chips cannot be met by a key that names none.
  policy_.chip_ids = {Bytes(64, 0xc1)};
  EXPECT_THAT(Failed(Appraise()), ElementsAre("chip ID"));
}

TEST_F(SnpPolicyTest, ATestRootMustBeNamed) {
  policy_.more_roots.clear();
  EXPECT_THAT(Reason(),
              HasSubstr("the chain ends at a root that nobody "
                        "trusts: only a test names it in `insecureRoots` "
                        "in profile azure"));
}

TEST_F(SnpPolicyTest, ARevocationListCanBeDemanded) {
  policy_.require_revocation_list = true;
  EXPECT_TRUE(ChainOptionsOf(policy_).crl_required);
  EXPECT_EQ(ChainOptionsOf(policy_).more_roots.size(), 1U);
  EXPECT_THAT(Failed(Appraise()), IsEmpty());
  TestSnpEvidence evidence = MakeEvidence(platform_);
  evidence.crl.clear();
  const SnpVerification result = CheckSnp(evidence.Input(), kNow);
  ASSERT_TRUE(result.report.has_value());
  EXPECT_THAT(Failed(AppraiseSnp(*result.report, policy_, {})),
              ElementsAre("revocation list"));
}

}  // namespace
}  // namespace constellation::attestation
