// SPDX-License-Identifier: Apache-2.0
#include "joinservice/testing/test_cluster.h"

#include <fmt/format.h>

#include <array>

#include "common/files.h"
#include "crypto/p256.h"
#include "crypto/tls_identity.h"

namespace constellation::joinservice::testing {

crypto::Sha256Digest Digest(uint8_t value) {
  crypto::Sha256Digest digest;
  digest.fill(value);
  return digest;
}

attestation::Profile TestProfile() {
  attestation::Profile profile;
  profile.name = "test image";
  profile.variant = attestation::kVariantQemuVtpm;
  for (const uint8_t index : std::array<uint8_t, 3>{4, 9, 11})
    profile.pcrs[index] = Digest(index);
  for (const uint32_t index : {8U, 12U, 13U, 14U})
    profile.pcrs[index] = Digest(0);
  return profile;
}

void BootImage(constellation::testing::SoftwareTpm& tpm) {
  for (const auto& [index, digest] : TestProfile().pcrs) {
    tpm.SetPcr(index, digest);
  }
}

TestCluster::TestCluster()
    : clock(absl::FromUnixSeconds(1'700'000'000)),
      issuer(policies, keys, api, clock, pki_.path()) {
  BootImage(worker);
  BootImage(control_plane);
  policies.Set(PolicyWith(Enrolled()));
  api.facts.api_server_endpoint = "10.0.0.2:6443";
  api.facts.kubernetes_version = "v1.20.2";
  api.facts.kubelet_config = "kind: KubeletConfiguration\n";
  api.facts.time_scale = 3;
  // Any certificate will do for an authority here.
  api.facts.cluster_ca_pem =
      crypto::CreateTlsIdentity().value().certificate_pem;
}

JoinDemand TestCluster::Demand(const std::string& name) {
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate().value();
  JoinDemand demand;
  demand.disk_uuid = kDisk;
  demand.node_name = name;
  demand.kubelet_csr =
      crypto::CreateCsr(key, "system:node:" + name, "system:nodes").value();
  return demand;
}

attestation::Policy TestCluster::PolicyWith(
    std::vector<attestation::EnrolledNode> enrolled) {
  return attestation::Policy::Create({TestProfile()}, std::move(enrolled))
      .value();
}

std::vector<attestation::EnrolledNode> TestCluster::Enrolled() const {
  return {
      {"worker-0", std::string(attestation::kRoleWorker), worker.enrolled()},
      {"control-plane-1", std::string(attestation::kRoleControlPlane),
       control_plane.enrolled()}};
}

void TestCluster::WriteSharedFiles() {
  (void)MakeDirectories(pki() + "/etcd");
  for (const char* name :
       {"ca.crt", "ca.key", "sa.key", "sa.pub", "front-proxy-ca.crt",
        "front-proxy-ca.key", "etcd/ca.crt", "etcd/ca.key"}) {
    (void)WriteFileAtomically(fmt::format("{}/{}", pki(), name),
                              fmt::format("contents of {}", name));
  }
}

}  // namespace constellation::joinservice::testing
