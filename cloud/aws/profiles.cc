// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/profiles.h"

#include "common/files.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

// Of either file.
constexpr size_t kMaxFile = size_t{1} << 20U;

// Without HOME there is no file, which is no error: containers have none.
absl::StatusOr<IniFile> LoadFile(const Environment& environment,
                                 std::string_view variable,
                                 std::string_view in_home) {
  std::string path = NonEmpty(environment, variable).value_or("");
  if (path.empty()) {
    const auto home = NonEmpty(environment, "HOME");
    if (!home) {
      return IniFile();
    }
    path = *home + std::string(in_home);
  }
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxFile);
  if (absl::IsNotFound(text.status())) {
    return IniFile();
  }
  RETURN_IF_ERROR(text.status());
  absl::StatusOr<IniFile> file = IniFile::Parse(*text);
  return file.ok() ? file : Annotate(file.status(), path);
}

// An absent section counts as an empty one.
Profiles::Section SectionOf(const IniFile& file, std::string_view name) {
  const IniFile::Section* section = file.Find(name);
  return section == nullptr ? Profiles::Section() : *section;
}

}  // namespace

absl::StatusOr<Profiles> Profiles::Load(const Environment& environment) {
  Profiles profiles;
  ASSIGN_OR_RETURN(profiles.config_,
                   LoadFile(environment, "AWS_CONFIG_FILE", "/.aws/config"));
  ASSIGN_OR_RETURN(profiles.credentials_,
                   LoadFile(environment, "AWS_SHARED_CREDENTIALS_FILE",
                            "/.aws/credentials"));
  return profiles;
}

// Botocore lets the older variable win.
std::string Profiles::Choose(const Environment& environment,
                             std::string_view named) {
  if (!named.empty()) {
    return std::string(named);
  }
  for (const char* variable : {"AWS_DEFAULT_PROFILE", "AWS_PROFILE"}) {
    if (const auto value = NonEmpty(environment, variable)) {
      return *value;
    }
  }
  return "default";
}

// The config file alone writes "profile " before names, with "default" as an
// exception.
Profiles::Section Profiles::InConfig(std::string_view profile) const {
  Section section = SectionOf(config_, "profile " + std::string(profile));
  if (section.empty() && profile == "default") {
    section = SectionOf(config_, profile);
  }
  return section;
}

Profiles::Section Profiles::InCredentials(std::string_view profile) const {
  return SectionOf(credentials_, profile);
}

// Keys of both files; `insert` leaves what the credentials file has.
Profiles::Section Profiles::Merged(std::string_view profile) const {
  Section merged = InCredentials(profile);
  const Section config = InConfig(profile);
  merged.insert(config.begin(), config.end());
  return merged;
}

Profiles::Section Profiles::SsoSession(std::string_view name) const {
  return SectionOf(config_, "sso-session " + std::string(name));
}

bool Profiles::Has(std::string_view profile) const {
  return !Merged(profile).empty();
}

std::string ValueOf(const Profiles::Section& section, std::string_view key) {
  const auto found = section.find(key);
  return found == section.end() ? "" : found->second;
}

std::string ConfiguredRegion(const Environment& environment,
                             const Profiles& profiles,
                             std::string_view profile) {
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (const auto value = NonEmpty(environment, variable)) {
      return *value;
    }
  }
  return ValueOf(profiles.Merged(profile), "region");
}

}  // namespace constellation::cloud::aws
