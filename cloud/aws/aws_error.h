// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_AWS_ERROR_H_
#define CONSTELLATION_CLOUD_AWS_AWS_ERROR_H_

#include <string>
#include <string_view>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/backoff.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::aws {

// What an answer that is not a success says: EC2's
// <Response><Errors><Error><Code>, the query services'
// <ErrorResponse><Error><Code>, S3's <Error><Code>, JSON's {"__type"} and the
// headers x-amzn-errortype, x-amzn-requestid. Something else is judged by its
// HTTP status. `permission` ("ec2:CreateVpc") is the subject of a refusal
// unless the message names another one (iam:PassRole). Pure.
CloudError DecodeError(const HttpResponse& response,
                       std::string_view permission);

// The code in an error answer alone ("RequestLimitExceeded"), or nothing.
std::string ErrorCode(const HttpResponse& response);

// What a failed scaling activity says in prose: an Auto Scaling group has no
// codes. kLateFailure if it is none of the known reasons; kUnclear for those
// that pass by themselves (an instance profile that EC2 does not see yet).
CloudError DecodeActivity(std::string_view status_message);

// ClassifyByStatus() with AWS's codes: throttling comes as 400 and 503 too.
AnswerClass ClassifyAnswer(const HttpResponse& response);

// Whether the answer says that the credentials are too old, or the clock is
// wrong: a request signed anew may succeed.
bool IsExpired(const HttpResponse& response);
bool IsClockSkew(const HttpResponse& response);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_AWS_ERROR_H_
