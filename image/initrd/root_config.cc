// SPDX-License-Identifier: Apache-2.0
#include "image/initrd/root_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "common/status_macros.h"

namespace constellation::image::initrd {
namespace {

constexpr size_t kMaxSaltDigits = 512;  // dm-verity takes 256 octets
constexpr uint64_t kMaxDataBlocks = uint64_t{1} << 32U;  // 16 TiB

absl::Status Malformed(std::string_view name, std::string_view problem) {
  const std::string message =
      fmt::format("kernel command line: {}: {}", name, problem);
  return absl::InvalidArgumentError(message);
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n';
}

// The value of the only word `<name>=...`.
absl::StatusOr<std::string_view> OnlyValue(std::string_view line,
                                           std::string_view name) {
  std::optional<std::string_view> value;
  while (!line.empty()) {
    const auto end = std::find_if(line.begin(), line.end(), IsSpace);
    const auto word = line.substr(0, static_cast<size_t>(end - line.begin()));
    line.remove_prefix(std::min(word.size() + 1, line.size()));
    if (word.size() <= name.size() || word.substr(0, name.size()) != name ||
        word[name.size()] != '=') {
      continue;
    }
    if (value.has_value()) {
      return Malformed(name, "given twice");
    }
    value = word.substr(name.size() + 1);
  }
  if (!value.has_value()) {
    return Malformed(name, "missing");
  }
  return *value;
}

std::optional<uint8_t> HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<uint8_t>(c - '0');
  }
  if (c >= 'a' && c <= 'f') {
    return static_cast<uint8_t>(c - 'a' + 10);
  }
  return std::nullopt;
}

// Lower case only: one way to write it, as the build does.
absl::Status ParseRootHash(std::string_view text, RootConfig& config) {
  if (text.size() != 2 * config.root_hash.size()) {
    return Malformed("roothash",
                     fmt::format("wanted 64 digits, got {}", text.size()));
  }
  for (size_t i = 0; i < config.root_hash.size(); ++i) {
    const auto high = HexDigit(text[2 * i]);
    const auto low = HexDigit(text[2 * i + 1]);
    if (!high || !low) {
      return Malformed("roothash", "not lower-case hexadecimal");
    }
    config.root_hash[i] = static_cast<uint8_t>((*high << 4U) | *low);
  }
  return absl::OkStatus();
}

// These end up in a table line of the kernel: nothing but digits passes.
absl::Status ParseVerity(std::string_view text, RootConfig& config) {
  constexpr std::string_view kName = "constellation.verity";
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) {
    return Malformed(kName, "wanted <blocks>,<salt>");
  }
  const char* end = text.data() + comma;
  const auto [rest, error] =
      std::from_chars(text.data(), end, config.data_blocks);
  if (error != std::errc{} || rest != end || config.data_blocks == 0 ||
      config.data_blocks > kMaxDataBlocks) {
    return Malformed(kName, "wrong number of blocks");
  }
  const std::string_view salt = text.substr(comma + 1);
  const bool is_hex = std::all_of(
      salt.begin(), salt.end(), [](char c) { return HexDigit(c).has_value(); });
  if (salt.empty() || salt.size() % 2 != 0 || salt.size() > kMaxSaltDigits ||
      !is_hex) {
    return Malformed(kName, "wrong salt");
  }
  config.salt = std::string(salt);
  return absl::OkStatus();
}

}  // namespace

measure::Guid RootConfig::data_partition() const {
  return measure::Guid::FromTextOrder(std::span(root_hash).first<16>());
}

measure::Guid RootConfig::hash_partition() const {
  return measure::Guid::FromTextOrder(std::span(root_hash).last<16>());
}

absl::StatusOr<RootConfig> ParseRootConfig(std::string_view command_line) {
  RootConfig config;
  ASSIGN_OR_RETURN(const std::string_view hash,
                   OnlyValue(command_line, "roothash"));
  RETURN_IF_ERROR(ParseRootHash(hash, config));
  ASSIGN_OR_RETURN(const std::string_view verity,
                   OnlyValue(command_line, "constellation.verity"));
  RETURN_IF_ERROR(ParseVerity(verity, config));
  return config;
}

// A block that differs stops the machine: to go on with a root that somebody
// has altered would be worse.
std::string VerityTable(const RootConfig& config, std::string_view data_device,
                        std::string_view hash_device) {
  std::string hash;
  for (const uint8_t octet : config.root_hash) {
    hash += fmt::format("{:02x}", octet);
  }
  // version data hash block sizes, data blocks, first hash block, algorithm,
  // root, salt, number of options, options
  return fmt::format("1 {} {} {} {} {} 0 sha256 {} {} 1 panic_on_corruption",
                     data_device, hash_device, kVerityBlockSize,
                     kVerityBlockSize, config.data_blocks, hash, config.salt);
}

}  // namespace constellation::image::initrd
