// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_PROVIDER_SETTINGS_H_
#define CONSTELLATION_CLOUD_PROVIDER_SETTINGS_H_

#include <string>
#include <variant>

// What the config says about one cloud: the sections `provider.*` (keys are
// those of the config file in camel case). Apart from provider.h, so that who
// reads a config needs nothing of the engine.
namespace constellation::cloud {

// Section `provider.aws` of the config. IAM values are names of instance
// profiles.
struct AwsSettings {
  std::string region = {};  // "eu-west-1"
  std::string zone = {};    // of groups that name none, "eu-west-1a"
  std::string iam_profile_control_plane = {};
  std::string iam_profile_worker_nodes = {};
  bool deploy_csi_driver = true;
  bool use_marketplace_image = false;
};

// Section `provider.azure`.
struct AzureSettings {
  std::string subscription = {};  // UUID
  std::string tenant = {};        // UUID
  std::string location = {};
  std::string resource_group = {};
  std::string user_assigned_identity = {};  // resource id
  bool deploy_csi_driver = true;
  bool secure_boot = false;
  bool use_marketplace_image = false;
};

// Section `provider.gcp`.
struct GcpSettings {
  std::string project = {};
  std::string region = {};
  std::string zone = {};
  std::string service_account_key_path = {};  // for the cluster's own services
  std::string iam_service_account_vm = {};    // e-mail address of the VMs'
  bool deploy_csi_driver = true;
  bool use_marketplace_image = false;
};

// Section `provider.openstack`.
struct OpenStackSettings {
  std::string cloud = {};             // entry of clouds.yaml
  std::string clouds_yaml_path = {};  // empty: where OpenStack's own tools look
  std::string availability_zone = {};
  std::string floating_ip_pool_id = {};  // of the external network
  std::string region_name = {};
  std::string stackit_project_id = {};
  bool deploy_csi_driver = true;
  bool deploy_yawol_load_balancer = false;
  std::string yawol_image_id = {};
  std::string yawol_flavor_id = {};
};

// The settings of the one cloud that a config chooses.
using ProviderSettings =
    std::variant<AwsSettings, AzureSettings, GcpSettings, OpenStackSettings>;

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_PROVIDER_SETTINGS_H_
