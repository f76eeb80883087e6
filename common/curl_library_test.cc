// SPDX-License-Identifier: Apache-2.0
#include "common/curl_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "common/testing/status_matchers.h"

namespace constellation {
namespace {

using ::constellation::testing::IsOk;

TEST(CurlLibraryTest, HasEveryFunction) {
  ASSERT_OK_AND_ASSIGN(const CurlLibrary* curl, CurlLibrary::Get());
  EXPECT_NE(curl->global_init, nullptr);
  EXPECT_NE(curl->easy_init, nullptr);
  EXPECT_NE(curl->easy_cleanup, nullptr);
  EXPECT_NE(curl->easy_reset, nullptr);
  EXPECT_NE(curl->easy_setopt, nullptr);
  EXPECT_NE(curl->easy_perform, nullptr);
  EXPECT_NE(curl->easy_getinfo, nullptr);
  EXPECT_NE(curl->easy_strerror, nullptr);
  EXPECT_NE(curl->slist_append, nullptr);
  EXPECT_NE(curl->slist_free_all, nullptr);
}

TEST(CurlLibraryTest, IsLoadedOnceForAllThreads) {
  std::vector<const CurlLibrary*> seen(8, nullptr);
  {
    std::vector<std::thread> threads;
    for (const CurlLibrary*& one : seen) {
      threads.emplace_back([&one] { one = CurlLibrary::Get().value(); });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  for (const CurlLibrary* one : seen) {
    EXPECT_EQ(one, seen.front());
    EXPECT_NE(one, nullptr);
  }
}

// Each pointer is the function of its name, not a neighbour's.
TEST(CurlLibraryTest, FunctionsWork) {
  ASSERT_OK_AND_ASSIGN(const CurlLibrary* curl, CurlLibrary::Get());
  CURL* easy = curl->easy_init();
  ASSERT_NE(easy, nullptr);
  EXPECT_EQ(curl->easy_setopt(easy, CURLOPT_URL, "nonsense://x/"), CURLE_OK);
  EXPECT_EQ(curl->easy_perform(easy), CURLE_UNSUPPORTED_PROTOCOL);
  EXPECT_NE(std::string(curl->easy_strerror(CURLE_UNSUPPORTED_PROTOCOL)), "");
  long code = 7;
  EXPECT_EQ(curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code), CURLE_OK);
  EXPECT_EQ(code, 0);
  curl->easy_reset(easy);
  EXPECT_EQ(curl->easy_perform(easy), CURLE_URL_MALFORMAT);  // none set
  curl->easy_cleanup(easy);
  curl_slist* list = curl->slist_append(nullptr, "A: b");
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(std::string(list->data), "A: b");
  curl->slist_free_all(list);
}

}  // namespace
}  // namespace constellation
