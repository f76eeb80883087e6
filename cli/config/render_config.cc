// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>

#include "cli/config/config.h"
#include "cli/config/config_reading.h"
#include "cli/config/measurements.h"
#include "cli/yaml/yaml_value.h"

namespace constellation::cli {
namespace {

// Cloud keys are only written for clouds: the local platform refuses them.
std::string RenderGroups(const Config& config) {
  std::string text = "nodeGroups:\n";
  for (const auto& [name, group] : config.node_groups) {
    text += fmt::format(
        "  {}:\n"
        "    # control-plane or worker.\n"
        "    role: {}\n"
        "    # Size of each node's encrypted state disk. Grows only with what "
        "is written.\n"
        "    stateDiskSizeGB: {}\n"
        "    # Number of nodes that are created.\n"
        "    initialCount: {}\n",
        name, group.role, group.state_disk_size_gb, group.initial_count);
    if (config.IsCloud()) {
      text += fmt::format(
          "    # Zone; empty: the provider's. Type of the machines "
          "(`constellation config instance-types`) and of the disk.\n"
          "    zone: {}\n    instanceType: {}\n    stateDiskType: {}\n",
          QuoteYaml(group.zone), QuoteYaml(group.instance_type),
          QuoteYaml(group.state_disk_type));
    }
  }
  return text;
}

// Keys that only clouds have.
std::string RenderSources(const Config& config) {
  std::string list;
  for (const std::string& source : config.allowed_sources) {
    list += (list.empty() ? "" : ", ") + source;
  }
  return fmt::format(
      "# Networks from which the cluster may be reached: its API server, its "
      "services for you (init, recover, verify) and\n"
      "# node ports. YOUR OWN PUBLIC ADDRESS with /32, for example "
      "[203.0.113.7/32]; any site that shows it will do.\n"
      "# [0.0.0.0/0] opens it to the whole internet.\n"
      "allowedSources: [{}]\n",
      list);
}

// The comments differ because the meaning does.
std::string_view ImageComment(const Config& config) {
  return config.IsCloud() ? "# What the cloud calls the node image; written by "
                            "`constellation image upload --update-config`.\n"
                          : "# Node image: path of a raw image, or a name. "
                            "Empty: the newest "
                            "one that `constellation image build` made.\n";
}

std::string_view KubernetesComment(const Config& config) {
  return config.IsCloud() ? "# Kubernetes version: the one inside the image.\n"
                          : "# Kubernetes version. Empty: the one inside the "
                            "image; anything else must equal it.\n";
}

// Keys are quoted, too: a tag may be called "yes".
std::string RenderTags(const Config& config) {
  if (config.tags.empty()) {
    return "tags: {}\n";
  }
  std::string text = "tags:\n";
  for (const auto& [key, value] : config.tags) {
    text += fmt::format("  {}: {}\n", QuoteYaml(key), QuoteYaml(value));
  }
  return text;
}

// For clouds with the networks that may reach the cluster.
std::string RenderProvider(const Config& config) {
  if (config.IsCloud()) {
    return RenderSources(config) + RenderCloudProvider(config);
  }
  const QemuProvider& qemu = config.qemu;
  return fmt::format(
      "# Where the nodes run. Exactly one provider.\n"
      "provider:\n"
      "  qemu:\n"
      "    # Format of the image file.\n"
      "    imageFormat: raw\n"
      "    # Virtual CPUs of each node.\n"
      "    vcpus: {}\n"
      "    # Memory of each node in MiB.\n"
      "    memory: {}\n"
      "    # UEFI firmware (code volume); empty: the one of the system.\n"
      "    firmware: {}\n"
      "    # auto (probe whether KVM works), kvm or tcg (emulation).\n"
      "    accelerator: {}\n",
      qemu.vcpus, qemu.memory_mib, QuoteYaml(qemu.firmware), qemu.accelerator);
}

// Empty measurements are the local platform's default: the image file is at
// hand and is measured when it is needed.
std::string RenderAttestation(const Config& config) {
  if (config.IsCloud()) {
    return RenderCloudAttestation(config);
  }
  std::string text =
      "# How nodes prove what they run.\n"
      "attestation:\n"
      "  qemuVTPM:\n"
      "    # PCR index: {expected: SHA-256 in hex, warnOnly: false}. Empty: "
      "predicted from the image file when\n"
      "    # the infrastructure is created. warnOnly: true WEAKENS "
      "verification.\n";
  if (config.measurements.empty()) {
    return text + "    measurements: {}\n";
  }
  return text + "    measurements:\n" +
         RenderMeasurements(config.measurements, "      ");
}

}  // namespace

// Every key is written, even with its default, so that the file documents
// itself.
std::string RenderConfig(const Config& config) {
  std::string text = fmt::format(
      "# Schema version of this file.\n"
      "version: {}\n"
      "{}"
      "image: {}\n"
      "# Name of the cluster; begins the nodes' names.\n"
      "name: {}\n"
      "{}"
      "kubernetesVersion: {}\n"
      "# Version of the services. Empty: the one inside the image.\n"
      "microserviceVersion: {}\n"
      "# DON'T USE IN PRODUCTION: {}.\n"
      "debugCluster: {}\n"
      "# Further DNS name of the API server, for its certificate.\n"
      "customEndpoint: {}\n"
      "# {}\n"
      "internalLoadBalancer: {}\n",
      kConfigVersion, ImageComment(config), QuoteYaml(config.image),
      QuoteYaml(config.name), KubernetesComment(config),
      QuoteYaml(config.kubernetes_version),
      QuoteYaml(config.microservice_version),
      config.IsCloud() ? "debug ports and serial console"
                       : "debug images. Not available",
      config.debug_cluster, QuoteYaml(config.custom_endpoint),
      config.IsCloud() ? "Whether the cluster is reached from inside the "
                         "cloud's network only."
                       : "Not available for qemu.",
      config.internal_load_balancer);
  text += fmt::format(
      "# Addresses of Kubernetes services, of pods.\n"
      "serviceCIDR: {}\n"
      "podCIDR: {}\n"
      "# Labels of the infrastructure.\n",
      config.service_cidr, config.pod_cidr);
  text += RenderTags(config);
  text += RenderProvider(config);
  text += "# Groups of equal nodes.\n" + RenderGroups(config);
  text += RenderAttestation(config);
  return text;
}

// One node of each role: what a laptop can run.
Config DefaultQemuConfig() {
  Config config;
  config.node_groups[std::string(kControlPlaneGroup)] = {
      .role = std::string(kControlPlaneRole),
      .state_disk_size_gb = 10,
      .initial_count = 1};
  config.node_groups[std::string(kWorkerGroup)] = {
      .role = std::string(kWorkerRole),
      .state_disk_size_gb = 10,
      .initial_count = 1};
  return config;
}

// Smaller disks; the name is what `mini down` looks for.
Config DefaultMiniConfig() {
  Config config = DefaultQemuConfig();
  config.name = "mini";
  for (auto& [name, group] : config.node_groups) {
    group.state_disk_size_gb = 8;
  }
  return config;
}

}  // namespace constellation::cli
