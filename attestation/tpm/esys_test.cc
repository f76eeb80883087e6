// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/esys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tss2/tss2_common.h>

#include <array>

#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(TssStatusTest, SuccessIsOk) {
  EXPECT_THAT(TssStatus(TSS2_RC_SUCCESS, "TPM2_Quote"), IsOk());
}

TEST(TssStatusTest, NamesCommandAndCode) {
  EXPECT_THAT(TssStatus(TPM2_RC_FAILURE, "TPM2_Quote"),
              StatusIs(absl::StatusCode::kInternal,
                       AllOf(HasSubstr("TPM2_Quote: "), HasSubstr("0x101"))));
}

TEST(TssStatusTest, LostTransportMayComeBack) {
  for (const TSS2_RC rc : {TSS2_TCTI_RC_IO_ERROR, TSS2_TCTI_RC_NO_CONNECTION,
                           TSS2_TCTI_RC_MALFORMED_RESPONSE}) {
    EXPECT_THAT(TssStatus(rc, "x"), StatusIs(absl::StatusCode::kUnavailable));
  }
}

TEST(TssStatusTest, FullOrBusyTpmMayRecover) {
  for (const TSS2_RC rc :
       {TPM2_RC_RETRY, TPM2_RC_YIELDED, TPM2_RC_TESTING, TPM2_RC_MEMORY,
        TPM2_RC_OBJECT_MEMORY, TPM2_RC_SESSION_MEMORY, TPM2_RC_NV_RATE,
        TPM2_RC_NV_UNAVAILABLE, TPM2_RC_CANCELED}) {
    EXPECT_THAT(TssStatus(rc, "x"), StatusIs(absl::StatusCode::kUnavailable))
        << rc;
    // The kernel's resource manager answers from a layer of its own.
    EXPECT_THAT(TssStatus(rc | TSS2_RESMGR_TPM_RC_LAYER, "x"),
                StatusIs(absl::StatusCode::kUnavailable))
        << rc;
  }
}

TEST(TssStatusTest, LockedThingsAreAWrongState) {
  for (const TSS2_RC rc : {TPM2_RC_LOCALITY, TPM2_RC_NV_LOCKED, TPM2_RC_LOCKOUT,
                           TPM2_RC_HIERARCHY + TPM2_RC_1,
                           TPM2_RC_AUTH_FAIL + TPM2_RC_S + TPM2_RC_2,
                           TPM2_RC_BAD_AUTH + TPM2_RC_H}) {
    EXPECT_THAT(TssStatus(rc, "x"),
                StatusIs(absl::StatusCode::kFailedPrecondition))
        << rc;
  }
}

TEST(TssStatusTest, SameNumberInOurOwnLayerIsOurBug) {
  EXPECT_THAT(TssStatus(TSS2_ESAPI_RC_LAYER | TPM2_RC_RETRY, "x"),
              StatusIs(absl::StatusCode::kInternal));
}

TEST(CopyIntoTest, TakesWhatFits) {
  std::array<uint8_t, 4> buffer{};
  uint16_t size = 0;
  ASSERT_THAT(CopyInto(Bytes{1, 2, 3}, buffer, size), IsOk());
  EXPECT_EQ(size, 3);
  EXPECT_EQ(buffer, (std::array<uint8_t, 4>{1, 2, 3, 0}));
  ASSERT_THAT(CopyInto(Bytes(4, 9), buffer, size), IsOk());
  EXPECT_THAT(CopyInto(Bytes(5), buffer, size),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want at most 4 bytes, got 5")));
}

TEST(EsysHandleTest, EmptyOnesMayBeMoved) {
  EsysHandle a;
  EsysHandle b = std::move(a);
  EXPECT_FALSE(b.valid());
  b = EsysHandle();
  EXPECT_FALSE(b.valid());
  EsysHandle lost(nullptr, 7);
  lost.Abandon();  // or the destructor would flush through nothing
  EXPECT_FALSE(lost.valid());
}

TEST(EsysContextTest, SaysWhichKindItKnows) {
  EXPECT_THAT(EsysContext::Open("tabrmd:"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tcti")));
}

}  // namespace
}  // namespace constellation::attestation
