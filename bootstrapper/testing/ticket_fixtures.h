// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_TICKET_FIXTURES_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_TICKET_FIXTURES_H_

#include <string>

#include "attestation/tpm/cluster_pcr.h"
#include "bootstrapper/join_ticket.h"
#include "bootstrapper/testing/init_fixtures.h"
#include "common/hex.h"

namespace constellation::bootstrapper::testing {

inline NodeIdentity WorkerNode() {
  return {"worker-0", "10.42.0.21", "v1.20.2", "qemu:///c1/worker-0"};
}

// A valid ticket with the proof that suits it.
inline IssuedTicket WorkerTicket() {
  IssuedTicket issued;
  issued.ticket.state_disk_key = Filled(5);
  issued.ticket.cluster_id = Bytes(kClusterIdSize, 6);
  issued.ticket.role = "worker";
  issued.ticket.kubelet_certificate_pem = "CERTIFICATE";
  issued.ticket.cluster_ca_pem = "CA";
  issued.ticket.kubelet_config = "kind: KubeletConfiguration\n";
  issued.ticket.api_server_endpoint = "10.42.0.11:6443";
  issued.ticket.kubernetes_version = "v1.20.2";
  issued.ticket.time_scale = 10;
  issued.peer.role = "control-plane";
  issued.peer.cluster_pcr =
      attestation::ExpectedClusterPcr(issued.ticket.cluster_id);
  return issued;
}

inline IssuedTicket ControlPlaneTicket() {
  IssuedTicket issued = WorkerTicket();
  issued.ticket.role = "control-plane";
  issued.ticket.bootstrap_token =
      SecretBytes(AsBytes("abcdef.0123456789abcdef"));
  issued.ticket.ca_cert_hash = "sha256:" + std::string(64, 'a');
  for (const char* name :
       {"ca.crt", "ca.key", "sa.pub", "sa.key", "etcd/ca.crt", "etcd/ca.key",
        "front-proxy-ca.crt", "front-proxy-ca.key"}) {
    issued.ticket.control_plane_files.push_back(
        {name, SecretBytes(AsBytes(std::string("contents of ") + name))});
  }
  return issued;
}

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_TICKET_FIXTURES_H_
