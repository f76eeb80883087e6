// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_OPTIONS_H_
#define CONSTELLATION_JOINSERVICE_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "attestation/collateral/evidence_collateral.h"
#include "attestation/issuer/node_attester.h"

namespace constellation::joinservice {

// How the service is started.
struct Options {
  std::string listen = "0.0.0.0:30090";
  std::string key_service_socket =
      "/run/constellation/keyservice/keyservice.sock";
  std::string pki_folder = "/etc/kubernetes/pki";
  std::string kubeconfig;  // a file; empty: the cluster of this pod
  // TPM and guest drivers; `variant` is empty: what the machine is.
  attestation::NodeAttesterOptions attester = {};
  attestation::CollateralSetup collateral = {
      .folder = "/var/lib/constellation/collateral"};
  bool help = false;
};

inline constexpr char kUsage[] =
    "usage: joinservice [--listen HOST:PORT] [--key-service-socket PATH]\n"
    "  [--pki-folder PATH] [--kubeconfig PATH] [--tcti TCTI]\n"
    "  [--event-log PATH] [--variant NAME] [--collateral-folder PATH]\n"
    "  [--amd-kds URL] [--intel-pcs URL] [--intel-root-crl URL] [--offline]\n"
    "Admits attested nodes to the cluster (port 30090). Collateral of CPU\n"
    "vendors is kept in the folder and fetched from the URLs (mirrors);\n"
    "--offline fetches nothing.\n";

// INVALID_ARGUMENT for an unknown option or one without value.
absl::StatusOr<Options> ParseOptions(int argc, char** argv);

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_OPTIONS_H_
