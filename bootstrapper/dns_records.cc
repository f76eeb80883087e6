// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/dns_records.h"

#include <fmt/format.h>

#include "bootstrapper/network_names.h"
#include "common/ipv4.h"
#include "kubernetes/json.h"

namespace constellation::bootstrapper {
namespace {

using Json = nlohmann::json;

// An empty array if there is none: the API server leaves out empty lists.
const Json& ArrayAt(const Json& object, std::string_view name) {
  static const Json kEmpty = Json::array();
  const Json* found = kubernetes::Find(object, {name});
  return found != nullptr && found->is_array() ? *found : kEmpty;
}

// "<name>.<namespace>.svc.<domain>" of "namespace/name", or empty.
std::string HostName(std::string_view key, std::string_view domain) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) {
    return "";
  }
  const std::string_view space = key.substr(0, slash);
  const std::string_view name = key.substr(slash + 1);
  if (!IsDnsLabel(space) || !IsDnsLabel(name)) {
    return "";
  }
  return fmt::format("{}.{}.svc.{}", name, space, domain);
}

}  // namespace

// "None" is what headless Services have instead of an address.
ServiceFacts FactsOfService(const Json& service) {
  ServiceFacts facts;
  const auto ip = kubernetes::FindString(service, {"spec", "clusterIP"});
  facts.headless = ip == "None";
  if (ip.has_value() && IsIp(*ip)) {
    facts.cluster_ip = *ip;
  }
  return facts;
}

// Ready addresses only: "notReadyAddresses" get no name.
EndpointsFacts FactsOfEndpoints(const Json& endpoints) {
  EndpointsFacts facts;
  for (const Json& subset : ArrayAt(endpoints, "subsets")) {
    for (const Json& address : ArrayAt(subset, "addresses")) {
      const auto ip = kubernetes::FindString(address, {"ip"});
      if (!ip.has_value() || !IsIp(*ip)) {
        continue;
      }
      std::string hostname =
          kubernetes::FindString(address, {"hostname"}).value_or("");
      if (!IsDnsLabel(hostname)) {
        hostname.clear();
      }
      facts.push_back({*ip, std::move(hostname)});
    }
  }
  return facts;
}

// Everything that ends up in the file was checked: a Service's owner cannot add
// lines of his own.
std::string MakeHostsFile(
    const std::map<std::string, ServiceFacts>& services,
    const std::map<std::string, EndpointsFacts>& endpoints,
    std::string_view domain) {
  std::string hosts;
  for (const auto& [key, service] : services) {
    const std::string host = HostName(key, domain);
    if (host.empty()) {
      continue;
    }
    if (!service.cluster_ip.empty()) {
      hosts += fmt::format("{} {}\n", service.cluster_ip, host);
    }
    const auto found = endpoints.find(key);
    if (!service.headless || found == endpoints.end()) {
      continue;
    }
    for (const EndpointAddress& address : found->second) {
      hosts += fmt::format("{} {}\n", address.ip, host);
      if (!address.hostname.empty()) {
        hosts += fmt::format("{} {}.{}\n", address.ip, address.hostname, host);
      }
    }
  }
  return hosts;
}

}  // namespace constellation::bootstrapper
