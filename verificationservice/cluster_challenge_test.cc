// SPDX-License-Identifier: Apache-2.0
#include "verificationservice/cluster_challenge.h"

#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "verificationservice/testing/fakes.h"

namespace constellation::verificationservice {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kNonce(32, 'n');
constexpr size_t kPlenty = size_t{4} << 20U;

class ClusterChallengeTest : public ::testing::Test {
 protected:
  ClusterChallengeTest() {
    directory_.nodes = std::vector<ListedNode>{
        {"a", "10.0.0.1"}, {"b", ""}, {"c", "10.0.0.3"}};
    fetcher_.answer =
        [this](const std::string& ip) -> absl::StatusOr<v1::NodeEvidence> {
      if (ip == silent_) return DeadlineExceeded("no answer");
      v1::NodeEvidence evidence;
      evidence.set_node_name("claims to be " + ip);
      evidence.mutable_evidence()->mutable_tpm()->set_attest("quote");
      evidence.mutable_evidence()->mutable_tpm()->set_event_log(
          std::string(log_size_, 'l'));
      return evidence;
    };
  }
  absl::StatusOr<v1::ClusterEvidence> Challenge(size_t max_bytes) {
    return ChallengeCluster(directory_, fetcher_, kNonce, max_bytes);
  }

  testing::FakeNodeDirectory directory_;
  testing::FakeEvidenceFetcher fetcher_;
  std::string silent_;
  size_t log_size_ = 100;
};

TEST_F(ClusterChallengeTest, ReturnsAnAnswerForEveryListedNode) {
  silent_ = "10.0.0.3";
  ASSERT_OK_AND_ASSIGN(const v1::ClusterEvidence cluster, Challenge(kPlenty));
  EXPECT_EQ(fetcher_.nonce, kNonce);
  EXPECT_THAT(fetcher_.asked, ElementsAre("10.0.0.1", "10.0.0.3"));
  ASSERT_EQ(cluster.nodes_size(), 3);
  EXPECT_EQ(cluster.nodes(0).node_name(), "a");
  EXPECT_EQ(cluster.nodes(0).evidence().node_name(), "claims to be 10.0.0.1");
  EXPECT_EQ(cluster.nodes(1).node_name(), "b");
  EXPECT_THAT(cluster.nodes(1).error(), HasSubstr("InternalIP"));
  EXPECT_EQ(cluster.nodes(2).node_name(), "c");
  EXPECT_THAT(cluster.nodes(2).error(), HasSubstr("DEADLINE_EXCEEDED"));
}

// The network between nodes is the attacker's, and the relay trusts nobody on
// it: one bad answer must not hide the others from the owner.
TEST_F(ClusterChallengeTest, AnErrorThatIsNoTextSpoilsNoOtherAnswer) {
  fetcher_.answer =
      [good = fetcher_.answer](
          const std::string& ip) -> absl::StatusOr<v1::NodeEvidence> {
    if (ip == "10.0.0.3") return PermissionDenied("no\xFF\xC0\n\x7F\x1B[2Jone");
    return good(ip);
  };
  ASSERT_OK_AND_ASSIGN(const v1::ClusterEvidence sent, Challenge(kPlenty));
  v1::ClusterEvidence got;
  ASSERT_TRUE(got.ParseFromString(sent.SerializeAsString()));
  ASSERT_EQ(got.nodes_size(), 3);
  EXPECT_TRUE(got.nodes(0).has_evidence());
  EXPECT_EQ(got.nodes(2).error(), "PERMISSION_DENIED: no?????[2Jone");
}

TEST_F(ClusterChallengeTest, LeavesEventLogsOutWhereAllDoNotFit) {
  log_size_ = 1000;
  ASSERT_OK_AND_ASSIGN(v1::ClusterEvidence cluster, Challenge(3000));
  EXPECT_EQ(cluster.nodes(0).evidence().evidence().tpm().event_log().size(),
            1000U);
  ASSERT_OK_AND_ASSIGN(cluster, Challenge(1500));
  EXPECT_EQ(cluster.nodes(0).evidence().evidence().tpm().event_log(), "");
  EXPECT_EQ(cluster.nodes(0).evidence().evidence().tpm().attest(), "quote");
  EXPECT_THAT(Challenge(100), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(ClusterChallengeTest, RefusesNoncesOfAnotherSize) {
  for (const size_t size : {0U, 31U, 33U}) {
    EXPECT_THAT(
        ChallengeCluster(directory_, fetcher_, std::string(size, 'n'), kPlenty),
        StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_TRUE(fetcher_.asked.empty());
}

TEST_F(ClusterChallengeTest, WithoutListThereIsNoAnswer) {
  directory_.nodes = absl::UnavailableError("API server");
  EXPECT_THAT(Challenge(kPlenty), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::verificationservice
