// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/aws/testing/function_transport.h"
#include "cloud/engine/cloud_error.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::aws {
namespace {

using ::constellation::testing::IsOk;
using ::testing::ElementsAre;
using testing::EnvironmentOf;
using testing::FunctionTransport;
using ::testing::HasSubstr;
using testing::HeaderOf;
using ::testing::Not;
using ::testing::SizeIs;
using Kind = CloudErrorKind;

class CountingSource final : public CredentialSource {
 public:
  absl::StatusOr<Credentials> Get() override {
    return Credentials{.access_key_id = "AKID" + std::to_string(discards),
                       .secret_access_key = SecretBytes(AsBytes("secret"))};
  }
  void Discard() override { ++discards; }

  int discards = 0;
};

class ClientTest : public ::testing::Test {
 protected:
  AwsClient Client() {
    return AwsClient({.region = region_,
                      .environment = environment_,
                      .transport = transport_,
                      .clock = clock_,
                      .random = [] { return 0.5; },
                      .credentials = source_});
  }
  static HttpResponse Xml(std::string body, int status = 200) {
    return {.status = status, .body = std::move(body)};
  }
  static HttpResponse Error(const std::string& code, int status) {
    return Xml("<Response><Errors><Error><Code>" + code +
                   "</Code><Message>m</Message></Error></Errors></Response>",
               status);
  }

  std::string region_ = "eu-west-1";
  std::map<std::string, std::string> variables_;
  Environment environment_ = EnvironmentOf(variables_);
  std::vector<absl::StatusOr<HttpResponse>> answers_;
  FunctionTransport transport_{
      [this](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
        if (answers_.empty()) {
          return Xml("<R/>");
        }
        auto answer = answers_.front();
        answers_.erase(answers_.begin());
        return answer;
      }};
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  CountingSource source_;
};

TEST_F(ClientTest, SignsFormsForTheServicesAddress) {
  AwsClient client = Client();
  ASSERT_THAT(client.Call(kEc2, "DescribeVpcs", nlohmann::json::object()),
              IsOk());
  ASSERT_THAT(client.Call(kIam, "GetRole", {{"RoleName", "x"}}), IsOk());
  ASSERT_THAT(client.Call(kElb, "DescribeTags", nlohmann::json::object()),
              IsOk());
  const auto requests = transport_.requests();
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].url, "https://ec2.eu-west-1.amazonaws.com/");
  EXPECT_EQ(requests[0].body, "Action=DescribeVpcs&Version=2016-11-15");
  EXPECT_THAT(HeaderOf(requests[0], "Authorization"),
              HasSubstr("/eu-west-1/ec2/aws4_request"));
  EXPECT_EQ(requests[1].url, "https://iam.amazonaws.com/");
  EXPECT_THAT(HeaderOf(requests[1], "Authorization"),
              HasSubstr("/us-east-1/iam/aws4_request"));
  EXPECT_EQ(requests[2].url,
            "https://elasticloadbalancing.eu-west-1.amazonaws.com/");
}

TEST_F(ClientTest, KnowsOtherPartitions) {
  for (const auto& [region, url] :
       {std::pair("cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn/"),
        std::pair("us-gov-east-1", "https://iam.us-gov.amazonaws.com/")}) {
    region_ = region;
    AwsClient client = Client();
    ASSERT_THAT(client.Call(kIam, "ListRoles", nlohmann::json::object()),
                IsOk());
    EXPECT_EQ(transport_.requests().back().url, url);
  }
}

TEST_F(ClientTest, FollowsEndpointVariables) {
  variables_["AWS_ENDPOINT_URL_EC2"] = "http://127.0.0.1:5000";
  AwsClient client = Client();
  ASSERT_THAT(client.Call(kEc2, "DescribeVpcs", nlohmann::json::object()),
              IsOk());
  EXPECT_EQ(transport_.requests()[0].url, "http://127.0.0.1:5000/");
}

TEST_F(ClientTest, TurnsErrorsIntoCloudErrors) {
  answers_ = {Error("VpcLimitExceeded", 400)};
  AwsClient client = Client();
  const auto answer = client.Call(kEc2, "CreateVpc", nlohmann::json::object());
  EXPECT_EQ(CloudErrorKindOf(answer.status()), Kind::kQuota);
}

TEST_F(ClientTest, RepeatsWhatMakesNothingTwice) {
  const auto lost = MakeTransportError(TransportError::kLost, "x");
  answers_ = {lost, Xml("<R/>")};
  AwsClient client = Client();
  EXPECT_THAT(client.Call(kEc2, "DescribeVpcs", nlohmann::json::object()),
              IsOk());
  answers_ = {lost, Xml("<R/>")};
  EXPECT_THAT(client.Call(kEc2, "DeleteVpc", {{"VpcId", "vpc-1"}}), IsOk());
  answers_ = {lost, Xml("<R/>")};
  EXPECT_EQ(
      CloudErrorKindOf(
          client.Call(kEc2, "CreateVpc", nlohmann::json::object()).status()),
      Kind::kUnclear);
  answers_ = {lost, Xml("<R/>")};
  EXPECT_THAT(client.Call(kEc2, "CreateNatGateway", nlohmann::json::object(),
                          {}, /*repeatable=*/true),
              IsOk());
  EXPECT_THAT(transport_.requests(), SizeIs(7));
}

TEST_F(ClientTest, WaitsWhenThrottled) {
  answers_ = {Error("RequestLimitExceeded", 503), Error("Throttling", 400),
              Xml("<R/>")};
  AwsClient client = Client();
  EXPECT_THAT(client.Call(kEc2, "CreateVpc", nlohmann::json::object()), IsOk());
  EXPECT_GT(clock_.Now(), absl::FromUnixSeconds(1'800'000'000));
}

TEST_F(ClientTest, FetchesNewKeysOnce) {
  answers_ = {Error("ExpiredToken", 403), Error("ExpiredToken", 403)};
  AwsClient client = Client();
  const auto answer = client.Call(kEc2, "CreateVpc", nlohmann::json::object());
  EXPECT_EQ(CloudErrorKindOf(answer.status()), Kind::kExpiredToken);
  EXPECT_EQ(source_.discards, 1);
  ASSERT_THAT(transport_.requests(), SizeIs(2));
  EXPECT_THAT(HeaderOf(transport_.requests()[1], "Authorization"),
              HasSubstr("AKID1/"));
}

TEST_F(ClientTest, TakesTheServersTimeIfOursIsWrong) {
  HttpResponse skewed = Error("RequestTimeTooSkewed", 403);
  skewed.headers = {{"date", "Fri, 15 Jan 2027 09:00:00 GMT"}};
  answers_ = {skewed, Xml("<R/>")};
  AwsClient client = Client();
  ASSERT_THAT(client.Call(kEc2, "DescribeVpcs", nlohmann::json::object()),
              IsOk());
  EXPECT_EQ(HeaderOf(transport_.requests()[0], "X-Amz-Date"),
            "20270115T080000Z");
  EXPECT_EQ(HeaderOf(transport_.requests()[1], "X-Amz-Date").substr(0, 11),
            "20270115T09");
}

TEST_F(ClientTest, AnswersThatAreNotXmlAreUnclear) {
  answers_ = {Xml("{}")};
  AwsClient client = Client();
  EXPECT_EQ(
      CloudErrorKindOf(
          client.Call(kEc2, "CreateVpc", nlohmann::json::object()).status()),
      Kind::kUnclear);
}

TEST_F(ClientTest, WalksAllPages) {
  answers_ = {Xml("<R><s><item>1</item></s><nextToken>t</nextToken></R>"),
              Xml("<R><s><item>2</item></s><nextToken/></R>")};
  AwsClient client = Client();
  std::vector<std::string> seen;
  ASSERT_THAT(
      client.CallPaged(kEc2, "DescribeVpcs", nlohmann::json::object(), {},
                       [&](XmlElement page) {
                         for (const auto& item : page.List("s")) {
                           seen.push_back(item.Text());
                         }
                         return absl::OkStatus();
                       }),
      IsOk());
  EXPECT_THAT(seen, ElementsAre("1", "2"));
  EXPECT_THAT(transport_.requests()[1].body, HasSubstr("NextToken=t"));
}

TEST_F(ClientTest, ListsThatDoNotEndAreRefused) {
  answers_ = {Xml("<R><nextToken>t</nextToken></R>"),
              Xml("<R><nextToken>t</nextToken></R>")};
  AwsClient client = Client();
  EXPECT_THAT(client.CallPaged(kEc2, "DescribeVpcs", nlohmann::json::object(),
                               {}, [](XmlElement) { return absl::OkStatus(); }),
              Not(IsOk()));
  EXPECT_THAT(transport_.requests(), SizeIs(2));
}

TEST_F(ClientTest, RestKeepsTheBodyUnsignedIfAsked) {
  AwsClient client = Client();
  ASSERT_THAT(client.Rest("ebs", "ebs:PutSnapshotBlock",
                          {.method = "PUT",
                           .path = "/snapshots/snap-1/blocks/0",
                           .body = "x",
                           .unsigned_payload = true}),
              IsOk());
  const HttpRequest request = transport_.requests()[0];
  EXPECT_EQ(request.url,
            "https://ebs.eu-west-1.amazonaws.com/snapshots/snap-1/blocks/0");
  EXPECT_EQ(HeaderOf(request, "X-Amz-Content-Sha256"), "UNSIGNED-PAYLOAD");
  answers_ = {HttpResponse{.status = 403, .body = "{}"}};
  const auto refused =
      client.Rest("ebs", "ebs:StartSnapshot", {.method = "POST", .path = "/s"});
  EXPECT_EQ(CloudErrorOf(refused.status()).subject, "ebs:StartSnapshot");
}

}  // namespace
}  // namespace constellation::cloud::aws
