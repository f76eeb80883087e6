// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_session.h"

#include <utility>

#include "cloud/azure/bodies.h"
#include "cloud/http/endpoints.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

constexpr char kPublicCloud[] = "https://management.azure.com";

// Where ARM is: the public cloud unless the environment moves it (sovereign
// clouds, emulators). ResolveEndpoint() refuses plain HTTP to other machines.
absl::StatusOr<std::string> EndpointOf(const Environment& environment) {
  ASSIGN_OR_RETURN(Endpoint endpoint,
                   ResolveEndpoint("azure", "arm", {}, environment));
  return std::move(endpoint.url);
}

}  // namespace

ArmSession::Tokens::Tokens(const AzureOptions& options, absl::Status problem)
    : problem_(std::move(problem)),
      chain_({.environment = options.environment,
              .transport = options.transport,
              .clock = options.clock,
              .runner = options.runner,
              .tenant = options.settings.tenant,
              .subscription = options.settings.subscription}) {}

absl::StatusOr<std::string> ArmSession::Tokens::Token() {
  RETURN_IF_ERROR(problem_);
  return chain_.Token();
}

bool ArmSession::Tokens::Renew(std::string_view claims) {
  return chain_.Renew(claims);
}

// A constructor cannot fail, so a bad endpoint is kept and told by the token
// provider: with no token no request leaves, whatever the client's endpoint is.
ArmSession::ArmSession(AzureOptions options, ArmScope scope,
                       std::span<const ArmKind> kinds)
    : options_(std::move(options)),
      scope_(std::move(scope)),
      endpoint_(EndpointOf(options_.environment)),
      tokens_(options_, endpoint_.status()),
      client_(options_.transport, tokens_, options_.clock, options_.random,
              {.endpoint = endpoint_.ok() ? *endpoint_ : kPublicCloud,
               .retry = options_.retry}) {
  for (const ArmKind& kind : kinds) {
    drivers_.push_back(std::make_unique<ArmDriver>(
        client_, kind, scope_,
        kind.kind == kScaleSet ? ArmDriver::Completion(CompleteScaleSet)
                               : ArmDriver::Completion()));
    registry_.Add(kind.kind, *drivers_.back());
  }
}

absl::StatusOr<std::string> ArmSession::Login() {
  RETURN_IF_ERROR(tokens_.Token().status());
  return tokens_.source();
}

}  // namespace constellation::cloud::azure
