// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/event_log_builder.h"

#include "attestation/tpm/tpm_structures.h"
#include "crypto/hash.h"

namespace constellation::testing {
namespace {

using attestation::LogDigest;

template <typename Array>
Bytes ToBytes(const Array& array) {
  return {array.begin(), array.end()};
}

uint16_t SizeOf(uint16_t algorithm) {
  switch (algorithm) {
    case attestation::kTpmAlgSha1:
      return 20;
    case attestation::kTpmAlgSha384:
      return 48;
    case attestation::kTpmAlgSha512:
      return 64;
    default:
      return 32;
  }
}

Bytes Hash(uint16_t algorithm, std::span<const uint8_t> data) {
  switch (algorithm) {
    case attestation::kTpmAlgSha1:
      return ToBytes(crypto::Sha1(data));
    case attestation::kTpmAlgSha256:
      return ToBytes(crypto::Sha256(data));
    case attestation::kTpmAlgSha384:
      return ToBytes(crypto::Sha384(data));
    default:
      return Bytes(SizeOf(algorithm));
  }
}

}  // namespace

EventLogBuilder::EventLogBuilder(std::vector<uint16_t> algorithms)
    : algorithms_(std::move(algorithms)) {
  EventLogBuilder end;
  end.U32(static_cast<uint32_t>(algorithms_.size()));
  for (const uint16_t algorithm : algorithms_) {
    end.U16(algorithm);
    end.U16(SizeOf(algorithm));
  }
  end.bytes_.push_back(0);  // no vendor information
  Header(end.bytes_);
}

EventLogBuilder EventLogBuilder::WithHeader(Bytes end_of_header) {
  EventLogBuilder builder;
  builder.Header(end_of_header);
  return builder;
}

EventLogBuilder EventLogBuilder::Legacy() {
  return {};
}

void EventLogBuilder::Header(const Bytes& end_of_header) {
  static constexpr char kSignature[] = "Spec ID Event03";  // with its NUL
  U32(0);
  U32(attestation::kEvNoAction);
  Raw(Bytes(20));
  U32(static_cast<uint32_t>(sizeof(kSignature) + 8 + end_of_header.size()));
  Raw(AsBytes({kSignature, sizeof(kSignature)}));
  U32(0);                  // platformClass
  Raw(Bytes{0, 2, 0, 2});  // minor, major, errata, uintnSize
  Raw(end_of_header);
}

EventLogBuilder& EventLogBuilder::Add(uint32_t pcr, uint32_t type,
                                      std::string_view data) {
  const std::vector<uint16_t> legacy = {attestation::kTpmAlgSha1};
  std::vector<LogDigest> digests;
  for (const uint16_t algorithm : algorithms_.empty() ? legacy : algorithms_) {
    digests.push_back(
        {.algorithm = algorithm, .digest = Hash(algorithm, AsBytes(data))});
  }
  return AddRaw(pcr, type, digests, data);
}

EventLogBuilder& EventLogBuilder::AddRaw(uint32_t pcr, uint32_t type,
                                         const std::vector<LogDigest>& digests,
                                         std::string_view data) {
  U32(pcr);
  U32(type);
  if (!algorithms_.empty()) {
    U32(static_cast<uint32_t>(digests.size()));
  }
  for (const LogDigest& digest : digests) {
    if (!algorithms_.empty()) {
      U16(digest.algorithm);
    }
    Raw(digest.digest);
  }
  U32(static_cast<uint32_t>(data.size()));
  Raw(AsBytes(data));
  return *this;
}

void EventLogBuilder::U16(uint16_t value) {
  bytes_.push_back(static_cast<uint8_t>(value));
  bytes_.push_back(static_cast<uint8_t>(value >> 8U));
}

void EventLogBuilder::U32(uint32_t value) {
  U16(static_cast<uint16_t>(value));
  U16(static_cast<uint16_t>(value >> 16U));
}

void EventLogBuilder::Raw(std::span<const uint8_t> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

}  // namespace constellation::testing
