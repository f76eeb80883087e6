// SPDX-License-Identifier: Apache-2.0
#include <cstdint>

#include "attestation/collateral/http_transport.h"
#include "attestation/issuer/azure_guest.h"
#include "common/hex.h"

namespace {

// A metadata service that answers with the fuzzer's octets.
class HostileTransport final
    : public constellation::attestation::HttpTransport {
 public:
  explicit HostileTransport(std::string_view body) : body_(body) {}
  absl::StatusOr<constellation::attestation::HttpResponse> Send(
      const constellation::attestation::HttpRequest& /*request*/) override {
    return constellation::attestation::HttpResponse{
        .status = 200, .headers = {}, .body = std::string(body_)};
  }

 private:
  std::string_view body_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  HostileTransport transport(constellation::AsText({data + 1, size - 1}));
  constellation::attestation::AzureMetadata metadata(transport);
  if (data[0] % 2 == 0) {
    (void)metadata.SnpCertificates();
  } else {
    (void)metadata.TdQuote({});
  }
  return 0;
}
