// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/eventlog/event_log.h"

namespace constellation::attestation {
namespace {

std::string Describe(uint32_t type, std::string_view data) {
  LogEvent event;
  event.number = 7;
  event.type = type;
  event.data.assign(data.begin(), data.end());
  return DescribeEvent(event);
}

TEST(EventDescriptionTest, NamesTypes) {
  EXPECT_EQ(EventTypeName(kEvSeparator), "EV_SEPARATOR");
  EXPECT_EQ(EventTypeName(0x80000003), "EV_EFI_BOOT_SERVICES_APPLICATION");
  EXPECT_EQ(EventTypeName(0x800000e0), "EV_EFI_VARIABLE_AUTHORITY");
  EXPECT_EQ(EventTypeName(0xdeadbeef), "0xdeadbeef");
}

TEST(EventDescriptionTest, QuotesText) {
  EXPECT_EQ(Describe(kEvIpl, "grub.cfg"), "#7 EV_IPL \"grub.cfg\"");
  EXPECT_EQ(Describe(kEvIpl, std::string_view("ends\0here", 9)),
            "#7 EV_IPL \"ends\"");
  EXPECT_EQ(Describe(kEvSeparator, ""), "#7 EV_SEPARATOR");
}

TEST(EventDescriptionTest, ReadsUtf16) {
  EXPECT_EQ(Describe(kEvIpl, std::string_view("l\0i\0n\0u\0x\0", 10)),
            "#7 EV_IPL \"linux\"");
  // One letter that ASCII does not have: no text at all.
  EXPECT_EQ(Describe(kEvIpl, std::string_view("l\0i\1", 4)), "#7 EV_IPL");
  // An odd octet at the end.
  EXPECT_EQ(Describe(kEvIpl, std::string_view("l\0i", 3)), "#7 EV_IPL \"li\"");
}

TEST(EventDescriptionTest, NothingUnprintableComesOut) {
  for (int octet = 0; octet < 256; ++octet) {
    const std::string text =
        Describe(kEvIpl, "ab" + std::string(1, static_cast<char>(octet)) + "c");
    for (const char c : text) {
      EXPECT_TRUE(c >= 0x20 && c < 0x7f) << octet;
    }
  }
  EXPECT_EQ(Describe(kEvIpl, "a\x1b[2J"), "#7 EV_IPL");
}

TEST(EventDescriptionTest, LongTextIsCut) {
  EXPECT_EQ(Describe(kEvIpl, std::string(60, 'x')),
            "#7 EV_IPL \"" + std::string(60, 'x') + "\"");
  EXPECT_EQ(Describe(kEvIpl, std::string(100000, 'x')),
            "#7 EV_IPL \"" + std::string(60, 'x') + "...\"");
}

}  // namespace
}  // namespace constellation::attestation
