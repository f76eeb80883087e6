// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral_bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

using Json = nlohmann::json;

constexpr char kFormat[] = "constellation-collateral-bundle/v1";
constexpr int kMaxDepth = 4;

// Sees every token while the document is parsed: depth and keys given twice.
class Guard final {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > kMaxDepth) {
      problem_ = "nested too deeply";
      return false;
    }
    if (event == Json::parse_event_t::object_start) {
      keys_.emplace_back();
    } else if (event == Json::parse_event_t::object_end && !keys_.empty()) {
      keys_.pop_back();
    } else if (event == Json::parse_event_t::key && !keys_.empty() &&
               !keys_.back().insert(parsed.get<std::string>()).second) {
      problem_ = "a key is given twice in one object";
    }
    return true;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::vector<std::set<std::string>> keys_;
  std::string problem_;
};

// The number of octets instead of the key itself: it is hostile text.
absl::Status ExpectKeys(const Json& object, std::string_view place,
                        std::initializer_list<std::string_view> known) {
  if (!object.is_object()) {
    return InvalidArgument(fmt::format("{}: want an object", place));
  }
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      return InvalidArgument(fmt::format("{}: has an unknown key of {} octets",
                                         place, key.size()));
    }
  }
  return absl::OkStatus();
}

// Nothing is optional here; absent and of another type are one error.
absl::StatusOr<std::string> Text(const Json& object, std::string_view place,
                                 const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) {
    return InvalidArgument(fmt::format("{}.{}: want text", place, name));
  }
  return found->get<std::string>();
}

// When somebody fetched it. For people: nothing is decided by it.
absl::StatusOr<absl::Time> TimeAt(const Json& object, std::string_view place,
                                  const char* name) {
  ASSIGN_OR_RETURN(const std::string text, Text(object, place, name));
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return InvalidArgument(
        fmt::format("{}.{}: want a time as 2026-01-31T00:00:00Z", place, name));
  }
  return time;
}

// Content beside its digest.
absl::StatusOr<Bytes> Content(const Json& object, std::string_view place,
                              const char* name, const char* digest_name) {
  ASSIGN_OR_RETURN(const std::string base64, Text(object, place, name));
  ASSIGN_OR_RETURN(const std::string digest, Text(object, place, digest_name));
  absl::StatusOr<Bytes> content = Base64Decode(base64);
  if (!content.ok()) {
    return Annotate(content.status(), fmt::format("{}.{}", place, name));
  }
  const std::string actual = HexEncode(crypto::Sha256(*content));
  if (digest != actual) {
    return DataLoss(fmt::format("{}.{}: want {} of the content, got another",
                                place, digest_name, actual));
  }
  return content;
}

// The digests find files that were damaged on the way; against forgery only the
// entry's own signature helps.
absl::StatusOr<std::pair<std::string, Collateral>> ParseEntry(
    const Json& object, const std::string& place) {
  RETURN_IF_ERROR(ExpectKeys(object, place,
                             {"key", "content", "sha256", "issuerChain",
                              "issuerChainSha256", "fetchedAt"}));
  std::pair<std::string, Collateral> out;
  Collateral& collateral = out.second;
  collateral.source = CollateralSource::kBundle;
  ASSIGN_OR_RETURN(out.first, Text(object, place, "key"));
  ASSIGN_OR_RETURN(collateral.fetched_at, TimeAt(object, place, "fetchedAt"));
  ASSIGN_OR_RETURN(collateral.content,
                   Content(object, place, "content", "sha256"));
  if (object.contains("issuerChain")) {
    ASSIGN_OR_RETURN(const Bytes chain, Content(object, place, "issuerChain",
                                                "issuerChainSha256"));
    collateral.issuer_chain = AsText(chain);
  }
  return out;
}

}  // namespace

// A key that occurs twice is refused: two readers could take different entries.
absl::StatusOr<CollateralBundle> CollateralBundle::Parse(
    std::string_view json) {
  if (json.size() > kMaxBundleSize) {
    return InvalidArgument(fmt::format("bundle: want at most {} octets, got {}",
                                       kMaxBundleSize, json.size()));
  }
  Guard guard;
  const Json document = Json::parse(
      json,
      [&guard](int depth, Json::parse_event_t event, const Json& parsed) {
        return guard(depth, event, parsed);
      },
      /*allow_exceptions=*/false);
  if (!guard.problem().empty()) {
    return InvalidArgument("bundle: " + guard.problem());
  }
  RETURN_IF_ERROR(
      ExpectKeys(document, "bundle", {"format", "createdAt", "entries"}));
  ASSIGN_OR_RETURN(const std::string format,
                   Text(document, "bundle", "format"));
  if (format != kFormat) {
    return InvalidArgument(
        fmt::format("bundle.format: want \"{}\", got another", kFormat));
  }
  CollateralBundle bundle;
  ASSIGN_OR_RETURN(bundle.created_at_, TimeAt(document, "bundle", "createdAt"));
  const auto entries = document.find("entries");
  if (entries == document.end() || !entries->is_array()) {
    return InvalidArgument("bundle.entries: want an array");
  }
  for (size_t i = 0; i < entries->size(); ++i) {
    const std::string place = fmt::format("entries[{}]", i);
    ASSIGN_OR_RETURN(auto entry, ParseEntry((*entries)[i], place));
    if (bundle.Find(entry.first) != nullptr) {
      return InvalidArgument(fmt::format(
          "{}.key: want every key once, got {} twice", place, entry.first));
    }
    if (absl::Status status = bundle.Add(entry.first, std::move(entry.second));
        !status.ok()) {
      return Annotate(status, place);
    }
  }
  return bundle;
}

// Sorted by key (a map), so that equal bundles give equal files.
std::string CollateralBundle::Serialise() const {
  Json entries = Json::array();
  for (const auto& [key, collateral] : entries_) {
    Json entry = {{"key", key},
                  {"content", Base64Encode(collateral.content)},
                  {"sha256", HexEncode(crypto::Sha256(collateral.content))},
                  {"fetchedAt", ShowTime(collateral.fetched_at)}};
    if (!collateral.issuer_chain.empty()) {
      const std::span<const uint8_t> chain = AsBytes(collateral.issuer_chain);
      entry["issuerChain"] = Base64Encode(chain);
      entry["issuerChainSha256"] = HexEncode(crypto::Sha256(chain));
    }
    entries.push_back(std::move(entry));
  }
  const Json document = {{"format", kFormat},
                         {"createdAt", ShowTime(created_at_)},
                         {"entries", std::move(entries)}};
  return document.dump(2) + "\n";
}

// Keys go into file names by their digest and into messages as they are, hence
// printable.
absl::Status CollateralBundle::Add(std::string_view key,
                                   Collateral collateral) {
  const bool printable =
      std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; });
  if (key.empty() || key.size() > kMaxKeySize || !printable) {
    return InvalidArgument(
        fmt::format("collateral key: want 1 to {} printable characters, got {}",
                    kMaxKeySize, key.size()));
  }
  collateral.source = CollateralSource::kBundle;
  entries_[std::string(key)] = std::move(collateral);
  return absl::OkStatus();
}

const Collateral* CollateralBundle::Find(std::string_view key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::string> CollateralBundle::Keys() const {
  std::vector<std::string> keys;
  keys.reserve(entries_.size());
  for (const auto& [key, collateral] : entries_) {
    keys.push_back(key);
  }
  return keys;
}

}  // namespace constellation::attestation
