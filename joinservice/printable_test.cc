// SPDX-License-Identifier: Apache-2.0
#include "joinservice/printable.h"

#include <gtest/gtest.h>

#include <string>

namespace constellation::joinservice {
namespace {

TEST(PrintableTest, KeepsPlainText) {
  EXPECT_EQ(Printable("node-0 (worker) ~!", 100), "node-0 (worker) ~!");
  EXPECT_EQ(Printable("", 100), "");
}

// A log line is key="value": nothing may end the quotes or the line.
TEST(PrintableTest, ReplacesWhatBreaksALogLine) {
  EXPECT_EQ(Printable("a\"b\\c\nd\te\rf", 100), "a?b?c?d?e?f");
  EXPECT_EQ(Printable(std::string("\0\x1b[2J\x7f", 6), 100), "??[2J?");
  EXPECT_EQ(Printable("gr\xc3\xbcn", 100), "gr??n");
  EXPECT_EQ(Printable("\xff", 100), "?");
}

TEST(PrintableTest, CutsAtTheLimit) {
  EXPECT_EQ(Printable("abc", 3), "abc");
  EXPECT_EQ(Printable("abcd", 3), "abc...");
  EXPECT_EQ(Printable("abc", 0), "...");
}

TEST(PrintableTest, EveryOctetIsDecided) {
  for (int i = 0; i < 256; ++i) {
    const char c = static_cast<char>(i);
    const bool plain = i >= 0x20 && i <= 0x7e && c != '"' && c != '\\';
    EXPECT_EQ(Printable(std::string(1, c), 1), std::string(1, plain ? c : '?'))
        << i;
  }
}

}  // namespace
}  // namespace constellation::joinservice
