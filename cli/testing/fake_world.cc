// SPDX-License-Identifier: Apache-2.0
#include "cli/testing/fake_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "attestation/tpm/cluster_pcr.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"
#include "crypto/key_hierarchy.h"

namespace constellation::cli::testing {

using cloud::qemu::ClusterSpec;
using cloud::qemu::ClusterStatus;
using cloud::qemu::NodeSpec;
using cloud::qemu::NodeStatus;
using cloud::qemu::PowerState;
using constellation::testing::SoftwareTpm;

namespace {

constexpr size_t kUserData = 64;

// A kubeconfig as the bootstrapper sends it.
constexpr char kKubeconfig[] = R"(apiVersion: v1
kind: Config
clusters:
- name: fake
  cluster:
    server: https://10.42.0.11:6443
    certificate-authority-data: Y2E=
users:
- name: fake-admin
  user:
    client-certificate-data: Y2VydA==
    client-key-data: a2V5
contexts:
- name: fake
  context:
    cluster: fake
    user: fake-admin
current-context: fake
)";

uint16_t PortFor(uint32_t index, uint16_t guest_port) {
  return static_cast<uint16_t>(20000 + index * 10 + guest_port % 7);
}

}  // namespace

// Time stands still but for sleeping, and something may happen meanwhile.
class FakeWorld::FakeClock final : public Clock {
 public:
  explicit FakeClock(FakeWorld& world) : world_(world) {}
  absl::Time Now() const override { return now_; }
  void Sleep(absl::Duration duration) override {
    now_ += duration;
    world_.on_sleep();
  }

 private:
  FakeWorld& world_;
  absl::Time now_ = absl::FromUnixSeconds(1800000000);
};

class FakeWorld::FakePlatform final : public Platform {
 public:
  explicit FakePlatform(FakeWorld& world) : world_(world) {}

  bool Exists() override { return world_.exists; }

  absl::Status Open(const ClusterSpec& spec) override {
    RETURN_IF_ERROR(world_.Enter("open"));
    if (!world_.exists) {
      world_.exists = true;
      world_.uid = spec.uid;
      for (const NodeSpec& node : spec.nodes) {
        Create(node);
      }
    }
    world_.supervisor_dead = false;
    return world_.Leave();
  }
  absl::Status OpenExisting() override {
    RETURN_IF_ERROR(world_.Enter("open existing"));
    if (!world_.exists) {
      return NotFound("no cluster");
    }
    world_.supervisor_dead = false;
    return world_.Leave();
  }
  absl::StatusOr<ClusterStatus> Status() override {
    if (world_.supervisor_dead) {
      return Unavailable("supervisor does not answer");
    }
    ClusterStatus status;
    status.uid = world_.uid;
    status.time_scale = 1;
    for (const auto& [name, node] : world_.nodes_) {
      NodeStatus line;
      line.spec = node->spec;
      line.state = node->power;
      line.boot_status = node->boot_status;
      status.nodes.push_back(std::move(line));
    }
    return status;
  }
  absl::Status AddNode(const NodeSpec& node) override {
    RETURN_IF_ERROR(world_.Enter("add " + node.name));
    Create(node);
    return world_.Leave();
  }
  absl::Status StartNode(std::string_view name) override {
    RETURN_IF_ERROR(world_.Enter(fmt::format("start {}", name)));
    FakeNode& node = world_.node(std::string(name));
    if (node.power != PowerState::kRunning) {
      world_.Boot(node);
    }
    return world_.Leave();
  }
  absl::Status StopNode(std::string_view name) override {
    RETURN_IF_ERROR(world_.Enter(fmt::format("stop {}", name)));
    world_.node(std::string(name)).power = PowerState::kStopped;
    return world_.Leave();
  }
  absl::StatusOr<attestation::EnrolledTpm> Enroll(
      std::string_view name) override {
    RETURN_IF_ERROR(world_.Enter(fmt::format("enrol {}", name)));
    FakeNode& node = world_.node(std::string(name));
    if (node.power == PowerState::kRunning) {
      return FailedPrecondition("the node runs");
    }
    RETURN_IF_ERROR(world_.Leave());
    return node.tpm->enrolled();
  }
  absl::Status SetEnrolledTpms(const std::string& json) override {
    RETURN_IF_ERROR(world_.Enter("set enrolled"));
    world_.enrolled_tpms = json;
    return world_.Leave();
  }
  absl::Status SetInitSecretHash(std::string_view sha256_hex) override {
    RETURN_IF_ERROR(world_.Enter("set init secret"));
    world_.init_secret_hash = sha256_hex;
    return world_.Leave();
  }
  absl::Status Remove() override {
    RETURN_IF_ERROR(world_.Enter("remove"));
    world_.exists = false;
    world_.nodes_.clear();
    return world_.Leave();
  }

  void Create(const NodeSpec& spec) {
    auto node = std::make_unique<FakeNode>();
    node->spec = spec;
    node->spec.index = static_cast<uint32_t>(world_.nodes_.size()) + 1;
    for (const uint16_t port :
         {cloud::qemu::kInitServicePort, cloud::qemu::kRecoveryPort,
          cloud::qemu::kApiServerPort, cloud::qemu::kVerificationPort}) {
      node->spec.forwards[port] = PortFor(node->spec.index, port);
    }
    node->tpm = std::make_unique<SoftwareTpm>();
    world_.nodes_[spec.name] = std::move(node);
  }

 private:
  FakeWorld& world_;
};

class FakeWorld::FakeNodeApi final : public NodeApi {
 public:
  explicit FakeNodeApi(FakeWorld& world) : world_(world) {}

  absl::StatusOr<InitOutcome> Init(const std::string& address,
                                   const InitParameters& parameters,
                                   const VerifyNode& verify,
                                   const InitProgressFn& progress) override {
    ++world_.init_calls;
    RETURN_IF_ERROR(world_.Enter("init"));
    if (world_.unavailable_inits > 0) {
      --world_.unavailable_inits;
      return Unavailable("connection refused");
    }
    ASSIGN_OR_RETURN(FakeNode * node,
                     Find(address, cloud::qemu::kInitServicePort));
    if (node->waits_for_key) {
      return Unavailable("connection refused");
    }
    RETURN_IF_ERROR(Prove(*node, verify));
    if (HexEncode(crypto::Sha256(parameters.init_secret.Expose())) !=
        world_.init_secret_hash) {
      return Unauthenticated("wrong init secret");
    }
    progress("kubeadm-init", absl::Seconds(3));
    ASSIGN_OR_RETURN(auto keys,
                     crypto::KeyHierarchy::Create(parameters.master_key.Clone(),
                                                  parameters.master_salt));
    ASSIGN_OR_RETURN(const Bytes id,
                     keys.ClusterId(parameters.measurement_salt));
    if (!world_.cluster_id.empty() && world_.cluster_id != id) {
      return FailedPrecondition("belongs to another cluster");
    }
    if (world_.cluster_id.empty()) {
      world_.cluster_id = id;
      world_.master_seen = HexEncode(parameters.master_key.Expose());
      world_.policy = parameters.attestation_policy;
    }
    Join(*node);
    RETURN_IF_ERROR(world_.Leave());
    return InitOutcome{kKubeconfig, id};
  }

  absl::Status Recover(const std::string& address, const VerifyNode& verify,
                       const KeysForDisk& keys) override {
    RETURN_IF_ERROR(world_.Enter("recover"));
    ASSIGN_OR_RETURN(FakeNode * node,
                     Find(address, cloud::qemu::kRecoveryPort));
    if (!node->waits_for_key) {
      return Unavailable("connection refused");
    }
    RETURN_IF_ERROR(Prove(*node, verify));
    ASSIGN_OR_RETURN(const RecoveryKeys found, keys(node->disk_uuid));
    if (found.node_name != node->spec.name) {
      return PermissionDenied("state disk belongs to node '" + node->spec.name +
                              "', not '" + found.node_name + "'");
    }
    node->waits_for_key = false;
    node->boot_status.clear();
    Join(*node);
    return world_.Leave();
  }

  absl::StatusOr<NodeAnswer> GetEvidence(
      const std::string& /*address*/,
      std::span<const uint8_t> /*nonce*/) override {
    return Unavailable("not part of this fake");
  }
  absl::StatusOr<std::vector<NodeAnswer>> ChallengeCluster(
      const std::string& /*address*/,
      std::span<const uint8_t> /*nonce*/) override {
    return Unavailable("not part of this fake");
  }

 private:
  absl::StatusOr<FakeNode*> Find(const std::string& address, uint16_t port) {
    if (world_.balancer && address == fmt::format("127.0.0.1:{}", port)) {
      FakeNode* node = world_.balancer(port);
      return node == nullptr ? Unavailable("connection refused")
                             : absl::StatusOr<FakeNode*>(node);
    }
    for (const auto& [name, node] : world_.nodes_) {
      if (address ==
              fmt::format("127.0.0.1:{}", node->spec.forwards.at(port)) &&
          node->power == PowerState::kRunning) {
        return node.get();
      }
    }
    return Unavailable("connection refused");
  }

  static absl::Status Prove(FakeNode& node, const VerifyNode& verify) {
    const Bytes user_data(kUserData, 7);
    ASSIGN_OR_RETURN(const attestation::Evidence evidence,
                     node.tpm->Attest(user_data));
    return verify(evidence, user_data);
  }

  void Join(FakeNode& node) {
    if (!node.joined) {
      node.tpm->SetPcr(15, attestation::ExpectedClusterPcr(world_.cluster_id));
      node.joined = true;
    }
  }

  FakeWorld& world_;
};

class FakeWorld::FakeClusterApi final : public ClusterApi {
 public:
  explicit FakeClusterApi(FakeWorld& world) : world_(world) {}

  absl::StatusOr<std::vector<KubernetesNode>> ListNodes() override {
    RETURN_IF_ERROR(world_.Enter("list nodes"));
    std::vector<KubernetesNode> nodes;
    bool api = false;
    for (const auto& [name, node] : world_.nodes_) {
      const bool up =
          node->power == PowerState::kRunning && !node->waits_for_key;
      api = api || (up && node->joined &&
                    node->spec.role == cloud::NodeRole::kControlPlane);
      if (up && !world_.cluster_id.empty()) {
        node->joined = true;
      }
      nodes.push_back({name, up, "v1.20.2", up ? "" : "kubelet is silent"});
    }
    if (!api) {
      return Unavailable("API server does not answer");
    }
    return nodes;
  }
  absl::StatusOr<std::string> GetAttestationPolicy() override {
    RETURN_IF_ERROR(world_.Enter("get policy"));
    return world_.policy;
  }
  absl::Status SetAttestationPolicy(const std::string& json) override {
    RETURN_IF_ERROR(world_.Enter("set policy"));
    world_.policy = json;
    return world_.Leave();
  }

 private:
  FakeWorld& world_;
};

FakeWorld::FakeWorld()
    : progress_(CreateSilentProgress()),
      platform_(std::make_unique<FakePlatform>(*this)),
      node_api_(std::make_unique<FakeNodeApi>(*this)),
      clock_(std::make_unique<FakeClock>(*this)) {}

FakeWorld::~FakeWorld() = default;

attestation::Profile FakeWorld::ImageProfile() {
  attestation::Profile profile;
  profile.name = "node-image";
  profile.variant = attestation::kVariantQemuVtpm;
  for (const uint32_t index : attestation::kRequiredPcrs) {
    profile.pcrs[index] = {};
  }
  for (const uint32_t index : {4U, 9U, 11U}) {
    profile.pcrs[index].fill(static_cast<uint8_t>(index));
  }
  return profile;
}

void FakeWorld::StartMachine(const cloud::qemu::NodeSpec& spec) {
  if (!HasNode(spec.name)) {
    platform_->Create(spec);
    Boot(node(spec.name));
  }
}

ClusterTools FakeWorld::Tools() {
  return {*platform_,
          *node_api_,
          [this](const std::string& kubeconfig)
              -> absl::StatusOr<std::unique_ptr<ClusterApi>> {
            if (kubeconfig.find("https://127.0.0.1:") == std::string::npos) {
              return InvalidArgument("the server was not rewritten");
            }
            return std::make_unique<FakeClusterApi>(*this);
          },
          [this](const std::string& image) -> absl::StatusOr<ImageFacts> {
            RETURN_IF_ERROR(image_status);
            return ImageFacts{image.empty() ? "/images/default.raw" : image,
                              ImageProfile(), kubernetes_version};
          },
          *clock_,
          *progress_};
}

void FakeWorld::CrashAt(int n, bool after) {
  crash_at_ = n;
  crash_after_ = after;
  log_.clear();
}

bool FakeWorld::WasCalled(const std::string& operation) const {
  return std::find(log_.begin(), log_.end(), operation) != log_.end();
}

absl::Status FakeWorld::Enter(const std::string& operation) {
  log_.push_back(operation);
  if (crash_at_ == static_cast<int>(log_.size()) && !crash_after_) {
    return Internal("crash before " + operation);
  }
  return absl::OkStatus();
}

absl::Status FakeWorld::Leave() {
  if (crash_at_ == static_cast<int>(log_.size()) && crash_after_) {
    return Internal("crash after " + log_.back());
  }
  return absl::OkStatus();
}

void FakeWorld::Boot(FakeNode& node) {
  node.power = PowerState::kRunning;
  for (const auto& [index, digest] : ImageProfile().pcrs) {
    node.tpm->SetPcr(index, digest);
  }
}

}  // namespace constellation::cli::testing
