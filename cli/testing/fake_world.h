// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_FAKE_WORLD_H_
#define CONSTELLATION_CLI_TESTING_FAKE_WORLD_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attestation/testing/software_tpm.h"
#include "cli/cluster/cluster_api.h"
#include "cli/cluster/platform.h"
#include "cli/cluster/tools.h"
#include "cli/nodes/node_api.h"
#include "cli/terminal/progress.h"
#include "common/clock.h"

namespace constellation::cli::testing {

// One pretended VM with a TPM that makes real evidence.
struct FakeNode {
  cloud::qemu::NodeSpec spec;
  cloud::qemu::PowerState power = cloud::qemu::PowerState::kStopped;
  std::unique_ptr<constellation::testing::SoftwareTpm> tpm;
  std::string boot_status;
  bool waits_for_key = false;
  std::string disk_uuid = "3b241101-e2bb-4255-8caf-4136c566a962";
  bool joined = false;
};

// Machines, a node's services and an API server in memory, behaving as the real
// ones do: nodes boot when they are started, the first control plane becomes a
// cluster by Init, others join once it is there. Every operation can be made to
// fail, which is how a killed command looks to the next one. Not thread-safe.
class FakeWorld final {
 public:
  FakeWorld();
  ~FakeWorld();

  // Tools of one run of a command. Valid as long as this.
  ClusterTools Tools();

  // Lets operation number `n` (from 1) fail with ABORTED-like INTERNAL "crash"
  // after it has taken effect (`after`), or before.
  void CrashAt(int n, bool after);
  void StopCrashing() { crash_at_ = 0; }
  // Operations so far, and what they were.
  const std::vector<std::string>& log() const { return log_; }
  bool WasCalled(const std::string& operation) const;

  // Makes a machine that runs, as a cloud does; kept if it is there.
  void StartMachine(const cloud::qemu::NodeSpec& spec);

  FakeNode& node(const std::string& name) { return *nodes_.at(name); }
  bool HasNode(const std::string& name) const { return nodes_.contains(name); }
  // The registers of a node that booted the accepted image.
  static attestation::Profile ImageProfile();

  // State of the pretended cluster, for tests to read and to spoil.
  bool exists = false;
  std::string uid;
  std::map<std::string, std::unique_ptr<FakeNode>> nodes_;
  std::string enrolled_tpms;
  std::string init_secret_hash;
  Bytes cluster_id;         // of the initialised cluster
  std::string master_seen;  // hex of the master key that Init received
  std::string policy;       // in join-config
  int init_calls = 0;
  int unavailable_inits = 0;  // so many calls of Init find nobody
  bool supervisor_dead = false;
  std::function<void()> on_sleep = [] {};
  // Who answers at a load balancer's port of 127.0.0.1 (9000, 9999); null for
  // nobody. Unset: there is no balancer.
  std::function<FakeNode*(uint16_t port)> balancer;
  std::string kubernetes_version = "v1.20.2";
  absl::Status image_status;

 private:
  class FakePlatform;
  class FakeNodeApi;
  class FakeClusterApi;
  class FakeClock;

  // Logs the operation; the status that the crash plan asks for before it.
  absl::Status Enter(const std::string& operation);
  // Likewise after it.
  absl::Status Leave();
  void Boot(FakeNode& node);

  std::vector<std::string> log_;
  int crash_at_ = 0;
  bool crash_after_ = false;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<FakePlatform> platform_;
  std::unique_ptr<FakeNodeApi> node_api_;
  std::unique_ptr<FakeClock> clock_;
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_FAKE_WORLD_H_
