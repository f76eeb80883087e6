// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/http_transport.h"

#include <gtest/gtest.h>

#include <string>

#include "common/status.h"

namespace constellation::cloud {
namespace {

TEST(HttpTransportTest, HostOfUrl) {
  EXPECT_EQ(HostOfUrl("https://User:pw@Host.Example:443/a?b@c"),
            "host.example");
  EXPECT_EQ(HostOfUrl("http://[::1]:80/"), "::1");
  EXPECT_EQ(HostOfUrl("https://a?x"), "a");
  EXPECT_EQ(HostOfUrl("nothing"), "");
  EXPECT_EQ(HostOfUrl("http://"), "");
}

TEST(HttpTransportTest, UrlForMessagesHidesSecrets) {
  EXPECT_EQ(UrlForMessages("https://u:p@h/x?sig=s#f"), "https://h/x");
  EXPECT_EQ(UrlForMessages("https://h/a@b?x"), "https://h/a@b");
  EXPECT_EQ(UrlForMessages("junk"), "junk");
}

TEST(HttpTransportTest, LocalHosts) {
  for (const char* host :
       {"localhost", "127.0.0.1", "127.1.2.3", "::1", "169.254.169.254",
        "168.63.129.16", "fd00:ec2::254", "metadata.google.internal"}) {
    EXPECT_TRUE(IsLocalHost(host)) << host;
  }
  for (const char* host : {"", "example.org", "127.0.0.1.example.org", "127.1",
                           "10.0.0.1", "localhost.example.org"}) {
    EXPECT_FALSE(IsLocalHost(host)) << host;
  }
}

TEST(HttpTransportTest, ErrorsKeepTheirType) {
  for (int i = 1; i <= static_cast<int>(TransportError::kLocal); ++i) {
    const auto error = static_cast<TransportError>(i);
    const absl::Status status = MakeTransportError(error, "m");
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(TransportErrorOf(status), error);
    EXPECT_NE(TransportErrorName(error), "none");
  }
  EXPECT_EQ(TransportErrorOf(absl::OkStatus()), TransportError::kNone);
  EXPECT_FALSE(MayHaveBeenExecuted(absl::OkStatus()));
}

TEST(HttpTransportTest, FirstHeaderOfANameCounts) {
  const HttpResponse response{.headers = {{"a", "1"}, {"b", ""}, {"a", "2"}}};
  EXPECT_EQ(response.Header("a"), "1");
  EXPECT_EQ(response.Header("b"), "");
  EXPECT_EQ(response.Header("c"), std::nullopt);
}

TEST(HttpTransportTest, OnlyHandshakesHaveNoEffect) {
  for (const TransportError error :
       {TransportError::kDns, TransportError::kRefused, TransportError::kTls,
        TransportError::kLocal}) {
    EXPECT_FALSE(MayHaveBeenExecuted(MakeTransportError(error, "m")))
        << TransportErrorName(error);
  }
  for (const TransportError error :
       {TransportError::kTimeout, TransportError::kTooLarge,
        TransportError::kLost, TransportError::kCancelled}) {
    EXPECT_TRUE(MayHaveBeenExecuted(MakeTransportError(error, "m")))
        << TransportErrorName(error);
  }
  EXPECT_TRUE(MayHaveBeenExecuted(Unavailable("of somebody else")));
}

TEST(HttpTransportTest, ErrorsHaveCodesAndSurviveContext) {
  using Code = absl::StatusCode;
  const std::pair<TransportError, Code> expected[] = {
      {TransportError::kDns, Code::kUnavailable},
      {TransportError::kRefused, Code::kUnavailable},
      {TransportError::kTls, Code::kUnauthenticated},
      {TransportError::kTimeout, Code::kDeadlineExceeded},
      {TransportError::kTooLarge, Code::kOutOfRange},
      {TransportError::kLost, Code::kUnavailable},
      {TransportError::kCancelled, Code::kCancelled},
      {TransportError::kLocal, Code::kInvalidArgument}};
  for (const auto& [error, code] : expected) {
    const absl::Status status = MakeTransportError(error, "m");
    EXPECT_EQ(status.code(), code) << TransportErrorName(error);
    EXPECT_EQ(Message(status), "m");
    EXPECT_EQ(TransportErrorOf(Annotate(status, "more")), error);
  }
  EXPECT_EQ(TransportErrorOf(Unavailable("x")), TransportError::kNone);
  EXPECT_EQ(TransportErrorName(TransportError::kNone), "none");
  EXPECT_EQ(MakeTransportError(TransportError::kNone, "m").code(),
            Code::kInternal);
}

TEST(HttpTransportTest, MethodsDecideOverRepeats) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    EXPECT_TRUE(IsRepeatable({.method = method, .url = ""})) << method;
    EXPECT_FALSE(
        IsRepeatable({.method = method, .url = "", .repeatable = false}));
  }
  for (const char* method : {"POST", "PATCH", "get", ""}) {
    EXPECT_FALSE(IsRepeatable({.method = method, .url = ""})) << method;
    EXPECT_TRUE(
        IsRepeatable({.method = method, .url = "", .repeatable = true}));
  }
}

// Whoever decides by the host must see the one that is connected to.
TEST(HttpTransportTest, HostOfUrlIsNotFooled) {
  EXPECT_EQ(HostOfUrl("https://good.example@evil.example/"), "evil.example");
  EXPECT_EQ(HostOfUrl("https://evil.example\\@good.example/"), "evil.example");
  EXPECT_EQ(HostOfUrl("https://evil.example#@good.example/"), "evil.example");
  EXPECT_EQ(HostOfUrl("https://evil.example?@good.example/"), "evil.example");
  EXPECT_EQ(HostOfUrl("https://[::1"), "::1");
}

TEST(HttpTransportTest, UserIsHiddenWhereverAPathBegins) {
  EXPECT_EQ(UrlForMessages("https://user:pw@host"), "https://host");
  EXPECT_EQ(UrlForMessages("https://a@b@host/x"), "https://host/x");
  EXPECT_EQ(UrlForMessages("https://host/x#token=1"), "https://host/x");
}

}  // namespace
}  // namespace constellation::cloud
