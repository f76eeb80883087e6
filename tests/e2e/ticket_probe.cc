// SPDX-License-Identifier: Apache-2.0
// Asks a JoinService for tickets with the TPM of the machine it runs on, as an
// attacker would who runs code on a member of the cluster. Prints the answers.
// usage: ticket_probe HOST:PORT DISK_UUID NODE_NAME
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "attestation/policy/policy.h"
#include "attestation/tpm/tcti.h"
#include "attestation/tpm/tpm_attester.h"
#include "common/status.h"
#include "joinservice/testing/join_caller.h"

namespace {

void Print(const char* what, const absl::Status& status) {
  std::printf("%s: %s\n", what,
              status.ok() ? "GRANTED" : status.ToString().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: ticket_probe HOST:PORT DISK_UUID NODE_NAME\n", stderr);
    return 64;
  }
  const auto attester = constellation::attestation::TpmAttester::Create(
      "device:/dev/tpmrm0",
      std::string(constellation::attestation::kVariantQemuVtpm));
  if (!attester.ok()) {
    Print("TPM", attester.status());
    return 1;
  }
  constellation::joinservice::testing::JoinCaller caller(argv[1]);
  caller.attester = attester->get();
  constellation::v1::JoinRequest join;
  join.set_disk_uuid(argv[2]);
  join.set_node_name(argv[3]);
  Print("join", caller.Join(join).status());
  constellation::v1::RejoinRequest rejoin;
  rejoin.set_disk_uuid(argv[2]);
  Print("rejoin", caller.Rejoin(rejoin).status());
  return 0;
}
