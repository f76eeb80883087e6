// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_CONTROL_PLANE_FILES_H_
#define CONSTELLATION_JOINSERVICE_CONTROL_PLANE_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/secret_bytes.h"

namespace constellation::joinservice {

// A certificate or key that control-plane nodes share.
struct ControlPlaneFile {
  std::string name;  // below the PKI folder, e.g. "etcd/ca.crt"
  SecretBytes contents;
};

// The eight files that `kubeadm join` expects on a further control-plane node,
// from `folder` (/etc/kubernetes/pki). FAILED_PRECONDITION, naming it, if one
// is missing, empty or larger than 64 KiB.
absl::StatusOr<std::vector<ControlPlaneFile>> ReadControlPlaneFiles(
    const std::string& folder);

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_CONTROL_PLANE_FILES_H_
