// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/environment.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace constellation::cloud {
namespace {

Environment Variables(std::map<std::string, std::string, std::less<>> values) {
  return [values = std::move(values)](
             std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(EnvironmentTest, ProxiesLowerCaseFirst) {
  const ProxySettings settings =
      ProxyFromEnvironment(Variables({{"https_proxy", "http://a:1"},
                                      {"HTTPS_PROXY", "http://b:1"},
                                      {"HTTP_PROXY", "http://c:1"},
                                      {"NO_PROXY", "x,y"},
                                      {"ALL_PROXY", "http://d:1"}}));
  EXPECT_EQ(settings.https, "http://a:1");
  EXPECT_EQ(settings.http, "http://c:1");
  EXPECT_EQ(settings.except, "x,y");
  EXPECT_EQ(
      ProxyFromEnvironment(Variables({{"ALL_PROXY", "http://d:1"}})).https, "");
}

TEST(EnvironmentTest, CgiClientsSetNoProxy) {
  EXPECT_EQ(ProxyFromEnvironment(Variables({{"HTTP_PROXY", "http://c:1"},
                                            {"REQUEST_METHOD", "GET"}}))
                .http,
            "");
}

TEST(EnvironmentTest, EmptyLowerCaseNameSwitchesTheProxyOff) {
  const ProxySettings settings = ProxyFromEnvironment(
      Variables({{"https_proxy", ""}, {"HTTPS_PROXY", "http://b:1"}}));
  EXPECT_EQ(settings.https, "");
}

TEST(EnvironmentTest, CgiMayStillSetTheLowerCaseName) {
  EXPECT_EQ(ProxyFromEnvironment(Variables({{"http_proxy", "http://c:1"},
                                            {"REQUEST_METHOD", ""}}))
                .http,
            "http://c:1");
}

TEST(EnvironmentTest, NothingSetIsNoProxy) {
  const ProxySettings settings = ProxyFromEnvironment(Variables({}));
  EXPECT_EQ(settings.http + settings.https + settings.except, "");
}

TEST(EnvironmentTest, NonEmptyTellsEmptyFromAbsentNoLonger) {
  const Environment environment = Variables({{"a", "x"}, {"b", ""}});
  EXPECT_EQ(NonEmpty(environment, "a"), "x");
  EXPECT_EQ(NonEmpty(environment, "b"), std::nullopt);
  EXPECT_EQ(NonEmpty(environment, "c"), std::nullopt);
  EXPECT_EQ(environment("b"), "");
}

TEST(EnvironmentTest, ReadsTheProcess) {
  setenv("CONSTELLATION_ENVIRONMENT_TEST", "y", 1);
  EXPECT_EQ(ProcessEnvironment()("CONSTELLATION_ENVIRONMENT_TEST"), "y");
  unsetenv("CONSTELLATION_ENVIRONMENT_TEST");
  EXPECT_EQ(ProcessEnvironment()("CONSTELLATION_ENVIRONMENT_TEST"),
            std::nullopt);
}

}  // namespace
}  // namespace constellation::cloud
