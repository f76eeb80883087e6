// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CONFIG_CLOUD_CATALOG_H_
#define CONSTELLATION_CLI_CONFIG_CLOUD_CATALOG_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What is known of the clouds without asking them, so that a typing error is
// told before anything is created. The clouds grow: what is not listed here can
// be used with --force, and the cloud itself is asked before a cluster is made.
// Pure; thread-safe.
namespace constellation::cli {

// A kind of confidential VM, and where it exists.
// Views of static texts.
struct CloudVariant {
  std::string_view key;       // in the config, "awsSEVSNP"
  std::string_view variant;   // everywhere else, "aws-sev-snp"
  std::string_view provider;  // "aws"
};

// Every variant that a config may name, the default one of each provider first.
const std::vector<CloudVariant>& CloudVariants();
// Whether nodes of `provider` can prove themselves so: its own variants, and
// qemu-vtpm on OpenStack, for owners of the cloud who enrol its vTPMs.
bool VariantFits(const CloudVariant& variant, std::string_view provider);
// By either word; null if there is none.
const CloudVariant* FindCloudVariant(std::string_view word);
// "aws-sev-snp" for "aws", "qemu-vtpm" for "qemu"; empty for no provider.
std::string_view DefaultVariant(std::string_view provider);

// The VM types that can run `variant`, smallest of each family first. Empty for
// OpenStack (its operators name flavors as they like) and qemu. `stackit`:
// STACKIT's flavors.
std::vector<std::string> InstanceTypes(std::string_view variant,
                                       bool stackit = false);
// What `config generate` writes; empty if only the operator knows.
std::string_view DefaultInstanceType(std::string_view variant, bool stackit);

// Regions of a provider (Azure: locations); empty where anything goes.
const std::vector<std::string>& CloudRegions(std::string_view provider);

// Why `zone` is none of `region`, with the nearest one; nothing if it may be.
// AWS and GCP: the region's name and a letter; Azure: "", "1", "2" or "3".
std::optional<std::string> ZoneMistake(std::string_view provider,
                                       const std::string& region,
                                       const std::string& zone);

// Why `word` is not one of `known`, ending in the nearest one; nothing if it
// is, or if `known` is empty. `what`: "region".
std::optional<std::string> UnknownWord(std::string_view what,
                                       const std::string& word,
                                       const std::vector<std::string>& known);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CONFIG_CLOUD_CATALOG_H_
