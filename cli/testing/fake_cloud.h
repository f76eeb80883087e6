// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_FAKE_CLOUD_H_
#define CONSTELLATION_CLI_TESTING_FAKE_CLOUD_H_

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cli/cloud/cloud_tools.h"
#include "cli/testing/fake_world.h"
#include "cloud/engine/testing/kill_switch.h"
#include "cloud/engine/testing/memory_cloud.h"
#include "cloud/provider.h"
#include "common/clock.h"

namespace constellation::cli::testing {

// A cloud in memory behind the Provider interface: a network, a load balancer,
// a group of machines per node group. What it makes outlives "processes". Its
// machines are those of a FakeWorld, which answer behind the balancer's
// address, 127.0.0.1, once their group is ready. Not thread-safe.
class FakeCloud final {
 public:
  explicit FakeCloud(FakeWorld& world);
  ~FakeCloud();

  // Tools of one run; valid as long as this.
  CloudTools Tools();
  // "kind/name" of everything that there is with `uid`.
  std::vector<std::string> Inventory(const std::string& uid);
  // "network/net" and so on, of a cluster with the two default groups.
  static std::vector<std::string> WholeInventory();

  // What providers were asked for, in order: "scope", "check", "desired", ...
  std::vector<std::string> calls;
  absl::Status scope_status;
  absl::Status check_status;
  std::string scope = "account 1, here";
  std::string console = "booting\n";
  std::string upload_reference = "image-7";
  cloud::ImageUpload uploaded;
  // The last request that resources were planned for.
  cloud::ClusterRequest request;
  std::map<std::string, std::string> iam_options;
  absl::Status destroy_status;
  // What identities come with: name of a file and its contents.
  std::map<std::string, std::string> key_files = {{"key.json", "secret"}};
  int plans_shown = 0;
  absl::Status approval;
  std::function<void()> while_asking = [] {};
  cloud::EngineOptions engine = {.parallelism = 1};

  FakeClock clock{absl::FromUnixSeconds(1'800'000'000)};
  cloud::testing::KillSwitch kill;
  cloud::testing::MemoryCloud memory;

 private:
  // Machines come up with the infrastructure that they are part of.
  void StartMachines(const cloud::ClusterRequest& made);

  class FakeProvider;
  class FakeIam;
  class Connection;
  class IamLink;

  FakeWorld& world_;
  std::mt19937_64 random_{1};
};

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_FAKE_CLOUD_H_
