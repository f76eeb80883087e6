// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/quote_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "attestation/policy/json_reader.h"
#include "attestation/tpm/pcr_file.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/pem.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

using attestation::AttestUnverified;
using attestation::QuoteCheckId;
using attestation::RegisterView;
using Registers = std::vector<std::pair<uint32_t, Bytes>>;

// Bounds the pairs of signature and key that are tried (64 at most): each costs
// a verification.
constexpr size_t kMaxTried = 8;

// What was given of `kinds`, at most kMaxTried.
std::vector<Bytes> Given(const EvidenceSet& set,
                         std::initializer_list<FileKind> kinds) {
  std::vector<Bytes> contents;
  for (const FileKind kind : kinds) {
    for (const SetFile& file : set.Of(kind)) {
      if (file.given && contents.size() < kMaxTried) {
        contents.push_back(file.content);
      }
    }
  }
  return contents;
}

// TPMT_PUBLIC comes first because it alone tells the key's attributes, which
// show that it is a restricted signing key of a TPM.
std::vector<Bytes> Keys(const EvidenceSet& set) {
  std::vector<Bytes> keys = Given(set, {FileKind::kTpmPublic});
  for (const Bytes& key : Given(set, {FileKind::kPublicKey})) {
    if (auto spki = SpkiOf(key); spki.ok()) {
      keys.push_back(*std::move(spki));
    }
  }
  return keys;
}

// Banks of all files with values.
std::vector<std::pair<uint16_t, Registers>> Banks(const EvidenceSet& set) {
  std::vector<std::pair<uint16_t, Registers>> banks;
  for (const SetFile& file : set.Of(FileKind::kPcrFile)) {
    const auto parsed = attestation::ParsePcrFileUnverified(file.content);
    if (!parsed.ok() || !file.given) {
      continue;
    }
    for (const attestation::PcrFileBankUnverified& bank : *parsed) {
      Registers registers;
      for (const RegisterView& value : bank.registers) {
        registers.emplace_back(value.index,
                               Bytes(value.value.begin(), value.value.end()));
      }
      banks.emplace_back(bank.hash_algorithm, std::move(registers));
    }
  }
  for (const SetFile& file : set.Of(FileKind::kPcrJson)) {
    if (auto bank = ParsePcrJson(AsText(file.content));
        bank.ok() && file.given) {
      banks.push_back(*std::move(bank));
    }
  }
  return banks;
}

// Puts the quoted registers into `inputs`, as far as `banks` have them.
void ChooseRegisters(const AttestUnverified& attest,
                     const std::vector<std::pair<uint16_t, Registers>>& banks,
                     QuoteInputs& inputs) {
  if (!attest.quote.has_value() || attest.quote->selections.empty()) {
    return;
  }
  // Only the first bank: tpm2_quote and our attesters select one.
  const attestation::PcrSelectionUnverified& selection =
      attest.quote->selections.front();
  inputs.bank = selection.hash_algorithm;
  for (const auto& [bank, values] : banks) {
    if (bank != inputs.bank) {
      continue;
    }
    Registers quoted;
    for (const auto& [index, value] : values) {
      if (std::ranges::count(selection.pcrs, index) > 0) {
        quoted.emplace_back(index, value);
      }
    }
    // Of several files with this bank the one that explains most.
    if (quoted.size() > inputs.registers.size()) {
      inputs.registers = std::move(quoted);
    }
  }
  std::ranges::sort(inputs.registers);
  inputs.all_registers = inputs.registers.size() == selection.pcrs.size();
}

// Only the signature's row decides; a quote with wrong registers still has a
// right signature.
bool SignatureHolds(const QuoteInputs& inputs) {
  const attestation::PcrQuoteVerification result =
      attestation::CheckPcrQuote(inputs.View(), inputs.nonce);
  return std::ranges::any_of(
      result.checks, [](const attestation::QuoteCheck& check) {
        return check.id == QuoteCheckId::kSignature && check.passed;
      });
}

// The first pair of signature and key that verifies; else the first ones.
void ChooseSignature(const std::vector<Bytes>& signatures,
                     const std::vector<Bytes>& keys, QuoteInputs& inputs) {
  if (!signatures.empty()) {
    inputs.signature = signatures.front();
  }
  if (!keys.empty()) {
    inputs.ak = keys.front();
  }
  if (signatures.size() <= 1 && keys.size() <= 1) {
    return;
  }
  for (const Bytes& signature : signatures) {
    for (const Bytes& key : keys) {
      QuoteInputs attempt = inputs;
      attempt.signature = signature;
      attempt.ak = key;
      if (SignatureHolds(attempt)) {
        inputs = std::move(attempt);
        return;
      }
    }
  }
}

}  // namespace

attestation::PcrQuoteUnverified QuoteInputs::View() const {
  attestation::PcrQuoteUnverified view{.attest = attest,
                                       .signature = signature,
                                       .ak = ak,
                                       .bank = bank,
                                       .registers = {}};
  for (const auto& [index, value] : registers) {
    view.registers.push_back({.index = index, .value = value});
  }
  return view;
}

// Strict: duplicate keys are refused. Lengths of values are not checked here; a
// wrong one fails the quote's digest. Without "bank" it is SHA-256. Registers
// beyond 31 are overlooked.
absl::StatusOr<std::pair<uint16_t, Registers>> ParsePcrJson(
    std::string_view text) {
  constexpr uint32_t kMostPcr = 31;
  ASSIGN_OR_RETURN(const nlohmann::json json,
                   attestation::ParseStrictJson(text));
  if (!json.is_object() || !json.contains("pcrs") ||
      !json["pcrs"].is_object()) {
    return InvalidArgument("want an object with \"pcrs\"");
  }
  const std::string name = json.contains("bank") && json["bank"].is_string()
                               ? json["bank"].get<std::string>()
                               : "sha256";
  uint16_t bank = 0;
  for (const uint16_t known :
       {attestation::kTpmAlgSha1, attestation::kTpmAlgSha256,
        attestation::kTpmAlgSha384, attestation::kTpmAlgSha512}) {
    bank = attestation::AlgorithmName(known) == name ? known : bank;
  }
  if (bank == 0) {
    return InvalidArgument("bank: want sha1, sha256, sha384 or sha512");
  }
  Registers registers;
  for (uint32_t index = 0; index <= kMostPcr; ++index) {
    const auto found = json["pcrs"].find(fmt::format("{}", index));
    if (found == json["pcrs"].end()) {
      continue;
    }
    if (!found->is_string()) {
      return InvalidArgument(fmt::format("pcrs.{}: want hex", index));
    }
    ASSIGN_OR_RETURN(Bytes value, HexDecode(found->get<std::string>()));
    registers.emplace_back(index, std::move(value));
  }
  return std::pair(bank, std::move(registers));
}

// A quote that cannot be parsed is kept: the verifier must refuse it, and with
// nothing chosen for it says what is wrong.
std::vector<QuoteInputs> CollectQuotes(const VerifyContext& context) {
  const std::vector<Bytes> signatures =
      Given(context.set, {FileKind::kTpmSignature, FileKind::kEcdsaSignature,
                          FileKind::kRawSignature});
  const std::vector<Bytes> keys = Keys(context.set);
  const auto banks = Banks(context.set);
  std::vector<QuoteInputs> quotes;
  for (const SetFile& file : context.set.Of(FileKind::kTpmAttest)) {
    QuoteInputs inputs;
    inputs.file = file.name;
    inputs.attest = file.content;
    if (const auto attest = attestation::ParseAttestUnverified(file.content);
        attest.ok()) {
      ChooseRegisters(*attest, banks, inputs);
      inputs.nonce = attest->extra_data;
    }
    inputs.nonce = context.nonce.value_or(inputs.nonce);
    ChooseSignature(signatures, keys, inputs);
    quotes.push_back(std::move(inputs));
  }
  return quotes;
}

}  // namespace constellation::cli
