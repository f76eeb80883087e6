// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_NODE_FIXTURE_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_NODE_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bootstrapper/cluster_api.h"
#include "bootstrapper/node_claim.h"
#include "bootstrapper/node_commands.h"
#include "bootstrapper/node_lock.h"
#include "bootstrapper/testing/fake_command_runner.h"
#include "bootstrapper/testing/init_fixtures.h"
#include "cloud/boot_status.h"
#include "common/clock.h"
#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper::testing {

// PCR15 in memory. Tells `events` when it changes.
class FakeClusterMark final : public ClusterMark {
 public:
  absl::StatusOr<bool> IsMember() override { return !cluster_id_.empty(); }
  absl::Status Mark(std::span<const uint8_t> cluster_id) override {
    if (before_) {
      before_();
    }
    if (!status_.ok()) {
      return status_;
    }
    cluster_id_.assign(cluster_id.begin(), cluster_id.end());
    return absl::OkStatus();
  }

  const Bytes& cluster_id() const { return cluster_id_; }
  void set_status(absl::Status status) { status_ = std::move(status); }
  void set_before(std::function<void()> before) { before_ = std::move(before); }

 private:
  Bytes cluster_id_;
  absl::Status status_;
  std::function<void()> before_;
};

// An API server that believes everything.
struct FakeCluster {
  std::vector<nlohmann::json> applied;
  std::map<std::string, nlohmann::json> objects;  // by path
  std::function<absl::Status()> on_apply;
  std::vector<std::string> connected_with;  // files of kubeconfigs

  const nlohmann::json* Find(std::string_view kind, std::string_view name) {
    for (const nlohmann::json& object : applied) {
      if (object["kind"] == kind && object["metadata"]["name"] == name) {
        return &object;
      }
    }
    return nullptr;
  }

  ConnectToCluster Connector() {
    return [this](const std::string& path)
               -> absl::StatusOr<std::unique_ptr<ClusterApi>> {
      connected_with.push_back(path);
      return std::make_unique<Api>(*this);
    };
  }

 private:
  class Api final : public ClusterApi {
   public:
    explicit Api(FakeCluster& cluster) : cluster_(cluster) {}
    absl::StatusOr<nlohmann::json> Get(std::string_view path) override {
      const auto found = cluster_.objects.find(std::string(path));
      if (found == cluster_.objects.end()) {
        return NotFound("no such object");
      }
      return found->second;
    }
    absl::Status Apply(const nlohmann::json& object) override {
      if (cluster_.on_apply) {
        if (const absl::Status status = cluster_.on_apply(); !status.ok()) {
          return status;
        }
      }
      cluster_.applied.push_back(object);
      return absl::OkStatus();
    }

   private:
    FakeCluster& cluster_;
  };
};

// A node whose paths, programs and clock are the test's own.
class NodeFixture : public ::testing::Test {
 protected:
  NodeFixture() {
    constellation::testing::TempDir& root = root_;
    EXPECT_TRUE(MakeDirectories(NodePaths{root.path()}.Runtime()).ok());
    EXPECT_TRUE(MakeDirectories(NodePaths{root.path()}.Manifests()).ok());
  }

  Node MakeNode() {
    return {
        ControlPlaneNode(), paths_, commands_, mark_, lock_, status_, clock_};
  }

  static PhaseObserver Ignore() {
    return [](std::string_view) {};
  }

  // The last boot status, from its file.
  nlohmann::json LastStatus() const {
    const auto text = ReadFile(paths_.BootStatus());
    return text.ok() ? nlohmann::json::parse(*text) : nlohmann::json();
  }

  constellation::testing::TempDir root_;
  NodePaths paths_{root_.path()};
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  FakeCommandRunner runner_;
  NodeCommands commands_{runner_};
  FakeClusterMark mark_;
  FakeCluster cluster_;
  NodeLock lock_{paths_.NodeLock(), paths_.Committed()};
  cloud::NodeBootStatus status_{
      {.component = "bootstrapper", .file = paths_.BootStatus()},
      [](std::string_view) { return absl::OkStatus(); },
      clock_};
};

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_NODE_FIXTURE_H_
