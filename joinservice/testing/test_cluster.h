// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_TESTING_TEST_CLUSTER_H_
#define CONSTELLATION_JOINSERVICE_TESTING_TEST_CLUSTER_H_

#include <string>
#include <utility>
#include <vector>

#include "attestation/policy/policy.h"
#include "attestation/testing/software_tpm.h"
#include "common/clock.h"
#include "common/testing/temp_dir.h"
#include "joinservice/testing/fakes.h"
#include "joinservice/ticket_issuer.h"

namespace constellation::joinservice::testing {

inline constexpr char kDisk[] = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

// A digest of 32 times `value`.
crypto::Sha256Digest Digest(uint8_t value);
// The profile that BootImage() satisfies.
attestation::Profile TestProfile();
// What the firmware and boot loader of a node on the test image leave in PCRs.
void BootImage(constellation::testing::SoftwareTpm& tpm);

// A cluster with one worker and one further control-plane node enrolled, and a
// TicketIssuer that serves it: all valid, for tests to spoil.
class TestCluster final {
 public:
  TestCluster();

  // A good demand of the node `name`.
  static JoinDemand Demand(const std::string& name);
  // A policy with TestProfile() and `enrolled`.
  static attestation::Policy PolicyWith(
      std::vector<attestation::EnrolledNode> enrolled);
  std::vector<attestation::EnrolledNode> Enrolled() const;

  // Puts the eight shared files into pki().
  void WriteSharedFiles();
  const std::string& pki() const { return pki_.path(); }

  constellation::testing::SoftwareTpm worker;
  constellation::testing::SoftwareTpm control_plane;
  FixedPolicy policies;
  FakeKeySource keys;
  FakeClusterApi api;
  FakeClock clock;

 private:
  constellation::testing::TempDir pki_;

 public:
  TicketIssuer issuer;
};

}  // namespace constellation::joinservice::testing

#endif  // CONSTELLATION_JOINSERVICE_TESTING_TEST_CLUSTER_H_
