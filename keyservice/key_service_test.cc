// SPDX-License-Identifier: Apache-2.0
#include "keyservice/key_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "attestation/channel/transport/grpc_status.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/ed25519.h"

namespace constellation::keyservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr char kDisk[] = "0b1e8a1e-3c57-4a4d-9b1c-0a2b3c4d5e6f";

crypto::KeyHierarchy Keys() {
  return *crypto::KeyHierarchy::Create(SecretBytes(Bytes(32, 1)), Bytes(32, 2));
}

// The service by itself, without a socket.
class KeyServiceLogicTest : public ::testing::Test {
 protected:
  absl::Status Sign(const std::string& entry, v1::Signature* signature) {
    v1::SignJoinLogRequest request;
    request.set_entry(entry);
    return attestation::FromGrpcStatus(
        service_.SignJoinLog(nullptr, &request, signature));
  }

  KeyService service_{Keys(), Bytes(32, 3)};
};

TEST_F(KeyServiceLogicTest, GivesTheKeysOfTheHierarchy) {
  v1::DeriveStateDiskKeyRequest disk;
  disk.set_disk_uuid(kDisk);
  v1::DerivedKey key;
  ASSERT_TRUE(service_.DeriveStateDiskKey(nullptr, &disk, &key).ok());
  const crypto::KeyHierarchy keys = Keys();
  EXPECT_EQ(key.key(), AsText(keys.StateDiskKey(kDisk)->Expose()));
  v1::DeriveVolumeKeyRequest volume;
  volume.set_volume_id("vol-1");
  ASSERT_TRUE(service_.DeriveVolumeKey(nullptr, &volume, &key).ok());
  EXPECT_EQ(key.key(), AsText(keys.VolumeKey("vol-1")->Expose()));
}

TEST_F(KeyServiceLogicTest, RefusalsHaveNoKey) {
  v1::DeriveStateDiskKeyRequest disk;
  disk.set_disk_uuid("not a uuid");
  v1::DerivedKey key;
  EXPECT_EQ(service_.DeriveStateDiskKey(nullptr, &disk, &key).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(key.key(), "");
  const v1::DeriveVolumeKeyRequest volume;
  EXPECT_EQ(service_.DeriveVolumeKey(nullptr, &volume, &key).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(key.key(), "");
}

TEST_F(KeyServiceLogicTest, KnowsTheClusterId) {
  const v1::GetClusterIdRequest request;
  v1::ClusterId id;
  ASSERT_TRUE(service_.GetClusterId(nullptr, &request, &id).ok());
  EXPECT_EQ(id.cluster_id(), AsText(*Keys().ClusterId(Bytes(32, 3))));
}

TEST_F(KeyServiceLogicTest, SpoiltSaltIsAnErrorNotAnId) {
  KeyService service(Keys(), Bytes(5, 3));
  const v1::GetClusterIdRequest request;
  v1::ClusterId id;
  EXPECT_FALSE(service.GetClusterId(nullptr, &request, &id).ok());
  EXPECT_EQ(id.cluster_id(), "");
}

// The tag keeps a log entry from being taken for anything else signed with the
// same key.
TEST_F(KeyServiceLogicTest, SignsTagAndEntry) {
  v1::Signature signature;
  ASSERT_THAT(Sign("entry", &signature), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto signer, Keys().JoinLogSigner());
  EXPECT_EQ(signature.public_key(), AsText(signer.public_key()));
  std::string message = "constellation/v1/join-log";
  message.push_back('\0');
  message += "entry";
  ASSERT_OK_AND_ASSIGN(const auto expected, signer.Sign(AsBytes(message)));
  EXPECT_EQ(signature.signature(), AsText(expected));
}

TEST_F(KeyServiceLogicTest, EntriesHaveBothLimits) {
  v1::Signature signature;
  EXPECT_THAT(Sign("", &signature),
              StatusIs(kInvalid,
                       "join log entry: want 1 to 65536 octets, got "
                       "0"));
  EXPECT_THAT(Sign(std::string(65536, 'x'), &signature), IsOk());
  v1::Signature none;
  EXPECT_THAT(Sign(std::string(65537, 'x'), &none),
              StatusIs(kInvalid, HasSubstr("got 65537")));
  EXPECT_EQ(none.signature(), "");
}

}  // namespace
}  // namespace constellation::keyservice
