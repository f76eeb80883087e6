// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_EDIT_DISTANCE_H_
#define CONSTELLATION_COMMON_EDIT_DISTANCE_H_

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace constellation {

// How many insertions, deletions, replacements or swaps of neighbours (without
// regard to case) turn `a` into `b`. Inputs beyond 64 characters are cut.
size_t EditDistance(std::string_view a, std::string_view b);

// The entry of `known` that is nearest to `word`, if one is near enough to be
// what was meant: at most a third of the word's letters differ, or one is the
// beginning of the other.
std::optional<std::string> NearestWord(std::string_view word,
                                       std::span<const std::string_view> known);
std::optional<std::string> NearestWord(std::string_view word,
                                       std::span<const std::string> known);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_EDIT_DISTANCE_H_
