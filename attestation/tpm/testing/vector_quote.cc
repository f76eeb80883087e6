// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/testing/vector_quote.h"

#include <algorithm>
#include <string_view>

#include "attestation/testing/vectors.h"
#include "attestation/tpm/testing/quote_signer.h"
#include "attestation/tpm/tpm_structures.h"

namespace constellation::testing {
namespace {

constexpr std::string_view kAttestSuffix = ".attest.bin";

bool Exists(const std::string& path) {
  return std::ranges::any_of(
      VectorEntries(path),
      [&path](const nlohmann::json& entry) { return entry["path"] == path; });
}

// The text at `key`, or nothing where there is none or null.
std::string TextAt(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

nlohmann::json ObjectAt(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found
                                                     : nlohmann::json::object();
}

uint16_t BankNumber(const std::string& name) {
  return name == "sha1"     ? attestation::kTpmAlgSha1
         : name == "sha384" ? attestation::kTpmAlgSha384
                            : attestation::kTpmAlgSha256;
}

Bytes FindKey(const std::string& stem, const nlohmann::json& expect) {
  // azure/x-quote goes with azure/x-ak.pem, others with x.ak.*
  const std::string group = stem.substr(0, stem.find("-quote"));
  for (const std::string& path :
       {stem + ".ak.tpmt.bin", stem + ".ak.pem", stem + "-ak.pem",
        group + "-ak.pem", TextAt(expect, "ak")}) {
    if (!path.empty() && Exists(path)) {
      const Bytes contents = ReadVector(path);
      return path.ends_with(".pem") ? PemToDer(contents) : contents;
    }
  }
  return {};
}

nlohmann::json FindValues(const std::string& stem,
                          const nlohmann::json& expect) {
  const nlohmann::json listed = ObjectAt(expect, "pcrs");
  if (!listed.empty()) {
    return listed;
  }
  const std::string path = stem + ".pcrs.json";
  if (!Exists(path)) {
    return nlohmann::json::object();
  }
  return nlohmann::json::parse(ReadVector(path))["pcrs"];
}

}  // namespace

attestation::PcrQuoteUnverified VectorQuote::View() const {
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

VectorQuote LoadVectorQuote(const nlohmann::json& entry) {
  VectorQuote quote;
  quote.path = entry["path"];
  const std::string stem =
      quote.path.substr(0, quote.path.size() - kAttestSuffix.size());
  const nlohmann::json expect = ObjectAt(entry, "expect");
  quote.attest = ReadVector(quote.path);
  if (Exists(stem + ".sig.bin")) {
    quote.signature = ReadVector(stem + ".sig.bin");
  }
  quote.ak = FindKey(stem, expect);
  const nlohmann::json attest = ObjectAt(expect, "attest");
  quote.nonce = *HexDecode(TextAt(attest, "extraData"));
  const nlohmann::json selection =
      attest.value("pcrSelect", nlohmann::json::array());
  quote.bank = BankNumber(TextAt(expect, "bank"));
  if (!selection.empty()) {
    quote.bank = static_cast<uint16_t>(
        std::stoul(selection[0][0].get<std::string>(), nullptr, 16));
  }
  const nlohmann::json values = FindValues(stem, expect);
  for (const auto& [index, hex] : values.items()) {
    quote.registers.emplace_back(static_cast<uint32_t>(std::stoul(index)),
                                 *HexDecode(hex.get<std::string>()));
  }
  std::ranges::sort(quote.registers, {}, &std::pair<uint32_t, Bytes>::first);
  quote.valid = entry["verdict"] == "valid";
  return quote;
}

std::vector<VectorQuote> VectorQuotes(const std::string& prefix) {
  std::vector<VectorQuote> quotes;
  for (const nlohmann::json& entry : VectorEntries(prefix)) {
    if (entry["path"].get<std::string>().ends_with(kAttestSuffix)) {
      quotes.push_back(LoadVectorQuote(entry));
    }
  }
  return quotes;
}

}  // namespace constellation::testing
