// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/etcd_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "bootstrapper/testing/fake_etcd.h"
#include "bootstrapper/testing/node_fixture.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kFirst[] = "control-plane-0";
constexpr char kFirstPeer[] = "https://10.42.0.11:2380";
constexpr char kFirstClient[] = "https://10.42.0.11:2379";
constexpr char kOwn[] = "control-plane-1";
constexpr char kOwnPeer[] = "https://10.42.0.12:2380";
constexpr char kOwnClient[] = "https://10.42.0.12:2379";

// control-plane-1 comes to control-plane-0.
class EtcdJoinTest : public testing::NodeFixture {
 protected:
  EtcdJoinTest() {
    EXPECT_THAT(MakeDirectories(paths_.State()), IsOk());
    ShowEtcd(cluster_, {kFirst, kOwn}, {kFirstClient});
  }

  EtcdJoin MakeJoin(uint32_t time_scale = 1) {
    Node node = MakeNode();
    node.self = {kOwn, "10.42.0.12", "v1.20.2", "qemu:///c1/control-plane-1"};
    return {std::move(node), cluster_.Connector(), etcd_.Connector(),
            time_scale};
  }
  bool IsMarked() const { return EtcdJoin::IsUnderWay(paths_); }

  testing::FakeEtcd etcd_;
};

EtcdMember First() {
  return {"1", kFirst, kFirstPeer, kFirstClient, false};
}

EtcdMember Learner(const std::string& name, const std::string& peer_url) {
  return {"7", name, peer_url, "", true};
}

TEST_F(EtcdJoinTest, AnnouncesALearnerAndNamesAllMembers) {
  ASSERT_OK_AND_ASSIGN(const EtcdJoin::Announcement announced,
                       MakeJoin().Announce());
  EXPECT_EQ(announced.initial_cluster, std::string("control-plane-0=") +
                                           kFirstPeer +
                                           ",control-plane-1=" + kOwnPeer);
  EXPECT_EQ(announced.cluster_configuration, "kind: ClusterConfiguration");
  ASSERT_THAT(etcd_.members(), SizeIs(2));
  EXPECT_TRUE(etcd_.members()[1].learner);
  EXPECT_TRUE(IsMarked());
}

// With the rights that kubeadm has made for this node. Itself it does not ask
// before it counts.
TEST_F(EtcdJoinTest, AsksOthersOnly) {
  ShowEtcd(cluster_, {kFirst, kOwn}, {kOwnClient, kFirstClient});
  ASSERT_THAT(MakeJoin().Announce(), IsOk());
  EXPECT_THAT(etcd_.asked(), Each(std::string(kFirstClient)));
  EXPECT_THAT(cluster_.connected_with, Each(paths_.AdminKubeconfig()));
}

TEST_F(EtcdJoinTest, TheMarkComesBeforeTheMember) {
  etcd_.FailWith(Unavailable("no leader"));
  EXPECT_THAT(MakeJoin().Announce(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no leader")));
  EXPECT_TRUE(IsMarked());
}

TEST_F(EtcdJoinTest, TriesForTenMinutesTimesTheScale) {
  etcd_.FailWith(Unavailable("no leader"));
  const absl::Time start = clock_.Now();
  EXPECT_THAT(MakeJoin(3).Announce(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_GE(clock_.Now() - start, absl::Minutes(30));
  EXPECT_LT(clock_.Now() - start, absl::Minutes(31));
  EXPECT_EQ(LastStatus()["message"], "no leader");
}

TEST_F(EtcdJoinTest, NeedsKubeadmsConfiguration) {
  cluster_.objects["/api/v1/namespaces/kube-system/configmaps/kubeadm-config"] =
      {{"data", {{"ClusterConfiguration", ""}}}};
  EXPECT_THAT(
      MakeJoin().Announce(),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("ClusterConfiguration")));
  EXPECT_THAT(etcd_.members(), SizeIs(1));
}

TEST_F(EtcdJoinTest, WithoutAnyAddressThereIsNobodyToAsk) {
  ShowEtcd(cluster_, {kFirst, kOwn}, {});
  EXPECT_THAT(MakeJoin().Announce(),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("no member on another node")));
}

// The disk of an earlier try is gone, and what that member knew with it.
TEST_F(EtcdJoinTest, RemovesWhoHadThisAddress) {
  etcd_.Set({First(), {"7", kOwn, kOwnPeer, kOwnClient, false}});
  ASSERT_THAT(MakeJoin().Announce(), IsOk());
  ASSERT_THAT(etcd_.members(), SizeIs(2));
  EXPECT_TRUE(etcd_.members()[1].learner);
  EXPECT_EQ(etcd_.members()[1].peer_url, kOwnPeer);
}

// Two nodes may clean up at the same moment.
TEST_F(EtcdJoinTest, SomebodyElseMayRemoveFirst) {
  etcd_.Set({First(), {"7", kOwn, kOwnPeer, kOwnClient, false}});
  etcd_.EndRemovalsWith(NotFound("no such member"));
  const absl::Time start = clock_.Now();
  EXPECT_THAT(MakeJoin().Announce(), IsOk());
  EXPECT_EQ(clock_.Now(), start) << "at the first try";
}

TEST_F(EtcdJoinTest, NobodyIsAnnouncedBesideWhoCannotBeRemoved) {
  etcd_.Set({First(),
             {"7", "control-plane-9", "https://10.42.0.19:2380", "", false}});
  etcd_.EndRemovalsWith(Unavailable("no leader"));
  EXPECT_THAT(MakeJoin().Announce(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no leader")));
  EXPECT_THAT(etcd_.members(), SizeIs(2));
}

TEST_F(EtcdJoinTest, RemovesMembersWhoseNodeIsDeleted) {
  etcd_.Set({First(),
             {"7", "control-plane-9", "https://10.42.0.19:2380", "", false}});
  ASSERT_OK_AND_ASSIGN(const EtcdJoin::Announcement announced,
                       MakeJoin().Announce());
  EXPECT_THAT(announced.initial_cluster,
              Not(HasSubstr("https://10.42.0.19:2380")));
}

TEST_F(EtcdJoinTest, LeavesMembersWhoseNodeIsThere) {
  ShowEtcd(cluster_, {kFirst, kOwn, "control-plane-9"}, {kFirstClient});
  etcd_.Set({First(),
             {"7", "control-plane-9", "https://10.42.0.19:2380", "", false}});
  ASSERT_THAT(MakeJoin().Announce(), IsOk());
  EXPECT_THAT(etcd_.members(), SizeIs(3));
}

// A member that counts is never taken for one that is just starting.
TEST_F(EtcdJoinTest, LeavesNamelessMembersThatCount) {
  EtcdMember voter = Learner("", "https://10.42.0.19:2380");
  voter.learner = false;
  etcd_.Set({First(), voter});
  ASSERT_OK_AND_ASSIGN(const EtcdJoin::Announcement announced,
                       MakeJoin().Announce());
  EXPECT_THAT(announced.initial_cluster,
              HasSubstr(",7=https://10.42.0.19:2380"));
}

// etcd takes one learner at a time; who joins at the same moment waits.
TEST_F(EtcdJoinTest, WaitsForALearnerThatJoinsJustNow) {
  etcd_.Set({First(), Learner("", "https://10.42.0.13:2380")});
  const absl::Time start = clock_.Now();
  ASSERT_THAT(MakeJoin(2).Announce(), IsOk());
  // That one never ran: its node has died.
  EXPECT_GE(clock_.Now() - start, absl::Minutes(10));
  EXPECT_THAT(etcd_.members(), SizeIs(2));
}

// Each learner has its own time.
TEST_F(EtcdJoinTest, TheNextLearnerIsWaitedForAnew) {
  EtcdJoin join = MakeJoin();
  etcd_.Set({First(), Learner("", "https://10.42.0.13:2380")});
  ASSERT_THAT(join.Announce(), IsOk());
  EtcdMember next = Learner("", "https://10.42.0.14:2380");
  next.id = "8";
  etcd_.Set({First(), next});
  const absl::Time start = clock_.Now();
  ASSERT_THAT(join.Announce(), IsOk());
  EXPECT_GE(clock_.Now() - start, absl::Minutes(5));
}

// One that counts has no name before it has started; no time makes it an idle
// learner, nor does it hide one.
TEST_F(EtcdJoinTest, NamelessMembersThatCountStayWhileLearnersAreRemoved) {
  EtcdMember voter = Learner("", "https://10.42.0.19:2380");
  voter.id = "8";
  voter.learner = false;
  etcd_.Set({First(), voter, Learner("", "https://10.42.0.13:2380")});
  ASSERT_THAT(MakeJoin().Announce(), IsOk());
  ASSERT_THAT(etcd_.members(), SizeIs(3));
  EXPECT_EQ(etcd_.members()[1].id, "8");
  EXPECT_EQ(etcd_.members()[2].peer_url, kOwnPeer);
}

// It has a disk with data: its node will come back and catch up.
TEST_F(EtcdJoinTest, NeverRemovesALearnerThatHasRun) {
  ShowEtcd(cluster_, {kFirst, kOwn, "control-plane-2"}, {kFirstClient});
  etcd_.Set({First(), Learner("control-plane-2", "https://10.42.0.13:2380")});
  EXPECT_THAT(MakeJoin().Announce(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("too many learners")));
  EXPECT_THAT(etcd_.members(), SizeIs(2));
}

TEST_F(EtcdJoinTest, WaitsUntilItsEtcdRuns) {
  etcd_.Set({First(), Learner(kOwn, kOwnPeer)});
  EXPECT_THAT(MakeJoin().WaitUntilStarted(), IsOk());

  etcd_.Set({First(), Learner("", kOwnPeer)});
  runner_.OnOutput("journalctl", "cannot pull etcd");
  const absl::Time start = clock_.Now();
  EXPECT_THAT(MakeJoin().WaitUntilStarted(),
              StatusIs(absl::StatusCode::kDeadlineExceeded,
                       HasSubstr("cannot pull etcd")));
  EXPECT_GE(clock_.Now() - start, absl::Minutes(5));
  EXPECT_LT(clock_.Now() - start, absl::Minutes(6));
}

TEST_F(EtcdJoinTest, AMemberThatWasRemovedIsAnErrorAtOnce) {
  const absl::Time start = clock_.Now();
  EXPECT_THAT(MakeJoin().WaitUntilStarted(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("no member at https://10.42.0.12:2380")));
  EXPECT_THAT(MakeJoin().BecomeVoter({}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("replace this node")));
  EXPECT_EQ(clock_.Now(), start);
}

TEST_F(EtcdJoinTest, CountsOnceItHasCaughtUp) {
  ASSERT_THAT(WriteFileAtomically(paths_.EtcdJoining(), ""), IsOk());
  etcd_.Set({First(), Learner(kOwn, kOwnPeer)});
  etcd_.LagFor(1000);  // longer than any other wait
  const absl::Time start = clock_.Now();
  EXPECT_THAT(MakeJoin().BecomeVoter({}), IsOk());
  EXPECT_FALSE(etcd_.members()[1].learner);
  EXPECT_FALSE(IsMarked());
  EXPECT_GE(clock_.Now() - start, absl::Seconds(5000));
  EXPECT_EQ(LastStatus()["phase"], "etcd-promote");
}

// It may have died between the promotion and the removal of the mark.
TEST_F(EtcdJoinTest, CountsAlready) {
  ASSERT_THAT(WriteFileAtomically(paths_.EtcdJoining(), ""), IsOk());
  etcd_.Set({First(), {"7", kOwn, kOwnPeer, kOwnClient, false}});
  EXPECT_THAT(MakeJoin().BecomeVoter({}), IsOk());
  EXPECT_FALSE(IsMarked());
  EXPECT_THAT(MakeJoin().BecomeVoter({}), IsOk()) << "without a mark, too";
}

TEST_F(EtcdJoinTest, TheEndOfTheProgramEndsTheWait) {
  ASSERT_THAT(WriteFileAtomically(paths_.EtcdJoining(), ""), IsOk());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(MakeJoin().BecomeVoter(stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(IsMarked());
}

// Three members; the Node of the last one has been deleted.
class EtcdTendTest : public EtcdJoinTest {
 protected:
  EtcdTendTest() {
    etcd_.Set({First(),
               {"2", kOwn, kOwnPeer, kOwnClient, false},
               {"3", "control-plane-2", "https://10.42.0.13:2380", "", false}});
  }
};

TEST_F(EtcdTendTest, RemovesAMemberWhoseNodeIsMissingTwice) {
  EtcdJoin join = MakeJoin();
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  EXPECT_THAT(etcd_.members(), SizeIs(3));
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  ASSERT_THAT(etcd_.members(), SizeIs(2));
  EXPECT_EQ(etcd_.members()[1].name, kOwn);
}

// Somebody makes a Node anew, as kubelets do.
TEST_F(EtcdTendTest, TwiceInARow) {
  EtcdJoin join = MakeJoin();
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  ShowEtcd(cluster_, {kFirst, kOwn, "control-plane-2"}, {kFirstClient});
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  ShowEtcd(cluster_, {kFirst, kOwn}, {kFirstClient});
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  EXPECT_THAT(etcd_.members(), SizeIs(3));
}

TEST_F(EtcdTendTest, BelievesNoListWithoutItself) {
  EtcdJoin join = MakeJoin();
  ShowEtcd(cluster_, {}, {kFirstClient});
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  EXPECT_THAT(etcd_.members(), SizeIs(3));
}

TEST_F(EtcdTendTest, LeavesWhoIsJustJoining) {
  etcd_.Set({First(), Learner("", "https://10.42.0.13:2380")});
  EtcdJoin join = MakeJoin();
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  EXPECT_THAT(etcd_.members(), SizeIs(2));
}

// Its own etcd counts and answers, and the others may be gone.
TEST_F(EtcdTendTest, AsksItself) {
  ShowEtcd(cluster_, {kFirst, kOwn}, {kOwnClient});
  EXPECT_THAT(MakeJoin().RemoveTheDeleted(), IsOk());
  EXPECT_THAT(etcd_.asked(), Each(std::string(kOwnClient)));
}

TEST_F(EtcdTendTest, ErrorsAreTold) {
  etcd_.FailWith(Unavailable("no leader"));
  EXPECT_THAT(MakeJoin().RemoveTheDeleted(),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(EtcdTendTest, ARemovalThatFailsIsTold) {
  etcd_.EndRemovalsWith(Unavailable("no leader"));
  EtcdJoin join = MakeJoin();
  EXPECT_THAT(join.RemoveTheDeleted(), IsOk());
  EXPECT_THAT(join.RemoveTheDeleted(),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(EtcdTendTest, LooksUntilTheProgramEnds) {
  EtcdJoin join = MakeJoin();
  const absl::Time start = clock_.Now();
  std::jthread thread(
      [&join](const std::stop_token& stop) { join.Tend(stop); });
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (etcd_.members().size() == 3 && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(5));
  }
  thread.request_stop();
  thread.join();
  EXPECT_THAT(etcd_.members(), SizeIs(2));
  EXPECT_GE(clock_.Now() - start, absl::Minutes(2));
}

}  // namespace
}  // namespace constellation::bootstrapper
