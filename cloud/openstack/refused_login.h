// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_OPENSTACK_REFUSED_LOGIN_H_
#define CONSTELLATION_CLOUD_OPENSTACK_REFUSED_LOGIN_H_

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::openstack {

// What keystone's 401 means. It says the same of a wrong password and of a
// project that does not exist or is not the user's. So the login is tried
// without its project (Keystone API v3, "Password authentication with explicit
// unscoped authorization"); if that works, the error becomes kWrongProject with
// the project as its subject, and names up to ten projects that the user may
// choose (GET /v3/auth/projects).
//
// `request` is the AuthRequest() that was refused, `url` the identity service's
// with /v3. `refusal` comes back as it is if it is not kBadCredentials, if
// there is no project to blame (application credentials), and if the further
// login fails for whatever reason. Thread-safe. Not told apart: a project that
// is not there, is disabled, or gives the user no role.
CloudError ExplainRefusedLogin(HttpTransport& transport, std::string_view url,
                               const nlohmann::json& request,
                               CloudError refusal);

}  // namespace constellation::cloud::openstack

#endif  // CONSTELLATION_CLOUD_OPENSTACK_REFUSED_LOGIN_H_
