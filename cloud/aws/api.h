// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_API_H_
#define CONSTELLATION_CLOUD_AWS_API_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace constellation::cloud::aws {

// One of AWS's services with form requests and XML answers. The numbers are
// those of its API description (botocore, service-2.json, "metadata").
struct Service {
  std::string_view name = {};        // in ServiceEndpoints() and in signatures
  std::string_view version = {};     // "Version" of every request
  std::string_view prefix = {};      // of its actions in IAM policies
  std::string_view list_infix = {};  // between a list's name and the number
  bool global = false;  // one endpoint for all regions, signed for one region
};

inline constexpr Service kEc2 = {"ec2", "2016-11-15", "ec2", "", false};
inline constexpr Service kElb = {"elasticloadbalancing", "2015-12-01",
                                 "elasticloadbalancing", "member.", false};
inline constexpr Service kAutoScaling = {"autoscaling", "2011-01-01",
                                         "autoscaling", "member.", false};
inline constexpr Service kIam = {"iam", "2010-05-08", "iam", "member.", true};
inline constexpr Service kSts = {"sts", "2011-06-15", "sts", "member.", false};

// The body of a form request: Action, Version and `parameters`, a JSON object
// with the names of the wire. Objects become "A.B", lists "A.1" (EC2) or
// "A.member.1" (the others), booleans "true" and "false"; nulls and empty lists
// are left out. Percent-encoded, blanks as '+' (WHATWG URL, section 5.2). Pure.
std::string EncodeForm(const Service& service, std::string_view action,
                       const nlohmann::json& parameters);

// The domain of the partition that `region` belongs to ("amazonaws.com",
// "amazonaws.com.cn"), and the word for it in ARNs ("aws", "aws-cn",
// "aws-us-gov").
std::string_view DomainOfRegion(std::string_view region);
std::string_view PartitionOfRegion(std::string_view region);

// The region that requests to global services are signed for.
std::string_view GlobalRegion(std::string_view region);

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_API_H_
