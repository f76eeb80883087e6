// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_METADATA_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_METADATA_H_

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cloud/metadata.h"

namespace constellation::bootstrapper::testing {

// A metadata service that says what the test wants. Set everything before
// other threads use it.
class FakeMetadata final : public cloud::MetadataClient {
 public:
  absl::StatusOr<cloud::InstanceMetadata> Self() override { return self; }
  absl::StatusOr<std::vector<cloud::InstanceMetadata>> Peers() override {
    ++calls;
    return on_peers ? on_peers() : peers;
  }
  absl::StatusOr<std::string> Endpoint() override {
    return on_endpoint ? on_endpoint() : std::string("10.42.0.11:6443");
  }
  absl::StatusOr<std::string> EnrolledTpms() override { return enrolled; }
  absl::Status ReportStatus(std::string_view) override {
    return absl::OkStatus();
  }

  void Add(const char* name, cloud::NodeRole role, const char* ip) {
    cloud::InstanceMetadata peer;
    peer.name = name;
    peer.role = role;
    peer.cluster_ip = ip;
    peers.push_back(peer);
  }

  cloud::InstanceMetadata self;
  std::vector<cloud::InstanceMetadata> peers;
  std::function<absl::StatusOr<std::vector<cloud::InstanceMetadata>>()>
      on_peers;
  absl::StatusOr<std::string> enrolled = std::string("[]");
  std::function<absl::StatusOr<std::string>()> on_endpoint;
  std::atomic<int> calls = 0;
};

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_FAKE_METADATA_H_
