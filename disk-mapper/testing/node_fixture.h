// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_DISK_MAPPER_TESTING_NODE_FIXTURE_H_
#define CONSTELLATION_DISK_MAPPER_TESTING_NODE_FIXTURE_H_

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/boot_status.h"
#include "cloud/metadata.h"
#include "common/command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/temp_dir.h"
#include "crypto/key_hierarchy.h"
#include "disk-mapper/cluster_mark.h"
#include "disk-mapper/node_paths.h"
#include "disk-mapper/rejoin_client.h"
#include "disk-mapper/state_disk/disk_keys.h"
#include "disk-mapper/state_disk/file_system.h"
#include "disk-mapper/state_disk/state_disk.h"
#include "disk-mapper/state_disk/testing/fake_device_mapper.h"
#include "disk-mapper/state_disk/testing/memory_block_device.h"

namespace constellation::disk_mapper::testing {

inline constexpr std::string_view kDiskUuid =
    "6ba7b810-9dad-41d1-80b4-00c04fd430c8";

inline SecretBytes DiskKey(uint8_t octet = 1) {
  return SecretBytes(Bytes(kStateDiskKeySize, octet));
}
inline SecretBytes MeasurementSecret(uint8_t octet = 0xC1) {
  return SecretBytes(Bytes(crypto::kDerivedKeySize, octet));
}
inline Bytes MeasurementSalt() {
  return Bytes(crypto::kMeasurementSaltSize, 0x5A);
}
// Of the cluster with that measurement secret.
inline Bytes ClusterId(uint8_t octet = 0xC1) {
  return *crypto::ClusterIdFrom(MeasurementSecret(octet), MeasurementSalt());
}

// Of the disk that FakeMounter shows.
inline DiskOwner Owner() {
  return {ClusterId(), "worker-0"};
}

// Remembers mounts; what is "on the disk" appears when it is mounted.
class FakeMounter final : public Mounter {
 public:
  absl::Status MountState(const std::string& device,
                          const std::string& target) override {
    if (!mount_result.ok()) {
      return mount_result;
    }
    last_device = device;
    mounted.insert(target);
    if (node_state.has_value()) {
      const absl::Status made = MakeDirectories(target + "/constellation");
      return made.ok()
                 ? WriteFileAtomically(
                       target + "/constellation/node_state.json", *node_state)
                 : made;
    }
    return absl::OkStatus();
  }
  absl::Status Bind(const std::string& source,
                    const std::string& target) override {
    if (!bind_result.ok()) {
      return bind_result;
    }
    binds.emplace_back(source, target);
    mounted.insert(target);
    return absl::OkStatus();
  }
  absl::Status Unmount(const std::string& target) override {
    mounted.erase(target);
    return absl::OkStatus();
  }
  bool IsMountPoint(const std::string& path) override {
    return mounted.contains(path);
  }

  std::optional<std::string> node_state =
      "{\"clusterID\":\"" + HexEncode(ClusterId()) +
      "\",\"role\":\"worker\",\"nodeName\":\"worker-0\"}";
  absl::Status mount_result;
  absl::Status bind_result;
  std::set<std::string> mounted;
  std::vector<std::pair<std::string, std::string>> binds;
  std::string last_device;
};

class FakeMark final : public ClusterMark {
 public:
  absl::StatusOr<bool> IsMember() override { return !marked.empty(); }
  absl::Status Mark(std::span<const uint8_t> cluster_id) override {
    if (mark_result.ok()) {
      marked.assign(cluster_id.begin(), cluster_id.end());
    }
    return mark_result;
  }
  Bytes marked;
  absl::Status mark_result;
};

// "phase state message" of each report. Thread-safe.
class RecordingStatus final : public cloud::BootStatus {
 public:
  using cloud::BootStatus::Report;
  void Report(std::string_view phase, cloud::BootState state,
              std::string_view message) override {
    constexpr std::string_view kNames[] = {"running", "waiting", "done",
                                           "failed"};
    const absl::MutexLock lock(&mutex_);
    reports_.push_back(std::string(phase) + " " +
                       std::string(kNames[static_cast<size_t>(state)]) + " " +
                       std::string(message));
  }
  std::vector<std::string> reports() const {
    const absl::MutexLock lock(&mutex_);
    return reports_;
  }

 private:
  mutable absl::Mutex mutex_;
  std::vector<std::string> reports_ ABSL_GUARDED_BY(mutex_);
};

class FakeMetadata final : public cloud::MetadataClient {
 public:
  absl::StatusOr<cloud::InstanceMetadata> Self() override {
    if (failures > 0) {
      --failures;
      return Unavailable("metadata: no answer yet");
    }
    return self;
  }
  absl::StatusOr<std::vector<cloud::InstanceMetadata>> Peers() override {
    return peers;
  }
  absl::StatusOr<std::string> Endpoint() override { return "10.0.0.1:6443"; }
  absl::StatusOr<std::string> EnrolledTpms() override { return "[]"; }
  absl::Status ReportStatus(std::string_view /*json*/) override {
    return absl::OkStatus();
  }

  static cloud::InstanceMetadata Node(const std::string& name,
                                      cloud::NodeRole role,
                                      const std::string& ip) {
    cloud::InstanceMetadata node;
    node.name = name;
    node.role = role;
    node.cluster_ip = ip;
    return node;
  }

  int failures = 0;  // of Self(), before it answers
  cloud::InstanceMetadata self =
      Node("worker-0", cloud::NodeRole::kWorker, "10.42.0.21");
  std::vector<cloud::InstanceMetadata> peers;
};

// Gives the tickets it was told to.
class FakeTickets final : public RejoinTicketSource {
 public:
  using Answer = std::function<absl::StatusOr<RejoinTicket>(
      const std::string& address, const std::string& disk_uuid)>;

  absl::StatusOr<RejoinTicket> Request(const std::string& address,
                                       const std::string& disk_uuid) override {
    Answer answer;
    {
      const absl::MutexLock lock(&mutex_);
      asked_.push_back(address);
      if (stopped_) {
        return Unavailable("stopped");
      }
      answer = answer_;
    }
    return answer ? answer(address, disk_uuid)
                  : absl::StatusOr<RejoinTicket>(Unavailable("nobody there"));
  }
  void Stop() override {
    const absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }

  void set_answer(Answer answer) {
    const absl::MutexLock lock(&mutex_);
    answer_ = std::move(answer);
  }
  std::vector<std::string> asked() const {
    const absl::MutexLock lock(&mutex_);
    return asked_;
  }

 private:
  mutable absl::Mutex mutex_;
  Answer answer_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> asked_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// Answers every program with exit code 0.
class QuietRunner final : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const std::vector<std::string>& argv,
                                    const CommandOptions& options) override {
    commands.push_back(argv);
    inputs.emplace_back(options.input.begin(), options.input.end());
    CommandResult result;
    result.exit_code = argv.front() == failing ? 1 : 0;
    result.err = "it failed";
    return result;
  }
  std::vector<std::vector<std::string>> commands;
  std::vector<Bytes> inputs;
  std::string failing;
};

// A node below a temporary folder, with a disk in memory.
struct FakeNode {
  FakeNode() { paths.root = folder.path(); }

  // A disk that is ours, with DiskKey() and ClusterId(), closed.
  absl::Status MakeOurs() {
    absl::Status made = disk.Format(DiskKey(), kDiskUuid).status();
    made.Update(disk.Commit(kDiskUuid));
    made.Update(disk.Close());
    return made;
  }

  constellation::testing::TempDir folder;
  NodePaths paths;
  MemoryBlockDevice device;
  FakeDeviceMapper mapper{&device};
  StateDisk disk{"/dev/vdb", device, mapper};
  FakeMounter mounter;
  FakeMark mark;
  RecordingStatus status;
  FakeMetadata metadata;
  FakeTickets tickets;
  QuietRunner runner;
};

}  // namespace constellation::disk_mapper::testing

#endif  // CONSTELLATION_DISK_MAPPER_TESTING_NODE_FIXTURE_H_
