// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/supervisor_client.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "absl/time/clock.h"
#include "cloud/json_fields.h"
#include "cloud/qemu/accelerator.h"
#include "cloud/qemu/cluster_directory.h"
#include "cloud/qemu/control_protocol.h"
#include "cloud/qemu/http_client.h"
#include "cloud/qemu/node_files.h"
#include "cloud/qemu/process.h"
#include "cloud/qemu/qemu_command.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

using nlohmann::json;

// Longer than the KVM probe, which the supervisor may have to make.
constexpr absl::Duration kSupervisorStartLimit = absl::Seconds(60);
// Making a TPM and starting QEMU on a busy machine.
constexpr absl::Duration kOperationLimit = absl::Minutes(5);

// One request over a connection of its own; the supervisor's own error, or why
// it did not answer.
absl::StatusOr<std::string> Call(const std::string& socket, const json& request,
                                 absl::Duration limit) {
  const auto answer = CallHttp({.url = "http://localhost/control",
                                .unix_socket = socket,
                                .post_body = DumpJson(request),
                                .timeout = limit,
                                .max_answer = kMaxControlMessage});
  if (!answer.ok()) {
    return Annotate(answer.status(), "supervisor of the local platform");
  }
  return ParseControlAnswer(answer->body);
}

absl::Status CallNode(const std::string& socket, std::string_view operation,
                      std::string_view node) {
  return Call(socket, {{"op", operation}, {"node", node}}, kOperationLimit)
      .status();
}

// Within what the protocol takes.
int64_t LimitSeconds(absl::Duration limit) {
  return std::clamp<int64_t>(absl::ToInt64Seconds(limit), 0, 24 * 3600);
}

// Leaves an empty path as it is. NOT_FOUND if there is no such file.
absl::Status MakeImagePathAbsolute(std::string& path) {
  if (path.empty()) {
    return absl::OkStatus();
  }
  std::error_code error;
  path = std::filesystem::absolute(path, error).lexically_normal().string();
  if (error || !FileExists(path)) {
    return NotFound(fmt::format("node image {} does not exist", path));
  }
  return absl::OkStatus();
}

// Starts the program and waits until the control socket answers.
absl::Status Launch(const std::string& program, const ClusterPaths& paths) {
  const size_t log_offset = FileSize(paths.SupervisorLog());
  ASSIGN_OR_RETURN(Process process,
                   Process::Spawn({program, "qemu-supervisor", "--directory",
                                   paths.directory},
                                  {.log_file = paths.SupervisorLog()}));
  const absl::Time deadline = absl::Now() + kSupervisorStartLimit;
  while (true) {
    const absl::Status answer =
        Call(paths.ControlSocket(), {{"op", "status"}}, absl::Seconds(10))
            .status();
    if (answer.ok()) {
      return answer;
    }
    // Another caller's supervisor may have been faster: then ours ends.
    if (!process.Running() || absl::Now() > deadline) {
      process.End(absl::Seconds(5));
      return Unavailable(
          fmt::format("the supervisor did not start: {}",
                      LogTail(paths.SupervisorLog(), log_offset)));
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
}

// By its pid file; nothing if it has ended.
std::optional<ProcessIdentity> RunningSupervisor(const ClusterPaths& paths) {
  const auto text = ReadFile(paths.SupervisorPid(), 4096);
  if (!text.ok()) {
    return std::nullopt;
  }
  const auto identity = ParseProcessIdentity(*text);
  return identity.ok() && IsAlive(*identity) ? std::optional(*identity)
                                             : std::nullopt;
}

}  // namespace

SwtpmSession::SwtpmSession(std::string directory, std::string node,
                           std::string tcti)
    : directory_(std::move(directory)),
      node_(std::move(node)),
      tcti_(std::move(tcti)) {}

SwtpmSession::SwtpmSession(SwtpmSession&& other) noexcept
    : directory_(std::exchange(other.directory_, "")),
      node_(std::move(other.node_)),
      tcti_(std::move(other.tcti_)) {}

SwtpmSession::~SwtpmSession() {
  (void)Close();
}

// Once only: a moved-from or closed session has nothing to close.
absl::Status SwtpmSession::Close() {
  const std::string directory = std::exchange(directory_, "");
  if (directory.empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const ClusterSpec spec, ReadClusterSpec(directory));
  const ClusterPaths paths{directory, spec.runtime_directory};
  return CallNode(paths.ControlSocket(), "close-tpm", node_);
}

bool SupervisorClient::Exists(const std::string& directory) {
  const auto absolute = AbsoluteDirectory(directory);
  return absolute.ok() && FileExists(ClusterPaths{*absolute, ""}.Spec());
}

// The spec is created exclusively: of two that start at the same time one wins.
absl::StatusOr<SupervisorClient> SupervisorClient::Start(
    const std::string& program, const std::string& directory,
    ClusterSpec spec) {
  ASSIGN_OR_RETURN(const std::string absolute, AbsoluteDirectory(directory));
  if (Exists(absolute)) {
    return AlreadyExists(fmt::format("{} holds a cluster", absolute));
  }
  RETURN_IF_ERROR(CheckPrerequisites());
  RETURN_IF_ERROR(MakeImagePathAbsolute(spec.image_path));
  for (NodeSpec& node : spec.nodes) {
    RETURN_IF_ERROR(MakeImagePathAbsolute(node.image_path));
  }
  spec.runtime_directory = ChooseRuntimeDirectory(absolute);
  spec.relay_program = program;
  RETURN_IF_ERROR(ValidateClusterSpec(spec));
  RETURN_IF_ERROR(AssignUnsetFields(spec));
  const ClusterPaths paths{absolute, spec.runtime_directory};
  if (FileExists(paths.Nodes())) {
    return FailedPrecondition(fmt::format(
        "{} holds nodes of a cluster whose description is gone; delete it",
        absolute));
  }
  RETURN_IF_ERROR(MakeDirectories(absolute));
  RETURN_IF_ERROR(CreateFileExclusively(paths.Spec(), ClusterSpecToJson(spec)));
  RETURN_IF_ERROR(MakeRuntimeDirectory(paths.runtime));
  RETURN_IF_ERROR(Launch(program, paths));
  return SupervisorClient(absolute, paths.ControlSocket());
}

absl::StatusOr<SupervisorClient> SupervisorClient::Connect(
    const std::string& directory) {
  ASSIGN_OR_RETURN(const std::string absolute, AbsoluteDirectory(directory));
  ASSIGN_OR_RETURN(const ClusterSpec spec, ReadClusterSpec(absolute));
  const ClusterPaths paths{absolute, spec.runtime_directory};
  RETURN_IF_ERROR(
      Call(paths.ControlSocket(), {{"op", "status"}}, absl::Seconds(20))
          .status());
  return SupervisorClient(absolute, paths.ControlSocket());
}

// Only silence starts a new one; an error that a supervisor answers is told.
absl::StatusOr<SupervisorClient> SupervisorClient::StartExisting(
    const std::string& program, const std::string& directory) {
  auto connected = Connect(directory);
  if (!absl::IsUnavailable(connected.status())) {
    return connected;
  }
  ASSIGN_OR_RETURN(const std::string absolute, AbsoluteDirectory(directory));
  ASSIGN_OR_RETURN(const ClusterSpec spec, ReadClusterSpec(absolute));
  const ClusterPaths paths{absolute, spec.runtime_directory};
  RETURN_IF_ERROR(CheckPrerequisites());
  // One that is just ending still holds the lock.
  const absl::Time deadline = absl::Now() + kSupervisorStartLimit;
  while (RunningSupervisor(paths).has_value() && absl::Now() < deadline) {
    connected = Connect(directory);
    if (connected.ok()) {
      return connected;
    }
    absl::SleepFor(absl::Milliseconds(100));
  }
  RETURN_IF_ERROR(MakeRuntimeDirectory(paths.runtime));
  RETURN_IF_ERROR(Launch(program, paths));
  return SupervisorClient(absolute, paths.ControlSocket());
}

absl::StatusOr<ClusterStatus> SupervisorClient::Status() const {
  ASSIGN_OR_RETURN(const std::string answer,
                   Call(socket_, {{"op", "status"}}, absl::Seconds(20)));
  return ParseClusterStatus(answer);
}

absl::Status SupervisorClient::StartNode(std::string_view node) const {
  return CallNode(socket_, "start", node);
}

absl::Status SupervisorClient::StopNode(std::string_view node, StopMode mode,
                                        absl::Duration graceful_limit) const {
  return Call(socket_,
              {{"op", "stop"},
               {"node", node},
               {"graceful", mode == StopMode::kGraceful},
               {"limitSeconds", LimitSeconds(graceful_limit)}},
              kOperationLimit + graceful_limit)
      .status();
}

absl::Status SupervisorClient::ResetNode(std::string_view node) const {
  return CallNode(socket_, "reset", node);
}

absl::Status SupervisorClient::KillNode(std::string_view node) const {
  return CallNode(socket_, "kill", node);
}

absl::StatusOr<NodeSpec> SupervisorClient::AddNode(const NodeSpec& node) const {
  NodeSpec wanted = node;
  RETURN_IF_ERROR(MakeImagePathAbsolute(wanted.image_path));
  const json spec = json::parse(NodeSpecToJson(wanted), nullptr, false);
  ASSIGN_OR_RETURN(
      const std::string answer,
      Call(socket_, {{"op", "add"}, {"spec", spec}}, kOperationLimit));
  return ParseNodeSpec(answer);
}

absl::Status SupervisorClient::RemoveNode(std::string_view node) const {
  return CallNode(socket_, "remove", node);
}

absl::Status SupervisorClient::SetNodeImage(
    std::string_view node, const std::string& image_path) const {
  std::string path = image_path;
  RETURN_IF_ERROR(MakeImagePathAbsolute(path));
  return Call(socket_,
              {{"op", "set-image"}, {"node", node}, {"imagePath", path}},
              kOperationLimit)
      .status();
}

absl::StatusOr<SwtpmSession> SupervisorClient::OpenTpmForEnrollment(
    std::string_view node) const {
  ASSIGN_OR_RETURN(
      const std::string answer,
      Call(socket_, {{"op", "open-tpm"}, {"node", node}}, kOperationLimit));
  const json tcti = json::parse(answer, nullptr, false);
  if (!tcti.is_string()) {
    return Internal("answer of the supervisor: want a string");
  }
  return SwtpmSession(directory_, std::string(node), tcti.get<std::string>());
}

absl::Status SupervisorClient::SetEnrolledTpms(const std::string& text) const {
  const json array = json::parse(text, nullptr, false);
  if (!array.is_array()) {
    return InvalidArgument("enrolled TPMs: want a JSON array");
  }
  return Call(socket_, {{"op", "set-enrolled-tpms"}, {"enrolledTPMs", array}},
              kOperationLimit)
      .status();
}

absl::Status SupervisorClient::SetInitSecretHash(
    std::string_view sha256_hex) const {
  return Call(
             socket_,
             {{"op", "set-init-secret-hash"}, {"initSecretSHA256", sha256_hex}},
             kOperationLimit)
      .status();
}

// The answer comes before the process ends, and its files are only free after.
absl::Status SupervisorClient::Shutdown(bool remove, StopMode mode) const {
  constexpr absl::Duration kGracefulLimit = absl::Minutes(2);
  const auto supervisor = RunningSupervisor({directory_, ""});
  RETURN_IF_ERROR(Call(socket_,
                       {{"op", "shutdown"},
                        {"remove", remove},
                        {"graceful", mode == StopMode::kGraceful},
                        {"limitSeconds", LimitSeconds(kGracefulLimit)}},
                       kOperationLimit + kGracefulLimit)
                      .status());
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (supervisor.has_value() && IsAlive(*supervisor)) {
    if (absl::Now() > deadline) {
      return DeadlineExceeded("the supervisor does not end");
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
  if (supervisor.has_value()) {
    // If it is our child, nobody else collects it.
    waitpid(supervisor->pid, nullptr, WNOHANG);
  }
  return absl::OkStatus();
}

std::string AcceleratorSentence() {
  const auto choice = ChooseAccelerator(Accelerator::kAuto);
  return choice.ok() ? choice->Sentence()
                     : std::string(Message(choice.status()));
}

}  // namespace constellation::cloud::qemu
