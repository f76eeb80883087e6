// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_ACCELERATOR_H_
#define CONSTELLATION_CLOUD_QEMU_ACCELERATOR_H_

#include <string>

#include "absl/status/statusor.h"
#include "cloud/qemu/cluster_spec.h"
#include "common/command.h"

namespace constellation::cloud::qemu {

// How guests run on this machine, decided by running one.
struct AcceleratorChoice {
  Accelerator accelerator = Accelerator::kEmulation;  // never kAuto
  std::string reason = {};  // why KVM is not used; empty with KVM
  // Multiply time-outs and expectations by this: 1 with KVM, 10 in emulation.
  unsigned TimeScale() const;
  // One sentence for the user: what is used, why, how long a cluster takes.
  std::string Sentence() const;
};

// Tests give their own program and device.
struct KvmProbeOptions {
  std::string qemu = "qemu-system-x86_64";
  std::string kvm_device = "/dev/kvm";
  // Remembers the result until the host boots or QEMU or the CPU changes.
  // Empty: no cache.
  std::string cache_file;
  absl::Duration timeout = absl::Seconds(10);
};

// $XDG_CACHE_HOME (or ~/.cache)/constellation/kvm-probe.json; empty without a
// home.
std::string DefaultKvmProbeCache();

// Boots a guest of one sector under KVM; it must report back within the
// time-out. The existence of /dev/kvm proves nothing. Any failure means
// emulation and becomes the reason.
// Runs for at most `timeout`; makes and removes a folder in the system's folder
// for temporary files. Never fails itself.
AcceleratorChoice ProbeKvm(CommandRunner& runner,
                           const KvmProbeOptions& options);

// What `wanted` comes to on this machine: probes for kAuto and kKvm.
// FAILED_PRECONDITION if kKvm was demanded and does not work.
absl::StatusOr<AcceleratorChoice> ChooseAccelerator(Accelerator wanted);

}  // namespace constellation::cloud::qemu

#endif  // CONSTELLATION_CLOUD_QEMU_ACCELERATOR_H_
