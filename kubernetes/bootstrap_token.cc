// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/bootstrap_token.h"

#include <fmt/format.h>

#include <string>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::kubernetes {
namespace {

// The form of a bootstrap token is fixed by Kubernetes: six characters, a full
// stop, sixteen characters.
constexpr size_t kIdLength = 6;
constexpr size_t kSecretLength = 16;
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr char kSecretsPath[] = "/api/v1/namespaces/kube-system/secrets";

// `length` characters of kAlphabet, each as likely as any other.
std::string RandomText(size_t length) {
  // The largest multiple of 36 that a byte can hold; what is above is thrown
  // away.
  constexpr uint8_t kLimit = 252;
  static_assert(kLimit % kAlphabet.size() == 0);
  std::string text;
  while (text.size() < length) {
    for (const uint8_t byte : crypto::RandomBytes(length)) {
      if (byte < kLimit && text.size() < length) {
        text += kAlphabet[byte % kAlphabet.size()];
      }
    }
  }
  return text;
}

}  // namespace

// Copies inside the JSON object are not wiped; the token is short-lived.
absl::StatusOr<SecretBytes> CreateBootstrapToken(Client& client, Clock& clock,
                                                 absl::Duration lifetime,
                                                 std::string_view description) {
  const std::string id = RandomText(kIdLength);
  std::string secret = RandomText(kSecretLength);
  const std::string expiration = absl::FormatTime(
      "%Y-%m-%dT%H:%M:%SZ", clock.Now() + lifetime, absl::UTCTimeZone());
  const Json object = {
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"type", "bootstrap.kubernetes.io/token"},
      {"metadata",
       {{"name", "bootstrap-token-" + id}, {"namespace", "kube-system"}}},
      {"stringData",
       {{"token-id", id},
        {"token-secret", secret},
        {"expiration", expiration},
        {"description", description},
        {"usage-bootstrap-authentication", "true"},
        {"usage-bootstrap-signing", "true"},
        {"auth-extra-groups",
         "system:bootstrappers:kubeadm:default-node-token"}}}};
  std::string text = fmt::format("{}.{}", id, secret);
  SecretBytes token(AsBytes(text));
  Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
  Wipe({reinterpret_cast<uint8_t*>(secret.data()), secret.size()});
  const absl::Status created = client.Create(kSecretsPath, object).status();
  if (!created.ok()) return Annotate(created, "create a bootstrap token");
  return token;
}

}  // namespace constellation::kubernetes
