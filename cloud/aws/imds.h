// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_IMDS_H_
#define CONSTELLATION_CLOUD_AWS_IMDS_H_

#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "common/clock.h"

namespace constellation::cloud::aws {

// The metadata service of an EC2 instance, version 2 only: a token is fetched
// by PUT, kept for most of its six hours, and sent along. Answers are not
// trusted: at most 64 KiB, two seconds, three attempts. Thread-safe.
class InstanceMetadataService final {
 public:
  // `transport` must not retry; it and `clock` outlive the service.
  InstanceMetadataService(const Environment& environment,
                          HttpTransport& transport, Clock& clock)
      : environment_(environment), transport_(transport), clock_(clock) {}

  // The document at `path` below "/latest" ("/meta-data/placement/region").
  // NOT_FOUND if there is none; UNAVAILABLE if nobody answers,
  // PERMISSION_DENIED if the service is switched off, INVALID_ARGUMENT for any
  // other answer.
  absl::StatusOr<std::string> Get(std::string_view path);

 private:
  absl::StatusOr<HttpResponse> Ask(const HttpRequest& request);
  absl::StatusOr<std::string> Token(const std::string& endpoint);

  const Environment& environment_;
  HttpTransport& transport_;
  Clock& clock_;
  absl::Mutex mutex_;
  std::string token_ ABSL_GUARDED_BY(mutex_);
  absl::Time token_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_IMDS_H_
