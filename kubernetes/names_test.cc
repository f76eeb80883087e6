// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/names.h"

#include <gtest/gtest.h>

namespace constellation::kubernetes {
namespace {

TEST(NamesTest, AcceptsDnsSubdomains) {
  for (const char* name :
       {"a", "node-1", "worker-0.example.com", "1", "a--b"}) {
    EXPECT_TRUE(IsDnsSubdomain(name)) << name;
  }
  EXPECT_TRUE(IsDnsSubdomain(std::string(253, 'a')));
}

TEST(NamesTest, RefusesWhatCouldLeaveAPath) {
  for (const char* name :
       {"", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a-.b", "A", "a/b", "..",
        "a b", "a%2f", "a_b", "\xc3\xa4"}) {
    EXPECT_FALSE(IsDnsSubdomain(name)) << name;
  }
  EXPECT_FALSE(IsDnsSubdomain(std::string(254, 'a')));
}

TEST(NamesTest, EncodesEverythingButUnreserved) {
  EXPECT_EQ(UrlEncode("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(UrlEncode("a=b/c d&\xff"), "a%3Db%2Fc%20d%26%FF");
}

}  // namespace
}  // namespace constellation::kubernetes
