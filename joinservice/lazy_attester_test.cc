// SPDX-License-Identifier: Apache-2.0
#include "joinservice/lazy_attester.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "attestation/testing/software_tpm.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;

absl::StatusOr<std::unique_ptr<attestation::Attester>> Make() {
  return std::make_unique<SoftwareTpm>();
}

TEST(LazyAttesterTest, IsNotMadeBeforeItIsNeeded) {
  int made = 0;
  LazyAttester attester([&] {
    ++made;
    return Make();
  });
  EXPECT_EQ(made, 0);
  EXPECT_THAT(attester.Attest(Bytes(64, 1)), IsOk());
  EXPECT_EQ(made, 1);
}

TEST(LazyAttesterTest, IsMadeOnce) {
  int made = 0;
  LazyAttester attester([&] {
    ++made;
    return Make();
  });
  const auto first = attester.Attest(Bytes(64, 1));
  const auto second = attester.Attest(Bytes(64, 2));
  ASSERT_THAT(first, IsOk());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(made, 1);
  EXPECT_EQ(first->tpm.ak_public, second->tpm.ak_public);
  EXPECT_NE(first->tpm.attest, second->tpm.attest);  // bound to the data
}

TEST(LazyAttesterTest, TriesAgainAfterAFailure) {
  int made = 0;
  LazyAttester attester(
      [&]() -> absl::StatusOr<std::unique_ptr<attestation::Attester>> {
        if (++made == 1) {
          return Unavailable("TPM is busy");
        }
        return Make();
      });
  EXPECT_THAT(attester.Attest(Bytes(64, 1)),
              StatusIs(absl::StatusCode::kUnavailable, "TPM is busy"));
  EXPECT_THAT(attester.Attest(Bytes(64, 1)), IsOk());
  EXPECT_EQ(made, 2);
}

TEST(LazyAttesterTest, OneForAllThreads) {
  std::atomic<int> made{0};
  LazyAttester attester([&] {
    ++made;
    return Make();
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back(
        [&] { EXPECT_THAT(attester.Attest(Bytes(64, 1)), IsOk()); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(made, 1);
}

}  // namespace
}  // namespace constellation::joinservice
