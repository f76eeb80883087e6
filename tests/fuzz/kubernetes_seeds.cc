// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "common/status.h"
#include "kubernetes/internal/http_response_reader.h"
#include "kubernetes/json.h"
#include "kubernetes/kubeconfig.h"
#include "kubernetes/manifest.h"
#include "kubernetes/testing/fake_transport.h"
#include "kubernetes/watch.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

constexpr std::string_view kWhole =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    "Content-Length: 2\r\n\r\n{}";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3;x=y\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nTrailer: t\r\n\r\n";
constexpr std::string_view kInterim =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kUntilEnd =
    "HTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\nnothing here";

constexpr std::string_view kEvents =
    R"({"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"2"}}}
{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVersion":"3"}}}
{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"4"}}}
{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"5"}}}
{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}
)";

constexpr std::string_view kManifest = R"(# two objects
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {"x": 'y', n: "5"}}
data:
  text: |
    line
  folded: >-
    more
---
apiVersion: v1
kind: Namespace
metadata:
  name: b
  finalizers: [one, 2, 3.5, true, ~]
)";

constexpr std::string_view kStatus =
    R"({"kind":"Status","apiVersion":"v1","status":"Failure",)"
    R"("message":"not found","reason":"NotFound","code":404})";

absl::Status ReadAnswer(std::string_view octets) {
  kubernetes::internal::HttpResponseReader reader(
      [](int, std::string_view) { return true; }, /*answers_head=*/false);
  const auto complete = reader.Read(octets);
  return !complete.ok() ? complete.status()
         : *complete    ? absl::OkStatus()
                        : reader.Finish();
}

// Counts what a watch tells.
class Counter final : public kubernetes::WatchHandler {
 public:
  void OnList(const kubernetes::ObjectList& /*list*/) override {}
  void OnChange(const kubernetes::Json& /*object*/) override { ++calls; }
  void OnDelete(const kubernetes::Json& /*object*/) override { ++calls; }
  int calls = 0;
};

absl::Status WatchEvents(std::string_view events) {
  auto transport = std::make_unique<kubernetes::testing::FakeTransport>();
  transport->Answer(200,
                    R"({"metadata":{"resourceVersion":"1"},"items":null})");
  transport->Answer(200, std::string(events));
  transport->Answer(403, "");
  transport->Answer(403, "");
  kubernetes::Client client(std::move(transport));
  FakeClock clock{absl::UnixEpoch()};
  Counter counter;
  (void)kubernetes::Watch(client, "/x", {}, clock, {}, counter);
  return counter.calls == 3 ? absl::OkStatus()
                            : InvalidArgument("not three changes");
}

std::string Kubeconfig() {
  kubernetes::KubeconfigParameters parameters;
  parameters.cluster_name = "demo";
  parameters.user_name = "demo-admin";
  parameters.context_name = "demo-admin@demo";
  parameters.server = "https://demo:6443";
  parameters.ca_pem = "CA";
  parameters.client_certificate_pem = "CERT";
  parameters.client_key_pem = SecretBytes(AsBytes("KEY"));
  return kubernetes::BuildKubeconfig(parameters).value_or("");
}

}  // namespace

void AddKubernetesSeeds(std::vector<Seed>& seeds) {
  for (const auto& [name, text] :
       {Text{"whole", kWhole}, Text{"chunked", kChunked},
        Text{"interim", kInterim}, Text{"until_end", kUntilEnd}}) {
    Add(seeds, "kubernetes_http_response_fuzz", name, TextBytes(text),
        ReadAnswer(text));
  }
  Add(seeds, "kubernetes_watch_fuzz", "events", TextBytes(kEvents),
      WatchEvents(kEvents));
  Add(seeds, "kubernetes_yaml_fuzz", "manifest", TextBytes(kManifest),
      kubernetes::ParseManifest(kManifest).status());
  const std::string kubeconfig = Kubeconfig();
  Add(seeds, "kubernetes_yaml_fuzz", "kubeconfig", TextBytes(kubeconfig),
      kubernetes::ParseKubeconfig(kubeconfig).status());
  Add(seeds, "kubernetes_yaml_fuzz", "status", TextBytes(kStatus),
      kubernetes::ParseJson(kStatus, "status").status());
}

}  // namespace constellation::fuzz
