// SPDX-License-Identifier: Apache-2.0
#include "common/hypervisor.h"

#include <gtest/gtest.h>

#include <cctype>

#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace constellation {
namespace {

TEST(HypervisorTest, SignatureIsShortAndPrintable) {
  const std::string signature = HypervisorSignature();
  EXPECT_LE(signature.size(), 12U);
  for (const char c : signature) {
    EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
  }
}

// The kernel shows the same bit as a flag of the processor.
TEST(HypervisorTest, OnHardwareThereIsNone) {
  ASSERT_OK_AND_ASSIGN(const std::string processors, ReadFile("/proc/cpuinfo"));
  const bool guest = processors.find(" hypervisor ") != std::string::npos;
  EXPECT_EQ(!HypervisorSignature().empty(), guest);
}

}  // namespace
}  // namespace constellation
