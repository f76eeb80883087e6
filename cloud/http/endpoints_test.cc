// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cloud/http/environment.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

Environment Variables(std::map<std::string, std::string, std::less<>> values) {
  return [values = std::move(values)](
             std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

const EndpointPlace kIreland{.region = "eu-west-1"};

TEST(EndpointsTest, DefaultsFillInRegionAndPartition) {
  const auto url = [](std::string_view cloud, std::string_view service,
                      const EndpointPlace& place) {
    const auto endpoint = ResolveEndpoint(cloud, service, place, Variables({}));
    return endpoint.ok() ? endpoint->url : endpoint.status().ToString();
  };
  EXPECT_EQ(url("aws", "ec2", kIreland), "https://ec2.eu-west-1.amazonaws.com");
  EXPECT_EQ(url("aws", "ec2", {"cn-north-1", "amazonaws.com.cn"}),
            "https://ec2.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(url("aws", "iam", {}), "https://iam.amazonaws.com");
  EXPECT_EQ(url("gcp", "compute", {}), "https://compute.googleapis.com");
  EXPECT_EQ(url("azure", "arm", {}), "https://management.azure.com");
  EXPECT_EQ(url("openstack", "identity", {}), "");
}

TEST(EndpointsTest, ServicesVariableWinsOverTheGeneralOne) {
  const Environment both =
      Variables({{"AWS_ENDPOINT_URL", "http://localhost:5000/"},
                 {"AWS_ENDPOINT_URL_EC2", "http://localhost:6000"}});
  ASSERT_OK_AND_ASSIGN(const Endpoint ec2,
                       ResolveEndpoint("aws", "ec2", kIreland, both));
  EXPECT_EQ(ec2.url, "http://localhost:6000");
  EXPECT_EQ(ec2.variable, "AWS_ENDPOINT_URL_EC2");
  ASSERT_OK_AND_ASSIGN(const Endpoint sts,
                       ResolveEndpoint("aws", "sts", kIreland, both));
  EXPECT_EQ(sts.url, "http://localhost:5000");
}

TEST(EndpointsTest, EmptyVariablesAndIgnoredOnesDoNotCount) {
  ASSERT_OK_AND_ASSIGN(const Endpoint empty,
                       ResolveEndpoint("aws", "ec2", kIreland,
                                       Variables({{"AWS_ENDPOINT_URL", ""}})));
  EXPECT_EQ(empty.variable, "");
  const Environment ignored =
      Variables({{"AWS_ENDPOINT_URL", "http://localhost:1"},
                 {"AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:2"},
                 {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}});
  EXPECT_EQ(ResolveEndpoint("aws", "ec2", kIreland, ignored)->variable, "");
  EXPECT_EQ(ResolveEndpoint("aws", "imds", {}, ignored)->url,
            "http://127.0.0.1:2");
}

TEST(EndpointsTest, EveryVariableOfTheTableWorks) {
  for (const ServiceEndpoint& service : ServiceEndpoints()) {
    for (const std::string_view variable : service.variables) {
      ASSERT_OK_AND_ASSIGN(
          const Endpoint endpoint,
          ResolveEndpoint(
              service.cloud, service.service, kIreland,
              Variables({{std::string(variable), "https://test.example/x/"}})));
      EXPECT_EQ(endpoint.url, "https://test.example/x");
      EXPECT_EQ(endpoint.variable, variable);
    }
  }
}

TEST(EndpointsTest, GcpsMetadataVariableIsAHost) {
  EXPECT_EQ(ResolveEndpoint("gcp", "metadata", {},
                            Variables({{"GCE_METADATA_HOST", "127.0.0.1:80"}}))
                ->url,
            "http://127.0.0.1:80");
}

TEST(EndpointsTest, RefusesWhatIsNoEndpoint) {
  for (const char* value :
       {"localhost:5000", "ftp://localhost", "https://", "https://a@b",
        "https://a/?x", "https://a/#x", "https://a b", "http://example.org",
        "http://127.0.0.1.example.org"}) {
    EXPECT_THAT(ResolveEndpoint("aws", "ec2", kIreland,
                                Variables({{"AWS_ENDPOINT_URL", value}})),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("AWS_ENDPOINT_URL")))
        << value;
  }
  EXPECT_THAT(ResolveEndpoint("aws", "moon", kIreland, Variables({})),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(EndpointsTest, RegionsCannotChangeTheHost) {
  for (const char* region : {"", "evil.example/", "a b", "a@b", "EU"}) {
    EXPECT_THAT(
        ResolveEndpoint("aws", "ec2", {.region = region}, Variables({})),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("region")));
  }
}

TEST(EndpointsTest, OpenStackMayUsePlainHttp) {
  EXPECT_EQ(
      ResolveEndpoint("openstack", "identity", {},
                      Variables({{"OS_AUTH_URL", "http://10.0.0.1:5000/v3"}}))
          ->url,
      "http://10.0.0.1:5000/v3");
}

}  // namespace
}  // namespace constellation::cloud
