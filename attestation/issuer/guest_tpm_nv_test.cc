// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/guest_tpm_nv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <utility>

#include "attestation/testing/swtpm_process.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::SwtpmProcess;
using ::constellation::testing::TempDir;

constexpr uint32_t kIndex = 0x01800042;

class GuestTpmNvTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(swtpm_, SwtpmProcess::StartCopy(dir_.path()));
    ASSERT_OK_AND_ASSIGN(esys_, EsysContext::Open(swtpm_->tcti()));
  }

  const TempDir dir_;
  std::unique_ptr<SwtpmProcess> swtpm_;
  std::unique_ptr<EsysContext> esys_;
};

TEST_F(GuestTpmNvTest, KeepsWhatIsWritten) {
  // More than a TPM takes in one command.
  Bytes data(1500);
  std::iota(data.begin(), data.end(), uint8_t{1});
  {
    ASSERT_OK_AND_ASSIGN(NvIndex index, NvIndex::Define(*esys_, kIndex, 1500));
    EXPECT_EQ(index.size(), 1500);
    EXPECT_THAT(index.Write(data), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(NvIndex again, NvIndex::Open(*esys_, kIndex));
  EXPECT_EQ(again.size(), 1500);
  EXPECT_THAT(again.Read(), IsOkAndHolds(data));
}

TEST_F(GuestTpmNvTest, WritesFromTheBeginning) {
  ASSERT_OK_AND_ASSIGN(NvIndex index, NvIndex::Define(*esys_, kIndex, 4));
  EXPECT_THAT(index.Write(Bytes{1, 2, 3, 4}), IsOk());
  EXPECT_THAT(index.Write(Bytes{9}), IsOk());
  EXPECT_THAT(index.Read(), IsOkAndHolds(Bytes{9, 2, 3, 4}));
  EXPECT_THAT(index.Write(Bytes(5)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(GuestTpmNvTest, SaysWhatIsThereAndWhatIsNot) {
  EXPECT_THAT(NvIndex::Open(*esys_, kIndex),
              StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(NvIndex index, NvIndex::Define(*esys_, kIndex, 4));
  EXPECT_THAT(NvIndex::Define(*esys_, kIndex, 4),
              StatusIs(absl::StatusCode::kAlreadyExists));
  NvIndex moved = std::move(index);
  EXPECT_THAT(moved.Undefine(), IsOk());
  EXPECT_THAT(NvIndex::Open(*esys_, kIndex),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace constellation::attestation
