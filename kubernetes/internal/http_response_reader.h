// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_INTERNAL_HTTP_RESPONSE_READER_H_
#define CONSTELLATION_KUBERNETES_INTERNAL_HTTP_RESPONSE_READER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace constellation::kubernetes::internal {

// Reads one HTTP/1.1 response (RFC 9112) from octets as they come: with a
// length, in chunks, or until the connection ends. The grammar is Boost.Beast's
// affair. Interim answers (100 to 199) are passed over. Head and trailers may
// have 8 KiB each; the body is not kept, so it is the sink that limits it.
// Thread-compatible.
class HttpResponseReader final {
 public:
  // Takes a piece of the body of an answer with this status; returns whether to
  // go on.
  using BodySink = std::function<bool(int status, std::string_view piece)>;

  // `answers_head`: to a HEAD request, which has no body whatever it says.
  HttpResponseReader(BodySink sink, bool answers_head);
  HttpResponseReader(const HttpResponseReader&) = delete;
  HttpResponseReader& operator=(const HttpResponseReader&) = delete;
  ~HttpResponseReader();

  // Reads `octets`; returns whether the response is complete. UNAVAILABLE: not
  // HTTP. CANCELLED: the sink does not want to go on.
  absl::StatusOr<bool> Read(std::string_view octets);
  // The connection has ended. UNAVAILABLE: in the middle of the response.
  absl::Status Finish();

  int status() const;  // 0 until the first line is there
  // Whether the connection can serve another request. Only once complete.
  bool keep_alive() const;

 private:
  class Parser;

  absl::StatusOr<bool> ReadPending();

  const BodySink sink_;
  const bool answers_head_;
  std::unique_ptr<Parser> parser_;
  std::string pending_;  // what the parser does not want before more is there
  int interim_answers_ = 0;
};

}  // namespace constellation::kubernetes::internal

#endif  // CONSTELLATION_KUBERNETES_INTERNAL_HTTP_RESPONSE_READER_H_
