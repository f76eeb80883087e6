// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_TESTING_AWS_SCRIPT_H_
#define CONSTELLATION_CLOUD_AWS_TESTING_AWS_SCRIPT_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/aws/client.h"
#include "cloud/aws/testing/function_transport.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/engine/testing/ids_of.h"

namespace constellation::cloud::aws::testing {

// AWS with prepared answers, and a client of it. Forms are answered by their
// action, other calls by "METHOD /path". What nobody prepared is refused with
// the code "InvalidAction". For one thread.
class AwsScript final {
 public:
  AwsScript();

  // The next answer to `call`; the last one is given again and again.
  AwsScript& Answer(const std::string& call, std::string body,
                    int status = 200);
  // An error as EC2 words it, status 400.
  AwsScript& Refuse(const std::string& call, std::string_view code,
                    std::string_view message = "m");

  // From now on this one only.
  AwsScript& Only(const std::string& call, std::string body, int status = 200);

  // Everything that was asked, decoded, without the version: "CreateVpc
  // CidrBlock=10.0.0.0/16 ...", "PUT /snapshots/snap-1/blocks/0".
  std::vector<std::string> calls() const;
  // Those that change something: no Describe..., Get... and List....
  std::vector<std::string> changes() const;
  void Forget() { forgotten_ = transport_.requests().size(); }

  AwsClient& client() { return *client_; }
  FunctionTransport& transport() { return transport_; }
  FakeClock& clock() { return clock_; }
  const Environment& environment() const { return environment_; }

 private:
  class Keys final : public CredentialSource {
   public:
    absl::StatusOr<Credentials> Get() override;
    void Discard() override {}
  };

  HttpResponse Route(const HttpRequest& request);

  std::map<std::string, std::deque<HttpResponse>> answers_;
  size_t forgotten_ = 0;
  // Keys for those who make a client of their own.
  std::map<std::string, std::string> variables_ = {
      {"AWS_ACCESS_KEY_ID", "AKIATEST"},
      {"AWS_SECRET_ACCESS_KEY", "secret"},
      {"AWS_EC2_METADATA_DISABLED", "true"}};
  Environment environment_ = EnvironmentOf(variables_);
  FunctionTransport transport_{
      [this](const HttpRequest& request) { return Route(request); }};
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};  // 2027-01-15 08:00
  Keys keys_;
  std::unique_ptr<AwsClient> client_;
};

// What a driver is told: a cluster, a resource, and what others turned out to
// be. Contexts refer to it.
struct DriverScene {
  ClusterIdentity cluster = {.uid = "0a1b2c3d", .name = "demo"};
  Resource resource = {};
  std::map<std::string, Observed> known = {};
  std::string known_id = {};

  DriverContext Context() const;
};

// Tags of EC2 as an answer shows them: <tagSet> with the uid and, if given, the
// resource's name.
std::string TagSet(std::string_view uid, std::string_view resource = {});

using cloud::testing::IdsOf;

}  // namespace constellation::cloud::aws::testing

#endif  // CONSTELLATION_CLOUD_AWS_TESTING_AWS_SCRIPT_H_
