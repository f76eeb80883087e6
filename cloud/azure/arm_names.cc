// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "common/hex.h"
#include "crypto/hash.h"

namespace constellation::cloud::azure {
namespace {

constexpr size_t kMaxId = 2048;

// The programs never call setlocale(), so this is ASCII.
bool IsAlphanumeric(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

}  // namespace

std::string SubscriptionId(const ArmScope& scope) {
  return "/subscriptions/" + scope.subscription;
}

std::string ResourceGroupId(const ArmScope& scope) {
  return fmt::format("{}/resourceGroups/{}", SubscriptionId(scope),
                     scope.resource_group);
}

std::string CollectionId(const ArmScope& scope, std::string_view type) {
  return fmt::format("{}/providers/{}", ResourceGroupId(scope), type);
}

std::string ResourceId(const ArmScope& scope, std::string_view type,
                       std::string_view name) {
  return fmt::format("{}/{}", CollectionId(scope, type), name);
}

// An id out of an answer or a journal becomes the path of a request that
// carries the operator's token. "..", an empty segment or "?" would lead that
// request to something that nobody meant.
bool IsArmId(std::string_view text) {
  if (!text.starts_with('/') || text.size() > kMaxId || text.ends_with('/')) {
    return false;
  }
  std::string_view rest = text;
  while (!rest.empty()) {
    rest.remove_prefix(1);  // the slash
    const std::string_view segment = rest.substr(0, rest.find('/'));
    const bool good =
        !segment.empty() && segment != "." && segment != ".." &&
        std::ranges::all_of(segment, [](char c) {
          return IsAlphanumeric(c) ||
                 std::string_view("._()-").find(c) != std::string_view::npos;
        });
    if (!good) {
      return false;
    }
    rest.remove_prefix(segment.size());
  }
  return true;
}

bool Consists(std::string_view text, std::string_view of, size_t max_size) {
  return !text.empty() && text.size() <= max_size &&
         text.find_first_not_of(of) == std::string_view::npos;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool SameId(std::string_view a, std::string_view b) {
  return a.size() == b.size() && Lower(a) == Lower(b);
}

bool IsBelow(std::string_view id, std::string_view parent) {
  return id.size() >= parent.size() &&
         SameId(id.substr(0, parent.size()), parent) &&
         (id.size() == parent.size() || id[parent.size()] == '/');
}

// The last occurrence counts: ids nest ("providers" may occur twice), and the
// innermost thing is the one that is named.
std::string SegmentBehind(std::string_view id, std::string_view key) {
  const std::string needle = fmt::format("/{}/", Lower(key));
  const size_t at = Lower(id).rfind(needle);
  if (at == std::string::npos) {
    return "";
  }
  const std::string_view rest = id.substr(at + needle.size());
  return std::string(rest.substr(0, rest.find('/')));
}

bool IsUuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kForm.size()) {
    return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    const bool good =
        kForm[i] == '-'
            ? text[i] == '-'
            : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
    if (!good) {
      return false;
    }
  }
  return true;
}

std::string UrlEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (IsAlphanumeric(c) ||
        std::string_view("._~-").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// The octets that RFC 4122 (4.1.2, 4.1.3) reserves are overwritten, the rest is
// the digest: 122 bits, which do not collide by accident.
std::string UuidOf(std::string_view text) {
  const crypto::Sha256Digest digest = crypto::Sha256(AsBytes(text));
  std::string hex = HexEncode(std::span<const uint8_t>(digest).first(16));
  hex[12] = '5';                                 // version
  constexpr std::string_view kVariant = "89ab";  // RFC 4122, 4.1.1
  hex[16] = kVariant[digest[8] & 3U];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4),
                     hex.substr(12, 4), hex.substr(16, 4), hex.substr(20, 12));
}

}  // namespace constellation::cloud::azure
