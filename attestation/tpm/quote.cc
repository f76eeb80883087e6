// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/quote.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kQuoteTag = "constellation/v1/quote";
constexpr std::string_view kNotAvailable = "not available: ";

void UpdateSized(crypto::Sha256Hasher& hasher, std::span<const uint8_t> field) {
  const auto size = static_cast<uint32_t>(field.size());
  const uint8_t length[] = {
      static_cast<uint8_t>(size >> 24U), static_cast<uint8_t>(size >> 16U),
      static_cast<uint8_t>(size >> 8U), static_cast<uint8_t>(size)};
  hasher.Update(length);
  hasher.Update(field);
}

std::string Describe(const std::vector<PcrSelectionUnverified>& selections) {
  std::vector<std::string> banks;
  for (const PcrSelectionUnverified& selection : selections) {
    banks.push_back(fmt::format("{}:{}",
                                AlgorithmName(selection.hash_algorithm),
                                fmt::join(selection.pcrs, ",")));
  }
  return banks.empty() ? "none" : fmt::format("{}", fmt::join(banks, " + "));
}

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

// The quoted values must be given in ascending order, each once.
std::vector<uint32_t> IndicesOf(const std::vector<PcrValue>& pcrs) {
  std::vector<uint32_t> indices;
  indices.reserve(pcrs.size());
  for (const PcrValue& pcr : pcrs) {
    indices.push_back(pcr.index);
  }
  return indices;
}

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

}  // namespace

crypto::Sha256Digest QuoteQualifyingData(
    std::span<const uint8_t> user_data,
    std::span<const uint8_t> hardware_report) {
  crypto::Sha256Hasher hasher;
  UpdateSized(hasher, AsBytes(kQuoteTag));
  UpdateSized(hasher, user_data);
  UpdateSized(hasher, hardware_report);
  return hasher.Finish();
}

std::string_view ToString(QuoteCheckId id) {
  switch (id) {
    case QuoteCheckId::kAkPublicArea:
      return "AK public area";
    case QuoteCheckId::kAkAttributes:
      return "AK attributes";
    case QuoteCheckId::kAttest:
      return "structure";
    case QuoteCheckId::kMagic:
      return "magic";
    case QuoteCheckId::kType:
      return "type";
    case QuoteCheckId::kQualifyingData:
      return "qualifying data";
    case QuoteCheckId::kSignature:
      return "signature";
    case QuoteCheckId::kSelection:
      return "selection";
    case QuoteCheckId::kPcrList:
      return "PCR list";
    case QuoteCheckId::kPcrDigest:
      return "PCR digest";
  }
  return "unknown";
}

std::optional<crypto::Sha256Digest> VerifiedQuote::pcr(uint32_t index) const {
  for (const PcrValue& pcr : pcrs_) {
    if (pcr.index == index) {
      return pcr.sha256;
    }
  }
  return std::nullopt;
}

// Holds what the checks share: everything parsed once.
class QuoteChecker final {
 public:
  QuoteChecker(const TpmEvidence& evidence,
               std::span<const uint8_t> qualifying_data)
      : evidence_(evidence),
        qualifying_data_(qualifying_data),
        ak_(ParsePublicAreaUnverified(evidence.ak_public)),
        ak_name_(NameOf(evidence.ak_public)),
        attest_(ParseAttestUnverified(evidence.attest)) {}

  QuoteVerification Run() {
    CheckAk();
    CheckAttest();
    CheckSignature();
    CheckPcrs();
    if (std::all_of(result_.checks.begin(), result_.checks.end(),
                    [](const QuoteCheck& check) { return check.passed; })) {
      VerifiedQuote quote;
      quote.ak_name_ = *ak_name_;
      quote.pcrs_ = evidence_.pcrs;
      result_.quote = std::move(quote);
    }
    return std::move(result_);
  }

 private:
  void Add(QuoteCheckId id, bool passed, std::string expected,
           std::string got) {
    result_.checks.push_back({.id = id,
                              .expected = std::move(expected),
                              .got = std::move(got),
                              .passed = passed});
  }
  // A check that cannot be made because its input does not parse.
  void AddUnavailable(QuoteCheckId id, std::string expected,
                      std::string_view why) {
    Add(id, false, std::move(expected),
        fmt::format("{}{}", kNotAvailable, why));
  }

  void CheckAk() {
    Add(QuoteCheckId::kAkPublicArea, ak_name_.ok(),
        "TPMT_PUBLIC, name algorithm sha256",
        ak_name_.ok() ? "as expected"
                      : std::string(Message(ak_name_.status())));
    constexpr uint32_t kDemanded =
        kTpmaRestricted | kTpmaSign | kTpmaFixedTpm | kTpmaFixedParent;
    const std::string expected = "restricted sign fixedTPM fixedParent";
    if (!ak_.ok()) {
      AddUnavailable(QuoteCheckId::kAkAttributes, expected, "no AK");
      return;
    }
    const bool good = (ak_->attributes & kDemanded) == kDemanded &&
                      (ak_->attributes & kTpmaDecrypt) == 0;
    Add(QuoteCheckId::kAkAttributes, good, expected,
        DescribeAttributes(ak_->attributes));
  }

  void CheckAttest() {
    Add(QuoteCheckId::kAttest, attest_.ok(), "TPMS_ATTEST",
        attest_.ok() ? "as expected" : std::string(Message(attest_.status())));
    const std::string magic = fmt::format("{:#010x}", kTpmGeneratedValue);
    const std::string type = TypeName(kTpmStAttestQuote);
    const std::string data = HexEncode(qualifying_data_);
    if (!attest_.ok()) {
      AddUnavailable(QuoteCheckId::kMagic, magic, "no TPMS_ATTEST");
      AddUnavailable(QuoteCheckId::kType, type, "no TPMS_ATTEST");
      AddUnavailable(QuoteCheckId::kQualifyingData, data, "no TPMS_ATTEST");
      return;
    }
    Add(QuoteCheckId::kMagic, attest_->magic == kTpmGeneratedValue, magic,
        fmt::format("{:#010x}", attest_->magic));
    Add(QuoteCheckId::kType, attest_->type == kTpmStAttestQuote, type,
        TypeName(attest_->type));
    Add(QuoteCheckId::kQualifyingData,
        !qualifying_data_.empty() &&
            std::ranges::equal(attest_->extra_data, qualifying_data_),
        data,
        attest_->extra_data.empty() ? "none" : HexEncode(attest_->extra_data));
  }

  void CheckSignature() {
    const std::string expected = "by the AK over the structure";
    const auto signature = ParseSignatureUnverified(evidence_.signature);
    if (!ak_.ok()) {
      AddUnavailable(QuoteCheckId::kSignature, expected, "no AK");
      return;
    }
    const absl::Status status =
        signature.ok() ? VerifyTpmSignature(*ak_, *signature, evidence_.attest)
                       : signature.status();
    Add(QuoteCheckId::kSignature, status.ok(), expected,
        status.ok() ? "as expected" : std::string(Message(status)));
  }

  void CheckPcrs() {
    const std::string one_bank = "one bank: sha256, at least one PCR";
    if (!attest_.ok() || !attest_->quote.has_value()) {
      AddUnavailable(QuoteCheckId::kSelection, one_bank, "not a quote");
      AddUnavailable(QuoteCheckId::kPcrList, "the quoted selection",
                     "not a quote");
      AddUnavailable(QuoteCheckId::kPcrDigest, "the quoted digest",
                     "not a quote");
      return;
    }
    const QuoteInfoUnverified& quote = *attest_->quote;
    const bool one_sha256_bank =
        quote.selections.size() == 1 &&
        quote.selections[0].hash_algorithm == kTpmAlgSha256 &&
        !quote.selections[0].pcrs.empty();
    Add(QuoteCheckId::kSelection, one_sha256_bank, one_bank,
        Describe(quote.selections));
    const std::vector<uint32_t> given = IndicesOf(evidence_.pcrs);
    Add(QuoteCheckId::kPcrList,
        quote.selections.size() == 1 && quote.selections[0].pcrs == given,
        Describe(quote.selections),
        fmt::format("sha256:{}", fmt::join(given, ",")));
    crypto::Sha256Hasher hasher;
    for (const PcrValue& pcr : evidence_.pcrs) {
      hasher.Update(pcr.sha256);
    }
    const crypto::Sha256Digest digest = hasher.Finish();
    Add(QuoteCheckId::kPcrDigest, std::ranges::equal(digest, quote.pcr_digest),
        HexEncode(quote.pcr_digest),
        fmt::format("{} of the given values", HexEncode(digest)));
  }

  const TpmEvidence& evidence_;
  const std::span<const uint8_t> qualifying_data_;
  const absl::StatusOr<PublicAreaUnverified> ak_;
  const absl::StatusOr<TpmName> ak_name_;
  const absl::StatusOr<AttestUnverified> attest_;
  QuoteVerification result_;
};

QuoteVerification CheckQuote(const TpmEvidence& evidence,
                             std::span<const uint8_t> qualifying_data) {
  return QuoteChecker(evidence, qualifying_data).Run();
}

absl::StatusOr<VerifiedQuote> VerifyQuote(
    const TpmEvidence& evidence, std::span<const uint8_t> qualifying_data) {
  QuoteVerification result = CheckQuote(evidence, qualifying_data);
  if (result.quote.has_value()) {
    return *std::move(result.quote);
  }
  for (const QuoteCheck& check : result.checks) {
    if (check.passed) {
      continue;
    }
    const std::string message =
        fmt::format("quote: {}: expected {}, got {}", ToString(check.id),
                    check.expected, check.got);
    const bool malformed = check.id == QuoteCheckId::kAkPublicArea ||
                           check.id == QuoteCheckId::kAttest;
    return malformed ? InvalidArgument(message) : Unauthenticated(message);
  }
  return Internal("quote: no check failed, yet nothing was verified");
}

}  // namespace constellation::attestation
