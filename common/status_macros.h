// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_STATUS_MACROS_H_
#define CONSTELLATION_COMMON_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns from the enclosing function if `expr`, an absl::Status, is not OK.
#define RETURN_IF_ERROR(expr)                                         \
  do {                                                                \
    if (::absl::Status status_macro_ = (expr); !status_macro_.ok()) { \
      return status_macro_;                                           \
    }                                                                 \
  } while (false)

#define CONSTELLATION_CONCAT_INNER_(a, b) a##b
#define CONSTELLATION_CONCAT_(a, b) CONSTELLATION_CONCAT_INNER_(a, b)

#define CONSTELLATION_ASSIGN_OR_RETURN_(result, lhs, rexpr) \
  auto result = (rexpr);                                    \
  if (!result.ok()) {                                       \
    return std::move(result).status();                      \
  }                                                         \
  lhs = *std::move(result)

// Evaluates `rexpr`, an absl::StatusOr<T>; assigns its value to `lhs` (which
// may declare a variable) or returns its status.
#define ASSIGN_OR_RETURN(lhs, rexpr) \
  CONSTELLATION_ASSIGN_OR_RETURN_(   \
      CONSTELLATION_CONCAT_(status_or_macro_, __LINE__), lhs, rexpr)

#endif  // CONSTELLATION_COMMON_STATUS_MACROS_H_
