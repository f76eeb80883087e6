// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AZURE_ARM_ERROR_H_
#define CONSTELLATION_CLOUD_AZURE_ARM_ERROR_H_

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "cloud/engine/cloud_error.h"
#include "cloud/http/http_transport.h"

namespace constellation::cloud::azure {

// What an answer with status 400 or above says. The code is that of the
// innermost detail that we know ("the deployment failed" tells nobody
// anything); `read_only` requests had no effect, whatever went wrong.
// A request that may have had an effect is kUnclear after 408 and 5xx, so that
// the engine looks before it asks again. Bodies above 1 MiB or that are no JSON
// leave the status alone to tell; texts are cut at 1,000 characters. Never
// fails.
CloudError ArmErrorOf(const HttpResponse& response, bool read_only);

// What {"code","message","details":[...]} says, as in the status of an
// operation that failed late. Any JSON is borne. kLateFailure if the code is
// not one that we know.
CloudError ArmErrorOfBody(const nlohmann::json& error);

}  // namespace constellation::cloud::azure

#endif  // CONSTELLATION_CLOUD_AZURE_ARM_ERROR_H_
