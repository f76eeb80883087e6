// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tcti.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <utility>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr int32_t kTimeoutMs = 20;

// The other end of the line is a TPM that says whatever the test wants.
class FdTctiTest : public ::testing::Test {
 protected:
  FdTctiTest() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    tcti_ = FdTcti::OverStreamForTesting(UniqueFd(ends[0]));
    tpm_ = UniqueFd(ends[1]);
    table_ = reinterpret_cast<TSS2_TCTI_CONTEXT_COMMON_V1*>(tcti_->context());
  }

  void Say(const Bytes& bytes) {
    ASSERT_EQ(write(tpm_.get(), bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
  }
  TSS2_RC Receive(Bytes& response, int32_t timeout = kTimeoutMs) {
    size_t size = response.size();
    const TSS2_RC rc =
        table_->receive(tcti_->context(), &size, response.data(), timeout);
    if (rc == TSS2_RC_SUCCESS) {
      response.resize(size);
    }
    return rc;
  }

  std::unique_ptr<FdTcti> tcti_;
  UniqueFd tpm_;
  TSS2_TCTI_CONTEXT_COMMON_V1* table_ = nullptr;
};

const Bytes kAnswer = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0, 0, 7, 8};

TEST_F(FdTctiTest, CarriesCommandsAndAnswers) {
  const Bytes command = {1, 2, 3};
  ASSERT_EQ(table_->transmit(tcti_->context(), command.size(), command.data()),
            TSS2_RC_SUCCESS);
  Bytes seen(3);
  ASSERT_EQ(read(tpm_.get(), seen.data(), seen.size()), 3);
  EXPECT_EQ(seen, command);
  Say(kAnswer);
  Bytes response(4096);
  ASSERT_EQ(Receive(response), TSS2_RC_SUCCESS);
  EXPECT_EQ(response, kAnswer);
}

TEST_F(FdTctiTest, AnswersSizeFirst) {
  Say(kAnswer);
  size_t size = 0;
  ASSERT_EQ(table_->receive(tcti_->context(), &size, nullptr, kTimeoutMs),
            TSS2_RC_SUCCESS);
  EXPECT_EQ(size, kAnswer.size());
  Bytes small(size - 1);
  EXPECT_EQ(Receive(small), TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
  Bytes response(size);
  ASSERT_EQ(Receive(response), TSS2_RC_SUCCESS);
  EXPECT_EQ(response, kAnswer);
}

TEST_F(FdTctiTest, WaitsForTheRestOfAnAnswer) {
  Bytes response(4096);
  EXPECT_EQ(Receive(response), TSS2_TCTI_RC_TRY_AGAIN);
  Say({0x80, 0x01, 0, 0, 0});
  EXPECT_EQ(Receive(response), TSS2_TCTI_RC_TRY_AGAIN);
  Say({12, 0, 0, 0, 0, 7, 8});
  ASSERT_EQ(Receive(response), TSS2_RC_SUCCESS);
  EXPECT_EQ(response, kAnswer);
}

TEST_F(FdTctiTest, RefusesSizeBelowHeader) {
  Say({0x80, 0x01, 0, 0, 0, 9, 0, 0, 0, 0});
  Bytes response(4096);
  EXPECT_EQ(Receive(response), TSS2_TCTI_RC_MALFORMED_RESPONSE);
}

TEST_F(FdTctiTest, RefusesHugeSize) {
  Say({0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0});
  Bytes response(4096);
  EXPECT_EQ(Receive(response), TSS2_TCTI_RC_MALFORMED_RESPONSE);
}

TEST_F(FdTctiTest, SaysWhenTheTpmIsGone) {
  tpm_.Reset();
  Bytes response(4096);
  EXPECT_EQ(Receive(response), TSS2_TCTI_RC_IO_ERROR);
  const Bytes command = {1};
  EXPECT_EQ(table_->transmit(tcti_->context(), command.size(), command.data()),
            TSS2_TCTI_RC_IO_ERROR);
}

TEST(FdTctiOpenTest, RefusesUnknownKinds) {
  EXPECT_THAT(FdTcti::Open("mssim:host=localhost"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want \"device:<path>\"")));
  EXPECT_THAT(FdTcti::Open("swtpm:path="),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(FdTcti::Open("swtpm:path=" + std::string(200, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("socket path of 1 to 107 bytes, got 200")));
}

TEST(FdTctiOpenTest, SaysWhatIsMissing) {
  const testing::TempDir dir;
  EXPECT_THAT(FdTcti::Open("device:" + dir.Join("tpm")),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(FdTcti::Open("swtpm:path=" + dir.Join("socket")),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("no TPM listens there")));
}

}  // namespace
}  // namespace constellation::attestation
