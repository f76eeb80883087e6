// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_CSR_H_
#define CONSTELLATION_KUBERNETES_CSR_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock.h"
#include "kubernetes/client.h"

namespace constellation::kubernetes {

// Signs client certificates of kubelets: CN=system:node:<name>, O=system:nodes.
inline constexpr char kKubeletClientSigner[] =
    "kubernetes.io/kube-apiserver-client-kubelet";

// What shall be signed, by which signer, for what use.
struct CertificateRequest {
  std::string name_prefix;  // of the CertificateSigningRequest object
  std::string csr_pem;      // PKCS #10
  std::string signer = kKubeletClientSigner;
  std::vector<std::string> usages = {"key encipherment", "digital signature",
                                     "client auth"};
};

// The three steps by which a cluster's authority signs `request`.

// Creates the CertificateSigningRequest and returns its name.
absl::StatusOr<std::string> CreateCsr(Client& client,
                                      const CertificateRequest& request);
// Approves it, for `reason`. Looks at nothing inside: the caller has.
absl::Status ApproveCsr(Client& client, std::string_view name,
                        std::string_view reason);
// Waits until it is signed and returns the certificate, PEM.
// PERMISSION_DENIED: denied or failed at the signer. DEADLINE_EXCEEDED: not
// signed within `timeout`.
absl::StatusOr<std::string> WaitForCertificate(Client& client, Clock& clock,
                                               std::string_view name,
                                               absl::Duration timeout);

// All three; afterwards the object is deleted, whatever happened.
absl::StatusOr<std::string> IssueCertificate(Client& client, Clock& clock,
                                             const CertificateRequest& request,
                                             std::string_view reason,
                                             absl::Duration timeout);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_CSR_H_
