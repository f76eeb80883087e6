// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/software_tpm.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include <algorithm>

#include "attestation/tpm/quote.h"
#include "common/status.h"
#include "crypto/random.h"

namespace constellation::testing {
namespace {

using attestation::PcrValue;

constexpr size_t kCoordinateSize = 32;

template <typename T, void (*kFree)(T*)>
struct Freer {
  void operator()(T* pointer) const { kFree(pointer); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY, EVP_PKEY_free>>;
using ContextPtr =
    std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX, EVP_MD_CTX_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freer<BIGNUM, BN_free>>;
using SignaturePtr =
    std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG, ECDSA_SIG_free>>;

// Tests have no use for an error here.
void Must(bool ok) {
  if (!ok) {
    abort();
  }
}

Bytes Padded(const BIGNUM* number) {
  Bytes bytes(kCoordinateSize);
  Must(BN_bn2binpad(number, bytes.data(), static_cast<int>(bytes.size())) > 0);
  return bytes;
}

Bytes Coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  Must(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  return Padded(NumberPtr(number).get());
}

Bytes MarshalAkPublic(EVP_PKEY* key, uint32_t attributes) {
  return TpmWriter()
      .U16(attestation::kTpmAlgEcc)
      .U16(attestation::kTpmAlgSha256)
      .U32(attributes)
      .Sized({})
      .U16(attestation::kTpmAlgNull)
      .U16(attestation::kTpmAlgEcdsa)
      .U16(attestation::kTpmAlgSha256)
      .U16(attestation::kTpmEccNistP256)
      .U16(attestation::kTpmAlgNull)
      .Sized(Coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X))
      .Sized(Coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y))
      .Take();
}

crypto::Sha256Digest DigestOf(const std::vector<PcrValue>& pcrs) {
  crypto::Sha256Hasher hasher;
  for (const PcrValue& pcr : pcrs) {
    hasher.Update(pcr.sha256);
  }
  return hasher.Finish();
}

}  // namespace

struct SoftwareTpm::Key {
  KeyPtr key;
};

SoftwareTpm::SoftwareTpm(const SoftwareTpmOptions& options)
    : key_(new Key{KeyPtr(EVP_EC_gen("P-256"))}), variant_(options.variant) {
  Must(key_->key != nullptr);
  ak_public_ = MarshalAkPublic(key_->key.get(), options.ak_attributes);
  // Only its hash matters: nobody parses it after enrolment.
  ek_certificate_ = crypto::RandomBytes(64);
}

SoftwareTpm::~SoftwareTpm() = default;

void SoftwareTpm::SetPcr(uint32_t index, const crypto::Sha256Digest& value) {
  const absl::MutexLock lock(&mutex_);
  pcrs_.at(index) = value;
}

void SoftwareTpm::ExtendPcr(uint32_t index,
                            const crypto::Sha256Digest& digest) {
  const absl::MutexLock lock(&mutex_);
  crypto::Sha256Hasher hasher;
  hasher.Update(pcrs_.at(index));
  hasher.Update(digest);
  pcrs_.at(index) = hasher.Finish();
}

void SoftwareTpm::SetEventLog(Bytes log) {
  const absl::MutexLock lock(&mutex_);
  event_log_ = std::move(log);
}

attestation::EnrolledTpm SoftwareTpm::enrolled() const {
  return {.ek_certificate_sha256 = crypto::Sha256(ek_certificate_),
          .ak_name = *attestation::NameOf(ak_public_)};
}

std::vector<PcrValue> SoftwareTpm::Pcrs() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<PcrValue> pcrs;
  for (uint32_t i = 0; i < pcrs_.size(); ++i) {
    pcrs.push_back({.index = i, .sha256 = pcrs_.at(i)});
  }
  return pcrs;
}

absl::StatusOr<attestation::Evidence> SoftwareTpm::Attest(
    std::span<const uint8_t> user_data) {
  if (user_data.size() != attestation::kUserDataSize) {
    return InvalidArgument("user data: want 64 bytes");
  }
  return AttestParts(PartsFor(user_data));
}

QuoteParts SoftwareTpm::PartsFor(std::span<const uint8_t> user_data) const {
  const std::vector<PcrValue> pcrs = Pcrs();
  QuoteParts parts;
  const auto data = attestation::QuoteQualifyingData(user_data, {});
  parts.extra_data.assign(data.begin(), data.end());
  attestation::PcrSelectionUnverified selection{
      .hash_algorithm = attestation::kTpmAlgSha256, .pcrs = {}};
  for (const PcrValue& pcr : pcrs) {
    selection.pcrs.push_back(pcr.index);
  }
  parts.selections.push_back(std::move(selection));
  const auto digest = DigestOf(pcrs);
  parts.pcr_digest.assign(digest.begin(), digest.end());
  return parts;
}

attestation::Evidence SoftwareTpm::AttestParts(const QuoteParts& parts) const {
  attestation::Evidence evidence;
  evidence.variant = variant_;
  evidence.tpm.attest = MarshalAttest(parts);
  evidence.tpm.signature = Sign(evidence.tpm.attest);
  evidence.tpm.ak_public = ak_public_;
  evidence.tpm.ek_certificate = ek_certificate_;
  evidence.tpm.pcrs = Pcrs();
  const absl::MutexLock lock(&mutex_);
  evidence.tpm.event_log = event_log_;
  return evidence;
}

Bytes SoftwareTpm::Sign(std::span<const uint8_t> message) const {
  const ContextPtr context(EVP_MD_CTX_new());
  Must(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                          key_->key.get()) == 1);
  size_t size = 0;
  Must(EVP_DigestSign(context.get(), nullptr, &size, message.data(),
                      message.size()) == 1);
  Bytes der(size);
  Must(EVP_DigestSign(context.get(), der.data(), &size, message.data(),
                      message.size()) == 1);
  const unsigned char* position = der.data();
  const SignaturePtr signature(
      d2i_ECDSA_SIG(nullptr, &position, static_cast<long>(size)));
  Must(signature != nullptr);
  return TpmWriter()
      .U16(attestation::kTpmAlgEcdsa)
      .U16(attestation::kTpmAlgSha256)
      .Sized(Padded(ECDSA_SIG_get0_r(signature.get())))
      .Sized(Padded(ECDSA_SIG_get0_s(signature.get())))
      .Take();
}

Bytes MarshalAttest(const QuoteParts& parts) {
  TpmWriter writer;
  writer.U32(parts.magic).U16(parts.type);
  writer.Sized({}).Sized(parts.extra_data);
  // clock, resetCount, restartCount, safe, firmwareVersion
  writer.U64(1).U32(1).U32(0).U8(1).U64(1);
  writer.U32(static_cast<uint32_t>(parts.selections.size()));
  for (const attestation::PcrSelectionUnverified& selection :
       parts.selections) {
    std::array<uint8_t, 3> bitmap{};
    for (const uint32_t index : selection.pcrs) {
      uint8_t& octet = bitmap.at(index / 8);
      octet = static_cast<uint8_t>(octet | 1U << index % 8);
    }
    writer.U16(selection.hash_algorithm).U8(bitmap.size()).Raw(bitmap);
  }
  writer.Sized(parts.pcr_digest).Raw(parts.trailing);
  return writer.Take();
}

TpmWriter& TpmWriter::U8(uint8_t value) {
  bytes_.push_back(value);
  return *this;
}

TpmWriter& TpmWriter::U16(uint16_t value) {
  return U8(static_cast<uint8_t>(value >> 8U)).U8(static_cast<uint8_t>(value));
}

TpmWriter& TpmWriter::U32(uint32_t value) {
  return U16(static_cast<uint16_t>(value >> 16U))
      .U16(static_cast<uint16_t>(value));
}

TpmWriter& TpmWriter::U64(uint64_t value) {
  return U32(static_cast<uint32_t>(value >> 32U))
      .U32(static_cast<uint32_t>(value));
}

TpmWriter& TpmWriter::Raw(std::span<const uint8_t> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

TpmWriter& TpmWriter::Sized(std::span<const uint8_t> bytes) {
  return U16(static_cast<uint16_t>(bytes.size())).Raw(bytes);
}

}  // namespace constellation::testing
