// SPDX-License-Identifier: Apache-2.0
// Whatever nova-metadata says: no crash; what is accepted keeps the promises of
// InstanceMetadata.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "cloud/openstack/openstack_metadata.h"
#include "common/hex.h"
#include "common/ipv4.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation;  // NOLINT(google-build-using-namespace)
  const auto document =
      cloud::openstack::ParseMetadataDocument(AsText({data, size}));
  if (document.ok()) {
    for (const cloud::InstanceMetadata& peer : document->control_planes) {
      if (!cloud::IsNodeName(peer.name) || !ParseIpv4(peer.cluster_ip)) {
        std::abort();
      }
    }
    if (!cloud::IsNodeName(document->self.name)) {
      std::abort();
    }
  }
  return 0;
}
