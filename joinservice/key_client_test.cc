// SPDX-License-Identifier: Apache-2.0
#include "joinservice/key_client.h"

#include <gmock/gmock.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kDisk[] = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

// A key service that says what the test wants.
class FakeKeyService final : public v1::KeyService::Service {
 public:
  grpc::Status DeriveStateDiskKey(grpc::ServerContext* /*context*/,
                                  const v1::DeriveStateDiskKeyRequest* request,
                                  v1::DerivedKey* response) override {
    asked = request->disk_uuid();
    response->set_key(key);
    return status;
  }
  grpc::Status GetClusterId(grpc::ServerContext* /*context*/,
                            const v1::GetClusterIdRequest* /*request*/,
                            v1::ClusterId* response) override {
    response->set_cluster_id(id);
    return status;
  }

  std::string asked;
  std::string key = std::string(32, 'k');
  std::string id = std::string(32, 'i');
  grpc::Status status;
};

class KeyClientTest : public ::testing::Test {
 protected:
  KeyClientTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + folder_.Join("socket"),
                             grpc::experimental::LocalServerCredentials(UDS));
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~KeyClientTest() override {
    server_->Shutdown(absl::ToChronoTime(absl::Now()));
  }

  constellation::testing::TempDir folder_;
  FakeKeyService service_;
  std::unique_ptr<grpc::Server> server_;
  KeyClient client_{folder_.Join("socket")};
};

TEST_F(KeyClientTest, GetsKeyAndId) {
  const auto key = client_.StateDiskKey(kDisk);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(key->EqualsConstantTime(SecretBytes(Bytes(32, 'k'))));
  EXPECT_EQ(service_.asked, kDisk);
  EXPECT_THAT(client_.ClusterId(), IsOkAndHolds(Bytes(32, 'i')));
}

// A disk would be formatted with a key that nobody ever gets again.
TEST_F(KeyClientTest, RefusesKeysAndIdsOfAnotherLength) {
  for (const size_t size : {0U, 31U, 33U}) {
    service_.key = std::string(size, 'k');
    service_.id = std::string(size, 'i');
    EXPECT_THAT(client_.StateDiskKey(kDisk),
                StatusIs(absl::StatusCode::kInternal,
                         HasSubstr("key: want 32 octets")));
    EXPECT_THAT(client_.ClusterId(),
                StatusIs(absl::StatusCode::kInternal,
                         HasSubstr("cluster ID: want 32 octets")));
  }
}

TEST_F(KeyClientTest, SaysWhoRefused) {
  service_.status = {grpc::StatusCode::INVALID_ARGUMENT, "disk UUID: no"};
  EXPECT_THAT(client_.StateDiskKey("x"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "key service: disk UUID: no"));
  EXPECT_THAT(client_.ClusterId(),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(KeyClientTest, NoServiceIsUnavailable) {
  KeyClient nobody(folder_.Join("absent"));
  EXPECT_THAT(
      nobody.StateDiskKey(kDisk),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("key service: ")));
}

}  // namespace
}  // namespace constellation::joinservice
