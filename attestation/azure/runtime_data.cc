// SPDX-License-Identifier: Apache-2.0
#include "attestation/azure/runtime_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxSize = 8192;
constexpr int kMaxDepth = 8;
constexpr size_t kMaxKeys = 8;
constexpr size_t kMaxOperations = 8;
constexpr size_t kMaxText = 128;
constexpr size_t kUserDataOctets = 64;
constexpr size_t kMaxModulus = 512;  // RSA-4096

// Sees every token while the document is parsed.
class Guard final {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > kMaxDepth) {
      problem_ = fmt::format("nesting: want at most {}", kMaxDepth);
    } else if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key &&
               !keys_.back().insert(parsed.get<std::string>()).second) {
      problem_ = "a key is given twice in one object";
    }
    return true;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::vector<std::set<std::string>> keys_;
  std::string problem_;
};

// Kinds of JSON values are named, never their contents: those are hostile.
absl::Status Wrong(std::string_view place, std::string_view want,
                   const Json& got) {
  return InvalidArgument(fmt::format("runtime data: {}: want {}, got {}", place,
                                     want, got.type_name()));
}

// The document, if it is strict JSON. The reader is iterative, and the guard
// refuses depth before anything walks the result.
absl::StatusOr<Json> ParseDocument(std::string_view text) {
  if (text.size() > kMaxSize) {
    return InvalidArgument(fmt::format(
        "runtime data: want at most {} bytes, got {}", kMaxSize, text.size()));
  }
  // The library takes a NUL for the end and would not look at what follows.
  if (text.find('\0') != std::string_view::npos) {
    return InvalidArgument("runtime data: it contains a NUL");
  }
  Guard guard;
  Json document = Json::parse(
      text,
      [&guard](int depth, Json::parse_event_t event, Json& parsed) {
        return guard(depth, event, parsed);
      },
      /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return InvalidArgument("runtime data: it is not JSON");
  }
  if (!guard.problem().empty()) {
    return InvalidArgument("runtime data: " + guard.problem());
  }
  if (!document.is_object()) {
    return Wrong("document", "an object", document);
  }
  return document;
}

// Text that must be there, of printable ASCII.
absl::StatusOr<std::string> ReadText(const Json& object, const char* key,
                                     std::string_view place, size_t max_size) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return Wrong(place, "a string", found == object.end() ? Json() : *found);
  }
  const auto& text = found->get_ref<const std::string&>();
  if (text.size() > max_size || !std::ranges::all_of(text, [](char c) {
        return c >= 0x20 && c <= 0x7e;
      })) {
    return InvalidArgument(fmt::format(
        "runtime data: {}: want at most {} printable characters, got {}", place,
        max_size, text.size()));
  }
  return text;
}

// A claim that may be missing.
absl::StatusOr<std::optional<bool>> ReadFlag(const Json& object,
                                             const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) {
    return std::optional<bool>();
  }
  if (!found->is_boolean()) {
    return Wrong(fmt::format("vm-configuration.{}", key), "true or false",
                 *found);
  }
  return std::optional<bool>(found->get<bool>());
}

// RFC 7518 6.3.1.2: the minimal number of octets.
absl::StatusOr<uint32_t> ReadExponent(const Bytes& octets,
                                      std::string_view place) {
  if (octets.empty() || octets.size() > sizeof(uint32_t) || octets[0] == 0) {
    return InvalidArgument(fmt::format(
        "runtime data: {}.e: want 1 to 4 octets without leading zero, got {}",
        place, HexEncode(octets)));
  }
  uint32_t exponent = 0;
  for (const uint8_t octet : octets) {
    exponent = exponent << 8U | octet;
  }
  return exponent;
}

absl::Status ReadOperations(const Json& entry, std::string_view place,
                            RuntimeKeyUnverified& key) {
  const auto found = entry.find("key_ops");
  if (found == entry.end()) {
    return absl::OkStatus();
  }
  if (!found->is_array() || found->size() > kMaxOperations) {
    return Wrong(fmt::format("{}.key_ops", place), "a short array", *found);
  }
  for (const Json& operation : *found) {
    if (!operation.is_string()) {
      return Wrong(fmt::format("{}.key_ops", place), "strings", operation);
    }
    key.operations.push_back(operation.get<std::string>());
  }
  return absl::OkStatus();
}

absl::StatusOr<RuntimeKeyUnverified> ReadKey(const Json& entry,
                                             const std::string& place) {
  if (!entry.is_object()) {
    return Wrong(place, "an object", entry);
  }
  RuntimeKeyUnverified key;
  ASSIGN_OR_RETURN(key.id, ReadText(entry, "kid", place + ".kid", kMaxText));
  ASSIGN_OR_RETURN(const std::string type,
                   ReadText(entry, "kty", place + ".kty", kMaxText));
  if (type != "RSA") {
    return InvalidArgument(
        fmt::format("runtime data: {}.kty: want RSA, got {}", place, type));
  }
  RETURN_IF_ERROR(ReadOperations(entry, place, key));
  ASSIGN_OR_RETURN(const std::string n,
                   ReadText(entry, "n", place + ".n", kMaxModulus * 4 / 3 + 2));
  ASSIGN_OR_RETURN(const std::string e,
                   ReadText(entry, "e", place + ".e", kMaxText));
  ASSIGN_OR_RETURN(key.modulus, Base64UrlDecode(n));
  ASSIGN_OR_RETURN(const Bytes exponent, Base64UrlDecode(e));
  ASSIGN_OR_RETURN(key.exponent, ReadExponent(exponent, place));
  return key;
}

// Identifiers are unique: else a reader could take another HCLAkPub than the
// paravisor meant.
absl::Status ReadKeys(const Json& document, RuntimeDataUnverified& data) {
  const auto found = document.find("keys");
  if (found == document.end() || !found->is_array() ||
      found->size() > kMaxKeys) {
    return Wrong("keys", fmt::format("an array of at most {}", kMaxKeys),
                 found == document.end() ? Json() : *found);
  }
  for (const Json& entry : *found) {
    const std::string place = fmt::format("keys[{}]", data.keys.size());
    ASSIGN_OR_RETURN(RuntimeKeyUnverified key, ReadKey(entry, place));
    if (data.FindKey(key.id) != nullptr) {
      return InvalidArgument(fmt::format(
          "runtime data: {}.kid: {} is given twice", place, key.id));
    }
    data.keys.push_back(std::move(key));
  }
  return absl::OkStatus();
}

// "vm-configuration", which the oldest reports may lack.
absl::Status ReadConfiguration(const Json& document,
                               VmConfigurationUnverified& out) {
  const auto found = document.find("vm-configuration");
  if (found == document.end()) {
    return absl::OkStatus();
  }
  if (!found->is_object()) {
    return Wrong("vm-configuration", "an object", *found);
  }
  const Json& object = *found;
  ASSIGN_OR_RETURN(out.console_enabled, ReadFlag(object, "console-enabled"));
  ASSIGN_OR_RETURN(out.secure_boot, ReadFlag(object, "secure-boot"));
  ASSIGN_OR_RETURN(out.tpm_enabled, ReadFlag(object, "tpm-enabled"));
  ASSIGN_OR_RETURN(out.tpm_persisted, ReadFlag(object, "tpm-persisted"));
  ASSIGN_OR_RETURN(out.filtered_vpci_devices_allowed,
                   ReadFlag(object, "filtered-vpci-devices-allowed"));
  if (const auto time = object.find("current-time"); time != object.end()) {
    if (!time->is_number_unsigned()) {
      return Wrong("vm-configuration.current-time", "a whole number", *time);
    }
    out.current_time = time->get<uint64_t>();
  }
  if (object.contains("root-cert-thumbprint")) {
    ASSIGN_OR_RETURN(
        out.root_cert_thumbprint,
        ReadText(object, "root-cert-thumbprint",
                 "vm-configuration.root-cert-thumbprint", kMaxText));
  }
  if (object.contains("vmUniqueId")) {
    ASSIGN_OR_RETURN(out.vm_unique_id,
                     ReadText(object, "vmUniqueId",
                              "vm-configuration.vmUniqueId", kMaxText));
  }
  for (char& c : out.vm_unique_id) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return absl::OkStatus();
}

// What the guest wrote into NV index 0x01400002, as hex of 64 octets.
absl::Status ReadUserData(const Json& document, RuntimeDataUnverified& data) {
  if (!document.contains("user-data")) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(
      const std::string hex,
      ReadText(document, "user-data", "user-data", 2 * kUserDataOctets));
  absl::StatusOr<Bytes> octets = HexDecode(hex);
  if (!octets.ok() || octets->size() != kUserDataOctets) {
    return InvalidArgument(fmt::format(
        "runtime data: user-data: want {} hex digits, got {} characters",
        2 * kUserDataOctets, hex.size()));
  }
  data.user_data = *std::move(octets);
  return absl::OkStatus();
}

}  // namespace

const RuntimeKeyUnverified* RuntimeDataUnverified::FindKey(
    std::string_view id) const {
  const auto found = std::ranges::find(keys, id, &RuntimeKeyUnverified::id);
  return found == keys.end() ? nullptr : &*found;
}

absl::StatusOr<RuntimeDataUnverified> ParseRuntimeDataUnverified(
    std::span<const uint8_t> json) {
  ASSIGN_OR_RETURN(const Json document, ParseDocument(AsText(json)));
  RuntimeDataUnverified data;
  RETURN_IF_ERROR(ReadKeys(document, data));
  RETURN_IF_ERROR(ReadConfiguration(document, data.configuration));
  RETURN_IF_ERROR(ReadUserData(document, data));
  return data;
}

absl::StatusOr<crypto::PublicKey> ToPublicKey(const RuntimeKeyUnverified& key) {
  return crypto::PublicKey::FromRsa(key.modulus, key.exponent);
}

absl::StatusOr<Bytes> Base64UrlDecode(std::string_view text) {
  std::string standard(text);
  for (char& c : standard) {
    if (c == '+' || c == '/' || c == '=') {
      return InvalidArgument("base64url: a character is not in the alphabet");
    }
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  standard.append((4 - standard.size() % 4) % 4, '=');
  return Base64Decode(standard);
}

}  // namespace constellation::attestation
