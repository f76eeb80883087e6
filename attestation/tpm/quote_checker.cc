// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/quote_checker.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "attestation/tpm/tpm_hash.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::attestation {
namespace {

// What makes a key unable to sign anything but structures that the TPM itself
// made, and unable to leave it.
constexpr uint32_t kDemandedAttributes =
    kTpmaRestricted | kTpmaSign | kTpmaFixedTpm | kTpmaFixedParent;
constexpr std::string_view kDemandedNames =
    "restricted sign fixedTPM fixedParent";

// "sha256:0,1,2 + sha1:0": as it is in the structure.
std::string Describe(const std::vector<PcrSelectionUnverified>& selections) {
  std::vector<std::string> banks;
  for (const PcrSelectionUnverified& selection : selections) {
    banks.push_back(fmt::format("{}:{}",
                                AlgorithmName(selection.hash_algorithm),
                                fmt::join(selection.pcrs, ",")));
  }
  return banks.empty() ? "none" : fmt::format("{}", fmt::join(banks, " + "));
}

// The bits that are judged, by name, and all of them as a number.
std::string DescribeAttributes(uint32_t attributes) {
  static constexpr std::pair<uint32_t, std::string_view> kNames[] = {
      {kTpmaRestricted, "restricted"},
      {kTpmaSign, "sign"},
      {kTpmaFixedTpm, "fixedTPM"},
      {kTpmaFixedParent, "fixedParent"},
      {kTpmaDecrypt, "decrypt"}};
  std::vector<std::string_view> names;
  for (const auto& [bit, name] : kNames) {
    if ((attributes & bit) != 0) {
      names.push_back(name);
    }
  }
  return fmt::format("{} ({:#010x})", fmt::join(names, " "), attributes);
}

// TPMI_ST_ATTEST, part 2, 6.9.
std::string TypeName(uint16_t type) {
  static constexpr std::pair<uint16_t, const char*> kNames[] = {
      {0x8014, "nv"},
      {0x8015, "command audit"},
      {0x8016, "session audit"},
      {0x8017, "certify"},
      {kTpmStAttestQuote, "quote"},
      {0x8019, "time"},
      {0x801a, "creation"},
      {0x801c, "nv digest"}};
  for (const auto& [number, name] : kNames) {
    if (number == type) {
      return fmt::format("{:#06x} ({})", type, name);
    }
  }
  return fmt::format("{:#06x}", type);
}

// In the order given: a list that is not ascending is not the selection.
std::vector<uint32_t> IndicesOf(const std::vector<RegisterView>& registers) {
  std::vector<uint32_t> indices;
  indices.reserve(registers.size());
  for (const RegisterView& value : registers) {
    indices.push_back(value.index);
  }
  return indices;
}

// Algorithm numbers of keys are below 0x0100; SPKI and points begin otherwise.
bool IsTpmt(std::span<const uint8_t> ak) {
  return ak.empty() || ak[0] == 0;
}

}  // namespace

QuoteChecker::QuoteChecker(const PcrQuoteUnverified& quote,
                           std::span<const uint8_t> nonce, QuoteForms forms)
    : quote_(quote),
      nonce_(nonce),
      forms_(forms),
      area_(InvalidArgument("only the key is given")),
      name_(area_.status()),
      key_(ParseAttestationKeyUnverified(quote.ak)),
      attest_(ParseAttestUnverified(quote.attest)),
      signature_(InvalidArgument("no key")) {
  if (own() || IsTpmt(quote.ak)) {
    area_ = ParsePublicAreaUnverified(quote.ak);
  }
  if (own()) {
    name_ = NameOf(quote.ak);
  }
  if (key_.ok()) {
    signature_ = ReadSignature();
  }
}

void QuoteChecker::Run() {
  CheckAk();
  CheckAttest();
  CheckSignature();
  CheckPcrs();
}

// Restricted and signing: the TPM signs with such a key only what it made
// itself, so TPM_GENERATED cannot be forged with it.
void QuoteChecker::CheckAk() {
  if (own()) {
    rows_.AddStatus(QuoteCheckId::kAkPublicArea, name_.status(),
                    "TPMT_PUBLIC, name algorithm sha256");
  } else {
    rows_.AddStatus(QuoteCheckId::kAkPublicArea, key_.status(),
                    "TPMT_PUBLIC, SubjectPublicKeyInfo or point");
  }
  if (!own() && !IsTpmt(quote_.ak)) {
    rows_.Add(QuoteCheckId::kAkAttributes, key_.ok(),
              fmt::format("{}, where a public area is given", kDemandedNames),
              "only the key is given");
    return;
  }
  if (!area_.ok()) {
    rows_.AddUnavailable(QuoteCheckId::kAkAttributes,
                         std::string(kDemandedNames), "no AK");
    return;
  }
  const bool good =
      (area_->attributes & kDemandedAttributes) == kDemandedAttributes &&
      (area_->attributes & kTpmaDecrypt) == 0;
  rows_.Add(QuoteCheckId::kAkAttributes, good, std::string(kDemandedNames),
            DescribeAttributes(area_->attributes));
}

// The magic says that the TPM made the structure, the type that it is a quote,
// the extra data that it is fresh. An empty nonce is never fresh.
void QuoteChecker::CheckAttest() {
  rows_.AddStatus(QuoteCheckId::kAttest, attest_.status(), "TPMS_ATTEST");
  const std::string magic = fmt::format("{:#010x}", kTpmGeneratedValue);
  const std::string type = TypeName(kTpmStAttestQuote);
  const std::string data = HexEncode(nonce_);
  if (!attest_.ok()) {
    rows_.AddUnavailable(QuoteCheckId::kMagic, magic, "no TPMS_ATTEST");
    rows_.AddUnavailable(QuoteCheckId::kType, type, "no TPMS_ATTEST");
    rows_.AddUnavailable(QuoteCheckId::kQualifyingData, data, "no TPMS_ATTEST");
    return;
  }
  rows_.Add(QuoteCheckId::kMagic, attest_->magic == kTpmGeneratedValue, magic,
            fmt::format("{:#010x}", attest_->magic));
  rows_.Add(QuoteCheckId::kType, attest_->type == kTpmStAttestQuote, type,
            TypeName(attest_->type));
  rows_.Add(
      QuoteCheckId::kQualifyingData,
      !nonce_.empty() && std::ranges::equal(attest_->extra_data, nonce_), data,
      attest_->extra_data.empty() ? "none" : HexEncode(attest_->extra_data));
}

// Clouds give TPMT_SIGNATURE, bare RSA octets or a DER ECDSA signature.
absl::StatusOr<SignatureUnverified> QuoteChecker::ReadSignature() const {
  if (own()) {
    return ParseSignatureUnverified(quote_.signature);
  }
  const bool rsa = key_->key.type() == crypto::KeyType::kRsa;
  const bool bare = rsa && quote_.signature.size() ==
                               static_cast<size_t>(key_->key.bits()) / 8;
  const bool der = !rsa && !quote_.signature.empty() &&
                   quote_.signature[0] == 0x30;  // SEQUENCE
  if (!bare && !der) {
    return ParseSignatureUnverified(quote_.signature);
  }
  SignatureUnverified signature;
  // Nothing names the scheme's hash here. The TPM used it for pcrDigest, too;
  // if an attacker chose the length, the signature would not verify.
  const uint16_t digest_hash =
      attest_.ok() && attest_->quote.has_value()
          ? Sha2OfDigestSize(attest_->quote->pcr_digest.size())
                .value_or(kTpmAlgSha256)
          : kTpmAlgSha256;
  signature.scheme = der ? kTpmAlgEcdsa : kTpmAlgRsassa;
  signature.hash_algorithm = digest_hash;
  if (area_.ok()) {
    signature.scheme = area_->scheme;
    signature.hash_algorithm = area_->scheme_hash;
  }
  if (bare) {
    signature.rsa.assign(quote_.signature.begin(), quote_.signature.end());
    return signature;
  }
  ASSIGN_OR_RETURN(const crypto::EcdsaSignature numbers,
                   crypto::ParseEcdsaSignature(quote_.signature));
  signature.r.assign(numbers.r.begin(), numbers.r.end());
  signature.s.assign(numbers.s.begin(), numbers.s.end());
  return signature;
}

// Over the octets as they came. The scheme is the key's, never the signature's
// own choice, where a public area is given.
void QuoteChecker::CheckSignature() {
  const std::string expected = "by the AK over the structure";
  if (own() && !area_.ok()) {
    rows_.AddUnavailable(QuoteCheckId::kSignature, expected, "no AK");
    return;
  }
  absl::Status status = key_.status();
  if (status.ok()) {
    status = signature_.status();
  }
  if (status.ok() && area_.ok()) {
    status = CheckTpmScheme(*area_, *signature_);
  }
  if (status.ok()) {
    status = VerifyTpmSignature(key_->key, *signature_, quote_.attest);
  }
  rows_.AddStatus(QuoteCheckId::kSignature, status, expected);
}

// The hash that the TPM used for pcrDigest, too.
uint16_t QuoteChecker::SchemeHash() const {
  if (area_.ok()) {
    return area_->scheme_hash;
  }
  return signature_.ok() ? signature_->hash_algorithm : kTpmAlgSha256;
}

// One bank: values of two banks could not be told apart by the digest alone.
void QuoteChecker::CheckSelection(const QuoteInfoUnverified& quote) {
  const bool one_bank =
      quote.selections.size() == 1 && !quote.selections[0].pcrs.empty();
  if (own()) {
    rows_.Add(QuoteCheckId::kSelection,
              one_bank && quote.selections[0].hash_algorithm == kTpmAlgSha256,
              "one bank: sha256, at least one PCR", Describe(quote.selections));
    return;
  }
  rows_.Add(QuoteCheckId::kSelection, one_bank, "one bank, at least one PCR",
            Describe(quote.selections));
}

// Exactly the selection, ascending: an additional value would look quoted, and
// a missing one be forgotten.
void QuoteChecker::CheckRegisters(const QuoteInfoUnverified& quote) {
  const std::vector<uint32_t> given = IndicesOf(quote_.registers);
  const size_t size = TpmDigestSize(quote_.bank).value_or(0);
  const bool sized =
      std::ranges::all_of(quote_.registers, [size](const RegisterView& value) {
        return size != 0 && value.value.size() == size;
      });
  rows_.Add(
      QuoteCheckId::kPcrList,
      sized && quote.selections.size() == 1 &&
          (own() || quote.selections[0].hash_algorithm == quote_.bank) &&
          quote.selections[0].pcrs == given,
      Describe(quote.selections),
      fmt::format("{}:{}{}", AlgorithmName(quote_.bank), fmt::join(given, ","),
                  sized ? "" : ", values of another length"));
  // Part 3, 18.4: the digest is over the values in ascending order, with the
  // hash of the signing scheme, whatever the bank.
  Bytes values;
  for (const RegisterView& value : quote_.registers) {
    values.insert(values.end(), value.value.begin(), value.value.end());
  }
  const absl::StatusOr<Bytes> digest = TpmDigest(SchemeHash(), values);
  rows_.Add(
      QuoteCheckId::kPcrDigest, digest.ok() && *digest == quote.pcr_digest,
      HexEncode(quote.pcr_digest),
      digest.ok() ? fmt::format("{} of the given values", HexEncode(*digest))
                  : std::string(Message(digest.status())));
}

void QuoteChecker::CheckPcrs() {
  const bool has_quote = attest_.ok() && attest_->quote.has_value();
  if (!has_quote) {
    rows_.AddUnavailable(
        QuoteCheckId::kSelection,
        own() ? "one bank: sha256, at least one PCR" : "one bank",
        "not a quote");
    rows_.AddUnavailable(QuoteCheckId::kPcrList, "the quoted selection",
                         "not a quote");
    rows_.AddUnavailable(QuoteCheckId::kPcrDigest, "the quoted digest",
                         "not a quote");
  } else {
    CheckSelection(*attest_->quote);
    CheckRegisters(*attest_->quote);
  }
  if (own()) {
    return;
  }
  const bool strong = quote_.bank == kTpmAlgSha256 ||
                      quote_.bank == kTpmAlgSha384 ||
                      quote_.bank == kTpmAlgSha512;
  rows_.Add(QuoteCheckId::kBank, strong, "sha256, sha384 or sha512",
            AlgorithmName(quote_.bank),
            "two different boots can have equal values in this bank: quote "
            "another one");
}

VerifiedQuote QuoteChecker::MakeVerifiedQuote() const {
  VerifiedQuote quote;
  quote.ak_name_ = *name_;
  for (const RegisterView& value : quote_.registers) {
    PcrValue pcr{.index = value.index, .sha256 = {}};
    std::ranges::copy(value.value, pcr.sha256.begin());
    quote.pcrs_.push_back(pcr);
  }
  return quote;
}

VerifiedPcrQuote QuoteChecker::MakeVerifiedPcrQuote() const {
  VerifiedPcrQuote quote;
  quote.ak_spki_ = key_->spki;
  quote.ak_name_ = key_->name;
  quote.nonce_.assign(nonce_.begin(), nonce_.end());
  quote.bank_ = quote_.bank;
  for (const RegisterView& value : quote_.registers) {
    quote.registers_.push_back(
        {.index = value.index,
         .value = {value.value.begin(), value.value.end()}});
  }
  quote.clock_ = attest_->clock;
  quote.reset_count_ = attest_->reset_count;
  quote.restart_count_ = attest_->restart_count;
  quote.firmware_version_ = attest_->firmware_version;
  return quote;
}

}  // namespace constellation::attestation
