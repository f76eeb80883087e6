// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "attestation/channel/transport/evidence_conversion.h"

// What a hostile peer sends first: any octets give a message or a status. What
// is accepted stays the same when it is sent on.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation;
  v1::AttestationMessage proto;
  if (!proto.ParseFromArray(data, static_cast<int>(size))) {
    return 0;
  }
  const auto message = attestation::MessageFromProto(proto);
  if (!message.ok()) {
    return 0;
  }
  const auto again =
      attestation::MessageFromProto(attestation::MessageToProto(*message));
  if (!again.ok() || again->nonce != message->nonce ||
      again->evidence != message->evidence) {
    std::abort();
  }
  return 0;
}
