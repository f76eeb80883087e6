// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_CLIENT_H_
#define CONSTELLATION_CLOUD_AWS_CLIENT_H_

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "cloud/aws/api.h"
#include "cloud/aws/sigv4.h"
#include "cloud/aws/xml.h"
#include "cloud/http/backoff.h"
#include "cloud/http/environment.h"
#include "cloud/http/http_transport.h"
#include "cloud/http/retrying_transport.h"
#include "common/clock.h"

namespace constellation::cloud::aws {

// Where keys come from. Implementations keep them, renew them before they
// expire, and are thread-safe.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // Keys that are good for some minutes; an empty key id means "do not sign". A
  // cloud error (bad-credentials, expired-token) that names what was tried.
  virtual absl::StatusOr<Credentials> Get() = 0;
  // The cloud refused them: Get() fetches anew.
  virtual void Discard() = 0;
};

// What an AwsClient works with. Everything must outlive it.
struct ClientOptions {
  std::string region = {};  // "eu-west-1"
  const Environment& environment;
  HttpTransport& transport;  // below retries
  Clock& clock;
  RandomSource random = SystemRandom();
  CredentialSource& credentials;
};

// One request that is not a form: EBS direct and tagging.
struct RestRequest {
  std::string method = "GET";
  std::string path = {};  // with its query, percent-encoded, "/snapshots"
  HttpHeaders headers = {};
  std::string body = {};
  bool unsigned_payload = false;
  bool repeatable = false;  // sent again though it may have been executed
  absl::Duration timeout = absl::Seconds(60);
  std::stop_token stop = {};
};

// Signed calls to AWS in one region: endpoints, retries, rate limits (EC2's
// documented request rates, reading and writing apart), the clock's offset, and
// answers decoded. Failures are cloud errors. Thread-safe.
class AwsClient final {
 public:
  explicit AwsClient(const ClientOptions& options);
  AwsClient(const AwsClient&) = delete;
  AwsClient& operator=(const AwsClient&) = delete;
  ~AwsClient();

  // One call of a form service. It is sent again after a lost answer if the
  // action only reads or deletes, or if `repeatable` (it carries a token, or
  // its name is unique).
  absl::StatusOr<XmlDocument> Call(const Service& service,
                                   std::string_view action,
                                   const nlohmann::json& parameters,
                                   const std::stop_token& stop = {},
                                   bool repeatable = false);

  // The same for every page of a list, at most 1,000 of them; `page` gets each
  // result() and may end it with an error.
  absl::Status CallPaged(const Service& service, std::string_view action,
                         nlohmann::json parameters, const std::stop_token& stop,
                         const std::function<absl::Status(XmlElement)>& page);

  // Any status below 300 is a success; the rest is a cloud error, of which
  // `permission` ("ebs:PutSnapshotBlock") is the subject.
  absl::StatusOr<HttpResponse> Rest(std::string_view service,
                                    std::string_view permission,
                                    const RestRequest& request);

  const std::string& region() const { return options_.region; }
  Clock& clock() const { return options_.clock; }

 private:
  struct Channel;

  absl::StatusOr<Channel*> ChannelOf(std::string_view service, bool global,
                                     bool reads, bool unsigned_payload);
  absl::Status Sign(const SigningScope& scope, HttpRequest& request);
  bool Renew(const HttpResponse& response);

  const ClientOptions options_;
  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<Channel>, std::less<>> channels_
      ABSL_GUARDED_BY(mutex_);
  absl::Duration clock_offset_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_CLIENT_H_
