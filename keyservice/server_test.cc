// SPDX-License-Identifier: Apache-2.0
#include "keyservice/server.h"

#include <grpcpp/create_channel.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/testing/raw_call.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/unique_fd.h"
#include "crypto/random.h"

namespace constellation::keyservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kDisk[] = "0b1e8a1e-3c57-4a4d-9b1c-0a2b3c4d5e6f";

class KeyServiceTest : public ::testing::Test {
 protected:
  KeyServiceTest() {
    options_.master_secret_dir = dir_.path();
    options_.measurement_salt_file = dir_.Join("measurement-salt");
    options_.socket = dir_.Join("run/keyservice.sock");
    Write("key", 32);
    Write("salt", 32);
    Write("measurement-salt", 32);
  }

  void Write(const std::string& name, size_t size) {
    EXPECT_THAT(WriteFileAtomically(dir_.Join(name), std::string(size, 'k')),
                IsOk());
  }

  void Start() {
    ASSERT_OK_AND_ASSIGN(service_, LoadKeyService(options_));
    ASSERT_OK_AND_ASSIGN(server_, StartServer(options_, *service_));
    stub_ = v1::KeyService::NewStub(grpc::CreateChannel(
        "unix:" + options_.socket, grpc::experimental::LocalCredentials(UDS)));
  }

  absl::Status StateDiskKey(const std::string& uuid,
                            std::string* key = nullptr) {
    grpc::ClientContext context;
    v1::DeriveStateDiskKeyRequest request;
    request.set_disk_uuid(uuid);
    v1::DerivedKey response;
    const grpc::Status status =
        stub_->DeriveStateDiskKey(&context, request, &response);
    if (key != nullptr) {
      *key = response.key();
    }
    return attestation::FromGrpcStatus(status);
  }

  testing::TempDir dir_;
  Options options_;
  std::unique_ptr<KeyService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::KeyService::Stub> stub_;
};

TEST_F(KeyServiceTest, GivesEachDiskAKeyOfItsOwn) {
  Start();
  std::string first;
  std::string again;
  std::string other;
  ASSERT_THAT(StateDiskKey(kDisk, &first), IsOk());
  ASSERT_THAT(StateDiskKey(kDisk, &again), IsOk());
  ASSERT_THAT(StateDiskKey("1b1e8a1e-3c57-4a4d-9b1c-0a2b3c4d5e6f", &other),
              IsOk());
  EXPECT_EQ(first.size(), 32U);
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
}

TEST_F(KeyServiceTest, RefusesIdsOfAnotherKind) {
  Start();
  for (const char* id : {"", "join-log", "../measurement/",
                         "0B1E8A1E-3C57-4A4D-9B1C-0A2B3C4D5E6F",
                         "0b1e8a1e-3c57-4a4d-9b1c-0a2b3c4d5e6f/"}) {
    EXPECT_THAT(StateDiskKey(id),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UUID")))
        << id;
  }
}

TEST_F(KeyServiceTest, RefusesAVolumeIdOutsideItsSyntax) {
  Start();
  for (const std::string& id :
       {std::string(), std::string("a/b"), std::string(129, 'v')}) {
    grpc::ClientContext context;
    v1::DeriveVolumeKeyRequest request;
    request.set_volume_id(id);
    v1::DerivedKey response;
    EXPECT_EQ(stub_->DeriveVolumeKey(&context, request, &response).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(KeyServiceTest, ClusterIdDependsOnTheSalt) {
  Start();
  grpc::ClientContext context;
  v1::ClusterId first;
  ASSERT_TRUE(stub_->GetClusterId(&context, {}, &first).ok());
  EXPECT_EQ(first.cluster_id().size(), 32U);
  ASSERT_THAT(
      WriteFileAtomically(options_.measurement_salt_file, std::string(32, 's')),
      IsOk());
  server_->Shutdown();
  Start();
  grpc::ClientContext second_context;
  v1::ClusterId second;
  ASSERT_TRUE(stub_->GetClusterId(&second_context, {}, &second).ok());
  EXPECT_NE(first.cluster_id(), second.cluster_id());
}

TEST_F(KeyServiceTest, SignsTheJoinLog) {
  Start();
  grpc::ClientContext context;
  v1::SignJoinLogRequest request;
  request.set_entry("entry");
  v1::Signature signature;
  ASSERT_TRUE(stub_->SignJoinLog(&context, request, &signature).ok());
  crypto::Ed25519PublicKey key{};
  ASSERT_EQ(signature.public_key().size(), key.size());
  std::ranges::copy(AsBytes(signature.public_key()), key.begin());
  const std::string message =
      std::string("constellation/v1/join-log") + '\0' + "entry";
  EXPECT_THAT(crypto::VerifyEd25519(key, AsBytes(message),
                                    AsBytes(signature.signature())),
              IsOk());
  EXPECT_THAT(crypto::VerifyEd25519(key, AsBytes("entry"),
                                    AsBytes(signature.signature())),
              StatusIs(absl::StatusCode::kUnauthenticated));
  grpc::ClientContext second;
  request.set_entry(std::string(65537, 'x'));
  EXPECT_EQ(stub_->SignJoinLog(&second, request, &signature).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(KeyServiceTest, SocketIsForItsOwnerOnly) {
  Start();
  struct stat info {};
  ASSERT_EQ(stat(options_.socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_EQ(stat(dir_.Join("run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(KeyServiceTest, ReplacesAStaleSocket) {
  ASSERT_THAT(MakeDirectories(dir_.Join("run")), IsOk());
  ASSERT_THAT(WriteFileAtomically(options_.socket, "stale"), IsOk());
  Start();
  EXPECT_THAT(StateDiskKey(kDisk), IsOk());
}

TEST_F(KeyServiceTest, NamesAMasterKeyOfTheWrongSize) {
  Write("key", 31);
  EXPECT_THAT(LoadKeyService(options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("key: want 32 octets, got 31")));
  Write("key", 33);
  EXPECT_THAT(LoadKeyService(options_),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(KeyServiceTest, SurvivesMessagesThatAreNone) {
  Start();
  const auto channel = grpc::CreateChannel(
      "unix:" + options_.socket, grpc::experimental::LocalCredentials(UDS));
  v1::DeriveStateDiskKeyRequest disk;
  disk.set_disk_uuid(kDisk);
  const std::string service = "/constellation.v1.KeyService/";
  for (const std::string& message :
       attestation::testing::HostileMessages(disk.SerializeAsString())) {
    // A spoilt UUID may be another UUID; nothing else has an answer.
    const absl::Status status = attestation::testing::RawCall(
        channel, service + "DeriveStateDiskKey", {message});
    EXPECT_THAT(
        status,
        ::testing::AnyOf(IsOk(), StatusIs(absl::StatusCode::kInvalidArgument),
                         StatusIs(absl::StatusCode::kInternal)));
    EXPECT_TRUE(!status.ok() || message.size() == 38)
        << HexEncode(AsBytes(message));
    for (const char* method :
         {"DeriveVolumeKey", "GetClusterId", "SignJoinLog"}) {
      attestation::testing::RawCall(channel, service + method, {message})
          .IgnoreError();
    }
  }
  EXPECT_THAT(
      attestation::testing::RawCall(channel, service + "SignJoinLog",
                                    {std::string((128 << 10) + 1, 'x')}),
      StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(
      attestation::testing::RawCall(channel, service + "MasterSecret", {""}),
      StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(StateDiskKey(kDisk), IsOk());
}

TEST_F(KeyServiceTest, SurvivesGarbageOnTheSocket) {
  Start();
  for (int round = 0; round < 20; ++round) {
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    options_.socket.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                      sizeof(address)),
              0);
    ASSERT_THAT(WriteAll(fd.get(), crypto::RandomBytes(300)), IsOk());
  }
  EXPECT_THAT(StateDiskKey(kDisk), IsOk());
}

}  // namespace
}  // namespace constellation::keyservice
