// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_AWS_METADATA_H_
#define CONSTELLATION_CLOUD_AWS_AWS_METADATA_H_

#include <memory>
#include <string>

#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/metadata.h"
#include "common/clock.h"

namespace constellation::cloud::aws {

// What a node's metadata client works with. References must outlive it.
struct AwsMetadataOptions {
  // Only the variables that move endpoints (AWS_ENDPOINT_URL*,
  // AWS_EC2_METADATA_SERVICE_ENDPOINT) are looked at: a node takes its keys
  // from its instance role and from nowhere else.
  const Environment& environment;
  HttpTransport& transport;  // without proxy, below retries
  Clock& clock;
  // Where ReportStatus() writes a line; the serial console, which
  // GetConsoleOutput shows.
  std::string console_path = "/dev/console";
};

// The boundary of a node in EC2. Itself: the instance identity document
// (IMDSv2) and its tags; peers: machines with the same constellation-uid, by
// ec2:DescribeInstances, the one permission that the role needs; the endpoint:
// a tag. Nothing is cached but the role's keys and the service's token.
std::unique_ptr<MetadataClient> MakeAwsMetadataClient(
    const AwsMetadataOptions& options);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_AWS_METADATA_H_
