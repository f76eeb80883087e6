// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_KUBECONFIG_H_
#define CONSTELLATION_KUBERNETES_KUBECONFIG_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "common/secret_bytes.h"
#include "kubernetes/cluster_access.h"

namespace constellation::kubernetes {

// What the (current) context of a kubeconfig says. Certificates and keys may be
// embedded or absolute file names. `context` empty: the current one.
//
// NOT_FOUND: no such context, cluster or user. INVALID_ARGUMENT: no YAML, a
// field of another type, plain http, TLS verification switched off, a relative
// file name, or a credential that we do not support (user name and password,
// exec and auth-provider plug-ins).
absl::StatusOr<ClusterAccess> ParseKubeconfig(std::string_view yaml,
                                              std::string_view context = "");

// A kubeconfig with one cluster, one user and one context.
struct KubeconfigParameters {
  std::string cluster_name;
  std::string user_name;
  std::string context_name;
  std::string server;           // "https://host:port"
  std::string tls_server_name;  // may be empty
  std::string ca_pem;
  // Credentials: a certificate with its key, embedded, ...
  std::string client_certificate_pem;
  SecretBytes client_key_pem;
  // ... or the names of their files (kubelet), or a token.
  std::string client_certificate_file;
  std::string client_key_file;
  SecretBytes token;
};

// INVALID_ARGUMENT if a name, the server or the authority is missing.
absl::StatusOr<std::string> BuildKubeconfig(
    const KubeconfigParameters& parameters);

// `existing` with the clusters, users and contexts of `added`; those of the
// same name are replaced. With `switch_context` the current context becomes
// that of `added`. Everything else in `existing` stays; comments are lost.
// INVALID_ARGUMENT if either is no kubeconfig; `existing` may be empty.
absl::StatusOr<std::string> MergeKubeconfig(std::string_view existing,
                                            std::string_view added,
                                            bool switch_context);

// `yaml` with `server` (and `tls_server_name`; empty removes it) as the address
// of every cluster.
absl::StatusOr<std::string> WithServer(std::string_view yaml,
                                       std::string_view server,
                                       std::string_view tls_server_name = "");

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_KUBECONFIG_H_
