// SPDX-License-Identifier: Apache-2.0
// The octets of a watch, as an API server gone mad might send them.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kubernetes/testing/fake_transport.h"
#include "kubernetes/watch.h"

namespace {

namespace kubernetes = constellation::kubernetes;

class Ignore final : public kubernetes::WatchHandler {
 public:
  void OnList(const kubernetes::ObjectList& /*list*/) override {}
  void OnChange(const kubernetes::Json& /*object*/) override {}
  void OnDelete(const kubernetes::Json& /*object*/) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto transport = std::make_unique<kubernetes::testing::FakeTransport>();
  transport->Answer(200,
                    R"({"metadata":{"resourceVersion":"1"},"items":null})");
  transport->Answer(200,
                    std::string(reinterpret_cast<const char*>(data), size));
  transport->Answer(403, "");  // ends the watch
  transport->Answer(403, "");
  kubernetes::Client client(std::move(transport));
  constellation::FakeClock clock{absl::UnixEpoch()};
  Ignore handler;
  (void)kubernetes::Watch(client, "/x", {}, clock, {}, handler);
  return 0;
}
