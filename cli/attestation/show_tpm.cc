// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "attestation/eventlog/event_log.h"
#include "attestation/tdx/ccel.h"
#include "attestation/tpm/attestation_key.h"
#include "attestation/tpm/pcr_file.h"
#include "attestation/tpm/tpm_hash.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/shown.h"
#include "common/hex.h"

namespace constellation::cli {
namespace {

using attestation::AlgorithmName;
using attestation::EventLogUnverified;
using Octets = std::span<const uint8_t>;

// "0,1,2": registers of a selection.
std::string IndicesText(const std::vector<uint32_t>& indices) {
  std::string text;
  for (const uint32_t index : indices) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", index);
  }
  return text;
}

// The raw value first: bits without a name here are not lost (TPM 2.0 Part 2,
// TPMA_OBJECT).
std::string AttributesText(uint32_t attributes) {
  constexpr std::pair<uint32_t, const char*> kNames[] = {
      {attestation::kTpmaFixedTpm, "fixedTPM"},
      {attestation::kTpmaFixedParent, "fixedParent"},
      {attestation::kTpmaSensitiveDataOrigin, "sensitiveDataOrigin"},
      {attestation::kTpmaUserWithAuth, "userWithAuth"},
      {attestation::kTpmaRestricted, "restricted"},
      {attestation::kTpmaDecrypt, "decrypt"},
      {attestation::kTpmaSign, "sign"}};
  std::string text = fmt::format("{:#010x}", attributes);
  for (const auto& [bit, name] : kNames) {
    if ((attributes & bit) != 0) {
      text += fmt::format(" {}", name);
    }
  }
  return text;
}

// The registers after the log's events, one part a bank.
void AddReplay(const EventLogUnverified& log, Decoded& decoded) {
  for (const uint16_t algorithm : log.algorithms) {
    const auto registers = attestation::Replay(log, algorithm);
    if (!registers.ok()) {
      continue;
    }
    ShownPart& part =
        decoded.Add(fmt::format("replay {}", AlgorithmName(algorithm)));
    for (const auto& [index, value] : *registers) {
      part.Hex(fmt::format("register {}", index), value);
    }
  }
}

}  // namespace

// The magic number is spelt out if it is wrong: a restricted key never signs
// outside data that begin with the right one, so it is what tells a quote from
// a forgery.
Decoded ShowTpmAttest(Octets bytes) {
  Decoded decoded;
  const auto attest = attestation::ParseAttestUnverified(bytes);
  if (!attest.ok()) {
    decoded.problem = attest.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("TPMS_ATTEST");
  const bool genuine_magic = attest->magic == attestation::kTpmGeneratedValue;
  part.Text("magic", fmt::format("{:#010x}{}", attest->magic,
                                 genuine_magic ? "" : " (not made by a TPM)"))
      .Text("type", fmt::format("{:#06x}{}", attest->type,
                                attest->quote ? " (quote)" : " (no quote)"))
      .Hex("qualified signer", attest->qualified_signer)
      .Hex("extra data (nonce)", attest->extra_data)
      .Number("clock", attest->clock)
      .Number("reset count", attest->reset_count)
      .Number("restart count", attest->restart_count)
      .YesNo("clock safe", attest->safe)
      .HexNumber("firmware version", attest->firmware_version);
  if (attest->quote.has_value()) {
    for (const auto& selection : attest->quote->selections) {
      part.Text(
          fmt::format("PCRs, bank {}", AlgorithmName(selection.hash_algorithm)),
          IndicesText(selection.pcrs));
    }
    part.Hex("PCR digest", attest->quote->pcr_digest);
  }
  return decoded;
}

Decoded ShowTpmSignature(Octets bytes) {
  Decoded decoded;
  const auto signature = attestation::ParseSignatureUnverified(bytes);
  if (!signature.ok()) {
    decoded.problem = signature.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("TPMT_SIGNATURE");
  part.Text("scheme", AlgorithmName(signature->scheme))
      .Text("hash", AlgorithmName(signature->hash_algorithm));
  if (signature->rsa.empty()) {
    part.Hex("r", signature->r).Hex("s", signature->s);
  } else {
    part.Hex("signature", signature->rsa);
  }
  return decoded;
}

// The name (digest of the area) is what the owner's enrolment pins.
Decoded ShowTpmPublic(Octets bytes) {
  Decoded decoded;
  const auto area = attestation::ParsePublicAreaUnverified(bytes);
  if (!area.ok()) {
    decoded.problem = area.status();
    return decoded;
  }
  ShownPart& part = decoded.Add("TPMT_PUBLIC");
  part.Text("type", AlgorithmName(area->type))
      .Text("name algorithm", AlgorithmName(area->name_algorithm))
      .Text("attributes", AttributesText(area->attributes))
      .Hex("authorisation policy", area->auth_policy)
      .Text("scheme", AlgorithmName(area->scheme));
  if (area->scheme_hash != 0) {
    part.Text("scheme hash", AlgorithmName(area->scheme_hash));
  }
  if (area->rsa_bits != 0) {
    part.Number("RSA bits", area->rsa_bits)
        .Number("RSA exponent", area->rsa_exponent)
        .Hex("RSA modulus", area->rsa_modulus);
  } else {
    part.Text("curve", fmt::format("{:#06x}", area->ecc_curve))
        .Hex("x", area->ecc_x)
        .Hex("y", area->ecc_y);
  }
  if (const auto name = attestation::NameOf(bytes); name.ok()) {
    part.Hex("name", *name);
  }
  return decoded;
}

Decoded ShowPcrFile(Octets bytes) {
  Decoded decoded;
  const auto banks = attestation::ParsePcrFileUnverified(bytes);
  if (!banks.ok()) {
    decoded.problem = banks.status();
    return decoded;
  }
  for (const attestation::PcrFileBankUnverified& bank : *banks) {
    ShownPart& part =
        decoded.Add(fmt::format("bank {}", AlgorithmName(bank.hash_algorithm)));
    for (const attestation::RegisterView& value : bank.registers) {
      part.Hex(fmt::format("PCR {}", value.index), value.value);
    }
  }
  return decoded;
}

// Damaged logs are shown up to the last whole record. Descriptions of events
// come from the log and are as hostile as it is.
Decoded ShowEventLog(Octets bytes) {
  Decoded decoded;
  const attestation::EventLogReading reading =
      attestation::ReadEventLogUnverified(bytes);
  decoded.problem = reading.status;
  std::string algorithms;
  for (const uint16_t algorithm : reading.log.algorithms) {
    algorithms += (algorithms.empty() ? "" : ", ") + AlgorithmName(algorithm);
  }
  decoded.Add("event log")
      .Text("format", reading.log.crypto_agile ? "crypto-agile" : "SHA-1")
      .Text("algorithms", algorithms)
      .Number("events", reading.log.events.size())
      .Number("startup locality", reading.log.startup_locality)
      .Number("last whole record ends at", reading.log.end_offset);
  AddReplay(reading.log, decoded);
  ShownPart& events = decoded.Add("events");
  for (const attestation::LogEvent& event : reading.log.events) {
    events.Text(fmt::format("PCR {} #{}", event.pcr, event.number),
                attestation::DescribeEvent(event));
  }
  return decoded;
}

Decoded ShowCcelTable(Octets bytes) {
  Decoded decoded;
  const auto table = attestation::ParseCcelTableUnverified(bytes);
  if (!table.ok()) {
    decoded.problem = table.status();
    return decoded;
  }
  decoded.Add("ACPI table CCEL")
      .Number("size of the log's area", table->log_size)
      .HexNumber("address of the log's area", table->log_address);
  return decoded;
}

}  // namespace constellation::cli
