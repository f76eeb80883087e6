// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_GCP_ERROR_H_
#define CONSTELLATION_CLOUD_GCP_GCP_ERROR_H_

#include <nlohmann/json_fwd.hpp>

#include "absl/status/status.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/backoff.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::gcp {

// What an answer with status 400 or above says: {"error":{"code","message",
// "errors":[{"reason"}],"status","details":[ErrorInfo]}} (Google API errors,
// AIP-193 and the older form), or {"error":"invalid_grant",...} of token
// endpoints (RFC 6749 section 5.2). Any body is borne. `read_only` requests had
// no effect, whatever went wrong.
CloudError GcpErrorOf(const HttpResponse& response, bool read_only);

// Whether `operation` (compute#operation) has errors.
bool OperationFailed(const nlohmann::json& operation);
// The first error of an operation that failed; kLateFailure if we know no
// better word for it. A quota's name and place are the subject.
CloudError OperationErrorOf(const nlohmann::json& operation);
// The same for one {"code","message","errorDetails"} of an operation or of a
// group's last attempt to make an instance.
CloudError ComputeErrorOf(const nlohmann::json& error);

// For RetryOptions: Google also throttles with status 403.
AnswerClass ClassifyGcpAnswer(const HttpResponse& response);

}  // namespace constellation::cloud::gcp

#endif  // CONSTELLATION_CLOUD_GCP_GCP_ERROR_H_
