// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/environment.h"

#include <cstdlib>

namespace constellation::cloud {
namespace {

// A lower-case variable that is set but empty still wins: it switches the proxy
// off.
std::string Either(const Environment& environment, std::string_view lower,
                   std::string_view upper) {
  const auto value = environment(lower);
  return value ? *value : environment(upper).value_or("");
}

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes it.
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::optional<std::string> NonEmpty(const Environment& environment,
                                    std::string_view name) {
  auto value = environment(name);
  return value && !value->empty() ? value : std::nullopt;
}

ProxySettings ProxyFromEnvironment(const Environment& environment) {
  ProxySettings settings;
  settings.https = Either(environment, "https_proxy", "HTTPS_PROXY");
  const bool cgi = environment("REQUEST_METHOD").has_value();
  settings.http = Either(environment, "http_proxy", cgi ? "" : "HTTP_PROXY");
  settings.except = Either(environment, "no_proxy", "NO_PROXY");
  return settings;
}

}  // namespace constellation::cloud
