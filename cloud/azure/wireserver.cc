// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/wireserver.h"

#include <fmt/format.h>

#include <cctype>
#include <optional>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

constexpr size_t kMaxGoalState = size_t{64} << 10U;
constexpr int kAttempts = 5;
constexpr absl::Duration kPause = absl::Seconds(5);

// The text of the first element `name` without attributes.
// Not an XML parser on purpose: three plain texts are wanted, and nothing that
// could expand, nest or refer is ever looked at.
std::optional<std::string> Element(std::string_view xml, std::string_view name,
                                   std::string_view more, size_t max_size) {
  const std::string open = fmt::format("<{}>", name);
  const size_t start = xml.find(open);
  if (start == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = xml.substr(start + open.size());
  const size_t end = rest.find(fmt::format("</{}>", name));
  if (end == std::string_view::npos || end == 0 || end > max_size) {
    return std::nullopt;
  }
  const std::string_view text = rest.substr(0, end);
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 &&
        more.find(c) == std::string_view::npos) {
      return std::nullopt;
    }
  }
  return std::string(text);
}

// Every failure is tried again: the service is the host's and comes up with it.
absl::StatusOr<HttpResponse> Ask(HttpTransport& transport, Clock& clock,
                                 const HttpRequest& request) {
  for (int attempt = 1;; ++attempt) {
    absl::StatusOr<HttpResponse> response = transport.Send(request);
    if (response.ok() && response->status == 200) {
      return response;
    }
    if (attempt >= kAttempts) {
      return Unavailable(
          response.ok()
              ? fmt::format("the wireserver: HTTP status {}", response->status)
              : fmt::format("the wireserver does not answer: {}",
                            Message(response.status())));
    }
    clock.Sleep(kPause);
  }
}

// The version is the oldest that knows health reports, as Azure's own images
// use.
HttpRequest Request(std::string method, std::string url) {
  return {.method = std::move(method),
          .url = std::move(url),
          .headers = {{"x-ms-agent-name", "azure-vm-register"},
                      {"x-ms-version", "2012-11-30"}},
          .timeout = absl::Seconds(20),
          .connect_timeout = absl::Seconds(5),
          .max_answer_size = kMaxGoalState};
}

}  // namespace

// The values are pasted into our report: their alphabets keep markup out.
absl::StatusOr<GoalState> ParseGoalState(std::string_view xml) {
  if (xml.size() > kMaxGoalState) {
    return InvalidArgument(fmt::format("goal state: {} octets", xml.size()));
  }
  const auto container = Element(xml, "ContainerId", "-", 64);
  const auto instance = Element(xml, "InstanceId", "-_.", 128);
  const auto incarnation = Element(xml, "Incarnation", "", 18);
  using Found = std::pair<std::string_view, bool>;
  for (const auto& [name, found] :
       {Found("ContainerId", container.has_value()),
        Found("InstanceId", instance.has_value()),
        Found("Incarnation", incarnation.has_value())}) {
    if (!found) {
      return InvalidArgument(
          fmt::format("goal state: want element {} with a plain text", name));
    }
  }
  if (incarnation->find_first_not_of("0123456789") != std::string::npos) {
    return InvalidArgument("goal state: want a number in Incarnation");
  }
  return GoalState{.container_id = *container,
                   .instance_id = *instance,
                   .incarnation = *incarnation};
}

std::string HealthReport(const GoalState& goal) {
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
      "<Health><GoalStateIncarnation>{}</GoalStateIncarnation><Container>"
      "<ContainerId>{}</ContainerId><RoleInstanceList><Role><InstanceId>{}"
      "</InstanceId><Health><State>Ready</State></Health></Role>"
      "</RoleInstanceList></Container></Health>\n",
      goal.incarnation, goal.container_id, goal.instance_id);
}

absl::Status ReportReady(HttpTransport& transport, Clock& clock,
                         std::string_view address) {
  ASSIGN_OR_RETURN(
      const HttpResponse answer,
      Ask(transport, clock,
          Request("GET", fmt::format("{}/machine/?comp=goalstate", address))));
  ASSIGN_OR_RETURN(const GoalState goal, ParseGoalState(answer.body));
  HttpRequest report =
      Request("POST", fmt::format("{}/machine?comp=health", address));
  report.headers.emplace_back("Content-Type", "text/xml;charset=utf-8");
  report.body = HealthReport(goal);
  return Ask(transport, clock, report).status();
}

}  // namespace constellation::cloud::azure
