// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_API_ERROR_H_
#define CONSTELLATION_KUBERNETES_API_ERROR_H_

#include <string_view>

#include "absl/status/status.h"

namespace constellation::kubernetes {

// What an answer of an API server means: OK for HTTP status 2xx, otherwise an
// error with the message of the Status object in `body` (at most 1 KiB of it;
// other bodies are not quoted) and this code:
//
//   400, 405, 406, 413, 415, 422  INVALID_ARGUMENT
//   401                           UNAUTHENTICATED
//   403                           PERMISSION_DENIED
//   404                           NOT_FOUND
//   409 reason AlreadyExists      ALREADY_EXISTS
//   409 otherwise (conflict)      ABORTED
//   410 (resource version gone)   OUT_OF_RANGE
//   429                           RESOURCE_EXHAUSTED
//   504                           DEADLINE_EXCEEDED
//   other 5xx                     UNAVAILABLE
//   anything else                 FAILED_PRECONDITION
//
// `action` names the request in the message.
absl::Status StatusOfAnswer(int http_status, std::string_view body,
                            std::string_view action);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_API_ERROR_H_
