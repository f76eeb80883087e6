// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_CLUSTER_ACCESS_H_
#define CONSTELLATION_KUBERNETES_CLUSTER_ACCESS_H_

#include <string>

#include "common/secret_bytes.h"

namespace constellation::kubernetes {

// Where an API server is, what its certificate must chain to, and who we are.
// Credentials are a client certificate with its key, a token, or a file that
// holds a token and may change (read for every request).
struct ClusterAccess {
  std::string server;           // "https://host:port", optionally with a path
  std::string tls_server_name;  // name in the certificate, if not the host
  std::string ca_pem;
  std::string client_certificate_pem;
  SecretBytes client_key_pem;
  SecretBytes token;
  std::string token_file;
};

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_CLUSTER_ACCESS_H_
