// SPDX-License-Identifier: Apache-2.0
// Whatever the file: no crash, no endless loop, an answer.
#include <cstddef>
#include <cstdint>

#include "cloud/credentials/clouds_yaml.h"
#include "common/hex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  (void)constellation::cloud::ParseCloudsYaml(
      constellation::AsText({data, size}), "fuzz");
  return 0;
}
