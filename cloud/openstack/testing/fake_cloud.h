// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_TESTING_FAKE_CLOUD_H_
#define CONSTELLATION_CLOUD_OPENSTACK_TESTING_FAKE_CLOUD_H_

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/engine/resource_driver.h"
#include "cloud/http/testing/routed_transport.h"
#include "cloud/openstack/client.h"
#include "cloud/provider.h"
#include "common/clock.h"

namespace constellation::cloud::openstack::testing {

// A cluster as a small one looks: three control planes, two workers.
inline ClusterRequest SmallRequest() {
  return {.identity = {.uid = "0a1b", .name = "demo", .cloud = "openstack"},
          .attestation_variant = "qemu-vtpm",
          .image = "img",
          .groups = {{.name = "control_plane_default",
                      .role = NodeRole::kControlPlane,
                      .zone = "z1",
                      .instance_type = "m1",
                      .count = 3},
                     {.name = "worker_default",
                      .instance_type = "m1",
                      .state_disk_type = "fast",
                      .count = 2}},
          .allowed_sources = {"198.51.100.7/32"},
          .init_secret_sha256 = std::string(64, 'b'),
          .settings = OpenStackSettings{.availability_zone = "z0",
                                        .floating_ip_pool_id = "ext"}};
}

// A client that is logged in where every service is: nova below /v2.1, neutron
// below /v2.0, glance and octavia below /v2, cinder below /v3/p1. What has not
// been prepared is 404.
class FakeCloud final {
 public:
  FakeCloud() {
    nlohmann::json catalog = nlohmann::json::array();
    for (const auto& [type, url] : std::map<std::string, std::string>{
             {"compute", "https://nova.example/v2.1"},
             {"network", "https://neutron.example"},
             {"image", "https://glance.example"},
             {"volumev3", "https://cinder.example/v3/p1"},
             {"load-balancer", "https://octavia.example"}}) {
      catalog.push_back(
          {{"type", type},
           {"endpoints",
            {{{"interface", "public"}, {"region_id", "R1"}, {"url", url}}}}});
    }
    SetCatalog(catalog);
  }

  void SetCatalog(const nlohmann::json& catalog) {
    const nlohmann::json token = {
        {"token",
         {{"expires_at", "2030-01-01T00:00:00.000000Z"},
          {"user", {{"id", "u"}}},
          {"project", {{"id", "p1"}}},
          {"catalog", catalog}}}};
    transport.Reset("POST /v3/auth/tokens");
    transport.On("POST /v3/auth/tokens", 201, token.dump(),
                 {{"x-subject-token", "t0ken"}});
  }

  // From now on `route` has this one answer.
  void On(const std::string& route, const nlohmann::json& body,
          int status = 200) {
    transport.Reset(route);
    transport.On(route, status, body.is_null() ? "" : body.dump());
  }
  // The bodies that were sent to `route`.
  nlohmann::json Sent(std::string_view route) const {
    nlohmann::json bodies = nlohmann::json::array();
    for (const HttpRequest& request : transport.requests(route)) {
      bodies.push_back(nlohmann::json::parse(request.body, nullptr, false));
    }
    return bodies;
  }

  static CloudEntry Entry() {
    return {{"auth.auth_url", "https://keystone.example"},
            {"auth.username", "demo"},
            {"auth.password", "secret"},
            {"auth.user_domain_name", "Default"},
            {"auth.project_id", "p1"}};
  }

  const Environment environment =
      [](std::string_view) -> std::optional<std::string> {
    return std::nullopt;
  };
  FakeClock clock{absl::FromUnixSeconds(1'800'000'000)};
  cloud::testing::RoutedTransport transport;
  Client client{transport, clock, environment,
                [] { return absl::StatusOr<CloudEntry>(Entry()); }};
};

// A resource with its surroundings, as a driver is given it.
struct OneResource {
  // The context refers to this object.
  DriverContext Context() {
    return {.cluster = cluster,
            .resource = resource,
            .known_id = known_id,
            .dependency = [this](std::string_view name) -> const Observed* {
              const auto found = others.find(name);
              return found == others.end() ? nullptr : &found->second;
            },
            .stop = {}};
  }

  ClusterIdentity cluster = {.uid = "0a1b", .name = "demo"};
  Resource resource = {};
  std::string known_id = {};
  std::map<std::string, Observed, std::less<>> others = {};
};

}  // namespace constellation::cloud::openstack::testing

#endif  // CONSTELLATION_CLOUD_OPENSTACK_TESTING_FAKE_CLOUD_H_
