// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/tdx_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using crypto::Sha384Digest;

constexpr uint16_t kSha384 = 0x000c;  // TPM_ALG_SHA384
constexpr uint32_t kRtmr0 = 1;        // as a CC event log counts registers

// TCG PC client platform firmware profile 1.05, section 10.4.1.
constexpr uint32_t kPlatformConfigFlags = 0x0000000a;
constexpr uint32_t kVariableDriverConfig = 0x80000001;
constexpr uint32_t kVariableBoot = 0x80000002;
constexpr uint32_t kFirmwareBlob2 = 0x8000000a;
constexpr uint32_t kHandoffTables2 = 0x8000000b;

// More than boot options fit into one machine's order.
constexpr size_t kMaxBootVariables = 64;

// Takes the events of RTMR0 front to back.
class Rtmr0Reader final {
 public:
  explicit Rtmr0Reader(const EventLogUnverified& log) {
    for (const LogEvent& event : log.events) {
      if (event.pcr == kRtmr0 && event.type != kEvNoAction) {
        events_.push_back(&event);
      }
    }
  }

  bool NextIs(uint32_t type) const {
    return next_ < events_.size() && events_[next_]->type == type;
  }

  // The digest of the next event, which must be of `type`.
  absl::StatusOr<Sha384Digest> Take(uint32_t type) {
    if (!NextIs(type)) {
      return FailedPrecondition(fmt::format(
          "event log: RTMR0: want {} as event {}, got {}", EventTypeName(type),
          next_ + 1,
          next_ < events_.size() ? DescribeEvent(*events_[next_]) : "the end"));
    }
    const std::optional<Bytes> digest = DigestOf(*events_[next_], kSha384);
    Sha384Digest taken{};
    if (!digest.has_value() || digest->size() != taken.size()) {
      return InvalidArgument("event log: no SHA-384 digests");
    }
    std::copy(digest->begin(), digest->end(), taken.begin());
    ++next_;
    return taken;
  }

  template <size_t kCount>
  absl::StatusOr<std::array<Sha384Digest, kCount>> TakeAll(uint32_t type) {
    std::array<Sha384Digest, kCount> taken{};
    for (Sha384Digest& digest : taken) {
      ASSIGN_OR_RETURN(digest, Take(type));
    }
    return taken;
  }

  absl::Status TakeSeparator() {
    ASSIGN_OR_RETURN(const Sha384Digest digest, Take(kEvSeparator));
    if (digest != crypto::Sha384(std::array<uint8_t, 4>{})) {
      return FailedPrecondition(
          "event log: RTMR0: a separator that reports an error");
    }
    return absl::OkStatus();
  }

  absl::Status ExpectEnd() const {
    if (next_ == events_.size()) {
      return absl::OkStatus();
    }
    return FailedPrecondition(
        fmt::format("event log: RTMR0: want the end after {} events, got {}",
                    next_, DescribeEvent(*events_[next_])));
  }

 private:
  std::vector<const LogEvent*> events_;
  size_t next_ = 0;
};

}  // namespace

absl::StatusOr<TdxRtmr0Events> TdxRtmr0EventsOfLog(
    const EventLogUnverified& log) {
  Rtmr0Reader reader(log);
  TdxRtmr0Events events;
  ASSIGN_OR_RETURN(events.td_hob, reader.Take(kHandoffTables2));
  RETURN_IF_ERROR(reader.Take(kFirmwareBlob2).status());
  ASSIGN_OR_RETURN(events.secure_boot,
                   reader.TakeAll<5>(kVariableDriverConfig));
  RETURN_IF_ERROR(reader.TakeSeparator());
  ASSIGN_OR_RETURN(events.acpi, reader.TakeAll<3>(kPlatformConfigFlags));
  std::vector<Sha384Digest> boot;
  while (reader.NextIs(kVariableBoot)) {
    if (boot.size() == kMaxBootVariables) {
      return FailedPrecondition("event log: RTMR0: too many boot variables");
    }
    ASSIGN_OR_RETURN(const Sha384Digest digest, reader.Take(kVariableBoot));
    boot.push_back(digest);
  }
  events.boot_variables = std::move(boot);
  RETURN_IF_ERROR(reader.TakeSeparator());
  RETURN_IF_ERROR(reader.ExpectEnd());
  return events;
}

}  // namespace constellation::attestation
