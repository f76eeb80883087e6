// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_EMULATION_H_
#define CONSTELLATION_CLOUD_EMULATION_H_

#include <memory>
#include <string>
#include <string_view>

#include "cloud/metadata.h"

namespace constellation::cloud {

// The word by which the hypervisor names itself to this machine (CPUID leaf
// 0x40000000), up to twelve characters; empty on hardware and on processors
// without CPUID. The host's word: it may lie.
std::string HypervisorSignature();

// InstanceMetadata::time_scale of a machine whose hypervisor is `signature`: 10
// for QEMU's emulation of a processor ("TCGTCGTCGTCG"), which clouds use where
// they have no KVM (nova's virt_type=qemu), else 1.
unsigned TimeScaleOf(std::string_view signature);

// `client`, whose Self() says `time_scale` unless the service says more.
// Thread-safe if `client` is.
std::unique_ptr<MetadataClient> WithTimeScale(
    std::unique_ptr<MetadataClient> client, unsigned time_scale);

}  // namespace constellation::cloud

#endif  // CONSTELLATION_CLOUD_EMULATION_H_
