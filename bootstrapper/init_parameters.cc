// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/init_parameters.h"

#include <fmt/format.h>

#include <algorithm>

#include "attestation/policy/policy.h"
#include "attestation/policy/variants.h"
#include "bootstrapper/network_names.h"
#include "common/ipv4.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::bootstrapper {
namespace {

constexpr size_t kMaxSans = 64;
// What kubeadm 1.20 can use: node networks are /24, so the pod network must be
// larger and at most 2^16 of them; the API server takes at most 2^20 Services,
// and the DNS Service takes the tenth address.
constexpr int kMinPodPrefix = 8;
constexpr int kMaxPodPrefix = 23;
constexpr int kMinServicePrefix = 12;
constexpr int kMaxServicePrefix = 28;

// Sizes are public, contents are never shown.
absl::Status CheckSize(std::string_view field, size_t want, size_t got) {
  if (want != got) {
    return InvalidArgument(
        fmt::format("{}: want {} bytes, got {}", field, want, got));
  }
  return absl::OkStatus();
}

// Names go into certificates and command lines: only what looks like one
// passes. The versions must be equal, because the image holds the programs of
// one version.
absl::Status CheckNames(const InitParameters& parameters,
                        const NodeIdentity& self) {
  if (!IsDnsLabel(parameters.cluster_name)) {
    return InvalidArgument(
        "cluster_name: want a DNS label (a-z, 0-9, -; at most 63)");
  }
  if (parameters.kubernetes_version != self.kubernetes_version) {
    return InvalidArgument(fmt::format(
        "kubernetes_version: want {} (of this node's image), got {:.32}",
        self.kubernetes_version, parameters.kubernetes_version));
  }
  if (parameters.api_server_cert_sans.size() > kMaxSans) {
    return InvalidArgument(
        fmt::format("api_server_cert_sans: want at most {}, got {}", kMaxSans,
                    parameters.api_server_cert_sans.size()));
  }
  for (size_t i = 0; i < parameters.api_server_cert_sans.size(); ++i) {
    const std::string& san = parameters.api_server_cert_sans[i];
    if (!IsIp(san) && !IsDnsName(san)) {
      return InvalidArgument(fmt::format(
          "api_server_cert_sans[{}]: want an IP address or a DNS name", i));
    }
  }
  if (parameters.time_scale < 1 || parameters.time_scale > kMaxTimeScale) {
    return InvalidArgument(fmt::format("time_scale: want 1 to {}, got {}",
                                       kMaxTimeScale, parameters.time_scale));
  }
  return absl::OkStatus();
}

absl::StatusOr<Ipv4Network> CheckNetwork(std::string_view field,
                                         std::string_view text, int min_prefix,
                                         int max_prefix,
                                         std::string_view own_ip) {
  auto network = Ipv4Network::Parse(text);
  if (!network.ok()) {
    return Annotate(network.status(), field);
  }
  if (network->prefix_length() < min_prefix ||
      network->prefix_length() > max_prefix) {
    return InvalidArgument(
        fmt::format("{}: want a prefix length of {} to {}, got {}", field,
                    min_prefix, max_prefix, network->prefix_length()));
  }
  // Loopback, link-local (the cluster's DNS server lives there), multicast and
  // above, and "this network".
  for (const char* special :
       {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"}) {
    ASSIGN_OR_RETURN(const Ipv4Network reserved, Ipv4Network::Parse(special));
    if (network->Overlaps(reserved)) {
      return InvalidArgument(fmt::format("{}: want no address of {}, got {}",
                                         field, special, network->ToString()));
    }
  }
  const auto own = ParseIpv4(own_ip);
  if (!own) {
    return InvalidArgument(
        "own cluster ip: want an IPv4 address in dotted decimal");
  }
  if (network->Contains(*own)) {
    return InvalidArgument(
        fmt::format("{}: want a network without this node's address {}, got {}",
                    field, own_ip, network->ToString()));
  }
  return network;
}

absl::Status CheckNetworks(const InitParameters& parameters,
                           const NodeIdentity& self) {
  ASSIGN_OR_RETURN(const Ipv4Network pods,
                   CheckNetwork("pod_cidr", parameters.pod_cidr, kMinPodPrefix,
                                kMaxPodPrefix, self.cluster_ip));
  ASSIGN_OR_RETURN(
      const Ipv4Network services,
      CheckNetwork("service_cidr", parameters.service_cidr, kMinServicePrefix,
                   kMaxServicePrefix, self.cluster_ip));
  if (pods.Overlaps(services)) {
    return InvalidArgument(
        fmt::format("service_cidr: want no address of pod_cidr {}, got {}",
                    pods.ToString(), services.ToString()));
  }
  return absl::OkStatus();
}

// A policy that does not admit this very node would lock it out at its next
// boot.
absl::Status CheckPolicy(const InitParameters& parameters,
                         const NodeIdentity& self) {
  const auto policy = attestation::Policy::Parse(parameters.attestation_policy);
  if (!policy.ok()) {
    return Annotate(policy.status(), "attestation_policy");
  }
  // Elsewhere the platform itself vouches for a node's keys.
  const bool by_enrolment = std::ranges::all_of(
      policy->profiles(), [](const attestation::Profile& profile) {
        const auto* const variant = attestation::FindVariant(profile.variant);
        return variant == nullptr || variant->enrolled_only;
      });
  if (!by_enrolment) return absl::OkStatus();
  const bool admitted = std::ranges::any_of(
      policy->enrolled(), [&self](const attestation::EnrolledNode& node) {
        return node.node_name == self.name &&
               node.role == attestation::kRoleControlPlane;
      });
  if (!admitted) {
    return InvalidArgument(fmt::format(
        "attestation_policy: want this node, {}, among the enrolled "
        "control-plane nodes",
        self.name));
  }
  return absl::OkStatus();
}

}  // namespace

// The caller is authenticated later or before; these checks protect an owner
// from himself.
absl::Status ValidateInitParameters(const InitParameters& parameters,
                                    const NodeIdentity& self) {
  RETURN_IF_ERROR(
      CheckSize("master_key", kSecretSize, parameters.master_key.size()));
  RETURN_IF_ERROR(
      CheckSize("master_salt", kSaltSize, parameters.master_salt.size()));
  RETURN_IF_ERROR(CheckSize("measurement_salt", kSaltSize,
                            parameters.measurement_salt.size()));
  RETURN_IF_ERROR(CheckNames(parameters, self));
  RETURN_IF_ERROR(CheckNetworks(parameters, self));
  // From the cloud: every node that joins later would refuse it.
  if (!self.api_server_endpoint.empty() &&
      !IsEndpoint(self.api_server_endpoint)) {
    return InvalidArgument(fmt::format(
        "address of the API server: want host:port from the cloud's metadata, "
        "got {} octets of something else",
        self.api_server_endpoint.size()));
  }
  return CheckPolicy(parameters, self);
}

}  // namespace constellation::bootstrapper
