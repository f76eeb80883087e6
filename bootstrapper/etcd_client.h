// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_ETCD_CLIENT_H_
#define CONSTELLATION_BOOTSTRAPPER_ETCD_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bootstrapper/etcd_api.h"

namespace constellation::bootstrapper {

// ConnectToEtcd by etcd's JSON gateway (etcd 3.4, api_grpc_gateway: a POST for
// each call of the Cluster service), with the authority and the client
// certificate that kubeadm leaves below `pki_folder`/etcd. One request takes at
// most `timeout`.
//
// NOT_FOUND: kubeadm has not made the certificates yet. INVALID_ARGUMENT: they
// cannot be read, or the URL is not https. Calls: codes as etcd's own, and
// those of kubernetes::HttpTransport; DATA_LOSS: no answer of etcd.
absl::StatusOr<std::unique_ptr<EtcdApi>> ConnectWithCertificates(
    const std::string& client_url, const std::string& pki_folder,
    absl::Duration timeout);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_ETCD_CLIENT_H_
