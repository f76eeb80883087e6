// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>
#include <utility>

#include "attestation/eventlog/event_log.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxText = 60;

bool IsPrintable(uint8_t byte) {
  return byte >= 0x20 && byte < 0x7f;
}

// The beginning of ASCII or UTF-16LE text, or nothing if `data` is not text.
std::string TextOf(const Bytes& data) {
  const size_t step = data.size() >= 2 && data[1] == 0 ? 2 : 1;
  std::string text;
  for (size_t i = 0; i < data.size() && data[i] != 0; i += step) {
    if (!IsPrintable(data[i]) ||
        (step == 2 && i + 1 < data.size() && data[i + 1] != 0)) {
      return "";
    }
    if (text.size() == kMaxText) {
      return text + "...";
    }
    text.push_back(static_cast<char>(data[i]));
  }
  return text;
}

}  // namespace

// TCG PC Client Platform Firmware Profile 10.4.1, table of event types.
std::string EventTypeName(uint32_t type) {
  static constexpr std::pair<uint32_t, const char*> kNames[] = {
      {0x00, "EV_PREBOOT_CERT"},
      {0x01, "EV_POST_CODE"},
      {kEvNoAction, "EV_NO_ACTION"},
      {kEvSeparator, "EV_SEPARATOR"},
      {kEvAction, "EV_ACTION"},
      {0x06, "EV_EVENT_TAG"},
      {0x07, "EV_S_CRTM_CONTENTS"},
      {0x08, "EV_S_CRTM_VERSION"},
      {0x09, "EV_CPU_MICROCODE"},
      {0x0a, "EV_PLATFORM_CONFIG_FLAGS"},
      {0x0b, "EV_TABLE_OF_DEVICES"},
      {0x0c, "EV_COMPACT_HASH"},
      {kEvIpl, "EV_IPL"},
      {0x0e, "EV_IPL_PARTITION_DATA"},
      {0x0f, "EV_NONHOST_CODE"},
      {0x10, "EV_NONHOST_CONFIG"},
      {0x11, "EV_NONHOST_INFO"},
      {0x12, "EV_OMIT_BOOT_DEVICE_EVENTS"},
      {0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG"},
      {0x80000002, "EV_EFI_VARIABLE_BOOT"},
      {0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION"},
      {0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER"},
      {0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER"},
      {0x80000006, "EV_EFI_GPT_EVENT"},
      {0x80000007, "EV_EFI_ACTION"},
      {0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"},
      {0x80000009, "EV_EFI_HANDOFF_TABLES"},
      {0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2"},
      {0x8000000b, "EV_EFI_HANDOFF_TABLES2"},
      {0x8000000c, "EV_EFI_VARIABLE_BOOT2"},
      {0x800000e0, "EV_EFI_VARIABLE_AUTHORITY"}};
  for (const auto& [number, name] : kNames) {
    if (number == type) {
      return name;
    }
  }
  return fmt::format("{:#x}", type);
}

// The number is the position in the log, so that two lists can be compared.
std::string DescribeEvent(const LogEvent& event) {
  const std::string text = TextOf(event.data);
  return fmt::format("#{} {}{}", event.number, EventTypeName(event.type),
                     text.empty() ? "" : fmt::format(" \"{}\"", text));
}

}  // namespace constellation::attestation
