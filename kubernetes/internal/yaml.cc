// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/internal/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/parser.h>

#include <sstream>

#include "common/status.h"

namespace constellation::kubernetes::internal {
namespace {

constexpr size_t kMaxYamlBytes = size_t{4} << 20U;
constexpr int kMaxYamlDepth = 50;

// Walks through a document without building it.
class ShapeCheck final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {
    has_alias_ = true;
  }
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    Enter();
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                  YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    Enter();
  }
  void OnMapEnd() override { --depth_; }

  bool has_alias() const { return has_alias_; }
  bool too_deep() const { return too_deep_; }

 private:
  void Enter() { too_deep_ = ++depth_ > kMaxYamlDepth || too_deep_; }

  int depth_ = 0;
  bool has_alias_ = false;
  bool too_deep_ = false;
};

}  // namespace

absl::StatusOr<std::vector<YAML::Node>> LoadYaml(std::string_view text,
                                                 std::string_view what) {
  if (text.size() > kMaxYamlBytes) {
    return InvalidArgument(fmt::format("{}: {} octets; at most {}", what,
                                       text.size(), kMaxYamlBytes));
  }
  try {
    ShapeCheck shape;
    std::istringstream first{std::string(text)};
    YAML::Parser parser(first);
    while (parser.HandleNextDocument(shape)) {
    }
    if (shape.too_deep()) {
      return InvalidArgument(fmt::format(
          "{}: YAML nested deeper than {} levels", what, kMaxYamlDepth));
    }
    if (shape.has_alias()) {
      return InvalidArgument(
          fmt::format("{}: YAML aliases are not supported", what));
    }
    std::vector<YAML::Node> documents;
    for (YAML::Node& document : YAML::LoadAll(std::string(text))) {
      if (!document.IsNull()) documents.push_back(document);
    }
    return documents;
  } catch (const YAML::Exception& error) {
    return InvalidArgument(
        fmt::format("{}: line {}: {}", what, error.mark.line + 1, error.msg));
  }
}

absl::StatusOr<std::string> TextAt(const YAML::Node& map,
                                   const std::string& key) {
  try {
    if (!map.IsMap()) {
      return InvalidArgument(
          fmt::format("no map where '{}' is looked up", key));
    }
    const YAML::Node value = map[key];
    if (!value.IsDefined() || value.IsNull()) return std::string();
    if (!value.IsScalar()) {
      return InvalidArgument(fmt::format("'{}' is no text", key));
    }
    return value.Scalar();
  } catch (const YAML::Exception& error) {
    return InvalidArgument(fmt::format("'{}': {}", key, error.msg));
  }
}

}  // namespace constellation::kubernetes::internal
