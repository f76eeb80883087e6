// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_AWS_PROVIDER_H_
#define CONSTELLATION_CLOUD_AWS_AWS_PROVIDER_H_

#include <memory>
#include <string>

#include "cloud/http/backoff.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/provider.h"
#include "common/clock.h"
#include "common/command.h"

namespace constellation::cloud::aws {

// What an AWS provider works with. References must outlive it.
struct AwsOptions {
  AwsSettings settings = {};
  const Environment& environment;
  HttpTransport& transport;  // below retries
  Clock& clock;
  CommandRunner& runner;  // of credential_process
  RandomSource random = SystemRandom();
  std::string profile = {};  // of AWS's files; empty: by the environment
};

// AWS as the cli drives it: EC2, Elastic Load Balancing, Auto Scaling and EBS
// direct, of one region (settings.region), signed with CredentialChain's keys.
std::unique_ptr<Provider> MakeAwsProvider(AwsOptions options);

// Roles and instance profiles for `iam create aws`. Only settings.region is
// used: it says which partition (China, GovCloud) the roles are in.
std::unique_ptr<IamProvider> MakeAwsIamProvider(AwsOptions options);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_AWS_PROVIDER_H_
