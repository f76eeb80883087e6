// SPDX-License-Identifier: Apache-2.0
#include "cloud/credentials/clouds_yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// Octets, nesting and values: a file of users is far below all three.
constexpr size_t kMaxFile = size_t{1} << 20U;
constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxValues = 20000;

// Leaves yaml-cpp's callbacks; it offers no other way out.
struct StopParsing {
  int line;
  const char* message;
};

// Flattens maps of scalars into (path, value) pairs while the file is read.
class Flattener final : public YAML::EventHandler {
 public:
  struct Value {
    std::vector<std::string> path;
    std::string text;
  };

  std::vector<Value> Take() { return std::move(values_); }

  // One file is one document.
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  // A value that is null counts as absent.
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Scalar(mark, "", /*is_null=*/true);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw StopParsing{mark.line, "aliases (*name) are not supported"};
  }
  // Tags are ignored: all values are texts here.
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/,
                YAML::anchor_t anchor, const std::string& text) override {
    RefuseAnchor(mark, anchor);
    Scalar(mark, text, /*is_null=*/false);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    RefuseAnchor(mark, anchor);
    Enter(mark, /*is_map=*/false);
  }
  void OnSequenceEnd() override { Leave(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    RefuseAnchor(mark, anchor);
    Enter(mark, /*is_map=*/true);
  }
  void OnMapEnd() override { Leave(); }

 private:
  // A map or list that is open.
  struct Level {
    bool is_map = false;
    std::optional<std::string> key = {};  // whose value comes next
  };

  // Anchors and aliases are refused as a whole: they could make a small file
  // large.
  static void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) {
      throw StopParsing{mark.line, "anchors (&name) are not supported"};
    }
  }

  // A key, or the value of the key before it. Values within lists are not kept:
  // nothing that we need stands in one.
  void Scalar(const YAML::Mark& mark, const std::string& text, bool is_null) {
    if (++seen_ > kMaxValues) {
      throw StopParsing{mark.line, "too many values"};
    }
    if (levels_.empty()) {
      return;
    }
    Level& level = levels_.back();
    if (!level.is_map) {
      return;
    }
    if (!level.key) {
      level.key = text;
      return;
    }
    const bool in_list = std::ranges::any_of(
        levels_, [](const Level& each) { return !each.is_map; });
    if (!in_list && !is_null) {
      std::vector<std::string> path;
      for (const Level& each : levels_) {
        path.push_back(each.key.value_or(""));
      }
      values_.push_back({std::move(path), text});
    }
    level.key.reset();
  }

  // Maps as keys are YAML, but nobody's configuration.
  void Enter(const YAML::Mark& mark, bool is_map) {
    if (!levels_.empty() && levels_.back().is_map && !levels_.back().key) {
      throw StopParsing{mark.line, "a key must be plain text"};
    }
    if (levels_.size() >= kMaxDepth) {
      throw StopParsing{mark.line, "nested too deeply"};
    }
    levels_.push_back({.is_map = is_map});
  }

  // The value that ends was its parent key's.
  void Leave() {
    levels_.pop_back();
    if (!levels_.empty()) {
      levels_.back().key.reset();
    }
  }

  std::vector<Level> levels_;
  std::vector<Value> values_;
  size_t seen_ = 0;
};

constexpr std::array<std::string_view, 3> kSuffixes = {"yaml", "yml", "json"};

// OS_* variables that belong into `auth`.
constexpr std::array<std::string_view, 25> kAuthKeys = {
    "auth_url",
    "username",
    "user_id",
    "password",
    "project_name",
    "project_id",
    "tenant_name",
    "tenant_id",
    "user_domain_name",
    "user_domain_id",
    "project_domain_name",
    "project_domain_id",
    "default_domain",
    "default_domain_name",
    "default_domain_id",
    "domain_name",
    "domain_id",
    "system_scope",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "token",
    "passcode",
    "trust_id",
    "endpoint"};
constexpr std::array<std::string_view, 10> kOtherKeys = {
    "auth_type", "region_name", "interface", "endpoint_type",
    "cacert",    "cert",        "key",       "identity_api_version",
    "insecure",  "verify"};

// "auth_url" is OS_AUTH_URL.
std::string VariableOf(std::string_view key) {
  std::string name = "OS_";
  for (const char c : key) {
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

// What openstacksdk makes of variables: credentials belong into `auth`, the
// rest stands beside it.
CloudEntry EntryFromVariables(const Environment& environment) {
  CloudEntry entry;
  for (const std::string_view key : kAuthKeys) {
    if (const auto value = NonEmpty(environment, VariableOf(key))) {
      entry["auth." + std::string(key)] = *value;
    }
  }
  if (entry.empty()) {
    return entry;  // a region alone makes no cloud
  }
  for (const std::string_view key : kOtherKeys) {
    if (const auto value = NonEmpty(environment, VariableOf(key))) {
      entry[std::string(key)] = *value;
    }
  }
  return entry;
}

// Keys of `over` win.
void MergeOver(CloudEntry& base, const CloudEntry& over) {
  for (const auto& [key, value] : over) {
    base[key] = value;
  }
}

// One search; remembers what was tried, for the message. Used once.
class Chooser final {
 public:
  explicit Chooser(const CloudChoice& choice) : choice_(choice) {}

  // Variables win over files unless a name was asked for that is not theirs.
  absl::StatusOr<ChosenCloud> Run() {
    std::string wanted = choice_.cloud;
    if (wanted.empty()) {
      wanted = NonEmpty(choice_.environment, "OS_CLOUD").value_or("");
    }
    const CloudEntry variables = EntryFromVariables(choice_.environment);
    const std::string own_name =
        NonEmpty(choice_.environment, "OS_CLOUD_NAME").value_or("envvars");
    if (!variables.empty() && (wanted.empty() || wanted == own_name)) {
      return ChosenCloud{
          .name = own_name, .source = "OS_* variables", .entry = variables};
    }
    tried_.emplace_back("OS_AUTH_URL and other OS_* variables");
    RETURN_IF_ERROR(LoadFiles());
    return Choose(wanted);
  }

 private:
  // Through the caller's reader, if there is one: tests have no home.
  absl::StatusOr<std::string> Read(const std::string& path) const {
    return choice_.read ? choice_.read(path) : ReadFile(path, kMaxFile);
  }

  // Paths in openstacksdk's order, each with its three suffixes.
  // XDG_CONFIG_HOME moves the user's folder.
  std::vector<std::string> Candidates(std::string_view stem,
                                      std::string_view variable) const {
    std::vector<std::string> paths;
    if (const auto path = NonEmpty(choice_.environment, variable)) {
      paths.push_back(*path);
    }
    std::vector<std::string> folders = {"."};
    if (const auto home = NonEmpty(choice_.environment, "XDG_CONFIG_HOME")) {
      folders.push_back(*home + "/openstack");
    } else if (const auto user = NonEmpty(choice_.environment, "HOME")) {
      folders.push_back(*user + "/.config/openstack");
    }
    folders.emplace_back("/etc/openstack");
    for (const std::string& folder : folders) {
      for (const std::string_view suffix : kSuffixes) {
        paths.push_back(fmt::format("{}/{}.{}", folder, stem, suffix));
      }
    }
    return paths;
  }

  // The entries of the first of `paths` that exists; none if none does.
  absl::StatusOr<CloudEntries> First(const std::vector<std::string>& paths,
                                     std::string_view root, bool remember) {
    for (const std::string& path : paths) {
      const absl::StatusOr<std::string> text = Read(path);
      if (absl::IsNotFound(text.status())) {
        if (remember) {
          tried_.push_back(path);
        }
        continue;
      }
      if (!text.ok()) {
        return Annotate(text.status(), path);
      }
      if (remember) {
        source_ = path;
      }
      return ParseCloudsYaml(*text, path, root);
    }
    return CloudEntries();
  }

  // The secure file may hold what the other one should not: it is merged over
  // it, entry by entry. A vendor's profile is merged below.
  absl::Status LoadFiles() {
    const std::vector<std::string> main =
        choice_.path.empty() ? Candidates("clouds", "OS_CLIENT_CONFIG_FILE")
                             : std::vector<std::string>{choice_.path};
    ASSIGN_OR_RETURN(clouds_, First(main, "clouds", /*remember=*/true));
    ASSIGN_OR_RETURN(const CloudEntries secure,
                     First(Candidates("secure", "OS_CLIENT_SECURE_FILE"),
                           "clouds", /*remember=*/false));
    for (const auto& [name, entry] : secure) {
      MergeOver(clouds_[name], entry);
    }
    ASSIGN_OR_RETURN(const CloudEntries vendors,
                     First(Candidates("clouds-public", "OS_CLIENT_VENDOR_FILE"),
                           "public-clouds", /*remember=*/false));
    for (auto& [name, entry] : clouds_) {
      const auto profile = entry.find("profile");
      const auto vendor = profile == entry.end()
                              ? vendors.end()
                              : vendors.find(profile->second);
      if (vendor != vendors.end()) {
        CloudEntry merged = vendor->second;
        MergeOver(merged, entry);
        entry = std::move(merged);
      }
    }
    return absl::OkStatus();
  }

  // A name that is missing lists what is there; several without a name are not
  // guessed at.
  absl::StatusOr<ChosenCloud> Choose(const std::string& wanted) const {
    if (!wanted.empty()) {
      const auto found = clouds_.find(wanted);
      if (found == clouds_.end()) {
        return NotFound(fmt::format(
            "cloud \"{}\" is not in {}", wanted,
            source_.empty() ? fmt::format("any of {}", fmt::join(tried_, ", "))
                            : fmt::format("{} ({})", source_, Names())));
      }
      return ChosenCloud{
          .name = wanted, .source = source_, .entry = found->second};
    }
    if (clouds_.size() == 1) {
      return ChosenCloud{.name = clouds_.begin()->first,
                         .source = source_,
                         .entry = clouds_.begin()->second};
    }
    if (clouds_.empty()) {
      return NotFound(
          fmt::format("no OpenStack credentials; tried {}{}{}",
                      fmt::join(tried_, ", "), source_.empty() ? "" : ", ",
                      source_.empty() ? "" : source_ + " (holds no cloud)"));
    }
    return InvalidArgument(fmt::format(
        "{} holds several clouds ({}): set provider.openstack.cloud, or "
        "OS_CLOUD",
        source_, Names()));
  }

  // For messages. Names are no secrets.
  std::string Names() const {
    std::vector<std::string> names;
    for (const auto& [name, entry] : clouds_) {
      names.push_back(name);
    }
    return fmt::format("{}", fmt::join(names, ", "));
  }

  const CloudChoice& choice_;
  CloudEntries clouds_;
  std::string source_;
  std::vector<std::string> tried_;
};

}  // namespace

// yaml-cpp throws; nothing gets out of here. Messages name the line, never its
// text, which may be a password.
absl::StatusOr<CloudEntries> ParseCloudsYaml(std::string_view text,
                                             std::string_view what,
                                             std::string_view root) {
  if (text.size() > kMaxFile) {
    return InvalidArgument(fmt::format("{}: {} octets, at most {} are allowed",
                                       what, text.size(), kMaxFile));
  }
  CloudEntries entries;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    Flattener flattener;
    // One document only: yaml-cpp 0.7 loops over some broken second ones.
    parser.HandleNextDocument(flattener);
    for (Flattener::Value& value : flattener.Take()) {
      if (value.path.size() < 3 || value.path[0] != root) {
        continue;
      }
      std::string key = value.path[2];
      for (size_t i = 3; i < value.path.size(); ++i) {
        key += "." + value.path[i];
      }
      entries[value.path[1]][key] = std::move(value.text);
    }
  } catch (const StopParsing& stop) {
    return InvalidArgument(
        fmt::format("{}: line {}: {}", what, stop.line + 1, stop.message));
  } catch (const YAML::Exception& error) {
    return InvalidArgument(
        fmt::format("{}: line {}: not YAML", what, error.mark.line + 1));
  }
  return entries;
}

absl::StatusOr<ChosenCloud> ChooseCloud(const CloudChoice& choice) {
  return Chooser(choice).Run();
}

}  // namespace constellation::cloud
