// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string_view>

#include "cloud/qemu/cluster_spec.h"
#include "cloud/qemu/control_protocol.h"
#include "cloud/qemu/metadata_json.h"

// Everything that arrives as JSON: from a metadata service, from a file, over
// the control socket. What is accepted must survive being written again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace qemu = constellation::cloud::qemu;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto instance = qemu::ParseInstance(text); instance.ok()) {
    if (!qemu::ParseInstance(qemu::InstanceToJson(*instance)).ok()) {
      __builtin_trap();
    }
  }
  if (const auto spec = qemu::ParseClusterSpec(text); spec.ok()) {
    if (!qemu::ParseClusterSpec(qemu::ClusterSpecToJson(*spec)).ok()) {
      __builtin_trap();
    }
  }
  (void)qemu::ParseInstances(text);
  (void)qemu::ParseEndpoint(text);
  (void)qemu::ParseEnrolledTpms(text);
  (void)qemu::CheckBootStatus(text);
  (void)qemu::ParseClusterStatus(text);
  (void)qemu::ParseControlAnswer(text);
  return 0;
}
