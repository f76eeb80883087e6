// SPDX-License-Identifier: Apache-2.0
#include "common/edit_distance.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <vector>

namespace constellation {
namespace {

constexpr size_t kMaxLength = 64;

// Cut and in lower case: the work per pair is bounded.
std::string Normalise(std::string_view word) {
  std::string result(word.substr(0, kMaxLength));
  for (char& c : result) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

// Three letters at least: one letter begins too many words.
bool IsBeginning(std::string_view part, std::string_view whole) {
  return part.size() >= 3 && whole.substr(0, part.size()) == part;
}

}  // namespace

size_t EditDistance(std::string_view a, std::string_view b) {
  const std::string left = Normalise(a);
  const std::string right = Normalise(b);
  // rows[i % 3] holds the distances of the first i letters of `left`.
  std::array<std::array<size_t, kMaxLength + 1>, 3> rows{};
  for (size_t j = 0; j <= right.size(); ++j) {
    rows[0][j] = j;
  }
  for (size_t i = 1; i <= left.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= right.size(); ++j) {
      const size_t cost = left[i - 1] == right[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + cost});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] &&
          left[i - 2] == right[j - 1]) {
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[left.size() % 3][right.size()];
}

std::optional<std::string> NearestWord(
    std::string_view word, std::span<const std::string_view> known) {
  size_t best = std::numeric_limits<size_t>::max();
  std::optional<std::string> nearest;
  const std::string normal = Normalise(word);
  for (const std::string_view candidate : known) {
    const std::string other = Normalise(candidate);
    const size_t length = std::max(normal.size(), other.size());
    // Abbreviations are common: "infra" for "infrastructure".
    const bool beginning =
        IsBeginning(normal, other) || IsBeginning(other, normal);
    const size_t distance = EditDistance(word, candidate);
    if (distance < best && (beginning || distance * 3 <= length + 1)) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::optional<std::string> NearestWord(std::string_view word,
                                       std::span<const std::string> known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return NearestWord(word, views);
}

}  // namespace constellation
