// SPDX-License-Identifier: Apache-2.0
#include "cli/config/cloud_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "common/edit_distance.h"

namespace constellation::cli {
namespace {

using Words = std::vector<std::string>;

// `pattern` with "{}" replaced by every one of `sizes`.
void Expand(std::initializer_list<std::string_view> patterns,
            std::initializer_list<std::string_view> sizes, Words& types) {
  for (const std::string_view pattern : patterns) {
    const size_t hole = pattern.find("{}");
    for (const std::string_view size : sizes) {
      types.push_back(fmt::format("{}{}{}", pattern.substr(0, hole), size,
                                  pattern.substr(hole + 2)));
    }
  }
}

// Sizes with less than 4 virtual processors are left out: a control-plane node
// does not start on them in time.
Words AwsSnpTypes() {
  Words types;
  Expand({"m6a.{}"}, {"xlarge", "2xlarge", "4xlarge", "8xlarge"}, types);
  Expand({"c6a.{}"}, {"xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"},
         types);
  Expand({"r6a.{}"}, {"xlarge", "2xlarge", "4xlarge"}, types);
  return types;
}

// Families of the Nitro system with UEFI and NitroTPM (AWS EC2 User Guide,
// "Requirements for using NitroTPM").
Words AwsNitroTypes() {
  Words types;
  Expand({"m6a.{}", "c6a.{}", "r6a.{}", "m6i.{}", "c6i.{}", "r6i.{}"},
         {"xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
          "24xlarge", "32xlarge"},
         types);
  Expand({"m5.{}", "m5a.{}", "m5d.{}", "m5n.{}", "r5.{}", "r5a.{}"},
         {"xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
          "24xlarge"},
         types);
  Expand({"c5.{}", "c5d.{}"},
         {"xlarge", "2xlarge", "4xlarge", "9xlarge", "12xlarge", "18xlarge",
          "24xlarge"},
         types);
  Expand({"c5a.{}"},
         {"xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
          "24xlarge"},
         types);
  Expand({"m7a.{}", "c7a.{}", "r7a.{}"},
         {"xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
          "24xlarge", "32xlarge", "48xlarge"},
         types);
  Expand({"m7i.{}", "c7i.{}", "r7i.{}"},
         {"xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
          "24xlarge", "48xlarge"},
         types);
  Expand({"t3.{}", "t3a.{}"}, {"xlarge", "2xlarge"}, types);
  return types;
}

// The DCas, DCads, ECas and ECads series (Azure confidential VMs on AMD).
Words AzureSnpTypes() {
  Words types;
  Expand({"Standard_DC{}as_v5", "Standard_DC{}ads_v5", "Standard_DC{}as_v6",
          "Standard_DC{}ads_v6"},
         {"4", "8", "16", "32", "48", "64", "96"}, types);
  Expand({"Standard_EC{}as_v5", "Standard_EC{}ads_v5", "Standard_EC{}as_v6",
          "Standard_EC{}ads_v6"},
         {"4", "8", "16", "20", "32", "48", "64", "96"}, types);
  return types;
}

// The DCes, DCeds, ECes and ECeds series (Azure confidential VMs on Intel).
Words AzureTdxTypes() {
  Words types;
  Expand({"Standard_DC{}es_v5", "Standard_DC{}eds_v5", "Standard_DC{}es_v6",
          "Standard_DC{}eds_v6"},
         {"4", "8", "16", "32", "48", "64", "96", "128"}, types);
  Expand({"Standard_EC{}es_v5", "Standard_EC{}eds_v5", "Standard_EC{}es_v6",
          "Standard_EC{}eds_v6"},
         {"4", "8", "16", "32", "48", "64", "128"}, types);
  return types;
}

// N2D: the family of Google that runs SEV-SNP.
void AddN2d(Words& types) {
  Expand({"n2d-standard-{}"},
         {"4", "8", "16", "32", "48", "64", "80", "96", "128", "224"}, types);
  Expand({"n2d-highmem-{}"}, {"4", "8", "16", "32", "48", "64", "80", "96"},
         types);
  Expand({"n2d-highcpu-{}"},
         {"4", "8", "16", "32", "48", "64", "80", "96", "128", "224"}, types);
}

// TDX on C3, SEV-ES on N2D and C2D, SEV-SNP on N2D (Compute Engine, "Supported
// configurations" of Confidential VM).
Words GcpTypes(std::string_view variant) {
  Words types;
  if (variant == "gcp-tdx") {
    Expand({"c3-standard-{}"}, {"4", "8", "22", "44", "88", "176"}, types);
    return types;
  }
  AddN2d(types);
  if (variant == "gcp-sev-es") {
    Expand({"c2d-standard-{}", "c2d-highmem-{}", "c2d-highcpu-{}"},
           {"4", "8", "16", "32", "56", "112"}, types);
  }
  return types;
}

// All regions, closed partitions included: whether an account may use one and
// whether it has the type is asked online, before anything is made. The same
// holds for the next two.
const Words& AwsRegions() {
  static const auto* const kRegions = new Words{
      "af-south-1",     "ap-east-1",      "ap-east-2",      "ap-northeast-1",
      "ap-northeast-2", "ap-northeast-3", "ap-south-1",     "ap-south-2",
      "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
      "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ca-central-1",
      "ca-west-1",      "cn-north-1",     "cn-northwest-1", "eu-central-1",
      "eu-central-2",   "eu-north-1",     "eu-south-1",     "eu-south-2",
      "eu-west-1",      "eu-west-2",      "eu-west-3",      "il-central-1",
      "me-central-1",   "me-south-1",     "mx-central-1",   "sa-east-1",
      "us-east-1",      "us-east-2",      "us-gov-east-1",  "us-gov-west-1",
      "us-west-1",      "us-west-2"};
  return *kRegions;
}

// Azure calls them locations; written without blanks.
const Words& AzureLocations() {
  static const auto* const kLocations =
      new Words{"australiacentral", "australiacentral2",
                "australiaeast",    "australiasoutheast",
                "austriaeast",      "belgiumcentral",
                "brazilsouth",      "brazilsoutheast",
                "canadacentral",    "canadaeast",
                "centralindia",     "centralus",
                "chilecentral",     "chinaeast",
                "chinaeast2",       "chinaeast3",
                "chinanorth",       "chinanorth2",
                "chinanorth3",      "eastasia",
                "eastus",           "eastus2",
                "francecentral",    "francesouth",
                "germanynorth",     "germanywestcentral",
                "indonesiacentral", "israelcentral",
                "italynorth",       "japaneast",
                "japanwest",        "jioindiacentral",
                "jioindiawest",     "koreacentral",
                "koreasouth",       "malaysiawest",
                "mexicocentral",    "newzealandnorth",
                "northcentralus",   "northeurope",
                "norwayeast",       "norwaywest",
                "polandcentral",    "qatarcentral",
                "southafricanorth", "southafricawest",
                "southcentralus",   "southeastasia",
                "southindia",       "spaincentral",
                "swedencentral",    "switzerlandnorth",
                "switzerlandwest",  "uaecentral",
                "uaenorth",         "uksouth",
                "ukwest",           "usgovarizona",
                "usgovtexas",       "usgovvirginia",
                "westcentralus",    "westeurope",
                "westindia",        "westus",
                "westus2",          "westus3"};
  return *kLocations;
}

// Compute Engine's regions.
const Words& GcpRegions() {
  static const auto* const kRegions = new Words{"africa-south1",
                                                "asia-east1",
                                                "asia-east2",
                                                "asia-northeast1",
                                                "asia-northeast2",
                                                "asia-northeast3",
                                                "asia-south1",
                                                "asia-south2",
                                                "asia-southeast1",
                                                "asia-southeast2",
                                                "australia-southeast1",
                                                "australia-southeast2",
                                                "europe-central2",
                                                "europe-north1",
                                                "europe-north2",
                                                "europe-southwest1",
                                                "europe-west1",
                                                "europe-west10",
                                                "europe-west12",
                                                "europe-west2",
                                                "europe-west3",
                                                "europe-west4",
                                                "europe-west6",
                                                "europe-west8",
                                                "europe-west9",
                                                "me-central1",
                                                "me-central2",
                                                "me-west1",
                                                "northamerica-northeast1",
                                                "northamerica-northeast2",
                                                "northamerica-south1",
                                                "southamerica-east1",
                                                "southamerica-west1",
                                                "us-central1",
                                                "us-east1",
                                                "us-east4",
                                                "us-east5",
                                                "us-south1",
                                                "us-west1",
                                                "us-west2",
                                                "us-west3",
                                                "us-west4"};
  return *kRegions;
}

// The zones of a region: by letters, with the exceptions that Google has.
Words ZonesOf(std::string_view provider, const std::string& region) {
  Words zones;
  if (provider == "aws") {
    Expand({region + "{}"}, {"a", "b", "c", "d", "e", "f"}, zones);
  } else if (region == "us-east1" || region == "europe-west1") {
    Expand({region + "-{}"}, {"b", "c", "d"}, zones);
  } else if (region == "us-central1") {
    Expand({region + "-{}"}, {"a", "b", "c", "f"}, zones);
  } else {
    Expand({region + "-{}"}, {"a", "b", "c"}, zones);
  }
  return zones;
}

constexpr std::string_view kEnrolledVtpm = "qemu-vtpm";

}  // namespace

const std::vector<CloudVariant>& CloudVariants() {
  static const auto* const kVariants = new std::vector<CloudVariant>{
      {"qemuVTPM", kEnrolledVtpm, "qemu"},
      {"awsSEVSNP", "aws-sev-snp", "aws"},
      {"awsNitroTPM", "aws-nitro-tpm", "aws"},
      {"azureSEVSNP", "azure-sev-snp", "azure"},
      {"azureTDX", "azure-tdx", "azure"},
      {"gcpSEVSNP", "gcp-sev-snp", "gcp"},
      {"gcpSEVES", "gcp-sev-es", "gcp"},
      {"gcpTDX", "gcp-tdx", "gcp"},
      {"openstackSEVSNP", "openstack-sev-snp", "openstack"},
      {"openstackTDX", "openstack-tdx", "openstack"}};
  return *kVariants;
}

bool VariantFits(const CloudVariant& variant, std::string_view provider) {
  return variant.provider == provider ||
         (variant.variant == kEnrolledVtpm && provider == "openstack");
}

// Both words are accepted: people copy either from a config or from a policy.
const CloudVariant* FindCloudVariant(std::string_view word) {
  for (const CloudVariant& variant : CloudVariants()) {
    if (variant.key == word || variant.variant == word) {
      return &variant;
    }
  }
  return nullptr;
}

std::string_view DefaultVariant(std::string_view provider) {
  for (const CloudVariant& variant : CloudVariants()) {
    if (variant.provider == provider) {
      return variant.variant;
    }
  }
  return "";
}

std::vector<std::string> InstanceTypes(std::string_view variant, bool stackit) {
  if (variant == "aws-sev-snp") {
    return AwsSnpTypes();
  }
  if (variant == "aws-nitro-tpm") {
    return AwsNitroTypes();
  }
  if (variant == "azure-sev-snp") {
    return AzureSnpTypes();
  }
  if (variant == "azure-tdx") {
    return AzureTdxTypes();
  }
  if (variant.starts_with("gcp-")) {
    return GcpTypes(variant);
  }
  Words types;
  if (stackit && variant.starts_with("openstack-")) {
    Expand({"m1a.{}cd"}, {"2", "4", "8", "16", "30"}, types);
  }
  return types;
}

// The smallest on which a control plane starts in time.
std::string_view DefaultInstanceType(std::string_view variant, bool stackit) {
  if (variant.starts_with("aws-")) {
    return "m6a.xlarge";
  }
  if (variant == "azure-sev-snp") {
    return "Standard_DC4as_v5";
  }
  if (variant == "azure-tdx") {
    return "Standard_DC4es_v5";
  }
  if (variant == "gcp-tdx") {
    return "c3-standard-4";
  }
  if (variant.starts_with("gcp-")) {
    return "n2d-standard-4";
  }
  return stackit ? "m1a.4cd" : "";
}

// OpenStack's operators name regions as they like.
const std::vector<std::string>& CloudRegions(std::string_view provider) {
  static const auto* const kAny = new Words;
  if (provider == "aws") {
    return AwsRegions();
  }
  if (provider == "azure") {
    return AzureLocations();
  }
  return provider == "gcp" ? GcpRegions() : *kAny;
}

std::optional<std::string> ZoneMistake(std::string_view provider,
                                       const std::string& region,
                                       const std::string& zone) {
  if (provider == "azure") {
    if (zone.empty() || zone == "1" || zone == "2" || zone == "3") {
      return std::nullopt;
    }
    return fmt::format(
        "must be empty (the location decides), 1, 2 or 3, not \"{}\"", zone);
  }
  if (provider != "aws" && provider != "gcp") {
    return std::nullopt;
  }
  return UnknownWord("zone of " + region, zone, ZonesOf(provider, region));
}

// Lists at most eight words when none is near: a message with all regions would
// hide what is wrong.
std::optional<std::string> UnknownWord(std::string_view what,
                                       const std::string& word,
                                       const std::vector<std::string>& known) {
  if (known.empty() || std::ranges::find(known, word) != known.end()) {
    return std::nullopt;
  }
  if (const auto nearest = NearestWord(word, known)) {
    return fmt::format("\"{}\" is no known {}; did you mean {}?", word, what,
                       *nearest);
  }
  constexpr size_t kShown = 8;
  std::string some;
  for (size_t i = 0; i < std::min(known.size(), kShown); ++i) {
    some += (i == 0 ? "" : ", ") + known[i];
  }
  return fmt::format("\"{}\" is no known {}; known: {}{}", word, what, some,
                     known.size() > kShown ? ", ..." : "");
}

}  // namespace constellation::cli
