// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/gcp/gcp_error.h"
#include "cloud/gcp/instances.h"
#include "cloud/json_fields.h"
#include "common/hex.h"

// Any answer gives an error's meaning, or an instance, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace gcp = constellation::cloud::gcp;
  const std::string text(constellation::AsText({data, size}));
  (void)gcp::GcpErrorOf({.status = 400, .body = text}, /*read_only=*/true);
  const auto object =
      constellation::cloud::ParseJsonObject(text, "answer", size);
  if (object.ok()) {
    (void)gcp::OperationErrorOf(*object);
    (void)gcp::ParseInstance(*object, "0a1b2c3d");
  }
  return 0;
}
