// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/gcp_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/testing/scripted_transport.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::gcp {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

// Gives numbered tokens, each good for `lifetime`.
class CountingTokens final : public TokenSource {
 public:
  CountingTokens(Clock& clock, int& fetched, int& refused,
                 absl::Duration lifetime)
      : clock_(clock),
        fetched_(fetched),
        refused_(refused),
        lifetime_(lifetime) {}
  absl::StatusOr<AccessToken> Fetch() override {
    return AccessToken{.value = "token-" + std::to_string(++fetched_),
                       .expires = clock_.Now() + lifetime_};
  }
  void Refused() override { ++refused_; }

 private:
  Clock& clock_;
  int& fetched_;
  int& refused_;
  const absl::Duration lifetime_;
};

class GcpClientTest : public ::testing::Test {
 protected:
  GcpClient Client() {
    return GcpClient(
        {.transport = &transport_,
         .clock = &clock_,
         .environment =
             [this](std::string_view name) -> std::optional<std::string> {
           const auto found = variables_.find(std::string(name));
           return found == variables_.end() ? std::nullopt
                                            : std::optional(found->second);
         },
         .random = [] { return 0.0; },
         .login =
             [this]() -> absl::StatusOr<
                          std::pair<Identity, std::unique_ptr<TokenSource>>> {
           ++logins_;
           if (!login_.ok()) {
             return login_;
           }
           return std::pair<Identity, std::unique_ptr<TokenSource>>(
               identity_, std::make_unique<CountingTokens>(
                              clock_, fetched_, refused_, lifetime_));
         }});
  }
  void Answer(int status, std::string body) {
    transport_.Add(HttpResponse{.status = status, .body = std::move(body)});
  }
  std::string Header(size_t request, std::string_view name) {
    const auto requests = transport_.requests();
    for (const auto& [key, value] : requests.at(request).headers) {
      if (key == name) {
        return value;
      }
    }
    return "";
  }
  std::string Url(size_t request) {
    return transport_.requests().at(request).url;
  }

  cloud::testing::ScriptedTransport transport_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  std::map<std::string, std::string> variables_;
  Identity identity_;
  absl::Status login_;
  absl::Duration lifetime_ = absl::Hours(1);
  int logins_ = 0;
  int fetched_ = 0;
  int refused_ = 0;
};

TEST_F(GcpClientTest, AsksWithATokenAndEscapedQueries) {
  Answer(200, R"({"a":1})");
  identity_.quota_project = "billing";
  GcpClient client = Client();
  EXPECT_THAT(client.Call({.path = "projects/p/global/networks",
                           .query = {{"filter", "name eq \"a b\""},
                                     {"maxResults", "5"}}}),
              IsOkAndHolds(json({{"a", 1}})));
  EXPECT_EQ(Url(0),
            "https://compute.googleapis.com/compute/v1/projects/p/global/"
            "networks?filter=name%20eq%20%22a%20b%22&maxResults=5");
  EXPECT_EQ(Header(0, "Authorization"), "Bearer token-1");
  EXPECT_EQ(Header(0, "x-goog-user-project"), "billing");
  EXPECT_EQ(Header(0, "Content-Type"), "");
}

TEST_F(GcpClientTest, ServicesHaveTheirOwnAddresses) {
  Answer(200, "{}");
  GcpClient client = Client();
  EXPECT_THAT(client.Call({.service = "iam", .path = "v1/x"}), IsOk());
  EXPECT_THAT(client.Call({.service = "storage", .path = "b/x"}), IsOk());
  EXPECT_EQ(Url(0), "https://iam.googleapis.com/v1/x");
  EXPECT_EQ(Url(1), "https://storage.googleapis.com/storage/v1/b/x");
  // gcloud's variables have the API's path, and another universe its domain.
  variables_["CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"] =
      "http://127.0.0.1:9/compute/v1/";
  identity_.universe = "example.cloud";
  GcpClient other = Client();
  EXPECT_THAT(other.Call({.path = "projects/p"}), IsOk());
  EXPECT_THAT(other.Call({.service = "iam", .path = "v1/x"}), IsOk());
  EXPECT_EQ(Url(2), "http://127.0.0.1:9/compute/v1/projects/p");
  EXPECT_EQ(Url(3), "https://iam.example.cloud/v1/x");
  EXPECT_THAT(other.Call({.service = "none"}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(GcpClientTest, LogsInOnceAndKeepsItsToken) {
  Answer(200, "{}");
  GcpClient client = Client();
  EXPECT_EQ(logins_, 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(client.Call({.path = "x"}), IsOk());
  }
  EXPECT_EQ(logins_, 1);
  EXPECT_EQ(fetched_, 1);
  // 225 seconds before its end it is renewed.
  clock_.Advance(lifetime_ - absl::Seconds(226));
  EXPECT_THAT(client.Call({.path = "x"}), IsOk());
  EXPECT_EQ(fetched_, 1);
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(client.Call({.path = "x"}), IsOk());
  EXPECT_EQ(fetched_, 2);
}

TEST_F(GcpClientTest, ALoginThatFailsIsTriedAgain) {
  login_ = absl::UnauthenticatedError("nobody");
  GcpClient client = Client();
  EXPECT_THAT(client.Whoami(), StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(client.Call({.path = "x"}),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(transport_.requests(), IsEmpty());
  login_ = absl::OkStatus();
  identity_.account = "me@example.com";
  ASSERT_OK_AND_ASSIGN(const Identity identity, client.Whoami());
  EXPECT_EQ(identity.account, "me@example.com");
}

TEST_F(GcpClientTest, ARefusedTokenIsReplacedOnce) {
  Answer(401, "{}");
  Answer(200, R"({"a":1})");
  GcpClient client = Client();
  EXPECT_THAT(client.Call({.path = "x"}), IsOk());
  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(Header(1, "Authorization"), "Bearer token-2");
  // One that is refused again is final.
  Answer(401, "{}");
  EXPECT_THAT(client.Call({.path = "x"}), IsOk());  // the answer before it
  EXPECT_EQ(CloudErrorKindOf(client.Call({.path = "x"}).status()),
            Kind::kExpiredToken);
  EXPECT_EQ(refused_, 2);
}

TEST_F(GcpClientTest, RequestIdsMakePostsRepeatable) {
  Answer(500, "{}");
  Answer(200, "{}");
  GcpClient client = Client();
  EXPECT_THAT(client.Call({.method = "POST",
                           .path = "x",
                           .body = "{}",
                           .request_id = RequestId("seed")}),
              IsOk());
  ASSERT_THAT(transport_.requests(), SizeIs(2));
  EXPECT_THAT(Url(0), HasSubstr("?requestId=" + RequestId("seed")));
  EXPECT_EQ(Url(1), Url(0));
  EXPECT_EQ(Header(0, "Content-Type"), "application/json");
}

TEST_F(GcpClientTest, OtherPostsAreNotRepeated) {
  Answer(500, "{}");
  GcpClient client = Client();
  const auto answer =
      client.Call({.method = "POST", .path = "x", .body = "{}"});
  EXPECT_EQ(CloudErrorKindOf(answer.status()), Kind::kUnclear);
  EXPECT_THAT(transport_.requests(), SizeIs(1));
}

TEST_F(GcpClientTest, WhatIsNoJsonIsNoAnswer) {
  Answer(200, "<html>proxy</html>");
  GcpClient client = Client();
  EXPECT_EQ(CloudErrorKindOf(client.Call({.path = "x"}).status()),
            Kind::kUnavailable);
  EXPECT_EQ(
      CloudErrorKindOf(client.Call({.method = "DELETE", .path = "x"}).status()),
      Kind::kUnclear);
}

TEST_F(GcpClientTest, EmptyAnswersAreEmptyObjects) {
  Answer(204, "");
  GcpClient client = Client();
  EXPECT_THAT(client.Call({.method = "DELETE", .path = "x"}),
              IsOkAndHolds(json::object()));
}

TEST_F(GcpClientTest, WalksPagesAndBearsHostileParts) {
  Answer(200, R"({"items":[1,2],"nextPageToken":"t w"})");
  Answer(200, R"({"items":[3],"nextPageToken":""})");
  Answer(200, R"({"items":{"zones/a":{"xs":[1]},"zones/b":7,"zones/c":{},)"
              R"("zones/d":{"xs":[2,"x"]}}})");
  Answer(200, R"({"items":[1,2]})");  // not what an aggregated list is
  GcpClient client = Client();
  std::vector<json> seen;
  const auto each = [&](const json& item) {
    seen.push_back(item);
    return absl::OkStatus();
  };
  EXPECT_THAT(
      client.List({.path = "x", .query = {{"maxResults", "2"}}}, "", each),
      IsOk());
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
  EXPECT_THAT(Url(1), HasSubstr("x?maxResults=2&pageToken=t%20w"));
  seen.clear();
  EXPECT_THAT(client.List({.path = "x"}, "xs", each), IsOk());
  EXPECT_THAT(seen, ElementsAre(1, 2, "x"));
  seen.clear();
  EXPECT_THAT(client.List({.path = "x"}, "xs", each), IsOk());
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(GcpClientTest, ListsThatDoNotEndAreRefused) {
  Answer(200, R"({"items":[],"nextPageToken":"again"})");
  GcpClient client = Client();
  EXPECT_THAT(client.List({.path = "x"}, "",
                          [](const json&) { return absl::OkStatus(); }),
              StatusIs(absl::StatusCode::kUnknown, HasSubstr("1000 pages")));
}

TEST_F(GcpClientTest, TheFirstRefusalOfAnElementEndsAList) {
  Answer(200, R"({"items":[1,2],"nextPageToken":"t"})");
  GcpClient client = Client();
  int seen = 0;
  EXPECT_THAT(client.List({.path = "x"}, "",
                          [&](const json&) {
                            ++seen;
                            return absl::DataLossError("x");
                          }),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace constellation::cloud::gcp
