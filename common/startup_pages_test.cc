// SPDX-License-Identifier: Apache-2.0
#include "common/startup_pages.h"

#include <gtest/gtest.h>
#include <regex.h>

#include <cstdio>
#include <cstring>
#include <thread>

namespace constellation {
namespace {

// Resident pages of code in KiB, from /proc/self/smaps.
long ResidentCode() {
  std::FILE* file = std::fopen("/proc/self/smaps", "r");
  char line[512];
  bool is_code = false;
  long total = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    long rss = 0;
    if (std::strstr(line, " r-xp ") != nullptr) is_code = true;
    if (std::strstr(line, " r--p ") != nullptr ||
        std::strstr(line, " rw-p ") != nullptr) {
      is_code = false;
    }
    if (is_code && std::sscanf(line, "Rss: %ld", &rss) == 1) total += rss;
  }
  std::fclose(file);
  return total;
}

int UseLibraries() {
  regex_t expression;
  const int result = regcomp(&expression, "a(b|c)*d", REG_EXTENDED) +
                     regexec(&expression, "abcbcd", 0, nullptr, 0);
  regfree(&expression);
  return result;
}

TEST(StartupPagesTest, CodeIsGivenBackAndComesBack) {
  ASSERT_EQ(UseLibraries(), 0);
  const long before = ResidentCode();
  ReleaseStartupPages();
  EXPECT_LT(ResidentCode(), before);
  EXPECT_EQ(UseLibraries(), 0);
}

TEST(StartupPagesTest, OtherThreadsGoOn) {
  std::jthread busy([](const std::stop_token& stop) {
    while (!stop.stop_requested()) EXPECT_EQ(UseLibraries(), 0);
  });
  for (int i = 0; i < 200; ++i) ReleaseStartupPages();
}

}  // namespace
}  // namespace constellation
