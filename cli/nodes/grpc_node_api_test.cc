// SPDX-License-Identifier: Apache-2.0
// The owner's side of every call, against a node on loopback that behaves, or
// does not.
#include "cli/nodes/grpc_node_api.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "attestation/testing/fake_attester.h"
#include "cli/terminal/interrupt.h"
#include "cli/testing/scoped_variable.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "proto/init.grpc.pb.h"
#include "proto/recovery.grpc.pb.h"
#include "proto/verification.grpc.pb.h"

namespace constellation::cli {
namespace {

using ::constellation::attestation::testing::FakeAttester;
using ::constellation::attestation::testing::FakeVerifier;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using InitStream =
    grpc::ServerReaderWriter<v1::InitServerMessage, v1::InitClientMessage>;
using RecoverStream = grpc::ServerReaderWriter<v1::RecoverServerMessage,
                                               v1::RecoverClientMessage>;

constexpr char kDisk[] = "0b1e8a1e-3c57-4a4d-9b1c-0a2b3c4d5e6f";

// A node: proves itself as "node", then does what the test wants.
class Node final : public v1::InitService::Service,
                   public v1::RecoveryService::Service,
                   public v1::VerificationService::Service {
 public:
  Node() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0",
                             attestation::AttestedServerCredentials(identity_),
                             &port);
    builder.RegisterService(static_cast<v1::InitService::Service*>(this));
    builder.RegisterService(static_cast<v1::RecoveryService::Service*>(this));
    builder.RegisterService(
        static_cast<v1::VerificationService::Service*>(this));
    server_ = builder.BuildAndStart();
    address_ = fmt::format("127.0.0.1:{}", port);
  }
  ~Node() override { server_->Shutdown(); }
  const std::string& address() const { return address_; }

  grpc::Status Init(grpc::ServerContext* context, InitStream* stream) override {
    init_context = context;
    before_init();
    const absl::Status attested = attestation::HandshakeAsServer(
        *context, identity_, *stream, "init", &attester_, {});
    v1::InitClientMessage message;
    if (!attested.ok() || !stream->Read(&message)) {
      return attestation::ToGrpcStatus(attested);
    }
    request = message.request();
    return attestation::ToGrpcStatus(init(*stream));
  }
  grpc::Status Recover(grpc::ServerContext* context,
                       RecoverStream* stream) override {
    const absl::Status attested = attestation::HandshakeAsServer(
        *context, identity_, *stream, "recover", &attester_, {});
    return attestation::ToGrpcStatus(attested.ok() ? recover(*stream)
                                                   : attested);
  }
  grpc::Status GetEvidence(grpc::ServerContext* /*context*/,
                           const v1::GetEvidenceRequest* asked,
                           v1::NodeEvidence* answer) override {
    nonce = asked->nonce();
    *answer = evidence;
    return grpc::Status::OK;
  }
  grpc::Status ChallengeCluster(grpc::ServerContext* /*context*/,
                                const v1::ChallengeClusterRequest* asked,
                                v1::ClusterEvidence* answer) override {
    nonce = asked->nonce();
    *answer = cluster;
    return grpc::Status::OK;
  }

  // Waits until the client ends its Init().
  void AwaitEndOfInit() const {
    while (!init_context.load()->IsCancelled()) {
      absl::SleepFor(absl::Milliseconds(5));
    }
  }

  std::function<void()> before_init = [] {};
  std::function<absl::Status(InitStream&)> init;
  std::function<absl::Status(RecoverStream&)> recover;
  v1::NodeEvidence evidence;
  v1::ClusterEvidence cluster;
  v1::InitRequest request;                                   // that came
  std::atomic<grpc::ServerContext*> init_context = nullptr;  // of the call
  std::string nonce;                                         // that came

 private:
  const crypto::TlsIdentity identity_ = crypto::CreateTlsIdentity().value();
  FakeAttester attester_{"node"};
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

SecretBytes Secret(char octet) {
  return SecretBytes(AsBytes(std::string(32, octet)));
}

class GrpcNodeApiTest : public ::testing::Test {
 protected:
  ~GrpcNodeApiTest() override { SetInterruptedForTesting(false); }

  absl::StatusOr<InitOutcome> Init(const VerifyNode& verify) {
    InitParameters parameters;
    parameters.init_secret = Secret('i');
    parameters.master_key = Secret('m');
    parameters.master_salt = Bytes(32, 's');
    parameters.measurement_salt = Bytes(32, 't');
    parameters.cluster_name = "cluster";
    parameters.kubernetes_version = "v1.20.2";
    parameters.api_server_cert_sans = {"api.example.com"};
    parameters.service_cidr = "10.96.0.0/16";
    parameters.pod_cidr = "10.244.0.0/16";
    parameters.attestation_policy = "{}";
    parameters.time_scale = 7;
    return api_.Init(node_.address(), parameters, verify,
                     [this](std::string_view phase, absl::Duration elapsed) {
                       phases_.push_back(fmt::format(
                           "{} {}", phase, absl::ToInt64Seconds(elapsed)));
                     });
  }
  absl::StatusOr<InitOutcome> InitWith(GrpcNodeApi& api,
                                       const VerifyNode& verify) {
    return api.Init(node_.address(), InitParameters(), verify,
                    [](std::string_view, absl::Duration) {});
  }
  absl::Status Recover(const VerifyNode& verify) {
    return api_.Recover(
        node_.address(), verify,
        [this](std::string_view disk) -> absl::StatusOr<RecoveryKeys> {
          disks_.emplace_back(disk);
          RecoveryKeys keys;
          keys.state_disk_key = Secret('k');
          keys.measurement_secret = Secret('c');
          keys.measurement_salt = Bytes(32, 's');
          keys.node_name = "worker-0";
          return keys;
        });
  }
  static v1::NodeEvidence SomeEvidence(const std::string& name) {
    attestation::Evidence evidence;
    evidence.variant = "node";
    evidence.tpm.attest = Bytes(64, 1);
    v1::NodeEvidence proto;
    proto.set_node_name(name);
    *proto.mutable_evidence() = attestation::EvidenceToProto(evidence);
    return proto;
  }

  Node node_;
  GrpcNodeApi api_;
  std::vector<std::string> phases_;
  std::vector<std::string> disks_;
};

// On a company's laptop the variables are set; without this no node answers.
TEST_F(GrpcNodeApiTest, IgnoresProxySettings) {
  const std::string dead = "http://127.0.0.1:1";
  const testing::ScopedVariable grpc_proxy("grpc_proxy", dead);
  const testing::ScopedVariable https_proxy("https_proxy", dead);
  const testing::ScopedVariable http_proxy("http_proxy", dead);
  node_.evidence = SomeEvidence("worker-0");
  EXPECT_THAT(api_.GetEvidence(node_.address(), Bytes(32, 7)), IsOk());
}

TEST_F(GrpcNodeApiTest, InitSendsEverythingAndTellsThePhases) {
  node_.init = [](InitStream& stream) {
    v1::InitServerMessage message;
    message.mutable_progress()->set_phase("kubeadm-init");
    message.mutable_progress()->set_elapsed_ms(5000);
    stream.Write(message);
    message.mutable_result()->set_kubeconfig("kubeconfig");
    message.mutable_result()->set_cluster_id(std::string(32, 'c'));
    stream.Write(message);
    return absl::OkStatus();
  };
  ASSERT_OK_AND_ASSIGN(const InitOutcome outcome, Init(FakeVerifier("node")));
  EXPECT_EQ(outcome.kubeconfig, "kubeconfig");
  EXPECT_EQ(outcome.cluster_id, Bytes(32, 'c'));
  EXPECT_THAT(phases_, ElementsAre("kubeadm-init 5"));
  const v1::InitRequest& sent = node_.request;
  EXPECT_EQ(sent.init_secret(), std::string(32, 'i'));
  EXPECT_EQ(sent.master_key(), std::string(32, 'm'));
  EXPECT_EQ(sent.master_salt(), std::string(32, 's'));
  EXPECT_EQ(sent.measurement_salt(), std::string(32, 't'));
  EXPECT_EQ(sent.cluster_name(), "cluster");
  EXPECT_EQ(sent.kubernetes_version(), "v1.20.2");
  EXPECT_THAT(sent.api_server_cert_sans(), ElementsAre("api.example.com"));
  EXPECT_EQ(sent.service_cidr(), "10.96.0.0/16");
  EXPECT_EQ(sent.pod_cidr(), "10.244.0.0/16");
  EXPECT_EQ(sent.attestation_policy(), "{}");
  EXPECT_EQ(sent.time_scale(), 7U);
}

TEST_F(GrpcNodeApiTest, ANodeThatDoesNotProveItselfGetsNoSecret) {
  bool reached = false;
  node_.init = [&reached](InitStream&) {
    reached = true;
    return absl::OkStatus();
  };
  node_.recover = [&reached](RecoverStream&) {
    reached = true;
    return absl::OkStatus();
  };
  EXPECT_THAT(Init(FakeVerifier("another")),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(node_.request.master_key(), "");
  EXPECT_FALSE(reached);
  EXPECT_THAT(Recover(FakeVerifier("another")),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(disks_, IsEmpty());
}

TEST_F(GrpcNodeApiTest, InitReportsWhyTheNodeFailed) {
  node_.init = [](InitStream&) { return FailedPrecondition("init twice"); };
  EXPECT_THAT(
      Init(FakeVerifier("node")),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("init twice")));
}

TEST_F(GrpcNodeApiTest, InitRefusesOtherAnswers) {
  node_.init = [](InitStream& stream) {
    stream.Write(v1::InitServerMessage());
    return absl::OkStatus();
  };
  EXPECT_THAT(Init(FakeVerifier("node")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want progress or a result")));
  node_.init = [](InitStream&) { return absl::OkStatus(); };  // says nothing
  EXPECT_THAT(Init(FakeVerifier("node")),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(GrpcNodeApiTest, RecoverSendsTheKeyOfTheDiskThatIsNamed) {
  v1::RecoverClientMessage got;
  node_.recover = [&got](RecoverStream& stream) {
    v1::RecoverServerMessage message;
    message.mutable_disk()->set_disk_uuid(kDisk);
    stream.Write(message);
    stream.Read(&got);
    message.mutable_result();
    stream.Write(message);
    return absl::OkStatus();
  };
  EXPECT_THAT(Recover(FakeVerifier("node")), IsOk());
  EXPECT_THAT(disks_, ElementsAre(kDisk));
  EXPECT_EQ(got.key().state_disk_key(), std::string(32, 'k'));
  EXPECT_EQ(got.key().measurement_secret(), std::string(32, 'c'));
  EXPECT_EQ(got.key().measurement_salt(), std::string(32, 's'));
  EXPECT_EQ(got.key().node_name(), "worker-0");
}

TEST_F(GrpcNodeApiTest, RecoverReportsAWrongKey) {
  node_.recover = [](RecoverStream& stream) {
    v1::RecoverServerMessage message;
    message.mutable_disk()->set_disk_uuid(kDisk);
    stream.Write(message);
    v1::RecoverClientMessage key;
    stream.Read(&key);
    return PermissionDenied("key does not fit");
  };
  EXPECT_THAT(Recover(FakeVerifier("node")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("key does not fit")));
}

TEST_F(GrpcNodeApiTest, RecoverWantsADiskFirst) {
  node_.recover = [](RecoverStream& stream) {
    v1::RecoverServerMessage message;
    message.mutable_result();
    stream.Write(message);
    return absl::OkStatus();
  };
  EXPECT_THAT(Recover(FakeVerifier("node")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want the id of a disk")));
  EXPECT_THAT(disks_, IsEmpty());
}

TEST_F(GrpcNodeApiTest, GetsEvidenceForItsNonce) {
  node_.evidence = SomeEvidence("worker-0");
  ASSERT_OK_AND_ASSIGN(const NodeAnswer answer,
                       api_.GetEvidence(node_.address(), Bytes(32, 'n')));
  EXPECT_EQ(node_.nonce, std::string(32, 'n'));
  EXPECT_EQ(answer.node_name, "worker-0");
  ASSERT_TRUE(answer.evidence.has_value());
  EXPECT_EQ(answer.evidence->tpm.attest, Bytes(64, 1));
}

TEST_F(GrpcNodeApiTest, RefusesEvidenceThatIsTooLarge) {
  node_.evidence = SomeEvidence("worker-0");
  node_.evidence.mutable_evidence()->mutable_tpm()->set_attest(
      std::string(5000, 'x'));
  EXPECT_THAT(api_.GetEvidence(node_.address(), Bytes(32, 'n')).status(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(GrpcNodeApiTest, OneBadAnswerDoesNotHideTheOthers) {
  v1::NodeAnswer* good = node_.cluster.add_nodes();
  good->set_node_name("worker-0");
  *good->mutable_evidence() = SomeEvidence("claims-another");
  v1::NodeAnswer* gone = node_.cluster.add_nodes();
  gone->set_node_name("worker-1");
  gone->set_error("no route");
  v1::NodeAnswer* bad = node_.cluster.add_nodes();
  bad->set_node_name("worker-2");
  *bad->mutable_evidence() = SomeEvidence("worker-2");
  bad->mutable_evidence()->mutable_evidence()->mutable_tpm()->set_attest(
      std::string(5000, 'x'));
  ASSERT_OK_AND_ASSIGN(const std::vector<NodeAnswer> answers,
                       api_.ChallengeCluster(node_.address(), Bytes(32, 'n')));
  ASSERT_THAT(answers, SizeIs(3));
  EXPECT_EQ(answers[0].node_name, "worker-0");
  EXPECT_EQ(answers[0].claimed_name, "claims-another");
  EXPECT_TRUE(answers[0].evidence.has_value());
  EXPECT_EQ(answers[1].error, "no route");
  EXPECT_FALSE(answers[1].evidence.has_value());
  EXPECT_EQ(answers[2].node_name, "worker-2");
  EXPECT_THAT(answers[2].error, HasSubstr("attest"));
  EXPECT_FALSE(answers[2].evidence.has_value());
}

TEST_F(GrpcNodeApiTest, RefusesAClusterWithoutEnd) {
  for (int i = 0; i < 1001; ++i) node_.cluster.add_nodes();
  EXPECT_THAT(api_.ChallengeCluster(node_.address(), Bytes(32, 'n')).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1001")));
}

TEST_F(GrpcNodeApiTest, NobodyThereIsUnavailable) {
  EXPECT_THAT(api_.GetEvidence("127.0.0.1:1", Bytes(32, 'n')).status(),
              StatusIs(absl::StatusCode::kUnavailable));
}

// It may accept everything and never answer: the owner's command must not wait
// for an hour and a half.
TEST_F(GrpcNodeApiTest, InitGivesUpOnASilentNode) {
  node_.init = [this](InitStream& stream) {
    v1::InitServerMessage message;
    message.mutable_progress()->set_phase("certificates");
    stream.Write(message);
    node_.AwaitEndOfInit();
    return absl::CancelledError();
  };
  GrpcNodeApi api(absl::Milliseconds(300));
  EXPECT_THAT(InitWith(api, FakeVerifier("node")),
              StatusIs(absl::StatusCode::kUnavailable,
                       "init: the node said nothing for 300ms"));
}

// Who is at the other end is not known before it has proved itself.
TEST_F(GrpcNodeApiTest, InitGivesUpOnANodeThatDoesNotEvenProveItself) {
  node_.before_init = [this] { node_.AwaitEndOfInit(); };
  GrpcNodeApi api(absl::Milliseconds(300));
  EXPECT_THAT(InitWith(api, FakeVerifier("node")),
              StatusIs(absl::StatusCode::kUnavailable,
                       "init: the node said nothing for 300ms"));
}

// A slow machine may stall this test for longer than the limit, so some
// attempts may fail; one that succeeds shows that the limit is not for the call
// as a whole.
TEST_F(GrpcNodeApiTest, InitMayTakeLongWhileTheNodeTalks) {
  constexpr absl::Duration kLimit = absl::Milliseconds(500);
  constexpr absl::Duration kPause = absl::Milliseconds(300);
  node_.init = [&](InitStream& stream) {
    v1::InitServerMessage message;
    for (int i = 0; i < 3; ++i) {
      absl::SleepFor(kPause);
      message.mutable_progress()->set_phase("certificates");
      stream.Write(message);
    }
    message.mutable_result()->set_kubeconfig("kubeconfig");
    stream.Write(message);
    return absl::OkStatus();
  };
  const VerifyNode slowly = [kPause](const attestation::Evidence& evidence,
                                     std::span<const uint8_t> user_data) {
    absl::SleepFor(kPause);  // counts as neither talk nor silence of its own
    return FakeVerifier("node")(evidence, user_data);
  };
  absl::Status status;
  for (int attempt = 0; attempt < 30; ++attempt) {
    GrpcNodeApi api(kLimit);
    status = InitWith(api, slowly).status();
    if (status.ok()) {
      break;
    }
  }
  EXPECT_THAT(status, IsOk());
}

TEST_F(GrpcNodeApiTest, CtrlCEndsACall) {
  node_.init = [](InitStream& stream) {
    SetInterruptedForTesting(true);
    v1::InitClientMessage never;
    stream.Read(&never);
    return Unavailable("the owner is gone");
  };
  const absl::Status status = Init(FakeVerifier("node")).status();
  EXPECT_EQ(status, CheckInterrupted());
}

}  // namespace
}  // namespace constellation::cli
