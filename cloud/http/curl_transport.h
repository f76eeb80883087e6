// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_CURL_TRANSPORT_H_
#define CONSTELLATION_CLOUD_HTTP_CURL_TRANSPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud {

// How a CurlTransport may reach servers.
struct CurlOptions {
  // http:// to any host. Else only to IsLocalHost(): metadata services and
  // emulators on this machine.
  bool allow_plain_http = false;
  // Never used for IsLocalHost(): a metadata service must not be asked through
  // a stranger.
  ProxySettings proxy = {};
  // PEM file of the authorities that servers are verified with; empty: the
  // system's. From AWS_CA_BUNDLE, OS_CACERT and the like.
  std::string ca_file = {};
};

// HTTP/1.1 over libcurl; TLS 1.2 or newer, verification cannot be switched off.
// Connections are kept and used again, each by one request at a time. Redirects
// only where a request asks for them; to another host they lose every header of
// the request (they are credentials). libcurl is loaded at the first request.
// No ~/.netrc, no cookies, no ~/.curlrc. Thread-safe.
class CurlTransport final : public HttpTransport {
 public:
  explicit CurlTransport(CurlOptions options) : options_(std::move(options)) {}
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;
  ~CurlTransport() override;

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;

 private:
  class Exchange;

  // One request and one answer; `redirect` gets the absolute address of a
  // redirect, or stays empty.
  absl::StatusOr<HttpResponse> One(const HttpRequest& request,
                                   std::string& redirect);
  // A handle of libcurl with its connections: an idle one, or a new one.
  void* TakeHandle();
  void ReturnHandle(void* handle);

  const CurlOptions options_;
  absl::Mutex mutex_;
  std::vector<void*> idle_handles_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_CURL_TRANSPORT_H_
