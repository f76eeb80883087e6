// SPDX-License-Identifier: Apache-2.0
//
// Against real etcd, with TLS in all directions as kubeadm sets it up.
#include "bootstrapper/etcd_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/command.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "kubernetes/testing/child_process.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::kubernetes::testing::ChildProcess;
using ::constellation::kubernetes::testing::FreePort;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class EtcdClientTest : public ::testing::Test {
 protected:
  struct Member {
    std::string name, peer_url, client_url;
    std::unique_ptr<ChildProcess> process;
  };

  void SetUp() override {
    if (!Run({"etcd", "--version"}).ok() || !Run({"openssl", "version"}).ok()) {
      GTEST_SKIP() << "no etcd or openssl here";
    }
    ASSERT_THAT(MakeDirectories(Pki("etcd")), IsOk());
    ASSERT_THAT(Certificate("ca", {"-addext", "keyUsage=keyCertSign"}), IsOk());
    const std::vector<std::string> by_ca = {
        "-CA",     Pki("etcd/ca.crt"),
        "-CAkey",  Pki("etcd/ca.key"),
        "-addext", "subjectAltName=IP:127.0.0.1",
        "-addext", "basicConstraints=critical,CA:FALSE"};
    ASSERT_THAT(Certificate("server", by_ca), IsOk());
    ASSERT_THAT(Certificate("healthcheck-client", by_ca), IsOk());
    first_ = Describe("first");
    Begin(first_, fmt::format("first={}", first_.peer_url), "new");
  }

  static absl::Status Run(const std::vector<std::string>& argv) {
    ProcessRunner runner;
    return RunChecked(runner, argv).status();
  }
  std::string Pki(const std::string& name) const {
    return folder_.Join("pki/" + name);
  }
  absl::Status Certificate(const std::string& name,
                           const std::vector<std::string>& more) {
    std::vector<std::string> argv = {"openssl",
                                     "req",
                                     "-x509",
                                     "-newkey",
                                     "ec",
                                     "-pkeyopt",
                                     "ec_paramgen_curve:prime256v1",
                                     "-nodes",
                                     "-days",
                                     "2",
                                     "-subj",
                                     "/CN=" + name,
                                     "-keyout",
                                     Pki("etcd/" + name + ".key"),
                                     "-out",
                                     Pki("etcd/" + name + ".crt")};
    argv.insert(argv.end(), more.begin(), more.end());
    return Run(argv);
  }

  static Member Describe(const std::string& name) {
    const auto peer = FreePort();
    const auto client = FreePort();
    EXPECT_THAT(peer, IsOk());
    EXPECT_THAT(client, IsOk());
    return {name, fmt::format("https://127.0.0.1:{}", peer.value_or(0)),
            fmt::format("https://127.0.0.1:{}", client.value_or(0)), nullptr};
  }

  void Begin(Member& member, const std::string& initial_cluster,
             const std::string& state) {
    auto process = ChildProcess::Start(
        {"etcd", "--name", member.name, "--data-dir",
         folder_.Join("data-" + member.name), "--listen-client-urls",
         member.client_url, "--advertise-client-urls", member.client_url,
         "--listen-peer-urls", member.peer_url, "--initial-advertise-peer-urls",
         member.peer_url, "--client-cert-auth", "--peer-client-cert-auth",
         "--trusted-ca-file", Pki("etcd/ca.crt"), "--peer-trusted-ca-file",
         Pki("etcd/ca.crt"), "--cert-file", Pki("etcd/server.crt"),
         "--key-file", Pki("etcd/server.key"), "--peer-cert-file",
         Pki("etcd/server.crt"), "--peer-key-file", Pki("etcd/server.key"),
         // As kubeadm's would be without the patch; the last one counts.
         "--initial-cluster", "=" + member.peer_url, "--initial-cluster",
         initial_cluster, "--initial-cluster-state", state,
         "--unsafe-no-fsync"},
        folder_.Join(member.name + ".log"));
    ASSERT_THAT(process, IsOk());
    member.process = *std::move(process);
  }

  std::unique_ptr<EtcdApi> Connect(const Member& member) {
    auto etcd = ConnectWithCertificates(member.client_url, folder_.Join("pki"),
                                        absl::Seconds(30));
    EXPECT_THAT(etcd, IsOk());
    return etcd.ok() ? *std::move(etcd) : nullptr;
  }

  // Calls `attempt` until it is OK.
  static absl::Status Eventually(const std::function<absl::Status()>& attempt) {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    absl::Status status = attempt();
    while (!status.ok() && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(50));
      status = attempt();
    }
    return status;
  }

  TempDir folder_;
  Member first_;
};

TEST_F(EtcdClientTest, ALearnerJoinsCatchesUpAndCounts) {
  const auto etcd = Connect(first_);
  ASSERT_NE(etcd, nullptr);
  ASSERT_THAT(Eventually([&] { return etcd->Members().status(); }), IsOk());
  Member second = Describe("second");
  // The cluster may still wait for its leader.
  absl::StatusOr<std::vector<EtcdMember>> added = Unavailable("not yet");
  ASSERT_THAT(Eventually([&] {
                added = etcd->AddLearner(second.peer_url);
                return added.status();
              }),
              IsOk());
  ASSERT_THAT(*added, SizeIs(2));
  const EtcdMember& learner =
      (*added)[(*added)[0].peer_url == second.peer_url ? 0 : 1];
  EXPECT_TRUE(learner.learner);
  EXPECT_EQ(learner.name, "");
  EXPECT_EQ(learner.peer_url, second.peer_url);
  // Nothing runs there, and yet the first one has its majority.
  EXPECT_THAT(etcd->AddLearner("https://127.0.0.1:1"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("too many learner members")));
  EXPECT_THAT(etcd->Promote(learner.id),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("in sync with leader")));

  Begin(second,
        fmt::format("first={},second={}", first_.peer_url, second.peer_url),
        "existing");
  ASSERT_THAT(Eventually([&] { return etcd->Promote(learner.id); }), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::vector<EtcdMember> members, etcd->Members());
  ASSERT_THAT(members, SizeIs(2));
  for (const EtcdMember& member : members) {
    EXPECT_FALSE(member.learner) << member.name;
    EXPECT_EQ(member.client_url,
              member.name == "first" ? first_.client_url : second.client_url);
  }
  // Twice is once; and the new one answers for itself now.
  const auto own = Connect(second);
  ASSERT_NE(own, nullptr);
  EXPECT_THAT(Eventually([&] { return own->Members().status(); }), IsOk());
  EXPECT_THAT(etcd->Promote(learner.id),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("can only promote a learner")));
}

TEST_F(EtcdClientTest, ALearnerThatNeverRanIsRemoved) {
  const auto etcd = Connect(first_);
  ASSERT_NE(etcd, nullptr);
  absl::StatusOr<std::vector<EtcdMember>> added = Unavailable("not yet");
  ASSERT_THAT(Eventually([&] {
                added = etcd->AddLearner("https://127.0.0.1:1");
                return added.status();
              }),
              IsOk());
  for (const EtcdMember& member : *added) {
    if (member.learner) {
      EXPECT_THAT(etcd->Remove(member.id), IsOk());
      EXPECT_THAT(etcd->Remove(member.id),
                  StatusIs(absl::StatusCode::kNotFound));
    }
  }
  EXPECT_THAT(etcd->AddLearner("https://127.0.0.1:2"), IsOk());
}

TEST_F(EtcdClientTest, OnlyCertificatesOfItsAuthorityCount) {
  const auto etcd = Connect(first_);
  ASSERT_NE(etcd, nullptr);
  ASSERT_THAT(Eventually([&] { return etcd->Members().status(); }), IsOk());
  // Another authority of the same name: neither side believes the other.
  ASSERT_THAT(Run({"cp", "-r", Pki("etcd"), Pki("kept")}), IsOk());
  ASSERT_THAT(Certificate("ca", {"-addext", "keyUsage=keyCertSign"}), IsOk());
  EXPECT_THAT(Connect(first_)->Members(),
              StatusIs(absl::StatusCode::kUnauthenticated));
  ASSERT_THAT(Run({"cp", Pki("kept/ca.crt"), Pki("etcd/ca.crt")}), IsOk());
  ASSERT_THAT(Certificate("healthcheck-client", {}), IsOk());
  EXPECT_THAT(Connect(first_)->Members(),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(EtcdClientTest, CertificatesMustBeThere) {
  ASSERT_EQ(unlink(Pki("etcd/healthcheck-client.key").c_str()), 0);
  EXPECT_THAT(ConnectWithCertificates(first_.client_url, folder_.Join("pki"),
                                      absl::Seconds(1)),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("healthcheck-client.key")));
}

TEST_F(EtcdClientTest, PlainHttpIsRefused) {
  EXPECT_THAT(ConnectWithCertificates("http://127.0.0.1:2379",
                                      folder_.Join("pki"), absl::Seconds(1)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(EtcdClientTest, NobodyThereIsUnavailable) {
  EXPECT_THAT(Connect(Describe("nobody"))->Members(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("etcd: ")));
}

}  // namespace
}  // namespace constellation::bootstrapper
