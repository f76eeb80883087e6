// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_INTEGRATION_GCP_GCP_WORLD_H_
#define CONSTELLATION_TESTS_INTEGRATION_GCP_GCP_WORLD_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/engine/executor.h"
#include "cloud/engine/journal.h"
#include "cloud/engine/testing/kill_switch.h"
#include "cloud/gcp/gcp_provider.h"
#include "cloud/gcp/testing/gcp_request.h"
#include "cloud/http/curl_transport.h"
#include "cloud/provider.h"
#include "common/clock.h"
#include "common/unique_fd.h"

namespace constellation::cloud::gcp::testing {

// tests/integration/gcp/server.py as a child process, started once for all
// tests of a program; ends with it. Dies if it does not start.
class GcpServer final {
 public:
  static GcpServer& Get();

  // "http://127.0.0.1:port".
  const std::string& url() const { return url_; }
  const std::string& schemas() const { return schemas_; }
  // The environment of a client that shall come here, with a token that has
  // to be made known (auth.tokens of "/_ctl").
  std::map<std::string, std::string> Variables() const;
  // POST of `body` to a control path, or GET without one.
  nlohmann::json Control(const std::string& path,
                         const nlohmann::json& body = nullptr);

 private:
  GcpServer();
  ~GcpServer();

  std::string schemas_;
  std::string url_;
  pid_t pid_ = -1;
  UniqueFd input_;
  UniqueFd output_;
  CurlTransport transport_{CurlOptions{}};
};

// What goes wrong between us and the cloud.
struct LinkFaults {
  double answer_lost = 0;  // executed, but nobody hears of it
  double unavailable = 0;  // 503, not executed
  double throttled = 0;    // 403 rateLimitExceeded, not executed
};

// The way to the cloud: dies with the process, loses answers. Thread-safe.
class FaultyTransport final : public HttpTransport {
 public:
  FaultyTransport(HttpTransport& inner, cloud::testing::KillSwitch& kill)
      : inner_(inner), kill_(kill) {}
  void SetFaults(const LinkFaults& faults, uint64_t seed);
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;
  int requests() const;

 private:
  double Random() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  HttpTransport& inner_;
  cloud::testing::KillSwitch& kill_;
  mutable absl::Mutex mutex_;
  LinkFaults faults_ ABSL_GUARDED_BY(mutex_);
  uint64_t random_ ABSL_GUARDED_BY(mutex_) = 1;
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A workspace, a disk, and runs of the engine against the server, one process
// after the other.
class GcpWorld {
 public:
  // Starts with an empty cloud.
  explicit GcpWorld(ClusterRequest request = {});

  // A new process: forgets what the drivers remember.
  absl::Status Start();
  EngineResult RunApply();
  EngineResult RunTerminate();
  // The cloud as it is, by path.
  nlohmann::json Dump();
  // What of it is this cluster's, or was left by it.
  std::vector<std::string> Leftovers();
  // Calls that the server refused as malformed.
  std::vector<std::string> Problems();

  GcpServer& server = GcpServer::Get();
  ClusterRequest request;
  std::map<std::string, std::string> variables;
  Environment environment;
  // Time runs as fast as it can.
  FakeClock clock{absl::Now()};
  cloud::testing::KillSwitch kill;
  CurlTransport curl{CurlOptions{}};
  FaultyTransport transport{curl, kill};
  cloud::testing::MemoryJournalStorage storage{kill};
  EngineOptions options;
  std::unique_ptr<Provider> provider;
  std::unique_ptr<Journal> journal;
  Plan plan;
};

}  // namespace constellation::cloud::gcp::testing

#endif  // CONSTELLATION_TESTS_INTEGRATION_GCP_GCP_WORLD_H_
