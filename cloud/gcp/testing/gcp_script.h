// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_GCP_TESTING_GCP_SCRIPT_H_
#define CONSTELLATION_CLOUD_GCP_TESTING_GCP_SCRIPT_H_

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/engine/resource_driver.h"
#include "cloud/engine/testing/ids_of.h"
#include "cloud/gcp/compute.h"
#include "cloud/gcp/gcp_client.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::gcp::testing {

// Google's APIs with prepared answers, and a client of them. A call is "GET
// projects/p/global/networks/n" for Compute Engine, "GET iam v1/..." for
// others, without its query. What nobody prepared: GET finds nothing, all else
// is an operation that is done. For one thread.
class GcpScript final : public HttpTransport {
 public:
  GcpScript();

  // The next answer to `call`; the last one is given again and again.
  GcpScript& Answer(const std::string& call, const nlohmann::json& body,
                    int status = 200);
  GcpScript& AnswerWith(const std::string& call, HttpResponse answer);
  // Forgets what was prepared for `call`.
  void None(const std::string& call) { answers_.erase(call); }
  // From now on this one only.
  GcpScript& Only(const std::string& call, const nlohmann::json& body,
                  int status = 200);
  // An error with `reason`.
  GcpScript& Refuse(const std::string& call, int status,
                    std::string_view reason, std::string_view message = "m");
  // The operation of `call` runs; questions about it say that it does.
  GcpScript& Start(const std::string& call, const std::string& place);
  // What an operation that runs has become; with a `code`, it failed.
  GcpScript& End(const std::string& place, std::string_view code = {});

  // Everything that was asked: "POST projects/p/global/networks?requestId=*
  // {...}". Request ids are hidden if they are UUIDs.
  std::vector<std::string> calls() const;
  // Those that are no GETs.
  std::vector<std::string> changes() const;
  const std::vector<HttpRequest>& requests() const { return requests_; }
  void Forget() { requests_.clear(); }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;

  GcpClient& client() { return client_; }
  Compute& compute() { return compute_; }
  FakeClock& clock() { return clock_; }

 private:
  std::map<std::string, std::deque<HttpResponse>> answers_;
  std::vector<HttpRequest> requests_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  GcpClient client_;
  Compute compute_{client_, clock_};
};

// What a driver is told: a cluster, a resource, and what others turned out to
// be. Contexts refer to it.
struct DriverScene {
  ClusterIdentity cluster = {.uid = "0a1b2c3d", .name = "demo"};
  Resource resource = {};
  std::map<std::string, Observed> known = {};
  std::string known_id = {};

  DriverContext Context() const;
  // A thing as the API shows it: link, name, and our mark if it is given.
  nlohmann::json Thing(const std::string& path, std::string_view mark) const;
};

using cloud::testing::IdsOf;

}  // namespace constellation::cloud::gcp::testing

#endif  // CONSTELLATION_CLOUD_GCP_TESTING_GCP_SCRIPT_H_
