// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/shown.h"

#include <fmt/format.h>

#include "common/hex.h"

namespace constellation::cli {
namespace {

// An event log may have more entries than anybody reads; memory stays bounded
// all the same.
constexpr size_t kMaxFields = 4096;
// Longer values are cut: a field is for reading, the file is still there.
constexpr size_t kMaxValue = 4096;

}  // namespace

// The text is kept as it is, hostile characters included: whoever renders it
// takes them out, once.
ShownPart& ShownPart::Text(std::string_view name, std::string_view value) {
  if (fields_.size() >= kMaxFields) {
    ++omitted_;
    return *this;
  }
  std::string kept(value.substr(0, kMaxValue));
  if (value.size() > kMaxValue) {
    kept += fmt::format(".. ({} more)", value.size() - kMaxValue);
  }
  fields_.push_back({std::string(name), std::move(kept)});
  return *this;
}

ShownPart& ShownPart::Hex(std::string_view name,
                          std::span<const uint8_t> octets) {
  constexpr size_t kMaxOctets = kMaxValue / 2;
  if (octets.size() <= kMaxOctets) {
    return Text(name, HexEncode(octets));
  }
  // Room for the count, which would be cut otherwise.
  constexpr size_t kShown = kMaxOctets - 16;
  return Text(name,
              fmt::format("{}.. ({} octets)", HexEncode(octets.first(kShown)),
                          octets.size()));
}

ShownPart& ShownPart::Number(std::string_view name, uint64_t value) {
  return Text(name, fmt::format("{}", value));
}

ShownPart& ShownPart::HexNumber(std::string_view name, uint64_t value) {
  return Text(name, fmt::format("{:#x}", value));
}

ShownPart& ShownPart::YesNo(std::string_view name, bool value) {
  return Text(name, value ? "yes" : "no");
}

ShownPart& ShownPart::Time(std::string_view name, absl::Time value) {
  return Text(name, ShownTime(value));
}

// Infinite times stand for dates that a certificate or list does not have.
std::string ShownTime(absl::Time time) {
  if (time == absl::InfinitePast() || time == absl::InfiniteFuture()) {
    return "-";
  }
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

ShownPart& Decoded::Add(std::string title) {
  return parts.emplace_back(std::move(title));
}

}  // namespace constellation::cli
