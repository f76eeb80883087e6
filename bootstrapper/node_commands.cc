// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/node_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "bootstrapper/kubeadm_config.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

constexpr absl::Duration kShortTimeout = absl::Minutes(1);
constexpr absl::Duration kFormatTimeout = absl::Minutes(2);
// In octets; what goes into a boot status has to stay small.
constexpr size_t kKubeadmTail = 1500;
constexpr size_t kUnitTail = 1000;

std::string WithoutLineEnd(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

std::string Tail(std::string_view text, size_t max_size) {
  if (text.size() > max_size) {
    text.remove_prefix(text.size() - max_size);
    const size_t line = text.find('\n');
    if (line != std::string_view::npos && line + 1 < text.size()) {
      text.remove_prefix(line + 1);
    }
  }
  std::string tail(text);
  std::ranges::replace_if(
      tail, [](char c) { return c != '\n' && (c < ' ' || c > '~'); }, ' ');
  return WithoutLineEnd(std::move(tail));
}

absl::Status NodeCommands::Run(const std::vector<std::string>& argv,
                               absl::Duration timeout,
                               std::span<const uint8_t> input) {
  CommandOptions options;
  options.timeout = Scaled(timeout, time_scale_);
  options.input = input;
  return RunChecked(runner_, argv, options).status();
}

absl::Status NodeCommands::FormatStateDisk(std::string_view disk_uuid,
                                           const SecretBytes& key) {
  return Run({"disk-mapper", "format", "--uuid", std::string(disk_uuid)},
             kFormatTimeout, key.Expose());
}

absl::Status NodeCommands::CommitStateDisk() {
  return Run({"disk-mapper", "commit"}, kShortTimeout);
}

absl::Status NodeCommands::ResetStateDisk() {
  return Run({"disk-mapper", "reset"}, kShortTimeout);
}

absl::Status NodeCommands::StartUnit(const std::string& unit) {
  return Run({"systemctl", "start", unit}, absl::Minutes(3));
}

absl::Status NodeCommands::BeginStartingUnit(const std::string& unit) {
  return Run({"systemctl", "start", "--no-block", unit}, kShortTimeout);
}

absl::Status NodeCommands::Reboot() {
  return Run({"systemctl", "reboot"}, kShortTimeout);
}

// From the program itself: a file could be wrong.
absl::StatusOr<std::string> NodeCommands::KubernetesVersion() {
  CommandOptions options;
  options.timeout = Scaled(kShortTimeout, time_scale_);
  ASSIGN_OR_RETURN(
      std::string version,
      RunChecked(runner_, {"kubeadm", "version", "-o", "short"}, options));
  version = WithoutLineEnd(std::move(version));
  if (!version.starts_with('v') || version.size() > 32) {
    return Internal("kubeadm version: want one like v1.20.2");
  }
  return version;
}

// kubeadm's own message is often only that kubelet did not start, hence
// kubelet's log.
absl::Status NodeCommands::Kubeadm(const std::vector<std::string>& arguments,
                                   std::span<const uint8_t> input,
                                   absl::Duration timeout) {
  std::vector<std::string> argv = {"kubeadm"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  CommandOptions options;
  options.timeout = timeout;
  options.input = input;
  const auto result = runner_.Run(argv, options);
  const std::string what = fmt::format("kubeadm {}", arguments.front());
  if (!result.ok()) {
    return Annotate(result.status(),
                    fmt::format("{} (kubelet's last lines: {})", what,
                                LogTail(kKubeletUnit)));
  }
  if (result->exit_code == 0) {
    return absl::OkStatus();
  }
  return Internal(fmt::format(
      "{}: want exit code 0, got {}: {}; kubelet's last lines: {}", what,
      result->exit_code,
      Tail(result->err.empty() ? result->out : result->err, kKubeadmTail),
      LogTail(kKubeletUnit)));
}

std::string NodeCommands::LogTail(const std::string& unit) {
  CommandOptions options;
  options.timeout = Scaled(absl::Seconds(20), time_scale_);
  const auto result = runner_.Run({"journalctl", "--unit", unit, "--lines",
                                   "20", "--output", "cat", "--no-pager"},
                                  options);
  return result.ok() && result->exit_code == 0 ? Tail(result->out, kUnitTail)
                                               : std::string();
}

}  // namespace constellation::bootstrapper
