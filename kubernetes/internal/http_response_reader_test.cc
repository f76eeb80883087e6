// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/internal/http_response_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::kubernetes::internal {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;

class HttpResponseReaderTest : public ::testing::Test {
 protected:
  // Gives `octets` one by one; the reader must not be complete earlier.
  absl::StatusOr<bool> ReadOneByOne(std::string_view octets) {
    absl::StatusOr<bool> complete = false;
    for (const char& octet : octets) {
      EXPECT_THAT(complete, IsOkAndHolds(false));
      complete = reader_.Read({&octet, 1});
      if (!complete.ok()) break;
    }
    return complete;
  }

  std::string body_;
  bool go_on_ = true;
  HttpResponseReader reader_{[this](int, std::string_view piece) {
                               body_ += piece;
                               return go_on_;
                             },
                             /*answers_head=*/false};
};

TEST_F(HttpResponseReaderTest, ReadsABodyWithLength) {
  EXPECT_THAT(ReadOneByOne("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n"
                           "abc"),
              IsOkAndHolds(true));
  EXPECT_EQ(reader_.status(), 201);
  EXPECT_EQ(body_, "abc");
  EXPECT_TRUE(reader_.keep_alive());
}

TEST_F(HttpResponseReaderTest, ReadsChunksWithExtensionsAndTrailers) {
  EXPECT_THAT(
      ReadOneByOne("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n"),
      IsOkAndHolds(true));
  EXPECT_EQ(body_, "abc0123456789");
}

TEST_F(HttpResponseReaderTest, ReadsAnEmptyChunkedBodyOctetByOctet) {
  EXPECT_THAT(
      ReadOneByOne("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "0\r\n\r\n"),
      IsOkAndHolds(true));
  EXPECT_EQ(body_, "");
}

TEST_F(HttpResponseReaderTest, SurvivesBrokenTrailers) {
  (void)ReadOneByOne(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      "0\r\n\x0f\nHTTP/1.1 200 OK\r\nX: chunked\r\r\n\r\n");
  EXPECT_EQ(body_, "");
}

TEST_F(HttpResponseReaderTest, HandsChunksOverAsTheyCome) {
  ASSERT_THAT(
      reader_.Read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "4\r\none\n\r\n4\r\ntw"),
      IsOkAndHolds(false));
  EXPECT_EQ(body_, "one\ntw");
}

TEST_F(HttpResponseReaderTest, WithoutLengthTheEndOfTheConnectionEndsTheBody) {
  EXPECT_THAT(reader_.Read("HTTP/1.0 200 OK\r\n\r\nabc"), IsOkAndHolds(false));
  EXPECT_THAT(reader_.Finish(), IsOk());
  EXPECT_EQ(body_, "abc");
  EXPECT_FALSE(reader_.keep_alive());
}

TEST_F(HttpResponseReaderTest, AnEndElsewhereIsUnavailable) {
  EXPECT_THAT(reader_.Finish(), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_THAT(reader_.Read("HTTP/1.1 200 OK\r\nContent-Le"),
              IsOkAndHolds(false));
  EXPECT_THAT(reader_.Finish(), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_THAT(reader_.Read("ngth: 3\r\n\r\nab"), IsOkAndHolds(false));
  EXPECT_THAT(reader_.Finish(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpResponseReaderTest, PassesInterimAnswersOverButNotForEver) {
  const std::string interim = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n";
  EXPECT_THAT(reader_.Read(interim + interim + "HTTP/1.1 204 No\r\n\r\n"),
              IsOkAndHolds(true));
  EXPECT_EQ(reader_.status(), 204);
  std::string many;
  for (int i = 0; i < 9; ++i) many += interim;
  HttpResponseReader other([](int, std::string_view) { return true; }, false);
  EXPECT_THAT(other.Read(many), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpResponseReaderTest, WhatFollowsTheAnswerForbidsAnotherRequest) {
  ASSERT_THAT(
      reader_.Read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1"),
      IsOkAndHolds(true));
  EXPECT_EQ(body_, "a");
  EXPECT_FALSE(reader_.keep_alive());
}

TEST_F(HttpResponseReaderTest, ObeysConnectionClose) {
  ASSERT_THAT(reader_.Read("HTTP/1.1 200 OK\r\nConnection: close\r\n"
                           "Content-Length: 0\r\n\r\n"),
              IsOkAndHolds(true));
  EXPECT_FALSE(reader_.keep_alive());
}

TEST_F(HttpResponseReaderTest, AnswersToHeadHaveNoBody) {
  HttpResponseReader head([](int, std::string_view) { return true; }, true);
  EXPECT_THAT(head.Read("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"),
              IsOkAndHolds(true));
}

TEST_F(HttpResponseReaderTest, TheSinkCanStop) {
  go_on_ = false;
  EXPECT_THAT(reader_.Read("HTTP/1.1 200 OK\r\n\r\nabc"),
              StatusIs(absl::StatusCode::kCancelled));
}

// RFC 9112 section 6.3: such answers are how requests are smuggled.
TEST_F(HttpResponseReaderTest, RefusesTwoLengths) {
  EXPECT_THAT(reader_.Read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                           "Content-Length: 2\r\n\r\nab"),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpResponseReaderTest, RefusesLengthAndChunksTogether) {
  EXPECT_THAT(reader_.Read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
              StatusIs(absl::StatusCode::kUnavailable));
}

class GarbageTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GarbageTest, IsRefusedOrWaitsForMoreWithinBounds) {
  HttpResponseReader reader([](int, std::string_view) { return true; }, false);
  absl::StatusOr<bool> complete = reader.Read(GetParam());
  for (int i = 0; i < 100 && complete.ok(); ++i) {
    complete = reader.Read(std::string(4096, 'x'));
  }
  EXPECT_THAT(complete, StatusIs(absl::StatusCode::kUnavailable));
}

INSTANTIATE_TEST_SUITE_P(
    All, GarbageTest,
    ::testing::Values(
        "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "fffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        "HTTP/1.1 200 OK\r\nX: "));

}  // namespace
}  // namespace constellation::kubernetes::internal
