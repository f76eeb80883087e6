// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_CURL_TRANSPORT_H_
#define CONSTELLATION_KUBERNETES_CURL_TRANSPORT_H_

#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kubernetes/cluster_access.h"
#include "kubernetes/http_transport.h"

namespace constellation::kubernetes {

// HTTPS over libcurl, HTTP/1.1, connections kept alive. TLS verification cannot
// be switched off: the server's chain must end in `access.ca_pem`, the system's
// authorities do not count; redirects, proxies and other protocols are not
// followed. Keys are handed over in memory. libcurl is loaded at the first
// request. Thread-safe.
class CurlTransport final : public HttpTransport {
  struct Private {  // lets std::make_unique call the constructor, nobody else
    explicit Private() = default;
  };

 public:
  // INVALID_ARGUMENT: no https address, no authority, or half a certificate.
  static absl::StatusOr<std::unique_ptr<CurlTransport>> Create(
      ClusterAccess access);
  CurlTransport(Private /*unused*/, ClusterAccess access)
      : access_(std::move(access)) {}
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  ~CurlTransport() override;

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;
  absl::StatusOr<HttpResponse> Stream(const HttpRequest& request,
                                      const DataSink& sink,
                                      const std::stop_token& stop) override;

 private:
  class Exchange;

  absl::StatusOr<HttpResponse> Perform(const HttpRequest& request,
                                       const DataSink* sink,
                                       const std::stop_token& stop);
  // A handle of libcurl with its connections: an idle one, or a new one.
  absl::StatusOr<void*> TakeHandle();
  void ReturnHandle(void* handle);

  const ClusterAccess access_;
  absl::Mutex mutex_;
  std::vector<void*> idle_handles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_CURL_TRANSPORT_H_
