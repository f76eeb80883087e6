// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/internal/http_response_reader.h"

#include <fmt/format.h>

// The parser asserts that a last chunk does not come octet by octet and that
// trailers are well-formed (basic_parser.ipp, 1.74). Neither is the server's
// duty; without the assertions it waits, or reports an error.
#define BOOST_DISABLE_ASSERTS

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <limits>
#include <utility>

#include "common/status.h"

namespace constellation::kubernetes::internal {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr uint32_t kMaxHeadSize = 8192;
// Far more than a chunk's first line and trailers, which the parser wants in
// one piece, may have.
constexpr size_t kMaxPendingSize = size_t{64} << 10U;
constexpr int kMaxInterimAnswers = 8;

error_code Declined() {
  return make_error_code(boost::system::errc::operation_canceled);
}

}  // namespace

class HttpResponseReader::Parser final : public http::basic_parser<false> {
 public:
  explicit Parser(const BodySink& sink) : sink_(sink) {
    eager(true);
    header_limit(kMaxHeadSize);
    body_limit(std::numeric_limits<uint64_t>::max());  // the sink limits it
  }

  int status() const { return status_; }
  bool declined() const { return declined_; }

 private:
  void on_request_impl(http::verb /*method*/, BeastView /*name*/,
                       BeastView /*target*/, int /*version*/,
                       error_code& /*error*/) override {}
  void on_response_impl(int code, BeastView /*reason*/, int /*version*/,
                        error_code& /*error*/) override {
    status_ = code;
  }
  void on_field_impl(http::field /*name*/, BeastView /*text*/,
                     BeastView /*value*/, error_code& /*error*/) override {}
  void on_header_impl(error_code& /*error*/) override {}
  void on_body_init_impl(const boost::optional<uint64_t>& /*length*/,
                         error_code& /*error*/) override {}
  size_t on_body_impl(BeastView body, error_code& error) override {
    return Take(body, error);
  }
  void on_chunk_header_impl(uint64_t /*size*/, BeastView /*extensions*/,
                            error_code& /*error*/) override {}
  size_t on_chunk_body_impl(uint64_t /*remain*/, BeastView body,
                            error_code& error) override {
    return Take(body, error);
  }
  void on_finish_impl(error_code& /*error*/) override {}

  // The sink may decline: the parser then stops with our own error.
  size_t Take(BeastView piece, error_code& error) {
    if (!piece.empty() && !sink_(status_, {piece.data(), piece.size()})) {
      declined_ = true;
      error = Declined();
    }
    return piece.size();
  }

  const BodySink& sink_;
  int status_ = 0;
  bool declined_ = false;
};

HttpResponseReader::HttpResponseReader(BodySink sink, bool answers_head)
    : sink_(std::move(sink)),
      answers_head_(answers_head),
      parser_(std::make_unique<Parser>(sink_)) {
  parser_->skip(answers_head_);
}

HttpResponseReader::~HttpResponseReader() = default;

absl::StatusOr<bool> HttpResponseReader::Read(std::string_view octets) {
  pending_.append(octets);
  while (true) {
    const absl::StatusOr<bool> complete = ReadPending();
    if (!complete.ok() || !*complete) return complete;
    // 101 would be the end of HTTP; nobody asked for it.
    if (status() >= 200 || status() == 101) return true;
    if (++interim_answers_ > kMaxInterimAnswers) {
      return Unavailable(fmt::format("HTTP: more than {} interim answers",
                                     kMaxInterimAnswers));
    }
    parser_ = std::make_unique<Parser>(sink_);
    parser_->skip(answers_head_);
  }
}

// What the parser does not take yet stays in `pending_`, which is bounded.
absl::StatusOr<bool> HttpResponseReader::ReadPending() {
  size_t used = 0;
  while (!parser_->is_done() && used < pending_.size()) {
    error_code error;
    const size_t count =
        parser_->put(boost::asio::const_buffer(pending_.data() + used,
                                               pending_.size() - used),
                     error);
    used += count;
    if (parser_->declined()) return absl::CancelledError("sink has enough");
    if (error == http::error::need_more) break;
    if (error) {
      return Unavailable(fmt::format("not HTTP/1.1: {}", error.message()));
    }
    if (count == 0) break;
  }
  pending_.erase(0, used);
  if (pending_.size() > kMaxPendingSize) {
    return Unavailable(
        fmt::format("HTTP: a line of more than {} octets", kMaxPendingSize));
  }
  return parser_->is_done();
}

absl::Status HttpResponseReader::Finish() {
  error_code error;
  if (parser_->got_some()) parser_->put_eof(error);
  if (parser_->got_some() && !error && pending_.empty() && parser_->is_done()) {
    return absl::OkStatus();
  }
  return Unavailable("HTTP: the connection ended in the middle of the answer");
}

int HttpResponseReader::status() const {
  return parser_->status();
}

bool HttpResponseReader::keep_alive() const {
  return parser_->keep_alive() && pending_.empty();
}

}  // namespace constellation::kubernetes::internal
