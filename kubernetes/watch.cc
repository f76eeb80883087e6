// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/api_error.h"
#include "kubernetes/names.h"

namespace constellation::kubernetes {
namespace {

// etcd refuses objects above 1.5 MiB; JSON makes them a little larger.
constexpr size_t kMaxEventBytes = size_t{8} << 20U;
constexpr absl::Duration kGrace = absl::Seconds(30);
// Whoever ends a watch sooner is not to be asked again at once.
constexpr absl::Duration kShortestWatch = absl::Seconds(1);

// One watch over many connections.
class Watcher final {
 public:
  Watcher(Client& client, std::string_view path, const WatchOptions& options,
          Clock& clock, const std::stop_token& stop, WatchHandler& handler)
      : client_(client),
        path_(path),
        options_(options),
        clock_(clock),
        stop_(stop),
        handler_(handler),
        delay_(options.first_delay) {}

  absl::Status Run() {
    while (!stop_.stop_requested()) {
      const absl::Time begin = clock_.Now();
      const absl::Status status = ListAndFollow();
      if (absl::IsOutOfRange(status)) {  // 410 Gone
        resource_version_.clear();
      } else if (!status.ok() && !IsTransient(status)) {
        return stop_.stop_requested() ? absl::CancelledError("stopped")
                                      : status;
      }
      if (!status.ok() || clock_.Now() - begin < kShortestWatch) Wait();
    }
    return absl::CancelledError("stopped");
  }

 private:
  // One connection. OK if the API server ended it in good order.
  absl::Status ListAndFollow() {
    if (resource_version_.empty()) {
      ASSIGN_OR_RETURN(ObjectList list,
                       client_.List(path_, options_.selection));
      if (list.resource_version.empty()) {
        return InvalidArgument(
            fmt::format("GET {}: list without resource version", path_));
      }
      resource_version_ = list.resource_version;
      handler_.OnList(list);
    }
    return Follow();
  }

  absl::Status Follow() {
    HttpRequest request;
    request.target = fmt::format(
        "{}?watch=true&allowWatchBookmarks=true&resourceVersion={}"
        "&timeoutSeconds={}{}",
        path_, UrlEncode(resource_version_),
        absl::ToInt64Seconds(options_.server_timeout),
        QueryOf(options_.selection, '&'));
    request.timeout = options_.server_timeout + kGrace;
    request.stop = client_.stop_token();
    line_.clear();
    absl::Status line_status;
    const auto sink = [&](std::string_view piece) {
      line_status = Take(piece);
      return line_status.ok() && !stop_.stop_requested();
    };
    ASSIGN_OR_RETURN(const HttpResponse response,
                     client_.transport().Stream(request, sink, stop_));
    RETURN_IF_ERROR(line_status);
    return StatusOfAnswer(response.status, response.body, "watch " + path_);
  }

  // Collects pieces to lines; every line is an event.
  absl::Status Take(std::string_view piece) {
    while (!piece.empty()) {
      const size_t end = piece.find('\n');
      line_.append(piece.substr(0, end));
      if (line_.size() > kMaxEventBytes) {
        return InvalidArgument(
            fmt::format("watch {}: event of more than {} "
                        "octets",
                        path_, kMaxEventBytes));
      }
      if (end == std::string_view::npos) break;
      piece.remove_prefix(end + 1);
      RETURN_IF_ERROR(HandleEvent());
      line_.clear();
    }
    return absl::OkStatus();
  }

  absl::Status HandleEvent() {
    ASSIGN_OR_RETURN(const Json event, ParseJson(line_, "watch " + path_));
    const std::string type = FindString(event, {"type"}).value_or("");
    const Json* object = Find(event, {"object"});
    if (object == nullptr || !object->is_object()) {
      return InvalidArgument(
          fmt::format("watch {}: event without object", path_));
    }
    if (type == "ERROR") {
      const int64_t code = FindInteger(*object, {"code"}).value_or(500);
      return StatusOfAnswer(
          static_cast<int>(std::clamp<int64_t>(code, 300, 599)),
          ToText(*object), "watch " + path_);
    }
    const auto version = FindString(*object, {"metadata", "resourceVersion"});
    if (!version.has_value() || version->empty()) {
      return InvalidArgument(
          fmt::format("watch {}: object without resource version", path_));
    }
    if (type == "ADDED" || type == "MODIFIED") handler_.OnChange(*object);
    if (type == "DELETED") handler_.OnDelete(*object);
    resource_version_ = *version;  // also of a bookmark, which is all it has
    delay_ = options_.first_delay;
    return absl::OkStatus();
  }

  // In steps, so that a stop is noticed; each wait is twice as long as the one
  // before until something is received.
  void Wait() {
    absl::Duration left = delay_;
    while (left > absl::ZeroDuration() && !stop_.stop_requested()) {
      const absl::Duration step = std::min(left, absl::Seconds(1));
      clock_.Sleep(step);
      left -= step;
    }
    delay_ = std::min(delay_ * 2, options_.max_delay);
  }

  Client& client_;
  const std::string path_;
  const WatchOptions& options_;
  Clock& clock_;
  const std::stop_token& stop_;
  WatchHandler& handler_;
  absl::Duration delay_;
  std::string resource_version_;
  std::string line_;
};

}  // namespace

absl::Status Watch(Client& client, std::string_view path,
                   const WatchOptions& options, Clock& clock,
                   const std::stop_token& stop, WatchHandler& handler) {
  return Watcher(client, path, options, clock, stop, handler).Run();
}

}  // namespace constellation::kubernetes
