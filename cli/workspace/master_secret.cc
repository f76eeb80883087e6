// SPDX-License-Identifier: Apache-2.0
#include "cli/workspace/master_secret.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "absl/cleanup/cleanup.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::cli {
namespace {

// The octets of field `name`. The message says what is wrong, not what is
// there.
absl::StatusOr<SecretBytes> ReadField(const nlohmann::json& object,
                                      const char* name, std::string_view file) {
  const auto field = object.find(name);
  if (field == object.end() || !field->is_string()) {
    return InvalidArgument(
        fmt::format("{}: \"{}\" must be base64 text", file, name));
  }
  absl::StatusOr<Bytes> bytes =
      Base64Decode(field->get_ref<const std::string&>());
  if (!bytes.ok()) {
    return InvalidArgument(
        fmt::format("{}: \"{}\" is not valid base64", file, name));
  }
  const absl::Cleanup wipe = [&] { Wipe(*bytes); };
  if (bytes->size() != kMasterSecretBytes) {
    return InvalidArgument(fmt::format("{}: \"{}\" must be {} octets, not {}",
                                       file, name, kMasterSecretBytes,
                                       bytes->size()));
  }
  return SecretBytes(*bytes);
}

}  // namespace

MasterSecret GenerateMasterSecret() {
  return {crypto::RandomSecret(kMasterSecretBytes),
          crypto::RandomBytes(kMasterSecretBytes)};
}

// All strings of the parsed document are wiped, right or wrong.
absl::StatusOr<MasterSecret> ParseMasterSecret(std::string_view json,
                                               std::string_view file) {
  nlohmann::json object = nlohmann::json::parse(json, nullptr, false);
  const absl::Cleanup wipe = [&] {
    if (object.is_object()) {
      for (auto& [name, value] : object.items()) {
        if (value.is_string()) {
          auto& text = value.get_ref<std::string&>();
          Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
        }
      }
    }
  };
  if (!object.is_object()) {
    return InvalidArgument(fmt::format("{}: not a JSON object", file));
  }
  for (const auto& [name, value] : object.items()) {
    if (name != "key" && name != "salt") {
      return InvalidArgument(fmt::format(
          "{}: unknown field \"{}\"; known: key, salt", file, name));
    }
  }
  MasterSecret secret;
  ASSIGN_OR_RETURN(secret.key, ReadField(object, "key", file));
  ASSIGN_OR_RETURN(const SecretBytes salt, ReadField(object, "salt", file));
  secret.salt.assign(salt.Expose().begin(), salt.Expose().end());
  return secret;
}

// The copy in base64 is wiped here; the result is the caller's to wipe.
std::string RenderMasterSecret(const MasterSecret& secret) {
  std::string key = Base64Encode(secret.key.Expose());
  const absl::Cleanup wipe = [&] {
    Wipe({reinterpret_cast<uint8_t*>(key.data()), key.size()});
  };
  return fmt::format("{{\n  \"key\": \"{}\",\n  \"salt\": \"{}\"\n}}\n", key,
                     Base64Encode(secret.salt));
}

}  // namespace constellation::cli
