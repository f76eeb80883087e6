// SPDX-License-Identifier: Apache-2.0
#include "attestation/eventlog/event_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "attestation/byte_reader.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

using std::string_view_literals::operator""sv;

constexpr size_t kMaxEvents = 65536;
constexpr uint32_t kMaxAlgorithms = 8;
constexpr size_t kMaxDigestSize = 64;
constexpr size_t kSha1Size = 20;
constexpr uint32_t kPcrCount = 24;
constexpr uint32_t kAllOnes = 0xffffffff;
constexpr std::string_view kSpecId = "Spec ID Event03\0"sv;
constexpr std::string_view kStartupLocality = "StartupLocality\0"sv;

struct AlgorithmSize {
  uint16_t algorithm = 0;
  uint16_t size = 0;
};

// The digest that `event` has for `algorithm`, or null.
const Bytes* FindDigest(const LogEvent& event, uint16_t algorithm) {
  const auto found =
      std::ranges::find(event.digests, algorithm, &LogDigest::algorithm);
  return found == event.digests.end() ? nullptr : &found->digest;
}

// Computes H(register || digest) many times without allocating.
class Extender final {
 public:
  // `algorithm` is SHA-1, SHA-256, SHA-384 or SHA-512.
  explicit Extender(uint16_t algorithm) : algorithm_(algorithm) {}

  absl::Status Extend(const Bytes& digest, Bytes& value) {
    if (algorithm_ == kTpmAlgSha256) {
      hasher_.Update(value);
      hasher_.Update(digest);
      std::ranges::copy(hasher_.Finish(), value.begin());
      return absl::OkStatus();
    }
    joined_.assign(value.begin(), value.end());
    joined_.insert(joined_.end(), digest.begin(), digest.end());
    ASSIGN_OR_RETURN(value, TpmDigest(algorithm_, joined_));
    return absl::OkStatus();
  }

 private:
  const uint16_t algorithm_;
  crypto::Sha256Hasher hasher_;
  Bytes joined_;
};

// TCG_PCR_EVENT: a record with one SHA-1 digest.
absl::StatusOr<LogEvent> ReadLegacyEvent(LittleEndianReader& reader) {
  LogEvent event;
  ASSIGN_OR_RETURN(event.pcr, reader.Read<uint32_t>("pcrIndex"));
  ASSIGN_OR_RETURN(event.type, reader.Read<uint32_t>("eventType"));
  ASSIGN_OR_RETURN(const auto digest, reader.Take(kSha1Size, "digest"));
  event.digests.push_back(
      {.algorithm = kTpmAlgSha1, .digest = {digest.begin(), digest.end()}});
  ASSIGN_OR_RETURN(const auto data,
                   reader.TakeSized<uint32_t>(kAllOnes, "event"));
  event.data.assign(data.begin(), data.end());
  return event;
}

// TCG_EfiSpecIDEvent, the data of a crypto-agile log's first record.
absl::StatusOr<std::vector<AlgorithmSize>> ReadSpecId(
    std::span<const uint8_t> data) {
  LittleEndianReader reader(data);
  RETURN_IF_ERROR(reader.Take(kSpecId.size(), "signature").status());
  RETURN_IF_ERROR(reader.Read<uint32_t>("platformClass").status());
  // specVersionMinor, specVersionMajor, specErrata, uintnSize
  RETURN_IF_ERROR(reader.Take(4, "specVersion").status());
  ASSIGN_OR_RETURN(const uint32_t count,
                   reader.Read<uint32_t>("numberOfAlgorithms"));
  if (count == 0 || count > kMaxAlgorithms) {
    return InvalidArgument(fmt::format(
        "numberOfAlgorithms: want 1 to {}, got {}", kMaxAlgorithms, count));
  }
  std::vector<AlgorithmSize> algorithms;
  for (uint32_t i = 0; i < count; ++i) {
    AlgorithmSize entry;
    ASSIGN_OR_RETURN(entry.algorithm, reader.Read<uint16_t>("algorithmId"));
    ASSIGN_OR_RETURN(entry.size, reader.Read<uint16_t>("digestSize"));
    // Of an unknown algorithm the header is believed.
    const size_t known = TpmDigestSize(entry.algorithm).value_or(0);
    if (entry.size == 0 || entry.size > kMaxDigestSize ||
        (known != 0 && entry.size != known)) {
      return InvalidArgument(fmt::format("digestSize of {}: got {}",
                                         AlgorithmName(entry.algorithm),
                                         entry.size));
    }
    if (std::ranges::any_of(algorithms, [&](const AlgorithmSize& other) {
          return other.algorithm == entry.algorithm;
        })) {
      return InvalidArgument(fmt::format("algorithmId: {} occurs twice",
                                         AlgorithmName(entry.algorithm)));
    }
    algorithms.push_back(entry);
  }
  RETURN_IF_ERROR(reader.TakeSized<uint8_t>(0xff, "vendorInfo").status());
  RETURN_IF_ERROR(reader.ExpectEnd("TCG_EfiSpecIDEvent"));
  return algorithms;
}

// Every record must have every algorithm of the header, once: a record that
// lacks one could be replayed differently by two readers.
absl::Status ReadDigests(LittleEndianReader& reader,
                         const std::vector<AlgorithmSize>& algorithms,
                         LogEvent& event) {
  ASSIGN_OR_RETURN(const uint32_t count,
                   reader.Read<uint32_t>("digests.count"));
  if (count != algorithms.size()) {
    return InvalidArgument(
        fmt::format("digests.count: want the header's {}, got {}",
                    algorithms.size(), count));
  }
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const uint16_t algorithm,
                     reader.Read<uint16_t>("digests.algorithmId"));
    const auto entry =
        std::ranges::find(algorithms, algorithm, &AlgorithmSize::algorithm);
    if (entry == algorithms.end() || FindDigest(event, algorithm) != nullptr) {
      return InvalidArgument(
          fmt::format("digests.algorithmId: {} is not in the header or given "
                      "twice",
                      AlgorithmName(algorithm)));
    }
    ASSIGN_OR_RETURN(const auto digest,
                     reader.Take(entry->size, "digests.digest"));
    event.digests.push_back(
        {.algorithm = algorithm, .digest = {digest.begin(), digest.end()}});
  }
  return absl::OkStatus();
}

// TCG_PCR_EVENT2.
absl::StatusOr<LogEvent> ReadAgileEvent(
    LittleEndianReader& reader, const std::vector<AlgorithmSize>& algorithms) {
  LogEvent event;
  ASSIGN_OR_RETURN(event.pcr, reader.Read<uint32_t>("pcrIndex"));
  ASSIGN_OR_RETURN(event.type, reader.Read<uint32_t>("eventType"));
  RETURN_IF_ERROR(ReadDigests(reader, algorithms, event));
  ASSIGN_OR_RETURN(const auto data,
                   reader.TakeSized<uint32_t>(kAllOnes, "event"));
  event.data.assign(data.begin(), data.end());
  return event;
}

// The zero byte at the end of these signatures belongs to them.
bool HasPrefix(const Bytes& data, std::string_view prefix) {
  return AsText(data).starts_with(prefix);
}

// Whether nothing but padding follows: ones in place of index and type, or
// zeros to the end.
bool AtPadding(std::span<const uint8_t> rest) {
  constexpr size_t kMark = 2 * sizeof(uint32_t);
  const auto all = [](std::span<const uint8_t> bytes, uint8_t value) {
    return std::ranges::all_of(bytes, [=](uint8_t b) { return b == value; });
  };
  return rest.empty() ||
         (rest.size() >= kMark && all(rest.first(kMark), 0xff)) ||
         (rest.size() > kMark && all(rest, 0));
}

// EV_NO_ACTION extends nothing, so it may name an index that no TPM has.
absl::Status CheckIndex(const LogEvent& event) {
  if (event.pcr >= kPcrCount && event.type != kEvNoAction) {
    return InvalidArgument(
        fmt::format("pcrIndex: want 0-23, got {:#x}", event.pcr));
  }
  return absl::OkStatus();
}

// Without a header the whole log is in the legacy format (TPM 1.2).
absl::StatusOr<LogEvent> ReadEvent(
    LittleEndianReader& reader, const std::vector<AlgorithmSize>& algorithms) {
  ASSIGN_OR_RETURN(LogEvent event, algorithms.empty()
                                       ? ReadLegacyEvent(reader)
                                       : ReadAgileEvent(reader, algorithms));
  RETURN_IF_ERROR(CheckIndex(event));
  return event;
}

// TCG_EfiStartupLocalityEvent: the signature and one octet.
bool IsStartupLocality(const LogEvent& event) {
  return event.type == kEvNoAction && event.pcr == 0 &&
         event.data.size() == kStartupLocality.size() + 1 &&
         HasPrefix(event.data, kStartupLocality);
}

// Appends an event, minding what it says about the start of PCR 0: that counts
// only before PCR 0 was first extended.
void Append(LogEvent event, EventLogUnverified& log) {
  event.number = log.events.size();
  if (IsStartupLocality(event) &&
      std::ranges::none_of(log.events, [](const LogEvent& earlier) {
        return earlier.pcr == 0 && earlier.type != kEvNoAction;
      })) {
    log.startup_locality = event.data.back();
  }
  log.events.push_back(std::move(event));
}

// Takes the first record: the header of a crypto-agile log, whose algorithms go
// to `algorithms`, or the first event of a legacy one.
absl::Status TakeFirst(LogEvent first, EventLogUnverified& log,
                       std::vector<AlgorithmSize>& algorithms) {
  log.crypto_agile =
      first.type == kEvNoAction && HasPrefix(first.data, kSpecId);
  if (!log.crypto_agile) {
    log.algorithms = {kTpmAlgSha1};
    RETURN_IF_ERROR(CheckIndex(first));
    Append(std::move(first), log);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<AlgorithmSize>> header = ReadSpecId(first.data);
  if (!header.ok()) {
    return Annotate(header.status(), "event log: header");
  }
  algorithms = *std::move(header);
  for (const AlgorithmSize& entry : algorithms) {
    log.algorithms.push_back(entry.algorithm);
  }
  return absl::OkStatus();
}

}  // namespace

// Logs come as the firmware's whole buffer: they end at padding, not at the
// last octet.
EventLogReading ReadEventLogUnverified(std::span<const uint8_t> bytes) {
  EventLogReading reading;
  EventLogUnverified& log = reading.log;
  LittleEndianReader reader(bytes);
  absl::StatusOr<LogEvent> first = ReadLegacyEvent(reader);
  if (!first.ok()) {
    reading.status = Annotate(first.status(), "event log: first record");
    return reading;
  }
  log.end_offset = reader.offset();
  std::vector<AlgorithmSize> algorithms;
  reading.status = TakeFirst(*std::move(first), log, algorithms);
  if (!reading.status.ok()) {
    return reading;
  }
  while (!AtPadding(bytes.subspan(reader.offset()))) {
    absl::StatusOr<LogEvent> event = ReadEvent(reader, algorithms);
    if (!event.ok() || log.events.size() >= kMaxEvents) {
      reading.status = Annotate(
          event.ok() ? InvalidArgument("too many events") : event.status(),
          fmt::format("event log: record {}", log.events.size()));
      return reading;
    }
    Append(*std::move(event), log);
    log.end_offset = reader.offset();
  }
  return reading;
}

absl::StatusOr<EventLogUnverified> ParseEventLogUnverified(
    std::span<const uint8_t> bytes) {
  EventLogReading reading = ReadEventLogUnverified(bytes);
  RETURN_IF_ERROR(reading.status);
  return std::move(reading.log);
}

std::optional<Bytes> DigestOf(const LogEvent& event, uint16_t algorithm) {
  const Bytes* digest = FindDigest(event, algorithm);
  return digest == nullptr ? std::nullopt : std::optional<Bytes>(*digest);
}

// TPM2_PCR_Extend, event by event: new = H(old || digest).
absl::StatusOr<std::map<uint32_t, Bytes>> Replay(const EventLogUnverified& log,
                                                 uint16_t algorithm) {
  if (std::ranges::find(log.algorithms, algorithm) == log.algorithms.end()) {
    return InvalidArgument(fmt::format("event log: it has no {} digests",
                                       AlgorithmName(algorithm)));
  }
  RETURN_IF_ERROR(TpmDigest(algorithm, {}).status());  // we can compute it
  const size_t size = TpmDigestSize(algorithm).value_or(0);
  Extender extender(algorithm);
  std::map<uint32_t, Bytes> registers;
  for (const LogEvent& event : log.events) {
    if (event.type == kEvNoAction) {
      continue;
    }
    const Bytes* digest = FindDigest(event, algorithm);
    if (digest == nullptr || digest->size() != size) {
      return InvalidArgument(
          fmt::format("event log: record {} has no {} digest", event.number,
                      AlgorithmName(algorithm)));
    }
    Bytes& value = registers[event.pcr];
    if (value.empty()) {
      value.resize(digest->size());
      if (event.pcr == 0) {
        value.back() = log.startup_locality;
      }
    }
    RETURN_IF_ERROR(extender.Extend(*digest, value));
  }
  return registers;
}

bool DataExplainsDigest(const LogEvent& event, uint16_t algorithm) {
  const absl::StatusOr<Bytes> hash = TpmDigest(algorithm, event.data);
  const Bytes* digest = FindDigest(event, algorithm);
  return hash.ok() && digest != nullptr && *digest == *hash;
}

}  // namespace constellation::attestation
