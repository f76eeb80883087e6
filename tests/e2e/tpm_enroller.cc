// SPDX-License-Identifier: Apache-2.0
// Enrols a TPM as the owner of a private cloud does who can reach it on the
// machine that runs it. Prints the policy's "enrolledTPMs" with this one entry.
// usage: tpm_enroller TCTI NODE_NAME ROLE
#include <cstdio>
#include <string>
#include <vector>

#include "attestation/policy/policy.h"
#include "attestation/tpm/enrollment.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: tpm_enroller TCTI NODE_NAME ROLE\n", stderr);
    return 64;
  }
  const auto tpm = constellation::attestation::EnrollTpm(argv[1]);
  if (!tpm.ok()) {
    std::fprintf(stderr, "%s\n", tpm.status().ToString().c_str());
    return 1;
  }
  const std::vector<constellation::attestation::EnrolledNode> nodes = {
      {.node_name = argv[2], .role = argv[3], .tpm = *tpm}};
  std::fputs(constellation::attestation::EnrolledNodesToJson(nodes).c_str(),
             stdout);
  return 0;
}
