// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/retrying_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/http/testing/scripted_transport.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::ScriptedTransport;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

class RetryingTransportTest : public ::testing::Test {
 protected:
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) {
    RetryingTransport transport(
        inner_, clock_, [this] { return random_; }, options_);
    return transport.Send(request);
  }
  absl::Duration Waited() const { return clock_.Now() - kStart; }
  size_t Sent() const { return inner_.requests().size(); }

  static HttpRequest Get() { return {.url = "https://a.example/x"}; }
  static HttpRequest Post() {
    return {.method = "POST", .url = "https://a.example/x"};
  }

  ScriptedTransport inner_;
  FakeClock clock_{kStart};
  double random_ = 1.0;
  RetryOptions options_ = {.max_attempts = 4};
};

TEST_F(RetryingTransportTest, GoodAnswerIsFinal) {
  EXPECT_EQ(Send(Get())->status, 200);
  EXPECT_EQ(Sent(), 1U);
}

TEST_F(RetryingTransportTest, ClientErrorIsFinal) {
  inner_.AddStatus(404);
  EXPECT_EQ(Send(Get())->status, 404);
  EXPECT_EQ(Sent(), 1U);
}

TEST_F(RetryingTransportTest, WhatWasNotSentIsSentAgainWhateverItIs) {
  for (const TransportError error :
       {TransportError::kDns, TransportError::kRefused}) {
    ScriptedTransport inner;
    inner.AddError(error);
    inner.AddStatus(200);
    RetryingTransport transport(
        inner, clock_, [] { return 0.5; }, options_);
    EXPECT_EQ(transport.Send(Post())->status, 200);
  }
}

TEST_F(RetryingTransportTest, LostAnswersAreAskedForAgainOnlyIfRepeatable) {
  inner_.AddError(TransportError::kLost);
  EXPECT_EQ(TransportErrorOf(Send(Post()).status()), TransportError::kLost);
  EXPECT_EQ(Sent(), 1U);
  Send(Get()).IgnoreError();
  EXPECT_EQ(Sent(), 5U);
  HttpRequest with_token = Post();
  with_token.repeatable = true;
  Send(with_token).IgnoreError();
  EXPECT_EQ(Sent(), 9U);
  HttpRequest put{
      .method = "PUT", .url = "https://a.example/", .repeatable = false};
  Send(put).IgnoreError();
  EXPECT_EQ(Sent(), 10U);
}

TEST_F(RetryingTransportTest, ServerErrorsAreRepeatedOnlyIfRepeatable) {
  inner_.AddStatus(503);
  EXPECT_EQ(Send(Post())->status, 503);
  EXPECT_EQ(Sent(), 1U);
  EXPECT_EQ(Send(Get())->status, 503);
  EXPECT_EQ(Sent(), 5U);
}

TEST_F(RetryingTransportTest, ThrottledRequestsAreAlwaysRepeated) {
  inner_.AddStatus(429);
  inner_.AddStatus(200);
  EXPECT_EQ(Send(Post())->status, 200);
  EXPECT_EQ(Sent(), 2U);
}

TEST_F(RetryingTransportTest, CloudsMaySayItInACode) {
  options_.classify = [](const HttpResponse& response) {
    return response.status == 503 ? AnswerClass::kThrottled
                                  : ClassifyByStatus(response);
  };
  inner_.AddStatus(503);
  inner_.AddStatus(200);
  EXPECT_EQ(Send(Post())->status, 200);
}

TEST_F(RetryingTransportTest, BackOffDoublesUpToItsCap) {
  options_ = {.max_attempts = 8,
              .backoff = {.base = absl::Seconds(1), .cap = absl::Seconds(4)}};
  inner_.AddStatus(500);
  EXPECT_EQ(Send(Get())->status, 500);
  EXPECT_EQ(Sent(), 8U);
  EXPECT_EQ(Waited(), absl::Seconds(1 + 2 + 4 + 4 + 4 + 4 + 4));
}

TEST_F(RetryingTransportTest, JitterIsFull) {
  random_ = 0;
  inner_.AddStatus(500);
  Send(Get()).IgnoreError();
  EXPECT_EQ(Waited(), absl::ZeroDuration());
}

TEST_F(RetryingTransportTest, WaitsAsLongAsTheServerSays) {
  random_ = 0;
  inner_.AddStatus(429, {{"retry-after", "17"}});
  inner_.AddStatus(200);
  EXPECT_EQ(Send(Get())->status, 200);
  EXPECT_EQ(Waited(), absl::Seconds(17));
}

TEST_F(RetryingTransportTest, APauseHoldsForAllRequestsToTheHost) {
  random_ = 0;
  inner_.AddStatus(429, {{"retry-after", "30"}});
  inner_.AddStatus(200);
  options_.max_attempts = 2;
  RetryingTransport transport(
      inner_, clock_, [] { return 0.0; }, options_);
  EXPECT_THAT(transport.Send(Get()), IsOk());
  const absl::Time after = clock_.Now();
  EXPECT_EQ(after - kStart, absl::Seconds(30));
  EXPECT_THAT(transport.Send({.url = "https://b.example/"}), IsOk());
  EXPECT_EQ(clock_.Now(), after);
}

TEST_F(RetryingTransportTest, DeadlineBoundsEverything) {
  options_ = {.max_attempts = 1000, .deadline = absl::Seconds(60)};
  inner_.AddStatus(500);
  EXPECT_EQ(Send(Get())->status, 500);
  EXPECT_LE(Waited(), absl::Seconds(60));
  EXPECT_LT(Sent(), 20U);
}

TEST_F(RetryingTransportTest, LaterAttemptsGetTheTimeThatIsLeft) {
  options_ = {.max_attempts = 3,
              .backoff = {.base = absl::Seconds(50), .cap = absl::Seconds(50)},
              .deadline = absl::Seconds(70)};
  inner_.AddStatus(500);
  Send(Get()).IgnoreError();
  const auto requests = inner_.requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].timeout, absl::Seconds(60));
  EXPECT_EQ(requests[1].timeout, absl::Seconds(20));
}

TEST_F(RetryingTransportTest, SignsEveryAttemptAnew) {
  int signatures = 0;
  options_.sign = [&](HttpRequest& request) {
    request.headers.emplace_back("Authorization", std::to_string(++signatures));
    return absl::OkStatus();
  };
  inner_.AddStatus(500);
  inner_.AddStatus(200);
  EXPECT_THAT(Send(Get()), IsOk());
  const auto requests = inner_.requests();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_THAT(requests[1].headers, SizeIs(1));
  EXPECT_EQ(requests[1].headers[0].second, "2");
}

TEST_F(RetryingTransportTest, SignersErrorEndsTheRequest) {
  options_.sign = [](HttpRequest&) { return Unauthenticated("no login"); };
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(Sent(), 0U);
}

TEST_F(RetryingTransportTest, RenewsOnce) {
  int renewals = 0;
  options_.renew = [&](const HttpResponse&) { return ++renewals > 0; };
  inner_.AddStatus(401);
  EXPECT_EQ(Send(Post())->status, 401);
  EXPECT_EQ(renewals, 1);
  EXPECT_EQ(Sent(), 2U);
}

TEST_F(RetryingTransportTest, RefusedCertificatesAndOurMistakesAreFinal) {
  for (const TransportError error :
       {TransportError::kTls, TransportError::kTooLarge, TransportError::kLocal,
        TransportError::kCancelled}) {
    ScriptedTransport inner;
    inner.AddError(error);
    RetryingTransport transport(
        inner, clock_, [] { return 0.5; }, options_);
    EXPECT_EQ(TransportErrorOf(transport.Send(Get()).status()), error);
    EXPECT_THAT(inner.requests(), SizeIs(1));
  }
}

TEST_F(RetryingTransportTest, StopEndsTheWait) {
  std::stop_source source;
  source.request_stop();
  HttpRequest request = Get();
  request.stop = source.get_token();
  EXPECT_EQ(TransportErrorOf(Send(request).status()),
            TransportError::kCancelled);
  EXPECT_EQ(Sent(), 0U);
}

}  // namespace
}  // namespace constellation::cloud
