// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_TESTING_INIT_FIXTURES_H_
#define CONSTELLATION_BOOTSTRAPPER_TESTING_INIT_FIXTURES_H_

#include <string>
#include <vector>

#include "bootstrapper/init_parameters.h"

namespace constellation::bootstrapper::testing {

inline SecretBytes Filled(uint8_t value, size_t size = 32) {
  SecretBytes secret(size);
  for (uint8_t& octet : secret.ExposeMutable()) {
    octet = value;
  }
  return secret;
}

inline NodeIdentity ControlPlaneNode() {
  return {"control-plane-0", "10.42.0.11", "v1.20.2",
          "qemu:///c1/control-plane-0"};
}

// A valid policy with one profile, which enrols `node` as `role`.
inline std::string PolicyJson(const std::string& node = "control-plane-0",
                              const std::string& role = "control-plane") {
  const std::string digest(64, 'a');
  const std::string zero(64, '0');
  return R"({"version":1,"profiles":[{"name":"image","variant":"qemu-vtpm",)"
         R"("pcrs":{"4":")" +
         digest + R"(","8":")" + zero + R"(","9":")" + digest + R"(","11":")" +
         digest + R"(","12":")" + zero + R"(","13":")" + zero + R"(","14":")" +
         zero + R"("}}],"enrolledTPMs":[{"nodeName":")" + node +
         R"(","role":")" + role + R"(","ekCertificateSHA256":")" +
         std::string(64, 'b') + R"(","akName":"000b)" + std::string(64, 'c') +
         R"("}]})";
}

inline InitParameters GoodParameters() {
  InitParameters parameters;
  parameters.init_secret = Filled(1);
  parameters.master_key = Filled(2);
  parameters.master_salt = Bytes(kSaltSize, 3);
  parameters.measurement_salt = Bytes(kSaltSize, 4);
  parameters.cluster_name = "mini";
  parameters.kubernetes_version = "v1.20.2";
  parameters.api_server_cert_sans = {"api.example.com", "192.0.2.7"};
  parameters.service_cidr = "10.96.0.0/16";
  parameters.pod_cidr = "10.244.0.0/16";
  parameters.attestation_policy = PolicyJson();
  parameters.time_scale = 10;
  return parameters;
}

}  // namespace constellation::bootstrapper::testing

#endif  // CONSTELLATION_BOOTSTRAPPER_TESTING_INIT_FIXTURES_H_
