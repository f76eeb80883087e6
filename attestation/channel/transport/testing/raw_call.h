// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_RAW_CALL_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_RAW_CALL_H_

#include <grpcpp/channel.h>

#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace constellation::attestation::testing {

// Sends `payloads` as the messages of one call, octets as they are, without our
// own code; returns how the call ended. Works for any kind of RPC.
absl::Status RawCall(const std::shared_ptr<grpc::Channel>& channel,
                     std::string_view method,
                     const std::vector<std::string>& payloads,
                     absl::Duration patience = absl::Seconds(10));

// Octets that depend on `generator` alone.
std::string RandomText(std::mt19937& generator, size_t size);

// What a stranger may send instead of the message `good` (serialised): random
// octets, truncations, flipped bits, lengths that promise too much, fields
// nested 2,000 deep, a field of 100 KiB. The same ones in every run, about
// hundred.
std::vector<std::string> HostileMessages(const std::string& good);

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_RAW_CALL_H_
