// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_COMPUTE_DRIVERS_H_
#define CONSTELLATION_CLOUD_OPENSTACK_COMPUTE_DRIVERS_H_

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/openstack/client.h"

namespace constellation::cloud::openstack {

inline constexpr Collection kServers{kCompute, "/servers", "/servers/detail",
                                     "servers", "server"};
inline constexpr Collection kImages{kImage, "/images", "/images", "images", ""};

// What flavors and images are, asked once each. Thread-safe.
// Kept for the life of the provider: a flavor cannot change, and an image that
// is deleted meanwhile is refused by nova. Errors are not kept.
class Catalogue final {
 public:
  explicit Catalogue(Client& client) : client_(client) {}

  // The flavor with this id or name, extra_specs included if the cloud shows
  // them. kUnsupportedType if there is none, or several of that name.
  absl::StatusOr<nlohmann::json> Flavor(const std::string& name);
  // The image with this id. kInvalid if there is none.
  absl::StatusOr<nlohmann::json> Image(const std::string& id);

 private:
  // Lists all flavors: nova finds by id only.
  absl::StatusOr<nlohmann::json> FindFlavor(const std::string& name);

  Client& client_;
  absl::Mutex mutex_;
  std::map<std::string, nlohmann::json> flavors_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, nlohmann::json> images_ ABSL_GUARDED_BY(mutex_);
};

// The size of a volume to boot `image` from: `wanted`, or what the image asks
// for (min_disk, glance), which is believed up to 1 TiB. GiB. Pure.
int BootVolumeGb(int wanted, const nlohmann::json& image);

// The driver of a nova or cinder kind: server group, server, node directory
// (in the servers' metadata), volumes of the CSI driver (swept only). Null for
// any other kind. Both references must outlive it.
std::unique_ptr<ResourceDriver> MakeComputeDriver(std::string_view kind,
                                                  Client& client,
                                                  Catalogue& catalogue);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_COMPUTE_DRIVERS_H_
