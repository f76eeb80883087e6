// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "cloud/aws/aws_error.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/http/endpoints.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::aws {
namespace {

constexpr char kForm[] = "application/x-www-form-urlencoded; charset=utf-8";
// Against a server whose list never ends.
constexpr int kMaxPages = 1000;

// EC2 User Guide, "Request throttling": buckets of 100 (reading) and 50
// (changing), refilled by 20 and 5 a second.
constexpr RateLimit kReading = {.per_second = 20, .burst = 100};
constexpr RateLimit kChanging = {.per_second = 5, .burst = 50};

// Which of a service's two quotas the action counts against.
bool Reads(std::string_view action) {
  return action.starts_with("Describe") || action.starts_with("Get") ||
         action.starts_with("List");
}

// A second execution of any of these makes nothing twice.
// So a lost answer to any other action may be answered by sending the request
// again; these need a client token.
bool MakesNothing(std::string_view action) {
  constexpr std::array<std::string_view, 5> kMaking = {
      "Create", "Allocate", "Run", "Register", "Import"};
  return std::ranges::none_of(kMaking, [&](std::string_view prefix) {
    return action.starts_with(prefix) && action != "CreateTags";
  });
}

// IAM's address has no region, and other partitions their own names.
// As ResolveEndpoint() wants it: what follows "iam." for that partition.
std::string SuffixOf(std::string_view region, bool global) {
  const std::string_view domain = DomainOfRegion(region);
  if (global && region.starts_with("cn-")) {
    return fmt::format("cn-north-1.{}", domain);
  }
  return global && region.starts_with("us-gov-")
             ? fmt::format("us-gov.{}", domain)
             : std::string(domain);
}

// Names of the tokens of the services' lists, request and answer.
std::pair<std::string, std::string> PageTokens(const Service& service) {
  if (service.name == kElb.name) {
    return {"Marker", "NextMarker"};
  }
  if (service.name == kIam.name) {
    return {"Marker", "Marker"};
  }
  return {"NextToken", service.name == kEc2.name ? "nextToken" : "NextToken"};
}

// RFC 9110's preferred form of dates.
std::optional<absl::Time> DateOf(const HttpResponse& response) {
  const auto date = response.Header("date");
  absl::Time time;
  std::string error;
  if (date && absl::ParseTime("%a, %d %b %Y %H:%M:%S GMT", std::string(*date),
                              &time, &error)) {
    return time;
  }
  return std::nullopt;
}

}  // namespace

// One service as it is read from, or as it is written to.
// Its address, and the transport that signs, limits and repeats.
struct AwsClient::Channel {
  std::string url;
  std::unique_ptr<RetryingTransport> transport;
};

AwsClient::AwsClient(const ClientOptions& options) : options_(options) {}
AwsClient::~AwsClient() = default;

// Made at first use and kept: the rate limits are in the transport. Reading and
// changing have separate limits, and unsigned payloads are signed differently.
absl::StatusOr<AwsClient::Channel*> AwsClient::ChannelOf(
    std::string_view service, bool global, bool reads, bool unsigned_payload) {
  const std::string key =
      fmt::format("{}/{}/{}", service, reads, unsigned_payload);
  const absl::MutexLock lock(&mutex_);
  if (const auto found = channels_.find(key); found != channels_.end()) {
    return found->second.get();
  }
  ASSIGN_OR_RETURN(
      const Endpoint endpoint,
      ResolveEndpoint("aws", service,
                      {.region = options_.region,
                       .suffix = SuffixOf(options_.region, global)},
                      options_.environment));
  const SigningScope scope{
      .region =
          global ? std::string(GlobalRegion(options_.region)) : options_.region,
      .service = std::string(service),
      .unsigned_payload = unsigned_payload};
  RetryOptions retry;
  retry.rate_limit = reads ? kReading : kChanging;
  if (service == "ebs") {  // its own quota: 1,000 blocks a second
    retry.rate_limit = {.per_second = 500, .burst = 500};
  }
  retry.classify = ClassifyAnswer;
  // Signed anew before each attempt: a signature is good for a few minutes, and
  // a wait between attempts may be longer.
  retry.sign = [this, scope](HttpRequest& request) {
    return Sign(scope, request);
  };
  retry.renew = [this](const HttpResponse& response) {
    return Renew(response);
  };
  auto channel = std::make_unique<Channel>();
  channel->url = endpoint.url;
  channel->transport = std::make_unique<RetryingTransport>(
      options_.transport, options_.clock, options_.random, std::move(retry));
  return channels_.emplace(key, std::move(channel)).first->second.get();
}

// The keys are asked for each time: they may have been renewed meanwhile. The
// offset corrects this machine's clock.
absl::Status AwsClient::Sign(const SigningScope& scope, HttpRequest& request) {
  ASSIGN_OR_RETURN(const Credentials credentials, options_.credentials.Get());
  if (credentials.access_key_id.empty()) {
    return absl::OkStatus();  // anonymous on purpose: web identities
  }
  absl::Duration offset;
  {
    const absl::MutexLock lock(&mutex_);
    offset = clock_offset_;
  }
  return SignRequest(credentials, scope, options_.clock.Now() + offset,
                     request);
}

// Two faults deserve another attempt with the same request: a clock that is
// wrong by more than five minutes, corrected by the answer's Date, and keys
// that have expired or been withdrawn. Anything else is final.
bool AwsClient::Renew(const HttpResponse& response) {
  const std::optional<absl::Time> date = DateOf(response);
  if (IsClockSkew(response) && date) {
    const absl::MutexLock lock(&mutex_);
    clock_offset_ = *date - options_.clock.Now();
    return true;
  }
  if (!IsExpired(response)) {
    return false;
  }
  options_.credentials.Discard();
  return true;
}

// Every action is a POST of a form to "/". Status 300 and above is an error;
// redirects are not followed, since a signature is for one host.
absl::StatusOr<XmlDocument> AwsClient::Call(const Service& service,
                                            std::string_view action,
                                            const nlohmann::json& parameters,
                                            const std::stop_token& stop,
                                            bool repeatable) {
  ASSIGN_OR_RETURN(Channel * channel,
                   ChannelOf(service.name, service.global, Reads(action),
                             /*unsigned_payload=*/false));
  const HttpRequest request{.method = "POST",
                            .url = channel->url + "/",
                            .headers = {{"Content-Type", kForm}},
                            .body = EncodeForm(service, action, parameters),
                            .repeatable = repeatable || MakesNothing(action),
                            .stop = stop};
  const std::string permission = fmt::format("{}:{}", service.prefix, action);
  ASSIGN_OR_RETURN(const HttpResponse response,
                   channel->transport->Send(request));
  if (response.status >= 300) {
    return MakeCloudError(DecodeError(response, permission));
  }
  absl::StatusOr<XmlDocument> answer = XmlDocument::Parse(response.body);
  if (!answer.ok()) {
    // Executed, but what came back is not what AWS sends.
    return MakeCloudError({.kind = CloudErrorKind::kUnclear,
                           .message = fmt::format("{}: {}", permission,
                                                  Message(answer.status()))});
  }
  return answer;
}

absl::Status AwsClient::CallPaged(
    const Service& service, std::string_view action, nlohmann::json parameters,
    const std::stop_token& stop,
    const std::function<absl::Status(XmlElement)>& page) {
  const auto [asked, given] = PageTokens(service);
  std::string token;
  // A token that comes twice would repeat the same page for ever.
  for (int i = 0; i < kMaxPages; ++i) {
    ASSIGN_OR_RETURN(const XmlDocument answer,
                     Call(service, action, parameters, stop));
    RETURN_IF_ERROR(page(answer.result()));
    std::string next = answer.result().Text(given);
    if (next.empty()) {
      return absl::OkStatus();
    }
    if (next == token) {
      break;
    }
    token = std::move(next);
    parameters[asked] = token;
  }
  return MakeCloudError(
      {.kind = CloudErrorKind::kUnknown,
       .message = fmt::format("{}:{}: the list does not end (page {})",
                              service.prefix, action, token.substr(0, 40))});
}

// JSON services with paths (EBS direct). As Call(), but the caller reads the
// answer.
absl::StatusOr<HttpResponse> AwsClient::Rest(std::string_view service,
                                             std::string_view permission,
                                             const RestRequest& request) {
  ASSIGN_OR_RETURN(Channel * channel,
                   ChannelOf(service, /*global=*/false, request.method == "GET",
                             request.unsigned_payload));
  const HttpRequest http{
      .method = request.method,
      .url = channel->url + request.path,
      .headers = request.headers,
      .body = request.body,
      .timeout = request.timeout,
      .repeatable = request.repeatable || request.method == "GET",
      .stop = request.stop};
  ASSIGN_OR_RETURN(HttpResponse response, channel->transport->Send(http));
  if (response.status >= 300) {
    return MakeCloudError(DecodeError(response, permission));
  }
  return response;
}

}  // namespace constellation::cloud::aws
