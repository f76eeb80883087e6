// SPDX-License-Identifier: Apache-2.0
#include "cloud/emulation.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

constexpr std::string_view kTcg = "TCGTCGTCGTCG";
// As cloud/qemu has it for local VMs.
constexpr unsigned kEmulated = 10;

class PatientClient final : public MetadataClient {
 public:
  PatientClient(std::unique_ptr<MetadataClient> client, unsigned time_scale)
      : client_(std::move(client)), time_scale_(time_scale) {}

  absl::StatusOr<InstanceMetadata> Self() override {
    ASSIGN_OR_RETURN(InstanceMetadata self, client_->Self());
    self.time_scale = std::max(self.time_scale, time_scale_);
    return self;
  }
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override {
    return client_->Peers();
  }
  absl::StatusOr<std::string> Endpoint() override {
    return client_->Endpoint();
  }
  absl::StatusOr<std::string> EnrolledTpms() override {
    return client_->EnrolledTpms();
  }
  absl::Status ReportStatus(std::string_view json) override {
    return client_->ReportStatus(json);
  }

 private:
  const std::unique_ptr<MetadataClient> client_;
  const unsigned time_scale_;
};

}  // namespace

// Leaf 1 says in bit 31 of ECX whether there is a hypervisor at all.
std::string HypervisorSignature() {
#if defined(__x86_64__)
  constexpr unsigned kHypervisorLeaf = 0x40000000;
  constexpr unsigned kHypervisorBit = 1U << 31U;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 ||
      (ecx & kHypervisorBit) == 0) {
    return "";
  }
  __cpuid(kHypervisorLeaf, eax, ebx, ecx, edx);
  const std::array<unsigned, 3> words = {ebx, ecx, edx};
  std::string signature(sizeof(words), '\0');
  std::memcpy(signature.data(), words.data(), sizeof(words));
  return signature.substr(0, signature.find('\0'));
#else
  return "";
#endif
}

unsigned TimeScaleOf(std::string_view signature) {
  return signature == kTcg ? kEmulated : 1;
}

std::unique_ptr<MetadataClient> WithTimeScale(
    std::unique_ptr<MetadataClient> client, unsigned time_scale) {
  return std::make_unique<PatientClient>(std::move(client), time_scale);
}

}  // namespace constellation::cloud
