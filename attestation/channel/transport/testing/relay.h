// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_RELAY_H_
#define CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_RELAY_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "attestation/channel/transport/testing/loopback.h"

namespace constellation::attestation::testing {

// A man in the middle: one TLS connection to the client, another to the
// server, every message passed on unchanged and read on the way. Thread-safe.
class Relay final {
 public:
  // Is `towards_client` to clients and `towards_server` to the server at
  // `target`.
  Relay(const crypto::TlsIdentity& towards_client,
        const crypto::TlsIdentity& towards_server, std::string target);

  std::string address() const { return server_.address(); }
  // The key of the last ticket that came by.
  std::string stolen() const;

 private:
  absl::Status PassOn(grpc::ServerContext& context, JoinStream& client);

  const crypto::TlsIdentity towards_server_;
  const std::string target_;
  mutable absl::Mutex mutex_;
  std::string stolen_ ABSL_GUARDED_BY(mutex_);
  LoopbackServer server_;  // last: its calls use the rest
};

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_CHANNEL_TRANSPORT_TESTING_RELAY_H_
