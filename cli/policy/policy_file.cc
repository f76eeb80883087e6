// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/policy_file.h"

#include "attestation/policy/signed_policy.h"
#include "cli/exit_code.h"
#include "common/files.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

constexpr size_t kMaxPolicy = size_t{1} << 20U;  // as the format says
constexpr size_t kMaxKey = 16384;
constexpr unsigned kSignatureMode = 0644;

std::string SignatureOf(const PolicyFile& file) {
  return file.signature.empty() ? file.path + ".sig" : file.signature;
}

}  // namespace

// Text and signature are read once: what was verified is what is parsed.
absl::StatusOr<attestation::Policy> LoadPolicy(const PolicyFile& file) {
  if (file.key.empty() && !file.signature.empty()) {
    return AsUsageError(InvalidArgument(
        "a signature proves nothing without the key that must have made it: "
        "give both"));
  }
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file.path, kMaxPolicy));
  if (file.key.empty()) {
    absl::StatusOr<attestation::Policy> policy =
        attestation::Policy::Parse(text);
    if (!policy.ok()) {
      return Annotate(policy.status(), file.path);
    }
    return policy;
  }
  ASSIGN_OR_RETURN(const std::string key, ReadFile(file.key, kMaxKey));
  ASSIGN_OR_RETURN(const std::string signature,
                   ReadFile(SignatureOf(file), kMaxKey));
  const absl::StatusOr<attestation::SignedPolicy> signed_policy =
      attestation::SignedPolicy::Verify(text, signature, key);
  if (!signed_policy.ok()) {
    return Annotate(signed_policy.status(), file.path);
  }
  return signed_policy->policy();
}

// The key lives in memory that wipes itself; the file's text is wiped as soon
// as it was copied.
absl::StatusOr<std::string> SignPolicyFile(const PolicyFile& file) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file.path, kMaxPolicy));
  ASSIGN_OR_RETURN(std::string pem, ReadFile(file.key, kMaxKey));
  const SecretBytes key{AsBytes(pem)};
  Wipe({reinterpret_cast<uint8_t*>(pem.data()), pem.size()});
  const absl::StatusOr<std::string> signature =
      attestation::SignPolicy(text, key);
  if (!signature.ok()) {
    return Annotate(signature.status(), file.path);
  }
  const std::string where = SignatureOf(file);
  RETURN_IF_ERROR(WriteFileAtomically(where, *signature, kSignatureMode));
  return where;
}

}  // namespace constellation::cli
