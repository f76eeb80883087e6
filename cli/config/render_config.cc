// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <string>

#include "cli/config/config.h"
#include "cli/config/measurements.h"
#include "cli/yaml/yaml_value.h"

namespace constellation::cli {
namespace {

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
  }
  return text;
}

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

std::string RenderProvider(const Config& config) {
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

std::string RenderAttestation(const Config& config) {
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

std::string RenderConfig(const Config& config) {
  std::string text = fmt::format(
      "# Schema version of this file.\n"
      "version: {}\n"
      "# Node image: path of a raw image, or a name. Empty: the newest one "
      "that `constellation image build` made.\n"
      "image: {}\n"
      "# Name of the cluster; begins the nodes' names.\n"
      "name: {}\n"
      "# Kubernetes version. Empty: the one inside the image; anything else "
      "must equal it.\n"
      "kubernetesVersion: {}\n"
      "# Version of the services. Empty: the one inside the image.\n"
      "microserviceVersion: {}\n"
      "# DON'T USE IN PRODUCTION: debug images. Not available.\n"
      "debugCluster: false\n"
      "# Further DNS name of the API server, for its certificate.\n"
      "customEndpoint: {}\n"
      "# Not available for qemu.\n"
      "internalLoadBalancer: false\n",
      kConfigVersion, QuoteYaml(config.image), QuoteYaml(config.name),
      QuoteYaml(config.kubernetes_version),
      QuoteYaml(config.microservice_version),
      QuoteYaml(config.custom_endpoint));
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

Config DefaultMiniConfig() {
  Config config = DefaultQemuConfig();
  config.name = "mini";
  for (auto& [name, group] : config.node_groups) {
    group.state_disk_size_gb = 8;
  }
  return config;
}

}  // namespace constellation::cli
