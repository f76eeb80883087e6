// SPDX-License-Identifier: Apache-2.0
#include "joinservice/policy_watcher.h"

#include <functional>
#include <string>

#include "absl/time/clock.h"
#include "common/testing/status_matchers.h"
#include "joinservice/testing/test_cluster.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::joinservice {
namespace {

using kubernetes::Json;
using testing::TestCluster;

std::string PolicyText(size_t enrolled) {
  std::vector<attestation::EnrolledNode> nodes = TestCluster().Enrolled();
  nodes.resize(enrolled);
  return TestCluster::PolicyWith(nodes).ToJson();
}

Json ConfigMap(const std::string& policy, int version) {
  return {
      {"metadata",
       {{"name", "join-config"}, {"resourceVersion", std::to_string(version)}}},
      {"data", {{"attestationConfig", policy}}}};
}

std::string ListOf(const std::string& policy, int version) {
  const Json list = {
      {"metadata", {{"resourceVersion", std::to_string(version)}}},
      {"items", Json::array({ConfigMap(policy, version)})}};
  return list.dump();
}

std::string Event(const char* type, const std::string& policy, int version) {
  const Json event = {{"type", type}, {"object", ConfigMap(policy, version)}};
  return event.dump() + "\n";
}

class PolicyWatcherTest : public ::testing::Test {
 protected:
  PolicyWatcherTest() {
    auto transport = std::make_unique<kubernetes::testing::FakeTransport>();
    transport_ = transport.get();
    client_ = std::make_unique<kubernetes::Client>(std::move(transport));
    watcher_ = std::make_unique<PolicyWatcher>(*client_, Clock::System());
  }
  // Waits until all queued answers were asked for, and one more.
  void AwaitRequests(size_t count) {
    while (transport_->requests().size() < count) {
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  size_t Enrolled() {
    const auto policy = watcher_->Current();
    return policy == nullptr ? 0 : policy->enrolled().size();
  }

  kubernetes::testing::FakeTransport* transport_;
  std::unique_ptr<kubernetes::Client> client_;
  std::unique_ptr<PolicyWatcher> watcher_;
};

TEST_F(PolicyWatcherTest, HasNoPolicyAtFirst) {
  EXPECT_EQ(watcher_->Current(), nullptr);
}

TEST_F(PolicyWatcherTest, FollowsChanges) {
  transport_->Answer(200, ListOf(PolicyText(1), 5));
  transport_->Answer(200, Event("MODIFIED", PolicyText(2), 6));
  watcher_->Start();
  AwaitRequests(3);
  EXPECT_EQ(Enrolled(), 2U);
}

TEST_F(PolicyWatcherTest, KeepsTheLastGoodPolicy) {
  transport_->Answer(200, ListOf(PolicyText(1), 5));
  std::string events;
  int version = 6;
  for (const char* bad : {"", "{}", "{\"version\":2}", "[", "null"}) {
    events += Event("MODIFIED", bad, version++);
  }
  transport_->Answer(200, events + Event("DELETED", "", version));
  watcher_->Start();
  AwaitRequests(3);
  EXPECT_EQ(Enrolled(), 1U);
}

TEST_F(PolicyWatcherTest, TakesAGoodPolicyAfterABadOne) {
  transport_->Answer(200, ListOf("nonsense", 5));
  transport_->Answer(200, Event("MODIFIED", PolicyText(2), 6));
  watcher_->Start();
  AwaitRequests(3);
  EXPECT_EQ(Enrolled(), 2U);
}

TEST_F(PolicyWatcherTest, EndsPromptly) {
  watcher_->Start();
  AwaitRequests(1);
  const absl::Time begin = absl::Now();
  watcher_.reset();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(3));
}

}  // namespace
}  // namespace constellation::joinservice
