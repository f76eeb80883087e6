// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <locale>
#include <vector>

#include "common/files.h"
#include "common/testing/status_matchers.h"

namespace constellation {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(LogTest, WritesLevelProgramAndFieldsToStandardError) {
  ::testing::internal::CaptureStderr();
  SetUpLogging("program");
  spdlog::warn("event=joined node={} took={:.2f}s", "worker-0", 1.5);
  spdlog::debug("event=hidden");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "warning program: event=joined node=worker-0 took=1.50s\n");
}

// The parts of fmt that are compiled by common/fmt_archive.cc.
TEST(LogTest, FormatsWhatHeadersAloneCannot) {
  EXPECT_EQ(fmt::format("{} {} {:e} {:x}", 0.1, 2.5F, 1e300, 255),
            "0.1 2.5 1.000000e+300 ff");
  EXPECT_EQ(fmt::format(std::locale::classic(), "{:L}", 1234567), "1234567");
  EXPECT_THROW((void)fmt::format(fmt::runtime("{"), 1), fmt::format_error);
}

TEST(LogTest, NeedsNoSharedLibraryOfFmtOrSpdlog) {
  ASSERT_OK_AND_ASSIGN(const std::string maps, ReadFile("/proc/self/maps"));
  EXPECT_THAT(maps, HasSubstr("libc.so"));
  EXPECT_THAT(maps, Not(HasSubstr("libfmt")));
  EXPECT_THAT(maps, Not(HasSubstr("libspdlog")));
}

}  // namespace
}  // namespace constellation
