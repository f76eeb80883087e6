// SPDX-License-Identifier: Apache-2.0
// The engine's own cost of a cluster of NODES nodes in a cloud that answers at
// once: Compute Engine as tests/integration/gcp/server.py plays it, on this
// machine. usage: cloud_load [NODES]     (default: 100)
//
// Prints JSON: for the first apply, a plan of the unchanged cluster and the
// termination: seconds of this machine, seconds that the engine chose to wait
// for rate limits and polls (nobody slept them), requests, octets sent and
// received, the most requests under way at a time; at the end the peak of the
// memory. Exit code 1 if a run fails, or the second plan is not empty.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/time/clock.h"
#include "cloud/engine/plan.h"
#include "cloud/json_fields.h"
#include "tests/integration/gcp/gcp_world.h"

namespace constellation::cloud::gcp::testing {
namespace {

using nlohmann::json;

// Counts what goes over it. Thread-safe.
class CountingTransport final : public HttpTransport {
 public:
  explicit CountingTransport(HttpTransport& inner) : inner_(inner) {}

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    {
      const absl::MutexLock lock(&mutex_);
      ++requests_;
      sent_ += request.body.size();
      most_ = std::max(most_, ++under_way_);
    }
    auto answer = inner_.Send(request);
    const absl::MutexLock lock(&mutex_);
    --under_way_;
    received_ += answer.ok() ? answer->body.size() : 0;
    return answer;
  }
  // What was counted since the last call.
  json Take() {
    const absl::MutexLock lock(&mutex_);
    json counts = {{"requests", requests_},
                   {"octetsSent", sent_},
                   {"octetsReceived", received_},
                   {"mostUnderWay", most_}};
    requests_ = 0;
    sent_ = 0;
    received_ = 0;
    most_ = 0;
    return counts;
  }

 private:
  HttpTransport& inner_;
  absl::Mutex mutex_;
  int requests_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t sent_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_ ABSL_GUARDED_BY(mutex_) = 0;
};

class Load final {
 public:
  explicit Load(int nodes) {
    world_.request.groups[0].count = 3;
    world_.request.groups[1].count = nodes - 3;
    provider_ = MakeGcpProvider(
        {.settings = std::get<GcpSettings>(world_.request.settings),
         .environment = world_.environment,
         .transport = transport_,
         .clock = world_.clock});
  }

  // Runs `step` and notes its figures under `name`.
  template <typename Step>
  bool Measure(const char* name, const Step& step) {
    (void)transport_.Take();
    world_.clock.Advance(absl::Minutes(5));  // a process of its own
    const absl::Time chosen = world_.clock.Now();
    const absl::Time start = absl::Now();
    const absl::Status status = step();
    json& figures = figures_[name] = transport_.Take();
    figures["seconds"] = absl::ToDoubleSeconds(absl::Now() - start);
    figures["waits"] = absl::ToDoubleSeconds(world_.clock.Now() - chosen);
    if (!status.ok()) {
      (void)std::fprintf(stderr, "%s: %s\n", name, status.ToString().c_str());
    }
    return status.ok();
  }

  bool Run() {
    auto journal = Journal::Open(world_.storage, world_.clock,
                                 world_.request.identity, {});
    const auto desired = provider_->Desired(world_.request);
    if (!journal.ok() || !desired.ok()) {
      return false;
    }
    const EngineParts parts{.cluster = world_.request.identity,
                            .drivers = provider_->Drivers(),
                            .journal = **journal,
                            .clock = world_.clock};
    Plan plan;
    const auto compute = [&]() -> absl::Status {
      auto computed = ComputePlan(parts, *desired);
      if (computed.ok()) {
        plan = *std::move(computed);
      }
      return computed.status();
    };
    bool good = Measure("planAll", compute) &&
                Measure("apply", [&] { return Apply(parts, plan).status; }) &&
                Measure("planUnchanged", compute);
    figures_["resources"] = desired->size();
    figures_["unchanged"] = plan.Empty();
    good = good && plan.Empty();
    return Measure("terminate", [&] { return Terminate(parts).status; }) &&
           good;
  }

  json& figures() { return figures_; }

 private:
  GcpWorld world_;
  CountingTransport transport_{world_.curl};
  std::unique_ptr<Provider> provider_;
  json figures_ = json::object();
};

int Main(int argc, char** argv) {
  const int nodes = argc > 1 ? std::atoi(argv[1]) : 100;
  if (argc > 2 || nodes < 4 || nodes > 250) {
    (void)std::fputs("usage: cloud_load [NODES]     (4 to 250)\n", stderr);
    return 64;
  }
  Load load(nodes);
  const bool good = load.Run();
  rusage usage{};
  (void)getrusage(RUSAGE_SELF, &usage);
  json& figures = load.figures();
  figures["cloud"] = "gcp";
  figures["nodes"] = nodes;
  figures["peakMemoryMb"] = static_cast<double>(usage.ru_maxrss) / 1024;
  (void)std::puts(figures.dump(2).c_str());
  return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace constellation::cloud::gcp::testing

int main(int argc, char** argv) {
  return constellation::cloud::gcp::testing::Main(argc, argv);
}
