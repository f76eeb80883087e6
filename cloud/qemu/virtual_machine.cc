// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/virtual_machine.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "cloud/qemu/node_files.h"
#include "cloud/qemu/ports.h"
#include "cloud/qemu/qemu_command.h"
#include "cloud/qemu/qmp_client.h"
#include "cloud/qemu/swtpm_setup.h"
#include "cloud/qemu/unix_socket.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(50);
constexpr absl::Duration kQmpLimit = absl::Seconds(30);
constexpr absl::Duration kQuitLimit = absl::Seconds(10);
constexpr absl::Duration kTpmEndLimit = absl::Seconds(5);
constexpr absl::Duration kPowerButtonInterval = absl::Seconds(15);
constexpr size_t kMaxSerialLog = size_t{64} << 20U;

}  // namespace

// A TPM without its QEMU is ended: the next QEMU starts its own, and two of
// them would write the same state.
VirtualMachine::VirtualMachine(const ClusterPaths& cluster_paths, NodeSpec spec,
                               CommandRunner& runner, absl::Mutex& ca_mutex)
    : cluster_paths_(cluster_paths),
      paths_(cluster_paths, spec),
      runner_(runner),
      ca_mutex_(ca_mutex),
      spec_(std::move(spec)) {
  // If this fails, so does Start(), with the reason.
  (void)MakeDirectories(paths_.directory);
  const absl::MutexLock operation(&operation_);
  bool orphaned_tpm = false;
  {
    const absl::MutexLock lock(&mutex_);
    qemu_ = Process::Adopt(paths_.QemuPid(), kQemuProgram);
    tpm_ = Process::Adopt(paths_.TpmPid(), kSwtpmProgram);
    orphaned_tpm = tpm_.has_value() && !qemu_.has_value();
    if (const auto last = LastBootStatus(paths_.BootStatusLog())) {
      boot_status_ = last->json;
      boot_status_time_ = last->time;
    }
  }
  if (orphaned_tpm) {
    EndTpm();
  }
}

absl::Status VirtualMachine::CheckUsable() const {
  return retired_ ? FailedPrecondition("the node is being removed")
                  : absl::OkStatus();
}

NodeSpec VirtualMachine::spec() const {
  const absl::MutexLock lock(&mutex_);
  return spec_;
}

bool VirtualMachine::QemuRunning() {
  const absl::MutexLock lock(&mutex_);
  return qemu_.has_value() && qemu_->Running();
}

bool VirtualMachine::AwaitExit(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  while (QemuRunning()) {
    if (absl::Now() >= deadline) {
      return false;
    }
    absl::SleepFor(kPollInterval);
  }
  return true;
}

// The lock is not held while waiting: Status() must not wait for a TPM.
void VirtualMachine::EndTpm() {
  std::optional<Process> ending;
  {
    const absl::MutexLock lock(&mutex_);
    ending = std::exchange(tpm_, std::nullopt);
  }
  // It ends by itself when QEMU has closed its socket.
  if (ending.has_value() && !ending->WaitFor(absl::Milliseconds(500))) {
    ending->End(kTpmEndLimit);
  }
  unlink(paths_.TpmSocket().c_str());
}

void VirtualMachine::EndEnrollment() {
  std::optional<Process> ending;
  {
    const absl::MutexLock lock(&mutex_);
    ending = std::exchange(enrollment_, std::nullopt);
  }
  if (ending.has_value()) {
    ending->End(kTpmEndLimit);
  }
  unlink(paths_.EnrollSocket().c_str());
  unlink((paths_.EnrollSocket() + ".ctrl").c_str());
}

// Idempotent: every operation begins or ends with it, since QEMU may have ended
// at any moment.
void VirtualMachine::CollectExit() {
  {
    const absl::MutexLock lock(&mutex_);
    if (!qemu_.has_value() || qemu_->Running()) {
      return;
    }
    last_exit_ = qemu_->exit_reason();
    qemu_.reset();
    spdlog::info("event=vm-ended node={} reason=\"{}\"", spec_.name,
                 last_exit_);
  }
  EndTpm();
  unlink(paths_.QmpSocket().c_str());
}

absl::Status VirtualMachine::Prepare(const ClusterSpec& cluster) {
  RETURN_IF_ERROR(CreateNodeFiles(paths_, cluster.state_disk_bytes));
  const absl::MutexLock lock(&ca_mutex_);
  return CreateTpm(runner_, cluster_paths_.TpmCa(), paths_.Tpm());
}

absl::Status VirtualMachine::StartTpm() {
  EndTpm();  // a stale one would hold the state's lock
  // We listen, it accepts: so there is no moment without a listener.
  ASSIGN_OR_RETURN(const UniqueFd listener, ListenUnix(paths_.TpmSocket()));
  ASSIGN_OR_RETURN(Process tpm, Process::Spawn(SwtpmCommand(paths_),
                                               {.log_file = paths_.TpmLog(),
                                                .pid_file = paths_.TpmPid(),
                                                .inherit_fd = listener.get()}));
  const absl::MutexLock lock(&mutex_);
  tpm_ = std::move(tpm);
  return absl::OkStatus();
}

absl::Status VirtualMachine::AwaitQmp(size_t log_offset) {
  const absl::Time deadline = absl::Now() + kQmpLimit;
  while (true) {
    const absl::Status connected =
        QmpClient::Connect(paths_.QmpSocket(), kQmpLimit).status();
    if (connected.ok()) {
      return absl::OkStatus();
    }
    if (!QemuRunning()) {
      return FailedPrecondition(fmt::format(
          "QEMU did not start: {}", LogTail(paths_.QemuLog(), log_offset)));
    }
    if (absl::Now() >= deadline) {
      return Annotate(connected, "QEMU does not answer");
    }
    absl::SleepFor(kPollInterval);
  }
}

// Started means that QEMU answers, not that it was executed: a bad option ends
// it within a moment.
absl::Status VirtualMachine::StartQemu(const ClusterSpec& cluster,
                                       Accelerator accelerator) {
  const NodeSpec node = spec();
  unlink(paths_.QmpSocket().c_str());
  const size_t log_offset = FileSize(paths_.QemuLog());
  ASSIGN_OR_RETURN(
      Process qemu,
      Process::Spawn(
          QemuCommand(cluster, node, cluster_paths_, accelerator),
          {.log_file = paths_.QemuLog(), .pid_file = paths_.QemuPid()}));
  {
    const absl::MutexLock lock(&mutex_);
    qemu_ = std::move(qemu);
  }
  const absl::Status ready = AwaitQmp(log_offset);
  if (!ready.ok()) {
    const absl::MutexLock lock(&mutex_);
    qemu_->End(absl::ZeroDuration());
  }
  return ready;
}

// Ports are looked at before QEMU is: its own message names no program.
absl::Status VirtualMachine::Start(const ClusterSpec& cluster,
                                   Accelerator accelerator) {
  const absl::MutexLock operation(&operation_);
  RETURN_IF_ERROR(CheckUsable());
  CollectExit();
  if (QemuRunning()) {
    return absl::OkStatus();
  }
  {
    const absl::MutexLock lock(&mutex_);
    if (enrollment_.has_value() && enrollment_->Running()) {
      return FailedPrecondition("its TPM is open for enrolment");
    }
    for (const auto& [guest, host] : spec_.forwards) {
      RETURN_IF_ERROR(CheckPortFree(host));
    }
  }
  EndEnrollment();
  RETURN_IF_ERROR(Prepare(cluster));
  RETURN_IF_ERROR(StartTpm());
  const absl::Status started = StartQemu(cluster, accelerator);
  CollectExit();
  if (!started.ok()) {
    EndTpm();
    return started;
  }
  spdlog::info("event=vm-started node={} accelerator={}", spec().name,
               AcceleratorName(accelerator));
  return absl::OkStatus();
}

absl::Status VirtualMachine::Execute(std::string_view qmp_command) {
  if (!QemuRunning()) {
    return FailedPrecondition("the node is off");
  }
  ASSIGN_OR_RETURN(QmpClient qmp,
                   QmpClient::Connect(paths_.QmpSocket(), kQmpLimit));
  return qmp.Execute(qmp_command, kQmpLimit).status();
}

// The button is pressed again and again, then the power is cut: a guest that
// does not listen must not keep its host from shutting down.
void VirtualMachine::StopLocked(StopMode mode, absl::Duration graceful_limit) {
  EndEnrollment();
  const absl::Time deadline = absl::Now() + graceful_limit;
  // Firmware and kernels without a listener lose the button's event.
  while (mode == StopMode::kGraceful && QemuRunning() &&
         absl::Now() < deadline) {
    if (const absl::Status pressed = Execute("system_powerdown");
        !pressed.ok()) {
      spdlog::warn("event=power-button-failed node={} error=\"{}\"",
                   spec().name, Message(pressed));
    }
    AwaitExit(std::min(kPowerButtonInterval, deadline - absl::Now()));
  }
  if (QemuRunning()) {
    // `quit` may close the connection before it answers.
    (void)Execute("quit");
    if (!AwaitExit(kQuitLimit)) {
      const absl::MutexLock lock(&mutex_);
      qemu_->End(absl::ZeroDuration());
    }
  }
  CollectExit();
}

absl::Status VirtualMachine::Stop(StopMode mode,
                                  absl::Duration graceful_limit) {
  const absl::MutexLock operation(&operation_);
  RETURN_IF_ERROR(CheckUsable());
  StopLocked(mode, graceful_limit);
  return absl::OkStatus();
}

void VirtualMachine::Retire(StopMode mode, absl::Duration graceful_limit) {
  const absl::MutexLock operation(&operation_);
  retired_ = true;
  StopLocked(mode, graceful_limit);
}

absl::Status VirtualMachine::Reset() {
  const absl::MutexLock operation(&operation_);
  RETURN_IF_ERROR(CheckUsable());
  return Execute("system_reset");
}

absl::Status VirtualMachine::Kill() {
  const absl::MutexLock operation(&operation_);
  RETURN_IF_ERROR(CheckUsable());
  if (!QemuRunning()) {
    return FailedPrecondition("the node is off");
  }
  {
    const absl::MutexLock lock(&mutex_);
    qemu_->End(absl::ZeroDuration());
  }
  CollectExit();
  return absl::OkStatus();
}

absl::Status VirtualMachine::SetImage(const std::string& image_path) {
  const absl::MutexLock operation(&operation_);
  RETURN_IF_ERROR(CheckUsable());
  if (QemuRunning()) {
    return FailedPrecondition("the node is running");
  }
  const absl::MutexLock lock(&mutex_);
  spec_.image_path = image_path;
  return absl::OkStatus();
}

// Never beside a running VM: the TPM's state has one writer.
absl::StatusOr<std::string> VirtualMachine::OpenTpm(
    const ClusterSpec& cluster) {
  const absl::MutexLock operation(&operation_);
  RETURN_IF_ERROR(CheckUsable());
  CollectExit();
  if (QemuRunning()) {
    return FailedPrecondition("the node is running");
  }
  EndEnrollment();
  EndTpm();
  RETURN_IF_ERROR(Prepare(cluster));
  ASSIGN_OR_RETURN(Process tpm, Process::Spawn(EnrollmentSwtpmCommand(paths_),
                                               {.log_file = paths_.TpmLog(),
                                                .pid_file = paths_.TpmPid()}));
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  // Both sockets exist before it serves either; data comes first.
  while (!ConnectUnix(paths_.EnrollSocket() + ".ctrl").ok()) {
    if (!tpm.Running() || absl::Now() > deadline) {
      tpm.End(absl::ZeroDuration());
      return Unavailable(
          fmt::format("swtpm did not start: {}", LogTail(paths_.TpmLog(), 0)));
    }
    absl::SleepFor(kPollInterval);
  }
  const absl::MutexLock lock(&mutex_);
  enrollment_ = std::move(tpm);
  return "swtpm:path=" + paths_.EnrollSocket();
}

absl::Status VirtualMachine::CloseTpm() {
  const absl::MutexLock operation(&operation_);
  EndEnrollment();
  return absl::OkStatus();
}

absl::Status VirtualMachine::Destroy() {
  Retire(StopMode::kHard, absl::ZeroDuration());
  return RemoveTree(paths_.directory);
}

// Does not wait: an operation collects what it needs itself.
void VirtualMachine::Poll() {
  if (!operation_.TryLock()) {
    return;
  }
  CollectExit();
  TrimLogs();
  operation_.Unlock();
}

void VirtualMachine::TrimLogs() {
  BoundSerialLog(paths_.SerialLog(), kMaxSerialLog);
}

void VirtualMachine::AddBootStatus(std::string_view json) {
  const absl::MutexLock lock(&mutex_);
  boot_status_ = std::string(json);
  boot_status_time_ = absl::Now();
  AppendBootStatus(paths_.BootStatusLog(), {boot_status_time_, boot_status_});
}

// So that strays can be told from what is owned.
std::vector<pid_t> VirtualMachine::Pids() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<pid_t> pids;
  for (const auto* process : {&qemu_, &tpm_, &enrollment_}) {
    if (process->has_value()) {
      pids.push_back((*process)->pid());
    }
  }
  return pids;
}

NodeStatus VirtualMachine::Status() const {
  const absl::MutexLock lock(&mutex_);
  NodeStatus status;
  status.spec = spec_;
  if (qemu_.has_value()) {
    status.state = PowerState::kRunning;
    status.pid = qemu_->pid();
    status.uptime = qemu_->Uptime();
  } else if (enrollment_.has_value()) {
    status.state = PowerState::kTpmOnly;
  }
  status.boot_status = boot_status_;
  status.boot_status_time = boot_status_time_;
  status.last_exit = last_exit_;
  status.serial_log = paths_.SerialLog();
  status.boot_status_log = paths_.BootStatusLog();
  return status;
}

}  // namespace constellation::cloud::qemu
