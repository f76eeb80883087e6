// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/recovery_service.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "attestation/channel/transport/testing/raw_call.h"
#include "attestation/testing/fake_attester.h"
#include "common/testing/status_matchers.h"
#include "disk-mapper/testing/node_fixture.h"

namespace constellation::disk_mapper {
namespace {

using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using testing::ClusterId;
using testing::DiskKey;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Stream = grpc::ClientReaderWriter<v1::RecoverClientMessage,
                                        v1::RecoverServerMessage>;

std::string Text(std::span<const uint8_t> bytes) {
  return std::string(AsText(bytes));
}

// `secret` is that of the caller's cluster.
v1::RecoverClientMessage KeyMessage(uint8_t key, uint8_t secret = 0xC1,
                                    const std::string& node_name = "worker-0") {
  v1::RecoverClientMessage message;
  message.mutable_key()->set_state_disk_key(Text(DiskKey(key).Expose()));
  message.mutable_key()->set_measurement_secret(
      Text(testing::MeasurementSecret(secret).Expose()));
  message.mutable_key()->set_measurement_salt(Text(testing::MeasurementSalt()));
  message.mutable_key()->set_node_name(node_name);
  return message;
}

// An owner with a connection to the node under test.
class Caller final {
 public:
  explicit Caller(int port)
      : stub_(v1::RecoveryService::NewStub(attestation::AttestedChannel(
            "127.0.0.1:" + std::to_string(port), identity_))) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    stream_ = stub_->Recover(&context_);
  }

  absl::Status Attest(std::string_view name = "recover") {
    return attestation::HandshakeAsClient(
        context_, identity_, *stream_, name, nullptr,
        attestation::testing::FakeVerifier("node"));
  }
  Stream& stream() { return *stream_; }
  absl::Status Finish() {
    stream_->WritesDone();
    return attestation::FromGrpcStatus(stream_->Finish());
  }
  void Cancel() { context_.TryCancel(); }

  // The whole dialogue with a key that fits or not.
  absl::Status Recover(const v1::RecoverClientMessage& key) {
    RETURN_IF_ERROR(Attest());
    v1::RecoverServerMessage disk;
    if (!stream_->Read(&disk) ||
        disk.disk().disk_uuid() != testing::kDiskUuid) {
      return Internal("no disk");
    }
    stream_->Write(key);
    v1::RecoverServerMessage result;
    const bool got = stream_->Read(&result) && result.has_result();
    const absl::Status status = Finish();
    return status.ok() && !got ? Internal("no result") : status;
  }

 private:
  crypto::TlsIdentity identity_ = *crypto::CreateTlsIdentity();
  std::unique_ptr<v1::RecoveryService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
};

class RecoveryServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(node_.MakeOurs(), IsOk());
    Serve(absl::Seconds(20));
  }
  void Serve(absl::Duration limit) {
    server_.reset();
    service_ = std::make_unique<RecoveryService>(unlocker_, attester_,
                                                 identity_, limit);
    ASSERT_OK_AND_ASSIGN(
        server_, RecoveryServer::Start("127.0.0.1:0", *service_, identity_));
  }

  testing::FakeNode node_;
  attestation::testing::FakeAttester attester_{"node"};
  crypto::TlsIdentity identity_ = *crypto::CreateTlsIdentity();
  DiskUnlocker unlocker_{
      {node_.paths, node_.disk, node_.mounter, node_.mark, node_.status},
      std::string(testing::kDiskUuid)};
  std::unique_ptr<RecoveryService> service_;
  std::unique_ptr<RecoveryServer> server_;
};

TEST_F(RecoveryServiceTest, OpensTheDisk) {
  EXPECT_THAT(Caller(server_->port()).Recover(KeyMessage(1)), IsOk());
  EXPECT_EQ(node_.mark.marked, ClusterId());
  EXPECT_THAT(unlocker_.result(), IsOk());
}

TEST_F(RecoveryServiceTest, RefusesAWrongKeyAndTakesTheNext) {
  EXPECT_THAT(Caller(server_->port()).Recover(KeyMessage(2)),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("wrong key for state disk")));
  EXPECT_FALSE(unlocker_.IsDecided());
  EXPECT_THAT(Caller(server_->port()).Recover(KeyMessage(1)), IsOk());
}

TEST_F(RecoveryServiceTest, RefusesTheKeyForAnotherCluster) {
  EXPECT_THAT(Caller(server_->port()).Recover(KeyMessage(1, 0xC2)),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(node_.mark.marked, IsEmpty());
}

TEST_F(RecoveryServiceTest, RefusesTheKeyForAnotherNode) {
  EXPECT_THAT(Caller(server_->port()).Recover(KeyMessage(1, 0xC1, "worker-1")),
              StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(node_.mark.marked, IsEmpty());
}

TEST_F(RecoveryServiceTest, RefusesKeysOfAnotherSize) {
  v1::RecoverClientMessage message = KeyMessage(1);
  message.mutable_key()->mutable_state_disk_key()->push_back('x');
  EXPECT_THAT(Caller(server_->port()).Recover(message),
              StatusIs(absl::StatusCode::kInvalidArgument));
  message = KeyMessage(1);
  message.mutable_key()->mutable_measurement_salt()->pop_back();
  EXPECT_THAT(Caller(server_->port()).Recover(message),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("measurement salt")));
  EXPECT_FALSE(unlocker_.IsDecided());
}

// The host knows the cluster's ID and may put it on a disk that it made itself,
// with a key that it chose: it must not make this node a member.
TEST_F(RecoveryServiceTest, TakesNoClusterIdForItsSecret) {
  v1::RecoverClientMessage message = KeyMessage(1);
  message.mutable_key()->set_measurement_secret(Text(ClusterId()));
  EXPECT_THAT(Caller(server_->port()).Recover(message),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("belongs to another cluster")));
  message.mutable_key()->clear_measurement_secret();
  EXPECT_THAT(Caller(server_->port()).Recover(message),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("measurement secret")));
  EXPECT_THAT(node_.mark.marked, IsEmpty());
  EXPECT_THAT(node_.mapper.devices, IsEmpty());
  EXPECT_FALSE(unlocker_.IsDecided());
}

TEST_F(RecoveryServiceTest, IsOverOnceTheDiskIsOpen) {
  ASSERT_THAT(unlocker_.TryKey(DiskKey(), testing::Owner(), "test"), IsOk());
  Caller caller(server_->port());
  caller.Attest().IgnoreError();
  EXPECT_THAT(caller.Finish(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RecoveryServiceTest, TakesNoKeyBeforeTheAttestation) {
  Caller caller(server_->port());
  caller.stream().Write(KeyMessage(1));
  EXPECT_THAT(caller.Finish(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_FALSE(unlocker_.IsDecided());
}

// Evidence for this RPC is no evidence for another.
TEST_F(RecoveryServiceTest, ProvesItselfForThisCallOnly) {
  EXPECT_THAT(Caller(server_->port()).Attest("init"),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(RecoveryServiceTest, RefusesAnotherMessageInThePlaceOfTheKey) {
  Caller caller(server_->port());
  ASSERT_THAT(caller.Attest(), IsOk());
  caller.stream().Write(v1::RecoverClientMessage());
  v1::RecoverServerMessage ignored;
  caller.stream().Read(&ignored);
  EXPECT_THAT(caller.Finish(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RecoveryServiceTest, SaysThatTheTpmFails) {
  attester_.Fail(Unavailable("TPM busy"));
  Caller caller(server_->port());
  EXPECT_FALSE(caller.Attest().ok());
  EXPECT_THAT(caller.Finish(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("TPM busy")));
}

TEST_F(RecoveryServiceTest, CutsOffASilentCaller) {
  Serve(absl::Milliseconds(200));
  const absl::Time start = absl::Now();
  Caller caller(server_->port());
  ASSERT_THAT(caller.Attest(), IsOk());
  v1::RecoverServerMessage message;
  EXPECT_TRUE(caller.stream().Read(&message));   // the disk
  EXPECT_FALSE(caller.stream().Read(&message));  // and nothing more
  EXPECT_FALSE(caller.Finish().ok());
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

TEST_F(RecoveryServiceTest, RefusesTooManyCallsAtOnce) {
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < RecoveryService::kMaxCalls; ++i) {
    callers.push_back(std::make_unique<Caller>(server_->port()));
    ASSERT_THAT(callers.back()->Attest(), IsOk());
  }
  Caller caller(server_->port());
  caller.Attest().IgnoreError();
  EXPECT_THAT(caller.Finish(), StatusIs(absl::StatusCode::kUnavailable,
                                        HasSubstr("too many calls")));
  for (const auto& other : callers) {
    other->Cancel();
    other->Finish().IgnoreError();
  }
}

TEST_F(RecoveryServiceTest, SurvivesMessagesThatAreNone) {
  const auto channel = attestation::AttestedChannel(
      "127.0.0.1:" + std::to_string(server_->port()), identity_);
  const std::string method = "/constellation.v1.RecoveryService/Recover";
  v1::RecoverClientMessage good;
  good.mutable_attestation()->set_nonce(std::string(32, 'n'));
  const std::string first = good.SerializeAsString();
  const std::string key = KeyMessage(2).SerializeAsString();
  for (const std::string& message :
       attestation::testing::HostileMessages(key)) {
    // Instead of the nonce, and instead of the key.
    EXPECT_FALSE(
        attestation::testing::RawCall(channel, method, {message}).ok());
    EXPECT_FALSE(
        attestation::testing::RawCall(channel, method, {first, message}).ok());
  }
  EXPECT_THAT(attestation::testing::RawCall(
                  channel, method, {first, std::string(size_t{5} << 20U, 'x')}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(node_.mark.marked, IsEmpty());
  EXPECT_THAT(Caller(server_->port()).Recover(KeyMessage(1)), IsOk());
}

TEST_F(RecoveryServiceTest, SaysThatThePortIsTaken) {
  EXPECT_THAT(
      RecoveryServer::Start("127.0.0.1:" + std::to_string(server_->port()),
                            *service_, identity_),
      StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::disk_mapper
