// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_VERIFICATIONSERVICE_OPTIONS_H_
#define CONSTELLATION_VERIFICATIONSERVICE_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "attestation/issuer/node_attester.h"

namespace constellation::verificationservice {

// How the service is started.
struct Options {
  std::string listen = "0.0.0.0:30081";
  std::string node_name;   // default: environment variable NODE_NAME
  std::string kubeconfig;  // a file; empty: the cluster of this pod
  // TPM and guest drivers; `variant` is empty: what the machine is.
  attestation::NodeAttesterOptions attester = {};
  bool help = false;
};

inline constexpr char kUsage[] =
    "usage: verificationservice [--listen HOST:PORT] [--node-name NAME]\n"
    "  [--kubeconfig PATH] [--tcti TCTI] [--event-log PATH] [--variant NAME]\n"
    "Answers challenges with evidence of this node (port 30081). NODE_NAME in\n"
    "the environment is the default of --node-name.\n";

// INVALID_ARGUMENT for an unknown option or one without value, or if there is
// no name for the node.
absl::StatusOr<Options> ParseOptions(int argc, char** argv);

}  // namespace constellation::verificationservice

#endif  // CONSTELLATION_VERIFICATIONSERVICE_OPTIONS_H_
