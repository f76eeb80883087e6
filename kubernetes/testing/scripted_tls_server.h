// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_TESTING_SCRIPTED_TLS_SERVER_H_
#define CONSTELLATION_KUBERNETES_TESTING_SCRIPTED_TLS_SERVER_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/unique_fd.h"
#include "crypto/tls_identity.h"

namespace constellation::kubernetes::testing {

// A TLS server on loopback that answers the n-th request with the n-th of the
// octets that it was given, whatever was asked, and hangs up. For tests of
// clients that meet a server gone mad.
class ScriptedTlsServer final {
 public:
  // `hold`: keep the connection open instead of hanging up. `more`: the next
  // request comes on the same connection. `silent`: hang up without TLS's
  // good-bye, as an attacker on the network would.
  struct Answer {
    std::string octets;
    bool hold = false;
    bool more = false;
    bool silent = false;
  };

  ScriptedTlsServer(const crypto::TlsIdentity& identity,
                    std::vector<Answer> answers);
  ScriptedTlsServer(const ScriptedTlsServer&) = delete;
  ScriptedTlsServer& operator=(const ScriptedTlsServer&) = delete;
  ~ScriptedTlsServer();

  std::string server() const;  // "https://127.0.0.1:<port>"
  // The heads of the requests so far (and as much of their bodies as came with
  // them).
  std::vector<std::string> requests() const;
  // Makes the server want a certificate from the client that `ca_pem` made.
  // Before the first connection.
  void RequireClientCertificate(const std::string& ca_pem);

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  void Run(const std::stop_token& stop);
  // Serves one connection, from the `first` answer on; returns the next one.
  size_t Serve(const UniqueFd& connection, size_t first,
               const std::stop_token& stop);

  const std::vector<Answer> answers_;
  std::unique_ptr<SSL_CTX, FreeContext> context_;
  UniqueFd listener_;
  int port_ = 0;
  mutable absl::Mutex mutex_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace constellation::kubernetes::testing

#endif  // CONSTELLATION_KUBERNETES_TESTING_SCRIPTED_TLS_SERVER_H_
