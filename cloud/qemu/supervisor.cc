// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "cloud/qemu/metadata_json.h"
#include "cloud/qemu/process.h"
#include "cloud/qemu/qemu_command.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr uint64_t kPollsPerReaping = 20;

// `spec` with another image for one node.
ClusterSpec WithImage(ClusterSpec spec, std::string_view node,
                      const std::string& image_path) {
  for (NodeSpec& each : spec.nodes) {
    if (each.name == node) {
      each.image_path = image_path;
    }
  }
  return spec;
}

// flock() goes with the process, however it dies: no lock is ever stale.
absl::StatusOr<UniqueFd> LockDirectory(const std::string& path) {
  UniqueFd fd(
      open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kPrivateFileMode));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return AlreadyExists("another process is the supervisor of this cluster");
  }
  return fd;
}

}  // namespace

// The lock comes first: what follows touches files that only one may touch.
absl::StatusOr<std::unique_ptr<Supervisor>> Supervisor::Create(
    const std::string& directory) {
  ASSIGN_OR_RETURN(const std::string absolute, AbsoluteDirectory(directory));
  ASSIGN_OR_RETURN(ClusterSpec spec, ReadClusterSpec(absolute));
  ClusterPaths paths{absolute, spec.runtime_directory};
  ASSIGN_OR_RETURN(UniqueFd lock, LockDirectory(paths.Lock()));
  RETURN_IF_ERROR(MakeRuntimeDirectory(paths.runtime));
  std::unique_ptr<Supervisor> supervisor(
      new Supervisor(std::move(paths), std::move(spec), std::move(lock)));
  RETURN_IF_ERROR(supervisor->TakeOver());
  return supervisor;
}

Supervisor::Supervisor(ClusterPaths paths, ClusterSpec spec, UniqueFd lock)
    : paths_(std::move(paths)),
      lock_(std::move(lock)),
      switch_(paths_),
      accelerator_(ChooseAccelerator(spec.accelerator)),
      spec_(std::move(spec)) {}

// Nodes adopt their own processes; what is left after that belongs to nobody.
absl::Status Supervisor::TakeOver() {
  ASSIGN_OR_RETURN(const ProcessIdentity self, IdentifyProcess(getpid()));
  RETURN_IF_ERROR(
      WriteFileAtomically(paths_.SupervisorPid(), ProcessIdentityToJson(self)));
  std::vector<NodeSpec> specs;
  {
    const absl::MutexLock lock(&mutex_);
    specs = spec_.nodes;
    if (const auto enrolled = ReadFile(paths_.EnrolledTpms());
        enrolled.ok() && CheckJsonArray(*enrolled).ok()) {
      enrolled_tpms_ = *enrolled;
    }
  }
  for (const NodeSpec& spec : specs) {
    ASSIGN_OR_RETURN(std::shared_ptr<Node> node, MakeNode(spec));
    const absl::MutexLock lock(&mutex_);
    nodes_.emplace(spec.name, std::move(node));
  }
  EndStrays();
  return absl::OkStatus();
}

// Each node has a metadata socket of its own, so that no guest can speak for
// another one.
absl::StatusOr<std::shared_ptr<Supervisor::Node>> Supervisor::MakeNode(
    const NodeSpec& spec) {
  auto node = std::make_shared<Node>();
  node->vm = std::make_unique<VirtualMachine>(paths_, spec, runner_, ca_mutex_);
  VirtualMachine* vm = node->vm.get();  // outlives the server, see Node
  ASSIGN_OR_RETURN(
      node->metadata,
      HttpServer::Create(
          NodePaths(paths_, spec).MetadataSocket(), {},
          [this, vm, name = spec.name](const HttpRequest& request) {
            return ServeMetadata(
                View(), name, request,
                [vm](std::string_view json) { vm->AddBootStatus(json); });
          }));
  return node;
}

std::set<pid_t> Supervisor::OwnedPids() const {
  std::set<pid_t> owned{switch_.pid()};
  const absl::MutexLock lock(&mutex_);
  for (const auto& [name, node] : nodes_) {
    for (const pid_t pid : node->vm->Pids()) {
      owned.insert(pid);
    }
  }
  return owned;
}

void Supervisor::ReapLeftovers() {
  ReapOrphans({View().cluster.relay_program, std::string(kSwtpmProgram)},
              OwnedPids());
}

// Processes are found by our folder in their arguments: no other cluster's
// match.
void Supervisor::EndStrays() {
  const std::set<pid_t> owned = OwnedPids();
  const std::vector<std::string> programs{
      std::string(kQemuProgram), std::string(kSwtpmProgram),
      std::string(kSwtpmSetupProgram), std::string(kSwitchProgram)};
  std::set<pid_t> strays;
  for (const std::string& folder :
       {paths_.runtime + "/", paths_.directory + "/"}) {
    for (const pid_t pid : FindProcesses(programs, folder)) {
      strays.insert(pid);
    }
  }
  for (const pid_t pid : strays) {
    if (!owned.contains(pid)) {
      spdlog::warn("event=stray-ended pid={}", pid);
      kill(pid, SIGKILL);
    }
  }
}

MetadataView Supervisor::View() const {
  const absl::MutexLock lock(&mutex_);
  return {.cluster = spec_,
          .enrolled_tpms = enrolled_tpms_,
          .time_scale = accelerator_.ok() ? accelerator_->TimeScale() : 1};
}

absl::StatusOr<std::shared_ptr<Supervisor::Node>> Supervisor::FindNode(
    std::string_view name) const {
  const absl::MutexLock lock(&mutex_);
  if (shutting_down_) {
    return FailedPrecondition("the cluster is being shut down");
  }
  const auto found = nodes_.find(name);
  if (found == nodes_.end()) {
    return NotFound(fmt::format("no node \"{:.64}\" in this cluster", name));
  }
  return found->second;
}

// Memory follows the file, never the other way round: a failed write changes
// nothing.
absl::Status Supervisor::WriteSpec(const ClusterSpec& spec) {
  RETURN_IF_ERROR(ValidateClusterSpec(spec));
  RETURN_IF_ERROR(WriteFileAtomically(paths_.Spec(), ClusterSpecToJson(spec)));
  spec_ = spec;
  return absl::OkStatus();
}

absl::StatusOr<ClusterStatus> Supervisor::Status() const {
  ClusterStatus status;
  status.supervisor_pid = getpid();
  if (accelerator_.ok()) {
    status.accelerator = accelerator_->accelerator;
    status.time_scale = accelerator_->TimeScale();
    status.accelerator_sentence = accelerator_->Sentence();
  } else {
    status.accelerator_sentence = Message(accelerator_.status());
  }
  const absl::MutexLock lock(&mutex_);
  if (shutting_down_) {
    return Unavailable("the cluster is being shut down");
  }
  status.name = spec_.name;
  status.uid = spec_.uid;
  for (const NodeSpec& spec : spec_.nodes) {
    if (const auto found = nodes_.find(spec.name); found != nodes_.end()) {
      status.nodes.push_back(found->second->vm->Status());
    }
  }
  return status;
}

// The switch is looked after at each start, so that one that died comes back.
absl::Status Supervisor::StartNode(std::string_view name) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Node> node, FindNode(name));
  RETURN_IF_ERROR(accelerator_.status());
  RETURN_IF_ERROR(switch_.EnsureRunning());
  return node->vm->Start(View().cluster, accelerator_->accelerator);
}

absl::Status Supervisor::StopNode(std::string_view name, StopMode mode,
                                  absl::Duration graceful_limit) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Node> node, FindNode(name));
  return node->vm->Stop(mode, graceful_limit);
}

absl::Status Supervisor::ResetNode(std::string_view name) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Node> node, FindNode(name));
  return node->vm->Reset();
}

absl::Status Supervisor::KillNode(std::string_view name) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Node> node, FindNode(name));
  return node->vm->Kill();
}

absl::Status Supervisor::SetNodeImage(std::string_view name,
                                      const std::string& image_path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Node> node, FindNode(name));
  {
    // First what refuses: a VM must not keep a path that the file cannot hold.
    const absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(ValidateClusterSpec(WithImage(spec_, name, image_path)));
  }
  RETURN_IF_ERROR(node->vm->SetImage(image_path));
  const absl::MutexLock lock(&mutex_);
  return WriteSpec(WithImage(spec_, name, image_path));
}

absl::StatusOr<std::string> Supervisor::OpenTpm(std::string_view name) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Node> node, FindNode(name));
  return node->vm->OpenTpm(View().cluster);
}

absl::Status Supervisor::CloseTpm(std::string_view name) {
  ASSIGN_OR_RETURN(const std::shared_ptr<Node> node, FindNode(name));
  return node->vm->CloseTpm();
}

absl::Status Supervisor::SetEnrolledTpms(const std::string& json) {
  RETURN_IF_ERROR(CheckJsonArray(json));
  const absl::MutexLock lock(&mutex_);
  if (shutting_down_) {
    return FailedPrecondition("the cluster is being shut down");
  }
  RETURN_IF_ERROR(WriteFileAtomically(paths_.EnrolledTpms(), json));
  enrolled_tpms_ = json;
  return absl::OkStatus();
}

absl::Status Supervisor::SetInitSecretHash(const std::string& sha256_hex) {
  const absl::MutexLock lock(&mutex_);
  if (shutting_down_) {
    return FailedPrecondition("the cluster is being shut down");
  }
  ClusterSpec changed = spec_;
  changed.init_secret_sha256 = sha256_hex;
  return WriteSpec(changed);
}

// The metadata socket is made before the spec is written: a node in the file
// has always one.
absl::StatusOr<NodeSpec> Supervisor::AddNode(const NodeSpec& node) {
  std::shared_ptr<Node> made;  // if it must go again, then without the lock
  const absl::MutexLock lock(&mutex_);
  if (shutting_down_) {
    return FailedPrecondition("the cluster is being shut down");
  }
  if (spec_.FindNode(node.name) != nullptr) {
    return AlreadyExists(fmt::format("node \"{}\" exists", node.name));
  }
  ClusterSpec changed = spec_;
  changed.nodes.push_back(node);
  RETURN_IF_ERROR(ValidateClusterSpec(changed));
  RETURN_IF_ERROR(AssignUnsetFields(changed));
  const NodeSpec added = changed.nodes.back();
  ASSIGN_OR_RETURN(made, MakeNode(added));
  RETURN_IF_ERROR(WriteSpec(changed));
  nodes_.emplace(added.name, std::move(made));
  return added;
}

// Files first, then the socket, then the spec: an interrupted removal leaves a
// node that can be removed again.
absl::Status Supervisor::RemoveNode(std::string_view name) {
  ASSIGN_OR_RETURN(std::shared_ptr<Node> node, FindNode(name));
  RETURN_IF_ERROR(node->vm->Destroy());
  std::unique_ptr<HttpServer> metadata;
  {
    const absl::MutexLock lock(&mutex_);
    metadata = std::move(node->metadata);
  }
  // Ends before its index, and so its socket's name, can be given away.
  metadata.reset();
  const absl::MutexLock lock(&mutex_);
  ClusterSpec changed = spec_;
  std::erase_if(changed.nodes,
                [&](const NodeSpec& spec) { return spec.name == name; });
  RETURN_IF_ERROR(WriteSpec(changed));
  if (const auto found = nodes_.find(name); found != nodes_.end()) {
    nodes_.erase(found);  // `node` keeps it alive until the lock is free
  }
  return absl::OkStatus();
}

absl::Status Supervisor::Shutdown(bool remove, StopMode mode,
                                  absl::Duration graceful_limit) {
  const absl::MutexLock only(&shutdown_mutex_);
  std::vector<std::shared_ptr<Node>> nodes;
  {
    const absl::MutexLock lock(&mutex_);
    shutting_down_ = true;
    for (const auto& [name, node] : nodes_) {
      nodes.push_back(node);
    }
  }
  // At the same time: a graceful stop takes as long as the slowest guest.
  std::vector<std::thread> threads;
  threads.reserve(nodes.size());
  for (const std::shared_ptr<Node>& node : nodes) {
    threads.emplace_back([&] { node->vm->Retire(mode, graceful_limit); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  switch_.End();
  {
    const absl::MutexLock lock(&mutex_);
    nodes_.clear();
  }
  nodes.clear();  // ends the metadata servers
  EndStrays();
  absl::Status removed;
  if (remove) {
    removed = RemoveClusterFiles(paths_);
  } else {
    unlink(paths_.SupervisorPid().c_str());
  }
  const absl::MutexLock lock(&mutex_);
  stopped_ = true;
  return removed;
}

bool Supervisor::stopped() const {
  const absl::MutexLock lock(&mutex_);
  return stopped_;
}

// The nodes are copied out: none of them may be waited for under the lock.
void Supervisor::Poll() {
  bool reaping = false;
  std::vector<std::shared_ptr<Node>> nodes;
  {
    const absl::MutexLock lock(&mutex_);
    for (const auto& [name, node] : nodes_) {
      nodes.push_back(node);
    }
    reaping = ++polls_ % kPollsPerReaping == 0;
  }
  if (reaping) {
    ReapLeftovers();
  }
  for (const std::shared_ptr<Node>& node : nodes) {
    node->vm->Poll();
  }
}

}  // namespace constellation::cloud::qemu
