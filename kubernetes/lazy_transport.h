// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_LAZY_TRANSPORT_H_
#define CONSTELLATION_KUBERNETES_LAZY_TRANSPORT_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kubernetes/http_transport.h"

namespace constellation::kubernetes {

// A transport that is made when first needed: reading authorities and setting
// up TLS takes milliseconds in which a service can listen already. Thread-safe:
// it is made once, and who comes meanwhile waits.
class LazyTransport final : public HttpTransport {
 public:
  using Factory =
      std::function<absl::StatusOr<std::unique_ptr<HttpTransport>>()>;

  // `make` must not wait for a server: no request's time or stop bounds it.
  explicit LazyTransport(Factory make) : make_(std::move(make)) {}

  // Makes it now, unless that was done. Errors are those of the factory; after
  // one the next call tries again.
  absl::Status Open();

  // As HttpTransport says; first of all the errors of Open().
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;
  absl::StatusOr<HttpResponse> Stream(const HttpRequest& request,
                                      const DataSink& sink,
                                      const std::stop_token& stop) override;

 private:
  absl::StatusOr<HttpTransport*> Get();

  const Factory make_;
  absl::Mutex mutex_;
  std::unique_ptr<HttpTransport> transport_ ABSL_GUARDED_BY(mutex_);
};

// HTTPS to where ReadClusterAccess(`kubeconfig_file`) leads. Its codes and
// those of HttpsTransport::Create() come from Open() and the requests.
std::unique_ptr<LazyTransport> MakeLazyHttpsTransport(
    std::string kubeconfig_file);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_LAZY_TRANSPORT_H_
