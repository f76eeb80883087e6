// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/lazy_transport.h"

#include "common/status_macros.h"

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

}  // namespace constellation::kubernetes
