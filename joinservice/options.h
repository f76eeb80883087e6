// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_OPTIONS_H_
#define CONSTELLATION_JOINSERVICE_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "attestation/policy/policy.h"
#include "attestation/tpm/tpm_attester.h"
#include "attestation/tpm/tpm_device.h"

namespace constellation::joinservice {

// How the service is started.
struct Options {
  std::string listen = "0.0.0.0:30090";
  std::string key_service_socket =
      "/run/constellation/keyservice/keyservice.sock";
  std::string pki_folder = "/etc/kubernetes/pki";
  std::string kubeconfig;  // a file; empty: the cluster of this pod
  std::string tcti = attestation::kNodeTcti;
  std::string event_log = attestation::kNodeEventLog;
  std::string variant{attestation::kVariantQemuVtpm};
  bool help = false;
};

inline constexpr char kUsage[] =
    "usage: joinservice [--listen HOST:PORT] [--key-service-socket PATH]\n"
    "  [--pki-folder PATH] [--kubeconfig PATH] [--tcti TCTI]\n"
    "  [--event-log PATH] [--variant NAME]\n"
    "Admits attested nodes to the cluster (port 30090).\n";

// INVALID_ARGUMENT for an unknown option or one without value.
absl::StatusOr<Options> ParseOptions(int argc, char** argv);

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_OPTIONS_H_
