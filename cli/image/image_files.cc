// SPDX-License-Identifier: Apache-2.0
#include "cli/image/image_files.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/cluster/qemu_platform.h"
#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "image/measure/predict.h"

namespace constellation::cli {
namespace {

// PCR15 names the cluster and is not the image's.
constexpr uint32_t kFirstUnmeasured = 15;
constexpr size_t kMaxDescription = size_t{4} << 20U;

// Empty and unset are the same here.
std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The version of kubelet in the description of the image, or nothing.
std::string KubernetesVersionIn(const std::string& description_path) {
  const absl::StatusOr<std::string> text =
      ReadFile(description_path, kMaxDescription);
  if (!text.ok()) {
    return "";
  }
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const auto components =
      json.is_object() ? json.find("components") : json.end();
  if (!json.is_object() || components == json.end() ||
      !components->is_array()) {
    return "";
  }
  for (const auto& component : *components) {
    if (component.is_object() && component.contains("name") &&
        component["name"] == "kubelet" && component.contains("version") &&
        component["version"].is_string()) {
      return component["version"].get<std::string>();
    }
  }
  return "";
}

}  // namespace

// XDG Base Directory Specification; an empty variable counts as not set.
std::string DefaultImageFolder() {
  std::string cache = Environment("XDG_CACHE_HOME");
  if (cache.empty()) {
    cache = Environment("HOME") + "/.cache";
  }
  return cache + "/constellation/image";
}

// The version is only shown and compared: the registers decide what runs.
absl::StatusOr<ImageFacts> InspectImageFile(const std::string& image) {
  const std::string path =
      image.empty() ? DefaultImageFolder() + "/constellation.raw" : image;
  std::error_code error;
  ImageFacts facts;
  facts.path = std::filesystem::weakly_canonical(path, error).string();
  if (error || !FileExists(facts.path)) {
    return NotFound(fmt::format(
        "node image {}: no such file; make one with: constellation image build",
        path));
  }
  ASSIGN_OR_RETURN(const image::measure::PredictedPcrs pcrs,
                   image::measure::PredictPcrs(facts.path));
  facts.profile.name = "node-image";
  facts.profile.variant = attestation::kVariantQemuVtpm;
  for (const auto& [index, digest] : pcrs.values) {
    if (index < kFirstUnmeasured) {
      facts.profile.pcrs[index] = digest;
    }
  }
  facts.kubernetes_version = KubernetesVersionIn(
      std::filesystem::path(facts.path).replace_extension(".json").string());
  return facts;
}

absl::StatusOr<std::string> FindImageBuilder() {
  std::vector<std::string> folders;
  if (const std::string share = Environment("CONSTELLATION_SHARE_DIR");
      !share.empty()) {
    folders.push_back(share);
  }
  ASSIGN_OR_RETURN(const std::string program, OwnProgram());
  const std::filesystem::path bin =
      std::filesystem::path(program).parent_path();
  // build/<preset>/bin of the source tree; <prefix>/bin of an installation.
  // A developer's own tree comes before an installation.
  folders.push_back((bin / "../../..").lexically_normal().string());
  folders.push_back(
      (bin / "../share/constellation").lexically_normal().string());
  std::string looked;
  for (const std::string& folder : folders) {
    const std::string candidate =
        (std::filesystem::path(folder) / "image/build").string();
    if (FileExists(candidate)) {
      return candidate;
    }
    looked += "\n  " + candidate;
  }
  return NotFound(
      fmt::format("image builder: not found; set CONSTELLATION_SHARE_DIR to "
                  "the source tree. "
                  "Looked for:{}",
                  looked));
}

}  // namespace constellation::cli
