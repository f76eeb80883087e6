// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ARM_CLIENT_H_
#define CONSTELLATION_CLOUD_AZURE_ARM_CLIENT_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cloud/http/http_transport.h"
#include "cloud/http/retrying_transport.h"
#include "common/clock.h"

namespace constellation::cloud::azure {

// The boundary to whoever has access tokens for ARM. Thread-safe.
class TokenProvider {
 public:
  virtual ~TokenProvider() = default;
  // A token that is valid for some minutes yet. Secret: only for headers.
  // UNAUTHENTICATED if there are no credentials, UNAVAILABLE if the source does
  // not answer.
  virtual absl::StatusOr<std::string> Token() = 0;
  // The last token was refused: forgets it. `claims` is what a claims challenge
  // demands of the next one (JSON), empty if there was none. Whether another
  // token can be had.
  virtual bool Renew(std::string_view claims) = 0;
};

// One request to Azure Resource Manager.
// A path that is not IsArmId() is refused before anything is sent; version and
// query are ours and not looked at.
struct ArmRequest {
  std::string method = "GET";
  std::string path = {};         // "/subscriptions/...", IsArmId()
  std::string api_version = {};  // "2024-07-01"
  std::string query = {};        // more of it, encoded: "&forceDeletion=true"
  std::optional<nlohmann::json> body = {};
  HttpHeaders headers = {};
  std::stop_token stop = {};
};

// A good answer; `body` is null where there was none.
struct ArmAnswer {
  int status = 0;
  nlohmann::json body = {};
  HttpResponse raw = {};  // its headers; the body has been moved away
};

// Something that goes on after the answer (ARM's asynchronous operations).
// Its address is one that OperationOf() or Poll() has checked: it is asked with
// the token.
struct ArmOperation {
  enum class Style {
    kStatus,    // Azure-AsyncOperation: a document with a status
    kLocation,  // Location: 202 until it is done
  };
  Style style = Style::kStatus;
  std::string url = {};
  absl::Time next_poll = absl::InfinitePast();  // Retry-After
};

// What one question about an operation found.
struct OperationState {
  bool done = false;
  // Of a failed one, made by MakeCloudError(); else OK.
  absl::Status failure = absl::OkStatus();
  nlohmann::json result = {};  // the last answer's body
};

// Speaks with ARM: tokens, repeats, errors, pages, operations. Thread-safe.
class ArmClient final {
 public:
  // Where ARM is and how patient to be; `sign` and `renew` are ours.
  // No slash at the end of `endpoint`.
  struct Options {
    std::string endpoint = "https://management.azure.com";
    RetryOptions retry = {};
  };

  // Everything must outlive it. `transport` repeats nothing.
  ArmClient(HttpTransport& transport, TokenProvider& tokens, Clock& clock,
            RandomSource random, Options options);

  // Any answer below 400 is good. Else a status made by MakeCloudError(), a
  // transport's, or that of the token provider.
  // Repeats what RetryOptions allow (429, 5xx of calls without effect) and once
  // after a token was refused. Answers of more than 16 MiB, or that are no JSON
  // object, are kInvalid; so is a status of 1xx or 3xx.
  absl::StatusOr<ArmAnswer> Send(const ArmRequest& request);

  // All elements of a list, at most 20,000 on 1,000 pages. Links to other
  // pages are followed verbatim, with a token only within ARM's own host.
  // INVALID_ARGUMENT (kInvalid) for an answer that is no list.
  absl::StatusOr<std::vector<nlohmann::json>> List(const ArmRequest& request);

  // The operation that `answer` announces, if any (ARM RPC, "Asynchronous
  // operations"): Azure-AsyncOperation before Location, which counts with 202
  // only. kInvalid for one on a host that is not ARM's.
  absl::StatusOr<std::optional<ArmOperation>> OperationOf(
      const ArmAnswer& answer) const;

  // Asks once, not before `operation.next_poll`; follows what the answer says
  // about the next question.
  // Not done and no request if it is too early. An error means that the
  // question failed, not the operation: ask again. How the operation itself
  // failed is OperationState::failure.
  absl::StatusOr<OperationState> Poll(ArmOperation& operation,
                                      const std::stop_token& stop);

  // Asks until it is done, for at most `timeout`. For things outside of plans.
  // The last answer's body, or the operation's failure; kTimeout as
  // cloud::Poll().
  absl::StatusOr<nlohmann::json> Await(ArmOperation operation,
                                       absl::Duration timeout,
                                       const std::stop_token& stop);

  const std::string& endpoint() const { return options_.endpoint; }
  Clock& clock() const { return clock_; }

 private:
  // As Send(), but to an address that an answer gave: `path` is not looked at.
  absl::StatusOr<ArmAnswer> SendUrl(const ArmRequest& request,
                                    const std::string& url);
  // Adds the token if the address is ours; the transport calls it for every
  // try.
  absl::Status Sign(HttpRequest& request);
  // Whether a 401 is worth one more try with another token.
  bool Renew(const HttpResponse& answer);
  // Whether the token may go to `url`: ARM's host or one below it, same scheme.
  bool IsOurs(std::string_view url) const;

  TokenProvider& tokens_;
  Clock& clock_;
  const Options options_;
  RetryingTransport transport_;
};

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ARM_CLIENT_H_
