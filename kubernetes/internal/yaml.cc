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

// The text of one document, and where it begins.
struct Part {
  std::string text;
  int first_line = 1;
};

// Whether `line` separates documents: "---" or "..." (YAML 1.2, 9.1.2), the
// former possibly with content behind it.
bool IsSeparator(std::string_view line) {
  return (line.starts_with("---") || line.starts_with("...")) &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '\t' ||
          line[3] == '\r');
}

// yaml-cpp 0.7 loops for ever over the documents of a text such as ",7", so it
// only ever sees one document at a time.
std::vector<Part> SplitDocuments(std::string_view text) {
  std::vector<Part> parts(1);
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (IsSeparator(line)) {
      parts.push_back({"", number});
      line.remove_prefix(3);
    }
    parts.back().text += line;
    parts.back().text += '\n';
  }
  return parts;
}

// The document in `part`; null if there is none. Throws what yaml-cpp throws.
absl::StatusOr<YAML::Node> LoadOne(const Part& part) {
  ShapeCheck shape;
  std::istringstream stream(part.text);
  YAML::Parser parser(stream);
  if (!parser.HandleNextDocument(shape)) return YAML::Node();
  if (shape.too_deep()) {
    return InvalidArgument(
        fmt::format("YAML nested deeper than {} levels", kMaxYamlDepth));
  }
  if (shape.has_alias()) {
    return InvalidArgument("YAML aliases are not supported");
  }
  if (parser.HandleNextDocument(shape)) {
    return InvalidArgument("text behind the end of the YAML document");
  }
  return YAML::Load(part.text);
}

}  // namespace

absl::StatusOr<std::vector<YAML::Node>> LoadYaml(std::string_view text,
                                                 std::string_view what) {
  if (text.size() > kMaxYamlBytes) {
    return InvalidArgument(fmt::format("{}: {} octets; at most {}", what,
                                       text.size(), kMaxYamlBytes));
  }
  std::vector<YAML::Node> documents;
  for (const Part& part : SplitDocuments(text)) {
    try {
      const absl::StatusOr<YAML::Node> document = LoadOne(part);
      if (!document.ok()) return Annotate(document.status(), what);
      if (!document->IsNull()) documents.push_back(*document);
    } catch (const YAML::Exception& error) {
      return InvalidArgument(fmt::format("{}: line {}: {}", what,
                                         error.mark.line + part.first_line,
                                         error.msg));
    }
  }
  return documents;
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
