// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_NAMES_H_
#define CONSTELLATION_KUBERNETES_NAMES_H_

#include <string>
#include <string_view>

namespace constellation::kubernetes {

// Whether `name` is a DNS subdomain (RFC 1123): what most objects, nodes among
// them, may be called. 1 to 253 characters.
bool IsDnsSubdomain(std::string_view name);

// `text` for use inside a path or query of a URL: everything but unreserved
// characters (RFC 3986, 2.3) is percent-encoded.
std::string UrlEncode(std::string_view text);

}  // namespace constellation::kubernetes

#endif  // CONSTELLATION_KUBERNETES_NAMES_H_
