// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/vectors.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/files.h"

namespace constellation::testing {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  fprintf(stderr, "vectors: %s\n", what.c_str());
  abort();
}

std::string MustRead(const std::string& name) {
  const std::optional<std::string> folder = VectorsFolder();
  if (!folder.has_value()) {
    Fail(kNoVectors);
  }
  absl::StatusOr<std::string> contents = ReadFile(*folder + "/" + name);
  if (!contents.ok()) {
    Fail("cannot read " + name);
  }
  return *std::move(contents);
}

const nlohmann::json& Manifest() {
  static const nlohmann::json& manifest =
      *new nlohmann::json(nlohmann::json::parse(MustRead("MANIFEST.json")));
  return manifest;
}

}  // namespace

std::optional<std::string> VectorsFolder() {
  const char* given = getenv("CONSTELLATION_VECTORS");
  const char* source = getenv("CONSTELLATION_SOURCE_DIR");
  const std::string folder =
      given != nullptr ? given
                       : std::string(source != nullptr ? source : ".") +
                             "/../shared/vectors";
  if (!FileExists(folder + "/MANIFEST.json")) {
    return std::nullopt;
  }
  return folder;
}

Bytes ReadVector(const std::string& name) {
  const std::string contents = MustRead(name);
  return {contents.begin(), contents.end()};
}

nlohmann::json VectorEntry(const std::string& name) {
  for (const nlohmann::json& entry : Manifest()["files"]) {
    if (entry["path"] == name) {
      return entry;
    }
  }
  Fail("no entry for " + name);
}

std::vector<nlohmann::json> VectorEntries(const std::string& prefix) {
  std::vector<nlohmann::json> entries;
  for (const nlohmann::json& entry : Manifest()["files"]) {
    if (entry["path"].get<std::string>().starts_with(prefix)) {
      entries.push_back(entry);
    }
  }
  return entries;
}

}  // namespace constellation::testing
