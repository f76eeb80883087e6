// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_INIT_PARAMETERS_H_
#define CONSTELLATION_BOOTSTRAPPER_INIT_PARAMETERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/hex.h"
#include "common/secret_bytes.h"

namespace constellation::bootstrapper {

// In octets. The time scale is a factor.
inline constexpr size_t kSecretSize = 32;
inline constexpr size_t kSaltSize = 32;
inline constexpr size_t kClusterIdSize = 32;
inline constexpr uint32_t kMaxTimeScale = 20;

// Who this node is, as far as it knows by itself and from its metadata.
struct NodeIdentity {
  std::string name;
  std::string cluster_ip;
  std::string kubernetes_version;  // of the node image, e.g. "v1.20.2"
  std::string provider_id;         // may be empty
  std::string role = {};           // what the metadata says it is for
  std::string zone = {};           // in the cloud's words; may be empty
  std::string region = {};         // the same
  // Host and port where the cloud's load balancer leads to the API servers;
  // empty: this node's own.
  std::string api_server_endpoint = {};
};

// What the owner wants of init. Only syntax is known to be right once
// ValidateInitParameters() said so.
struct InitParameters {
  SecretBytes init_secret;
  SecretBytes master_key;
  Bytes master_salt;
  Bytes measurement_salt;
  std::string cluster_name;
  std::string kubernetes_version;
  std::vector<std::string> api_server_cert_sans;
  std::string service_cidr;
  std::string pod_cidr;
  std::string attestation_policy;  // JSON
  uint32_t time_scale = 1;
};

// Checks every field; nothing irreversible may happen before. Also that the
// attestation policy admits this node by name, as a control-plane node.
// INVALID_ARGUMENT naming the field, wanted and got; never shows secrets.
// Does not check the init secret.
absl::Status ValidateInitParameters(const InitParameters& parameters,
                                    const NodeIdentity& self);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_INIT_PARAMETERS_H_
