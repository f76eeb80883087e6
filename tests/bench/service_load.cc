// SPDX-License-Identifier: Apache-2.0
// Calls a service over and over; for figures of its memory. usage:
// service_load ADDRESS METHOD HEX_MESSAGE COUNT
//
// ADDRESS is host:port (attested TLS) or unix:PATH (local). The octets of the
// message are sent as they are, as one message of each call; refusals count as
// calls. Prints JSON: calls, refused, seconds. Exit code 1 if the service is
// not there in the end.
#include <fmt/format.h>
#include <grpcpp/create_channel.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/testing/raw_call.h"
#include "common/hex.h"
#include "crypto/tls_identity.h"

namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  if (address.starts_with("unix:")) {
    return grpc::CreateChannel(address,
                               grpc::experimental::LocalCredentials(UDS));
  }
  return constellation::attestation::AttestedChannel(
      address, constellation::crypto::CreateTlsIdentity().value());
}

}  // namespace

int main(int argc, char** argv) {
  const auto message = constellation::HexDecode(argc == 5 ? argv[3] : "x");
  if (!message.ok()) {
    std::fputs("usage: service_load ADDRESS METHOD HEX_MESSAGE COUNT\n",
               stderr);
    return 64;
  }
  const auto channel = Connect(argv[1]);
  const std::string octets(constellation::AsText(*message));
  const int count = std::atoi(argv[4]);
  const absl::Time begin = absl::Now();
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    const absl::Status status = constellation::attestation::testing::RawCall(
        channel, argv[2], {octets});
    refused += status.ok() ? 0 : 1;
  }
  fmt::print("{{\"calls\": {}, \"refused\": {}, \"seconds\": {:.1f}}}\n", count,
             refused, absl::ToDoubleSeconds(absl::Now() - begin));
  const bool alive = channel->WaitForConnected(
      absl::ToChronoTime(absl::Now() + absl::Seconds(5)));
  return alive ? 0 : 1;
}
