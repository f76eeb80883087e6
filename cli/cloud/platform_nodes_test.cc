// SPDX-License-Identifier: Apache-2.0
// What `init` and `recover` make of nodes that their platform vouches for:
// evidence below test roots, vendors on loopback.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "attestation/collateral/testing/test_vendor.h"
#include "attestation/policy/testing/composed_node.h"
#include "cli/cloud/cloud_verifier.h"
#include "cli/exit_code.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/hash.h"

namespace constellation::cli {
namespace {

using attestation::ClusterState;
using ::constellation::attestation::testing::TestVendor;
using ::constellation::testing::ComposedNode;
using ::constellation::testing::IsOk;
using ::constellation::testing::kComposedNow;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::AllOf;
using ::testing::HasSubstr;

class AppraiseWithCollateralTest : public ::testing::Test {
 protected:
  AppraiseCloudNode Appraiser(bool offline = false) {
    return AppraiseWithCollateral({.folder = folder_.Join("cache"),
                                   .offline = offline,
                                   .endpoints = vendor_.endpoints()},
                                  clock_);
  }
  // The node's evidence, without the certificates that it may bring.
  static absl::Status Judge(const AppraiseCloudNode& appraise,
                            const ComposedNode& node, bool bare = true) {
    attestation::Evidence evidence = node.Evidence();
    if (bare) {
      evidence.endorsements.clear();
    }
    attestation::Profile profile = node.Profile();
    if (profile.snp.has_value()) {
      profile.snp->measurement_covers_image = true;
    }
    return appraise(evidence, node.user_data, ClusterState::None(),
                    *attestation::Policy::Create({profile}, {}));
  }

  TempDir folder_;
  FakeClock clock_{kComposedNow};
  TestVendor vendor_;
};

TEST_F(AppraiseWithCollateralTest, FetchesWhatTheNodeDoesNotBringAndKeepsIt) {
  for (const char* variant :
       {"qemu-sev-snp", "openstack-sev-snp", "qemu-tdx", "openstack-tdx"}) {
    EXPECT_THAT(Judge(Appraiser(), ComposedNode(variant)), IsOk()) << variant;
  }
  vendor_.set_status(503);
  for (const char* variant : {"openstack-sev-snp", "openstack-tdx"}) {
    const ComposedNode node(variant);
    EXPECT_THAT(Judge(Appraiser(), node), IsOk()) << variant;
    EXPECT_THAT(Judge(Appraiser(/*offline=*/true), node), IsOk()) << variant;
  }
}

// Nobody can tell: neither accepted nor refused, and what to do is said.
TEST_F(AppraiseWithCollateralTest, ADeadVendorIsNoVerdict) {
  vendor_.set_status(503);
  for (const char* variant : {"openstack-sev-snp", "openstack-tdx"}) {
    const absl::Status status = Judge(Appraiser(), ComposedNode(variant));
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kUnavailable,
                         AllOf(HasSubstr("503"), HasSubstr("try again later"))))
        << variant;
    EXPECT_TRUE(IsUnchecked(status)) << variant;
  }
  EXPECT_LE(clock_.Now() - kComposedNow, absl::Minutes(3));
}

TEST_F(AppraiseWithCollateralTest, OfflineSaysWhatIsMissing) {
  for (const auto& [variant, missing] :
       {std::pair("openstack-sev-snp", "amd/vcek/v1/Milan/"),
        std::pair("openstack-tdx", "intel/tdx/certification/v4/tcb?fmspc=")}) {
    const absl::Status status =
        Judge(Appraiser(/*offline=*/true), ComposedNode(variant));
    EXPECT_THAT(status,
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr(missing),
                               HasSubstr("run once without --offline"))));
    EXPECT_TRUE(IsUnchecked(status)) << variant;
    EXPECT_FALSE(IsRefusal(status)) << variant;
  }
  EXPECT_EQ(vendor_.requests(), 0U);
}

// What is wrong whatever the vendor says is a refusal, at once.
TEST_F(AppraiseWithCollateralTest, ADeadVendorHidesNoOtherFault) {
  vendor_.set_status(503);
  for (const char* variant : {"openstack-sev-snp", "openstack-tdx"}) {
    ComposedNode node(variant);
    const attestation::Profile profile = node.Profile();
    node.pcrs[11] = crypto::Sha256(Bytes(1, 1));
    attestation::Evidence evidence = node.Evidence();
    evidence.endorsements.clear();
    for (const bool offline : {false, true}) {
      const absl::Status status =
          Appraiser(offline)(evidence, node.user_data, ClusterState::None(),
                             *attestation::Policy::Create({profile}, {}));
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                                   HasSubstr("PCR11")));
      EXPECT_FALSE(IsUnchecked(status));
    }
  }
}

TEST_F(AppraiseWithCollateralTest, AChipThatTheVendorDoesNotKnowIsRefused) {
  vendor_.set_status(404);
  const absl::Status status =
      Judge(Appraiser(), ComposedNode("openstack-sev-snp"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied,
                               HasSubstr("it does not know this")));
  EXPECT_FALSE(IsUnchecked(status));
}

TEST_F(AppraiseWithCollateralTest, CertificatesThatComeAlongAskForNone) {
  EXPECT_THAT(Judge(Appraiser(/*offline=*/true),
                    ComposedNode("openstack-sev-snp"), /*bare=*/false),
              IsOk());
  EXPECT_EQ(vendor_.requests(), 0U);
}

// Evidence of nothing at all is refused by the real one, without network.
TEST_F(AppraiseWithCollateralTest, RefusesEmptyEvidence) {
  const ComposedNode node("openstack-tdx");
  EXPECT_THAT(
      Appraiser()(attestation::Evidence{}, Bytes(64), ClusterState::None(),
                  *attestation::Policy::Create({node.Profile()}, {})),
      StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(vendor_.requests(), 0U);
}

}  // namespace
}  // namespace constellation::cli
