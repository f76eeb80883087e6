// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_KEY_CLIENT_H_
#define CONSTELLATION_JOINSERVICE_KEY_CLIENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "joinservice/key_source.h"
#include "proto/keyservice.grpc.pb.h"

namespace constellation::joinservice {

// The key service of this node, over its Unix socket. Connects at the first
// call. Thread-safe.
class KeyClient final : public KeySource {
 public:
  explicit KeyClient(const std::string& socket_path);

  absl::StatusOr<SecretBytes> StateDiskKey(std::string_view disk_uuid) override;
  absl::StatusOr<Bytes> ClusterId() override;

 private:
  std::unique_ptr<v1::KeyService::Stub> stub_;
};

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_KEY_CLIENT_H_
