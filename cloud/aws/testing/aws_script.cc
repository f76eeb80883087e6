// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/testing/aws_script.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/hex.h"

namespace constellation::cloud::aws::testing {
namespace {

std::string Decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(HexDecode(text.substr(i + 1, 2)).value().at(0));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string PathOf(const std::string& url) {
  return url.substr(url.find('/', url.find("://") + 3));
}

bool IsForm(const HttpRequest& request) {
  return request.body.starts_with("Action=");
}

// The action, or method and path: what answers are prepared for.
std::string NameOf(const HttpRequest& request) {
  if (!IsForm(request)) {
    return request.method + " " + PathOf(request.url);
  }
  const size_t start = std::string_view("Action=").size();
  return request.body.substr(start, request.body.find('&') - start);
}

std::string TextOf(const HttpRequest& request) {
  if (!IsForm(request)) {
    return NameOf(request);
  }
  std::string out;
  std::string_view rest = request.body;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string part = Decode(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.starts_with("Action=")) {
      out += part.substr(part.find('=') + 1);
    } else if (!part.starts_with("Version=")) {
      out += " " + part;
    }
  }
  return out;
}

}  // namespace

AwsScript::AwsScript()
    : client_(std::make_unique<AwsClient>(
          ClientOptions{.region = "eu-west-1",
                        .environment = environment_,
                        .transport = transport_,
                        .clock = clock_,
                        .random = [] { return 0.0; },
                        .credentials = keys_})) {}

absl::StatusOr<Credentials> AwsScript::Keys::Get() {
  return Credentials{.access_key_id = "AKIATEST",
                     .secret_access_key = SecretBytes(AsBytes("secret"))};
}

AwsScript& AwsScript::Answer(const std::string& call, std::string body,
                             int status) {
  answers_[call].push_back({.status = status, .body = std::move(body)});
  return *this;
}

AwsScript& AwsScript::Only(const std::string& call, std::string body,
                           int status) {
  answers_[call].clear();
  return Answer(call, std::move(body), status);
}

AwsScript& AwsScript::Refuse(const std::string& call, std::string_view code,
                             std::string_view message) {
  return Answer(call,
                fmt::format("<Response><Errors><Error><Code>{}</Code><Message>"
                            "{}</Message></Error></Errors></Response>",
                            code, message),
                400);
}

HttpResponse AwsScript::Route(const HttpRequest& request) {
  const auto found = answers_.find(NameOf(request));
  if (found == answers_.end()) {
    return {.status = 400,
            .body =
                "<ErrorResponse><Error><Code>InvalidAction</Code><Message>"
                "nobody prepared this</Message></Error></ErrorResponse>"};
  }
  HttpResponse answer = found->second.front();
  if (found->second.size() > 1) {
    found->second.pop_front();
  }
  return answer;
}

std::vector<std::string> AwsScript::calls() const {
  std::vector<std::string> out;
  const std::vector<HttpRequest> requests = transport_.requests();
  for (size_t i = forgotten_; i < requests.size(); ++i) {
    out.push_back(TextOf(requests[i]));
  }
  return out;
}

std::vector<std::string> AwsScript::changes() const {
  std::vector<std::string> out = calls();
  std::erase_if(out, [](const std::string& call) {
    return call.starts_with("Describe") || call.starts_with("Get") ||
           call.starts_with("List");
  });
  return out;
}

DriverContext DriverScene::Context() const {
  return {.cluster = cluster,
          .resource = resource,
          .known_id = known_id,
          .dependency = [this](std::string_view name) -> const Observed* {
            const auto found = known.find(std::string(name));
            return found == known.end() ? nullptr : &found->second;
          },
          .stop = {}};
}

std::string TagSet(std::string_view uid, std::string_view resource) {
  std::string out = fmt::format(
      "<tagSet><item><key>constellation-uid</key><value>{}</value></item>",
      uid);
  if (!resource.empty()) {
    out += fmt::format(
        "<item><key>constellation-resource</key><value>{}</value></item>",
        resource);
  }
  return out + "</tagSet>";
}

}  // namespace constellation::cloud::aws::testing
