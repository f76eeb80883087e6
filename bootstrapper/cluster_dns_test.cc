// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/cluster_dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "bootstrapper/testing/fake_command_runner.h"
#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(DnsRecordsTest, NamesServices) {
  const std::map<std::string, ServiceFacts> services = {
      {"default/kubernetes", {"10.96.0.1", false}},
      {"default/db", {"", true}},
      {"default/external", {"", false}}};
  const std::map<std::string, EndpointsFacts> endpoints = {
      {"default/kubernetes", {{"10.42.0.11", ""}}},
      {"default/db", {{"10.244.1.5", "db-0"}, {"10.244.2.5", ""}}}};
  EXPECT_EQ(MakeHostsFile(services, endpoints, "cluster.local"),
            "10.244.1.5 db.default.svc.cluster.local\n"
            "10.244.1.5 db-0.db.default.svc.cluster.local\n"
            "10.244.2.5 db.default.svc.cluster.local\n"
            "10.96.0.1 kubernetes.default.svc.cluster.local\n");
}

TEST(DnsRecordsTest, LeavesOutWhatIsMalformed) {
  EXPECT_EQ(MakeHostsFile({{"default", {"10.96.0.1", false}},
                           {"a/b/c", {"10.96.0.1", false}},
                           {"a/b\n1.2.3.4 evil", {"10.96.0.1", false}}},
                          {}, "cluster.local"),
            "");
  EXPECT_EQ(FactsOfService({{"spec", {{"clusterIP", "10.96.0.1\nevil"}}}}),
            ServiceFacts{});
  EXPECT_EQ(FactsOfService({{"spec", {{"clusterIP", "None"}}}}),
            (ServiceFacts{"", true}));
  EXPECT_EQ(FactsOfService(Json::array()), ServiceFacts{});
  const Json endpoints = {
      {"subsets",
       Json::array(
           {{{"addresses",
              Json::array({{{"ip", "10.244.1.5"}, {"hostname", "a b"}},
                           {{"ip", "evil"}},
                           7})}},
            {{"notReadyAddresses", Json::array({{{"ip", "10.244.1.6"}}})}},
            "x"})}};
  EXPECT_EQ(FactsOfEndpoints(endpoints), (EndpointsFacts{{"10.244.1.5", ""}}));
}

class ClusterDnsTest : public ::testing::Test {
 protected:
  ClusterDnsTest() {
    runner_.FailOn("ip link show dev dns0", "does not exist");
  }

  constellation::testing::TempDir folder_;
  testing::FakeCommandRunner runner_;
  ClusterDns dns_{runner_, folder_.Join("dns")};
  std::map<std::string, ServiceFacts> services_ = {
      {"default/kubernetes", {"10.96.0.1", false}}};
};

TEST_F(ClusterDnsTest, StartsWithTheNamesItKnows) {
  runner_.On("systemctl restart", [this] {
    EXPECT_TRUE(FileExists(folder_.Join("dns/dnsmasq.conf")));
    EXPECT_THAT(ReadFile(folder_.Join("dns/hosts")).value_or(""),
                HasSubstr("10.96.0.1 kubernetes.default.svc.cluster.local"));
    return CommandResult{};
  });
  ASSERT_THAT(dns_.Update(services_, {}), IsOk());
  EXPECT_THAT(runner_.lines(),
              Contains("ip address replace 169.254.20.10/32 dev dns0"));
  EXPECT_TRUE(runner_.Ran("systemctl restart constellation-dns.service"));
  struct stat info {};
  ASSERT_EQ(stat(folder_.Join("dns/hosts").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0644U) << "dnsmasq has no privileges";
}

TEST_F(ClusterDnsTest, ReloadsOnlyWhenNamesChange) {
  ASSERT_THAT(dns_.Update(services_, {}), IsOk());
  const size_t commands = runner_.lines().size();
  ASSERT_THAT(dns_.Update(services_, {}), IsOk());
  EXPECT_EQ(runner_.lines().size(), commands);
  services_["default/web"] = {"10.96.7.7", false};
  ASSERT_THAT(dns_.Update(services_, {}), IsOk());
  EXPECT_EQ(runner_.lines().back(),
            "systemctl kill --signal=SIGHUP constellation-dns.service");
}

TEST_F(ClusterDnsTest, TriesAgainWhatFailed) {
  runner_.FailOn("systemctl restart", "no such unit");
  EXPECT_THAT(dns_.Update(services_, {}),
              StatusIs(absl::StatusCode::kInternal));
  runner_.On("systemctl restart", [] { return CommandResult{}; });
  ASSERT_THAT(dns_.Update(services_, {}), IsOk());
  services_.clear();
  runner_.FailOn("systemctl kill", "busy");
  EXPECT_THAT(dns_.Update(services_, {}),
              StatusIs(absl::StatusCode::kInternal));
  runner_.On("systemctl kill", [] { return CommandResult{}; });
  const size_t commands = runner_.lines().size();
  EXPECT_THAT(dns_.Update(services_, {}), IsOk());
  EXPECT_EQ(runner_.lines().size(), commands + 1);
}

TEST_F(ClusterDnsTest, RealDnsmasqAcceptsTheConfiguration) {
  const std::string file = folder_.Join("dnsmasq.conf");
  ASSERT_THAT(WriteFileAtomically(file, MakeDnsConfig(folder_.Join("hosts"))),
              IsOk());
  ProcessRunner real;
  const auto result =
      real.Run({"dnsmasq", "--test", "--conf-file=" + file}, {});
  if (absl::IsNotFound(result.status())) {
    GTEST_SKIP() << "no dnsmasq here";
  }
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(result->exit_code, 0) << result->err;
}

}  // namespace
}  // namespace constellation::bootstrapper
