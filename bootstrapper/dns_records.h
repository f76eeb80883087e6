// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_BOOTSTRAPPER_DNS_RECORDS_H_
#define CONSTELLATION_BOOTSTRAPPER_DNS_RECORDS_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace constellation::bootstrapper {

// What the cluster's DNS wants to know of a Service and of its Endpoints. Names
// and addresses that are malformed are left out.
struct ServiceFacts {
  std::string cluster_ip;  // empty if it has none
  bool headless = false;
  bool operator==(const ServiceFacts&) const = default;
};

struct EndpointAddress {
  std::string ip;
  std::string hostname;  // may be empty
  bool operator==(const EndpointAddress&) const = default;
};
using EndpointsFacts = std::vector<EndpointAddress>;

ServiceFacts FactsOfService(const nlohmann::json& service);
EndpointsFacts FactsOfEndpoints(const nlohmann::json& endpoints);

// A hosts file with the names of all services, keyed "namespace/name":
// <name>.<namespace>.svc.<domain>, for headless ones also those of their pods.
// Keys that are not two DNS labels are left out.
std::string MakeHostsFile(
    const std::map<std::string, ServiceFacts>& services,
    const std::map<std::string, EndpointsFacts>& endpoints,
    std::string_view domain);

}  // namespace constellation::bootstrapper

#endif  // CONSTELLATION_BOOTSTRAPPER_DNS_RECORDS_H_
