// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/lazy_transport.h"

#include "common/status_macros.h"
#include "kubernetes/cluster_access.h"
#include "kubernetes/https_transport.h"

namespace constellation::kubernetes {

absl::StatusOr<HttpTransport*> LazyTransport::Get() {
  absl::MutexLock lock(&mutex_);
  if (transport_ == nullptr) {
    ASSIGN_OR_RETURN(transport_, make_());
  }
  return transport_.get();
}

absl::Status LazyTransport::Open() {
  return Get().status();
}

absl::StatusOr<HttpResponse> LazyTransport::Send(const HttpRequest& request) {
  ASSIGN_OR_RETURN(HttpTransport* const transport, Get());
  return transport->Send(request);
}

absl::StatusOr<HttpResponse> LazyTransport::Stream(
    const HttpRequest& request, const DataSink& sink,
    const std::stop_token& stop) {
  ASSIGN_OR_RETURN(HttpTransport* const transport, Get());
  return transport->Stream(request, sink, stop);
}

std::unique_ptr<LazyTransport> MakeLazyHttpsTransport(
    std::string kubeconfig_file) {
  return std::make_unique<LazyTransport>(
      [file = std::move(kubeconfig_file)]()
          -> absl::StatusOr<std::unique_ptr<HttpTransport>> {
        ASSIGN_OR_RETURN(ClusterAccess access, ReadClusterAccess(file));
        return HttpsTransport::Create(std::move(access));
      });
}

}  // namespace constellation::kubernetes
