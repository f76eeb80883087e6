// SPDX-License-Identifier: Apache-2.0
// Whatever reads text of users or servers: must neither crash, hang nor throw.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kubernetes/api_error.h"
#include "kubernetes/json.h"
#include "kubernetes/kubeconfig.h"
#include "kubernetes/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace kubernetes = constellation::kubernetes;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)kubernetes::ParseManifest(text);
  (void)kubernetes::ParseKubeconfig(text);
  (void)kubernetes::MergeKubeconfig(text, text, true);
  (void)kubernetes::ParseJson(text, "fuzz");
  (void)kubernetes::StatusOfAnswer(500, text, "fuzz");
  return 0;
}
