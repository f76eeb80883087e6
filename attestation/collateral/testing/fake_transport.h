// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_FAKE_TRANSPORT_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_FAKE_TRANSPORT_H_

#include <map>
#include <string>
#include <vector>

#include "attestation/collateral/http_transport.h"
#include "common/hex.h"

namespace constellation::attestation::testing {

// Servers that are never asked over a network: each URL in `files` has its
// content, any other one gives `otherwise`. For URLs that name real hosts. Not
// thread-safe.
class FakeTransport final : public HttpTransport {
 public:
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override {
    requests.push_back(request);
    HttpResponse response;
    const auto found = files.find(request.url);
    constexpr int kFound = 200;
    response.status = found == files.end() ? otherwise : kFound;
    if (found != files.end()) {
      response.body = std::string(AsText(found->second));
    }
    return response;
  }

  std::map<std::string, Bytes> files;
  int otherwise = 404;
  std::vector<HttpRequest> requests;
};

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_TESTING_FAKE_TRANSPORT_H_
