// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_ENGINE_QUOTA_NEEDS_H_
#define CONSTELLATION_CLOUD_ENGINE_QUOTA_NEEDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace constellation::cloud {

// What a cluster still needs of a cloud's quotas ("N2D_CPUS", "cores"), in the
// quota's own unit. The usage that a cloud tells holds the cluster's machines
// already, so only what is yet to be made has to fit into the rest: a run that
// goes on after a failure and a group that grows must not count twice.
// Thread-compatible.
class QuotaNeeds final {
 public:
  using Amounts = std::map<std::string, int64_t, std::less<>>;

  // Adds what `group` shall have, or has. Amounts below 0 or above 10^9 are
  // clamped, because what a cloud says is not trusted.
  void Want(std::string_view group, std::string_view quota, int64_t amount);
  void Have(std::string_view group, std::string_view quota, int64_t amount);

  // By quota, what is still to be made; only amounts above 0.
  // Groups change at the same time, so one that shrinks gives nothing to one
  // that grows. Groups of which nothing is wanted are deleted before anything
  // is made (Executor), and do.
  Amounts Missing() const;

 private:
  using Key = std::pair<std::string, std::string>;  // group, quota

  std::map<Key, int64_t> want_;
  std::map<Key, int64_t> have_;
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_ENGINE_QUOTA_NEEDS_H_
