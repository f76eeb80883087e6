// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_HTTPS_TRANSPORT_H_
#define CONSTELLATION_KUBERNETES_HTTPS_TRANSPORT_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "crypto/tls_client.h"
#include "kubernetes/cluster_access.h"
#include "kubernetes/http_transport.h"

namespace constellation::kubernetes {

namespace internal {
class HttpsConnection;
struct Patience;
}  // namespace internal

// HTTPS to one server: HTTP/1.1 over TLS 1.2 or 1.3, connections kept alive.
// TLS verification cannot be switched off: the server's chain must end in
// `access.ca_pem`, the system's authorities do not count. Redirects and proxies
// are not followed, cookies and compression not offered. Keys are handed over
// in memory. Thread-safe.
//
// A request is sent once. Only a GET that a kept connection did not answer with
// a single octet, because the server had just closed it, is sent once more.
class HttpsTransport final : public HttpTransport {
  struct Private {  // lets std::make_unique call the constructor, nobody else
    explicit Private() = default;
  };

 public:
  // INVALID_ARGUMENT: no https address, no authority, half a certificate, or
  // certificates or a key that cannot be read.
  static absl::StatusOr<std::unique_ptr<HttpsTransport>> Create(
      ClusterAccess access);
  HttpsTransport(Private /*unused*/, ClusterAccess access,
                 crypto::TlsClientContext context);
  HttpsTransport(const HttpsTransport&) = delete;
  HttpsTransport& operator=(const HttpsTransport&) = delete;
  ~HttpsTransport() override;

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;
  absl::StatusOr<HttpResponse> Stream(const HttpRequest& request,
                                      const DataSink& sink,
                                      const std::stop_token& stop) override;

 private:
  class Exchange;
  using Connection = std::unique_ptr<internal::HttpsConnection>;

  absl::StatusOr<HttpResponse> Perform(const HttpRequest& request,
                                       const DataSink* sink,
                                       const internal::Patience& patience);
  // A new connection to the server.
  absl::StatusOr<Connection> Connect(const internal::Patience& patience) const;
  // A kept connection that seems to be alive, or null.
  Connection TakeIdle();
  void Keep(Connection connection);

  const ClusterAccess access_;
  const crypto::TlsClientContext context_;
  absl::Mutex mutex_;
  std::vector<Connection> idle_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_HTTPS_TRANSPORT_H_
