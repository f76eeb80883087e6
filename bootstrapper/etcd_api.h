// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_ETCD_API_H_
#define CONSTELLATION_BOOTSTRAPPER_ETCD_API_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::bootstrapper {

struct EtcdMember {
  std::string id;    // decimal, 64 bits
  std::string name;  // empty until its etcd has run for the first time
  std::string peer_url;
  std::string client_url;  // empty until then, too
  // Follows, but does not count for the majority.
  bool learner = false;
};

// The membership of etcd, as one of its members answers. A learner answers
// UNAVAILABLE, and so does a cluster without a majority.
class EtcdApi {
 public:
  virtual ~EtcdApi() = default;
  virtual absl::StatusOr<std::vector<EtcdMember>> Members() = 0;
  // Takes in who will run at `peer_url`, as a learner; the members afterwards.
  // FAILED_PRECONDITION: there is a learner already (etcd 3.4 has one at most),
  // or somebody has that URL.
  virtual absl::StatusOr<std::vector<EtcdMember>> AddLearner(
      std::string_view peer_url) = 0;
  // Makes a learner one that counts. FAILED_PRECONDITION: it has not caught up,
  // or is none. NOT_FOUND: no such member.
  virtual absl::Status Promote(std::string_view id) = 0;
  // NOT_FOUND: no such member.
  virtual absl::Status Remove(std::string_view id) = 0;
};

// Opens the API of the member with this client URL. Nothing is sent yet.
using ConnectToEtcd = std::function<absl::StatusOr<std::unique_ptr<EtcdApi>>(
    const std::string& client_url)>;

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_ETCD_API_H_
