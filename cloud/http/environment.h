// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_HTTP_ENVIRONMENT_H_
#define CONSTELLATION_CLOUD_HTTP_ENVIRONMENT_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace constellation::cloud {

// Looks an environment variable up; nothing if it is not set. An empty value is
// a value. Thread-safe unless someone changes the environment.
using Environment =
    std::function<std::optional<std::string>(std::string_view name)>;

// The environment of the process.
Environment ProcessEnvironment();

// The value of `name` if it is set and not empty.
std::optional<std::string> NonEmpty(const Environment& environment,
                                    std::string_view name);

// Which proxies to use: addresses as libcurl takes them, empty for none.
struct ProxySettings {
  std::string http = {};    // for http:// URLs
  std::string https = {};   // for https:// URLs
  std::string except = {};  // hosts without proxy, separated by commas
};

// What the clouds' own tools honour, and nothing else: HTTPS_PROXY, HTTP_PROXY
// and NO_PROXY, where the lower-case name wins (Python's requests and Go's
// net/http agree on these). ALL_PROXY does not count, nor does HTTP_PROXY where
// REQUEST_METHOD is set (a CGI program's clients could set it).
ProxySettings ProxyFromEnvironment(const Environment& environment);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_HTTP_ENVIRONMENT_H_
