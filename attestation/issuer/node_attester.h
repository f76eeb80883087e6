// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_ISSUER_NODE_ATTESTER_H_
#define CONSTELLATION_ATTESTATION_ISSUER_NODE_ATTESTER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "attestation/attester.h"
#include "attestation/evidence.h"
#include "attestation/issuer/platform.h"
#include "attestation/tpm/tpm_device.h"
#include "common/clock.h"

namespace constellation::attestation {

// Which evidence a node makes, and from what.
struct NodeAttesterOptions {
  PlatformPaths paths = {};
  // Empty: what the machine is. "qemu-vtpm": the vTPM alone, whatever the
  // machine is. Any other: the machine must be that.
  std::string variant = {};
  // Another way to the same TPM, for tpm(); empty: paths.tcti. Simulators serve
  // one connection at a time.
  std::string register_tcti = {};
};

// The attester of a node, and its TPM for reading and extending registers. On
// machines with CPU evidence, or with a cloud's own, a PlatformAttester; on
// others a TpmAttester. Thread-safe.
class NodeAttester final : public Attester {
 public:
  // Looks at the machine and opens TPM and attester. A machine whose SMBIOS
  // names no known cloud counts as plain QEMU: the policy of whoever verifies
  // decides what its evidence is worth. The guest drivers' folder (configfs) is
  // mounted if it is not there, as in containers.
  //
  // FAILED_PRECONDITION if the machine is not what `options.variant` says;
  // otherwise codes of Tpm::Open(), TpmAttester and CreatePlatformAttester().
  static absl::StatusOr<std::unique_ptr<NodeAttester>> Create(
      const NodeAttesterOptions& options, Clock& clock = Clock::System());

  // Made of parts. `tpm` is what tpm() returns; it must outlive this unless
  // `attester` owns it.
  NodeAttester(std::unique_ptr<Attester> attester, std::unique_ptr<Tpm> owned,
               Tpm& tpm, std::string variant)
      : attester_(std::move(attester)),
        owned_tpm_(std::move(owned)),
        tpm_(tpm),
        variant_(std::move(variant)) {}

  absl::StatusOr<Evidence> Attest(std::span<const uint8_t> user_data) override {
    return attester_->Attest(user_data);
  }

  // For registers. Lives as long as this.
  Tpm& tpm() { return tpm_; }
  // What its evidence calls itself.
  const std::string& variant() const { return variant_; }

 private:
  const std::unique_ptr<Attester> attester_;
  const std::unique_ptr<Tpm> owned_tpm_;  // null if `attester_` owns it
  Tpm& tpm_;
  const std::string variant_;
};

// What kind of evidence a machine makes.
struct NodePlatform {
  CloudKind cloud = CloudKind::kQemu;
  // Whether there is more than a vTPM to show: a CPU's report or a cloud's word
  // for the vTPM.
  bool has_platform_evidence = false;
};

// Reads SMBIOS and looks for guest drivers, as NodeAttester::Create() does.
NodePlatform DetectNodePlatform(const PlatformPaths& paths);

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_ISSUER_NODE_ATTESTER_H_
