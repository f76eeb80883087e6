// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/imds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/aws/testing/function_transport.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::EnvironmentOf;
using testing::FunctionTransport;
using testing::HeaderOf;
using ::testing::SizeIs;

class ImdsTest : public ::testing::Test {
 protected:
  absl::StatusOr<HttpResponse> Answer(const HttpRequest& request) {
    if (refused_ > 0) {
      --refused_;
      return MakeTransportError(TransportError::kRefused, "x");
    }
    if (request.method == "PUT") {
      return HttpResponse{.status = token_status_, .body = token_};
    }
    if (HeaderOf(request, "X-aws-ec2-metadata-token") != valid_) {
      return HttpResponse{.status = 401};
    }
    return HttpResponse{.status = status_, .body = "value"};
  }

  std::map<std::string, std::string> variables_;
  Environment environment_ = EnvironmentOf(variables_);
  FunctionTransport transport_{
      [this](const HttpRequest& request) { return Answer(request); }};
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  InstanceMetadataService service_{environment_, transport_, clock_};
  std::string token_ = "tok";
  std::string valid_ = "tok";
  int token_status_ = 200;
  int status_ = 200;
  int refused_ = 0;
};

TEST_F(ImdsTest, FetchesATokenOnce) {
  EXPECT_THAT(service_.Get("/meta-data/x"), IsOkAndHolds("value"));
  EXPECT_THAT(service_.Get("/meta-data/x"), IsOkAndHolds("value"));
  const auto requests = transport_.requests();
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_EQ(requests[0].method, "PUT");
  EXPECT_EQ(requests[0].url, "http://169.254.169.254/latest/api/token");
  EXPECT_EQ(HeaderOf(requests[0], "X-aws-ec2-metadata-token-ttl-seconds"),
            "21600");
  EXPECT_EQ(requests[1].url, "http://169.254.169.254/latest/meta-data/x");
  clock_.Advance(absl::Hours(6));
  EXPECT_THAT(service_.Get("/meta-data/x"), IsOkAndHolds("value"));
  EXPECT_THAT(transport_.requests(), SizeIs(5));
}

TEST_F(ImdsTest, FetchesAnotherTokenIfItIsForgotten) {
  EXPECT_THAT(service_.Get("/x"), IsOkAndHolds("value"));
  token_ = valid_ = "tok2";
  EXPECT_THAT(service_.Get("/x"), IsOkAndHolds("value"));
  valid_ = "never";
  EXPECT_THAT(service_.Get("/x"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ImdsTest, TriesThreeTimes) {
  refused_ = 2;
  EXPECT_THAT(service_.Get("/x"), IsOkAndHolds("value"));
  refused_ = 3;
  clock_.Advance(absl::Hours(6));
  EXPECT_THAT(service_.Get("/x"), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ImdsTest, SaysWhatIsWrong) {
  status_ = 404;
  EXPECT_THAT(service_.Get("/x"), StatusIs(absl::StatusCode::kNotFound));
  status_ = 503;
  EXPECT_THAT(service_.Get("/x"), StatusIs(absl::StatusCode::kUnavailable));
  status_ = 302;
  EXPECT_THAT(service_.Get("/x"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ImdsTest, RefusesBadTokens) {
  token_status_ = 403;
  EXPECT_THAT(service_.Get("/x"),
              StatusIs(absl::StatusCode::kPermissionDenied));
  token_status_ = 200;
  for (const char* token : {"", "a b", "a\r\nX: y"}) {
    token_ = token;
    EXPECT_THAT(service_.Get("/x"),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << token;
  }
}

TEST_F(ImdsTest, BoundsEveryAnswer) {
  (void)service_.Get("/x");
  for (const HttpRequest& request : transport_.requests()) {
    EXPECT_LE(request.max_answer_size, 64U * 1024);
    EXPECT_LE(request.timeout, absl::Seconds(2));
    EXPECT_EQ(request.max_redirects, 0);
  }
}

}  // namespace
}  // namespace constellation::cloud::aws
