// SPDX-License-Identifier: Apache-2.0
#include "cli/nodes/boot_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/terminal/progress.h"
#include "cli/terminal/table.h"

namespace constellation::cli {
namespace {

// Limits of what is taken from a guest.
constexpr size_t kMaxTextBytes = 4096;
constexpr int64_t kMaxElapsedMs = int64_t{1000} * 60 * 60 * 24 * 365;

// A text field without control characters; empty if it is anything else.
std::string TextOf(const nlohmann::json& object, const char* name) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_string()) {
    return "";
  }
  return Printable(
      field->get_ref<const std::string&>().substr(0, kMaxTextBytes));
}

}  // namespace

// "running" is what one expects and is left out.
std::string BootStatus::Describe() const {
  std::string text = fmt::format("{} {}", component, phase);
  if (state != "running" && !state.empty()) {
    text += " " + state;
  }
  text += fmt::format(" ({})", FormatElapsed(elapsed));
  if (!message.empty()) {
    text += ": " + message;
  }
  return text;
}

// Times beyond a year are cut: a guest may claim anything.
std::optional<BootStatus> ParseBootStatus(std::string_view json) {
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) {
    return std::nullopt;
  }
  BootStatus status;
  status.component = TextOf(object, "component");
  status.phase = TextOf(object, "phase");
  status.state = TextOf(object, "state");
  status.message = TextOf(object, "message");
  const auto elapsed = object.find("elapsedMs");
  if (elapsed != object.end() && elapsed->is_number_unsigned()) {
    status.elapsed = absl::Milliseconds(static_cast<int64_t>(std::min<uint64_t>(
        elapsed->get<uint64_t>(), static_cast<uint64_t>(kMaxElapsedMs))));
  }
  return status;
}

}  // namespace constellation::cli
