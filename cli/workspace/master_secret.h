// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_WORKSPACE_MASTER_SECRET_H_
#define CONSTELLATION_CLI_WORKSPACE_MASTER_SECRET_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::cli {

inline constexpr size_t kMasterSecretBytes = 32;

// What owns the cluster. Every key is derived from it.
struct MasterSecret {
  SecretBytes key;  // 32 octets
  Bytes salt;       // 32 octets
};

// A new one from the system's random generator.
MasterSecret GenerateMasterSecret();

// Reads {"key": base64, "salt": base64}; strict. INVALID_ARGUMENT names `file`
// and never repeats its contents.
absl::StatusOr<MasterSecret> ParseMasterSecret(std::string_view json,
                                               std::string_view file);

// The JSON of `secret`. The caller wipes the result.
std::string RenderMasterSecret(const MasterSecret& secret);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_WORKSPACE_MASTER_SECRET_H_
