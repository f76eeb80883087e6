// SPDX-License-Identifier: Apache-2.0
// The metadata service and the wireserver are the host's, hence hostile: what
// is accepted must be safe to send on, whatever came in.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cloud/azure/access_token.h"
#include "cloud/azure/arm_error.h"
#include "cloud/azure/arm_names.h"
#include "cloud/azure/azure_metadata.h"
#include "cloud/azure/inventory.h"
#include "cloud/azure/wireserver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::cloud;         // NOLINT: one function
  using namespace constellation::cloud::azure;  // NOLINT
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto own = ParseInstanceMetadata(text);
  if (own.ok() &&
      (!IsNodeName(own->metadata.name) || !IsUuid(own->subscription) ||
       !IsArmId(ResourceGroupId({.subscription = own->subscription,
                                 .resource_group = own->resource_group})))) {
    abort();
  }
  const auto goal = ParseGoalState(text);
  if (goal.ok() &&
      goal->container_id.find_first_of("<>&\"'") != std::string::npos) {
    abort();
  }
  const HttpResponse answer{.status = 200, .body = std::string(text)};
  (void)ParseTokenAnswer(answer, absl::FromUnixSeconds(1'800'000'000));
  (void)ArmErrorOf({.status = 409, .body = std::string(text)}, false);
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_object()) {
    (void)ParseInstance(json, json.value("tags", nlohmann::json()),
                        json.value("nics", nlohmann::json()));
  }
  return 0;
}
