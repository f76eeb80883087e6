// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_TESTS_INTEGRATION_OPENSTACK_OPENSTACK_WORLD_H_
#define CONSTELLATION_TESTS_INTEGRATION_OPENSTACK_OPENSTACK_WORLD_H_

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "cloud/engine/executor.h"
#include "cloud/engine/journal.h"
#include "cloud/engine/plan.h"
#include "cloud/engine/testing/kill_switch.h"
#include "cloud/http/curl_transport.h"
#include "cloud/openstack/openstack_provider.h"
#include "common/clock.h"
#include "common/unique_fd.h"

namespace constellation::cloud::openstack::testing {

// Runs openstack_stub.py; ends it by closing its standard input.
class Stub final {
 public:
  Stub();
  Stub(const Stub&) = delete;
  Stub& operator=(const Stub&) = delete;
  ~Stub();

  const std::string& url() const { return url_; }
  // POST /_control; GET of "/_dump" and "/_requests".
  void Control(const nlohmann::json& body);
  nlohmann::json Get(const std::string& path);

 private:
  UniqueFd input_;
  int pid_ = -1;
  std::string url_;
  CurlTransport transport_{CurlOptions{}};
};

// Passes requests on until the process "dies": then nothing goes out and no
// answer comes back.
class DyingTransport final : public HttpTransport {
 public:
  DyingTransport(HttpTransport& inner, cloud::testing::KillSwitch& kill)
      : inner_(inner), kill_(kill) {}
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;

 private:
  HttpTransport& inner_;
  cloud::testing::KillSwitch& kill_;
};

// One cluster's owner: a disk with a journal, and processes one after another.
class World final {
 public:
  // `auth_url` of keystone; `clock` decides whether waiting takes time.
  World(std::string auth_url, Clock& clock);

  // A new process: nothing but the journal is kept.
  void Restart();
  EngineResult Apply();
  EngineResult Terminate();
  Plan plan;  // of the last Apply()

  Provider& provider() { return *provider_; }
  EngineOptions options{.parallelism = 1};
  ClusterRequest request;
  cloud::testing::KillSwitch kill;
  cloud::testing::MemoryJournalStorage storage{kill};
  std::vector<std::string> log;

 private:
  absl::StatusOr<EngineParts> Start();

  Clock& clock_;
  const Environment environment_;
  CurlTransport curl_{CurlOptions{.allow_plain_http = true}};
  DyingTransport transport_{curl_, kill};
  std::unique_ptr<Provider> provider_;
  std::unique_ptr<Journal> journal_;
};

// 3 control-plane nodes and 2 workers, as a config describes them.
ClusterRequest SmallRequest(const std::string& image,
                            const std::string& external_network);

// "kind/name" of every element in a stub's dump that carries `uid`.
std::vector<std::string> Leftovers(const nlohmann::json& dump,
                                   const std::string& uid);

}  // namespace constellation::cloud::openstack::testing

#endif  // CONSTELLATION_TESTS_INTEGRATION_OPENSTACK_OPENSTACK_WORLD_H_
