// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/init_service.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "absl/synchronization/notification.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/testing/raw_call.h"
#include "attestation/policy/appraisal.h"
#include "attestation/policy/policy.h"
#include "attestation/testing/software_tpm.h"
#include "bootstrapper/testing/init_caller.h"
#include "bootstrapper/testing/init_fixtures.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/unique_fd.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::SoftwareTpm;
using ::constellation::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What the image's profile says of a register.
crypto::Sha256Digest MeasuredAs(uint32_t index) {
  crypto::Sha256Digest digest{};
  if (index == 4 || index == 9 || index == 11) {
    digest.fill(static_cast<uint8_t>(index));
  }
  return digest;
}

class InitServiceTest : public ::testing::Test {
 protected:
  InitServiceTest() {
    for (const uint32_t index : attestation::kRequiredPcrs) {
      tpm_.SetPcr(index, MeasuredAs(index));
    }
    Serve(absl::Seconds(30));
  }
  ~InitServiceTest() override {
    if (!release_.HasBeenNotified()) {
      release_.Notify();
    }
    server_->Shutdown();
  }

  void Serve(absl::Duration request_limit) {
    service_ = std::make_unique<InitService>(
        runs_, tpm_, *crypto::CreateTlsIdentity(), request_limit);
    int port = 0;
    auto server = StartInitServer(*service_, "127.0.0.1:0", &port);
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
    address_ = fmt::format("127.0.0.1:{}", port);
    port_ = port;
  }

  InitRuns::Functions Functions() {
    InitRuns::Functions functions;
    functions.init_secret_sha256 = []() -> absl::StatusOr<std::string> {
      return HexEncode(crypto::Sha256(testing::Filled(1).Expose()));
    };
    functions.initialize =
        [this](const InitParameters& parameters,
               const PhaseObserver& begin) -> absl::StatusOr<InitOutcome> {
      ++starts_;
      RETURN_IF_ERROR(
          ValidateInitParameters(parameters, testing::ControlPlaneNode()));
      begin("kubeadm-init");
      started_.Notify();
      release_.WaitForNotification();
      return InitOutcome{"kubeconfig", Bytes(32, 9)};
    };
    functions.node_is_ours = [this] { return started_.HasBeenNotified(); };
    functions.give_up = [](const absl::Status&) {};
    functions.succeeded = [] {};
    return functions;
  }

  // What the owner's policy says of the node: this TPM, these registers.
  absl::Status Appraise(const attestation::Evidence& evidence,
                        std::span<const uint8_t> user_data) {
    attestation::Profile profile;
    profile.name = "image";
    profile.variant = attestation::kVariantQemuVtpm;
    for (const uint32_t index : attestation::kRequiredPcrs) {
      profile.pcrs[index] = MeasuredAs(index);
    }
    const auto policy = attestation::Policy::Create(
        {profile}, {{"control-plane-0", "control-plane", tpm_.enrolled()}});
    EXPECT_THAT(policy, IsOk());
    return attestation::ToStatus(attestation::Appraise(
        evidence, user_data, attestation::ClusterState::None(), *policy,
        absl::Now()));
  }
  attestation::VerifyFn Verify() {
    return [this](const attestation::Evidence& evidence,
                  std::span<const uint8_t> user_data) {
      return Appraise(evidence, user_data);
    };
  }

  SoftwareTpm tpm_;
  std::atomic<int> starts_ = 0;
  absl::Notification started_;
  absl::Notification release_;
  InitRuns runs_{Functions(), Clock::System()};
  std::unique_ptr<InitService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  int port_ = 0;
};

TEST_F(InitServiceTest, ProvesItselfThenInitializes) {
  release_.Notify();
  ASSERT_OK_AND_ASSIGN(
      const v1::InitResult result,
      testing::CallInit(address_, Verify(), testing::GoodParameters()));
  EXPECT_EQ(result.kubeconfig(), "kubeconfig");
  EXPECT_EQ(result.cluster_id(), std::string(32, 9));
}

TEST_F(InitServiceTest, AChangedNodeGetsNoSecret) {
  tpm_.ExtendPcr(11, {1});
  EXPECT_THAT(
      testing::CallInit(address_, Verify(), testing::GoodParameters()),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("PCR11")));
  EXPECT_EQ(starts_, 0);
}

TEST_F(InitServiceTest, RefusesAWrongInitSecret) {
  InitParameters parameters = testing::GoodParameters();
  parameters.init_secret = testing::Filled(7);
  EXPECT_THAT(testing::CallInit(address_, Verify(), parameters),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(starts_, 0);
}

TEST_F(InitServiceTest, RefusesWrongFieldsByName) {
  InitParameters parameters = testing::GoodParameters();
  parameters.kubernetes_version = "v9.9.9";
  EXPECT_THAT(testing::CallInit(address_, Verify(), parameters),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("kubernetes_version")));
}

TEST_F(InitServiceTest, GoesOnWithoutItsCallerWhoMayComeBack) {
  testing::InitCall call(address_);
  ASSERT_THAT(call.Handshake(Verify()), IsOk());
  call.SendRequest(testing::GoodParameters());
  v1::InitServerMessage message;
  ASSERT_TRUE(call.Read(message));
  EXPECT_TRUE(message.has_progress());
  ASSERT_TRUE(started_.WaitForNotificationWithTimeout(absl::Seconds(20)));
  call.Cancel();
  EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kCancelled));
  InitParameters other = testing::GoodParameters();
  other.master_key = testing::Filled(77);
  EXPECT_THAT(testing::CallInit(address_, Verify(), other),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  release_.Notify();
  EXPECT_THAT(testing::CallInit(address_, Verify(), testing::GoodParameters()),
              IsOk());
  EXPECT_EQ(starts_, 1);
}

TEST_F(InitServiceTest, TellsThePhaseThatItIsIn) {
  testing::InitCall call(address_);
  ASSERT_THAT(call.Handshake(Verify()), IsOk());
  call.SendRequest(testing::GoodParameters());
  ASSERT_TRUE(started_.WaitForNotificationWithTimeout(absl::Seconds(20)));
  v1::InitServerMessage message;
  do {
    ASSERT_TRUE(call.Read(message));
    ASSERT_TRUE(message.has_progress());
  } while (message.progress().phase() != "kubeadm-init");
  release_.Notify();
  EXPECT_THAT(call.Result(nullptr), IsOk());
}

TEST_F(InitServiceTest, ARequestWithoutAttestationIsRefused) {
  testing::InitCall call(address_);
  call.SendRequest(testing::GoodParameters());
  EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(starts_, 0);
}

TEST_F(InitServiceTest, AnythingButARequestAfterTheAttestationIsRefused) {
  testing::InitCall call(address_);
  ASSERT_THAT(call.Handshake(Verify()), IsOk());
  ASSERT_TRUE(call.Send({}));
  EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(InitServiceTest, ACallerWhoEndsEarlyIsForgotten) {
  {
    testing::InitCall call(address_);
    ASSERT_THAT(call.Handshake(Verify()), IsOk());
    call.Cancel();
    EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kCancelled));
  }
  EXPECT_EQ(starts_, 0);
}

TEST_F(InitServiceTest, ASilentCallerIsCutOff) {
  server_->Shutdown();
  Serve(absl::Milliseconds(100));
  testing::InitCall call(address_);
  EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(InitServiceTest, AnOversizedRequestIsRefused) {
  testing::InitCall call(address_);
  ASSERT_THAT(call.Handshake(Verify()), IsOk());
  v1::InitClientMessage message;
  message.mutable_request()->set_attestation_policy(std::string(5 << 20, 'x'));
  call.Send(message);
  EXPECT_THAT(call.Finish(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(starts_, 0);
}

TEST_F(InitServiceTest, SurvivesMessagesThatAreNone) {
  const auto channel = attestation::AttestedChannel(
      address_, crypto::CreateTlsIdentity().value());
  const std::string method = "/constellation.v1.InitService/Init";
  v1::InitClientMessage good;
  good.mutable_attestation()->set_nonce(std::string(32, 'n'));
  const std::string first = good.SerializeAsString();
  good.mutable_request()->set_init_secret(std::string(32, 's'));
  for (const std::string& message :
       attestation::testing::HostileMessages(good.SerializeAsString())) {
    // Instead of the nonce, and behind it.
    EXPECT_FALSE(
        attestation::testing::RawCall(channel, method, {message}).ok());
    EXPECT_FALSE(
        attestation::testing::RawCall(channel, method, {first, message}).ok());
  }
  EXPECT_EQ(starts_, 0);
  release_.Notify();
  EXPECT_THAT(testing::CallInit(address_, Verify(), testing::GoodParameters()),
              IsOk());
}

TEST_F(InitServiceTest, SurvivesGarbageOnItsPort) {
  for (int i = 0; i < 20; ++i) {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(static_cast<uint16_t>(port_));
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(
        connect(fd.get(), reinterpret_cast<sockaddr*>(&target), sizeof(target)),
        0);
    const Bytes garbage = crypto::RandomBytes(4096);
    (void)!send(fd.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL);
  }
  release_.Notify();
  EXPECT_THAT(testing::CallInit(address_, Verify(), testing::GoodParameters()),
              IsOk());
}

// Passes the attestation of `node` on to its own callers, with a TLS key of its
// own: the host between owner and node.
class ManInTheMiddle final : public v1::InitService::Service {
 public:
  ManInTheMiddle(std::string node, bool& got_request)
      : node_(std::move(node)), got_request_(got_request) {}

  grpc::Status Init(grpc::ServerContext*,
                    InitService::Stream* stream) override {
    testing::InitCall onward(node_);
    v1::InitClientMessage from_owner;
    v1::InitServerMessage from_node;
    if (stream->Read(&from_owner) && onward.Send(from_owner) &&
        onward.Read(from_node) && stream->Write(from_node)) {
      got_request_ = stream->Read(&from_owner);
    }
    onward.Cancel();
    return grpc::Status::OK;
  }

 private:
  const std::string node_;
  bool& got_request_;
};

TEST_F(InitServiceTest, EvidenceCannotBeRelayed) {
  bool got_request = false;
  ManInTheMiddle middle(address_, got_request);
  int port = 0;
  grpc::ServerBuilder builder;
  builder
      .AddListeningPort(
          "127.0.0.1:0",
          attestation::AttestedServerCredentials(*crypto::CreateTlsIdentity()),
          &port)
      .RegisterService(&middle);
  const auto server = builder.BuildAndStart();
  EXPECT_THAT(testing::CallInit(fmt::format("127.0.0.1:{}", port), Verify(),
                                testing::GoodParameters()),
              StatusIs(absl::StatusCode::kPermissionDenied));
  server->Shutdown();
  EXPECT_FALSE(got_request);
  EXPECT_EQ(starts_, 0);
}

TEST(TakeParametersTest, LeavesNoSecretBehind) {
  v1::InitRequest request = testing::ToRequest(testing::GoodParameters());
  const InitParameters parameters = TakeParameters(request);
  EXPECT_TRUE(parameters.master_key.EqualsConstantTime(testing::Filled(2)));
  EXPECT_TRUE(parameters.init_secret.EqualsConstantTime(testing::Filled(1)));
  EXPECT_EQ(request.master_key(), std::string(32, '\0'));
  EXPECT_EQ(request.init_secret(), std::string(32, '\0'));
  EXPECT_THAT(ValidateInitParameters(parameters, testing::ControlPlaneNode()),
              IsOk());
}

}  // namespace
}  // namespace constellation::bootstrapper
