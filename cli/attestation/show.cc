// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/show.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/terminal/table.h"
#include "common/status.h"

namespace constellation::cli {
namespace {

using Octets = std::span<const uint8_t>;

// Has no structure: nothing but its length made it a signature.
Decoded ShowRawSignature(Octets bytes) {
  Decoded decoded;
  decoded.Add("octets, as many as an RSA signature has").Hex("octets", bytes);
  return decoded;
}

// Firmware is measured, not shown (`image measure --firmware`).
Decoded ShowFirmware(Octets bytes) {
  Decoded decoded;
  decoded.Add("firmware image").Number("octets", bytes.size());
  return decoded;
}

// The table that connects kinds with decoders; a kind without an entry is shown
// with its name and size alone.
struct Decoder {
  FileKind kind;
  Decoded (*decode)(Octets);
};

constexpr Decoder kDecoders[] = {
    {FileKind::kSnpReport, &ShowSnpReport},
    {FileKind::kSnpExtendedReport, &ShowSnpExtendedReport},
    {FileKind::kSnpReportResponse, &ShowSnpReportResponse},
    {FileKind::kSnpCertificateTable, &ShowSnpCertificateTable},
    {FileKind::kSnpIdBlock, &ShowSnpIdBlock},
    {FileKind::kSnpIdAuth, &ShowSnpIdAuth},
    {FileKind::kIntelQuote, &ShowIntelQuote},
    {FileKind::kTdReport, &ShowTdReport},
    {FileKind::kTcbInfo, &ShowTcbInfo},
    {FileKind::kEnclaveIdentity, &ShowEnclaveIdentity},
    {FileKind::kTcbEvaluationNumbers, &ShowJson},
    {FileKind::kTpmAttest, &ShowTpmAttest},
    {FileKind::kTpmSignature, &ShowTpmSignature},
    {FileKind::kTpmPublic, &ShowTpmPublic},
    {FileKind::kPcrFile, &ShowPcrFile},
    {FileKind::kPcrJson, &ShowJson},
    {FileKind::kEventLog, &ShowEventLog},
    {FileKind::kCcelTable, &ShowCcelTable},
    {FileKind::kHclReport, &ShowHclReport},
    {FileKind::kCose, &ShowNitroDocument},
    {FileKind::kCertificate, &ShowCertificates},
    {FileKind::kRevocationList, &ShowRevocationList},
    {FileKind::kPublicKey, &ShowPublicKey},
    {FileKind::kEcdsaSignature, &ShowEcdsaSignature},
    {FileKind::kRawSignature, &ShowRawSignature},
    {FileKind::kEvidence, &ShowEvidence},
    {FileKind::kPolicy, &ShowJson},
    {FileKind::kCollateralBundle, &ShowJson},
    {FileKind::kFirmware, &ShowFirmware},
};

constexpr char kWarning[] =
    "UNVERIFIED: this is what the file says; nothing of it was checked.\n";

// "Intel quote (inside hex)".
std::string KindText(const ShownFile& file) {
  return fmt::format(
      "{}{}", ToString(file.kind),
      file.wrapping.empty() ? "" : fmt::format(" (inside {})", file.wrapping));
}

}  // namespace

ShownFile ShowFile(std::string_view name, std::span<const uint8_t> bytes) {
  const RecognisedFile file = RecogniseFile(bytes);
  ShownFile shown{.name = std::string(name),
                  .kind = file.kind,
                  .wrapping = file.wrapping,
                  .size = bytes.size(),
                  .decoded = {}};
  for (const Decoder& decoder : kDecoders) {
    if (decoder.kind == file.kind) {
      shown.decoded = decoder.decode(file.content);
    }
  }
  return shown;
}

std::string RenderShownTable(const ShownFile& file) {
  std::string text = kWarning;
  text += Printable(fmt::format("{}: {}, {} octets", file.name, KindText(file),
                                file.size)) +
          "\n";
  for (const ShownPart& part : file.decoded.parts) {
    Table table({"FIELD", "VALUE"});
    for (const ShownField& field : part.fields()) {
      table.AddRow({field.name, field.value});
    }
    text += "\n" + Printable(part.title()) + "\n" + table.Render();
    if (part.omitted() > 0) {
      text += fmt::format("... and {} more\n", part.omitted());
    }
  }
  if (!file.decoded.problem.ok()) {
    text += "\n" +
            Printable(fmt::format("Could not read all of it: {}",
                                  Message(file.decoded.problem))) +
            "\n";
  }
  return text + "\n" + kWarning;
}

std::string RenderShownJson(const ShownFile& file) {
  nlohmann::ordered_json parts = nlohmann::ordered_json::array();
  for (const ShownPart& part : file.decoded.parts) {
    nlohmann::ordered_json fields = nlohmann::ordered_json::array();
    for (const ShownField& field : part.fields()) {
      fields.push_back(
          {{"name", Printable(field.name)}, {"value", Printable(field.value)}});
    }
    parts.push_back({{"title", Printable(part.title())},
                     {"fields", std::move(fields)},
                     {"omitted", part.omitted()}});
  }
  const nlohmann::ordered_json document = {
      {"version", 1},
      {"verified", false},
      {"file", Printable(file.name)},
      {"kind", std::string(KindId(file.kind))},
      {"wrapping", std::string(file.wrapping)},
      {"size", file.size},
      {"parts", std::move(parts)},
      {"problem", Printable(Message(file.decoded.problem))}};
  return document.dump(2) + "\n";
}

absl::Status ToStatus(const ShownFile& file) {
  if (file.kind == FileKind::kUnknown) {
    return InvalidArgument(
        fmt::format("{}: this is none of the files of attestation that are "
                    "known here",
                    Printable(file.name)));
  }
  return file.decoded.problem.ok()
             ? absl::OkStatus()
             : InvalidArgument(Printable(
                   fmt::format("{}: {}: {}", file.name, ToString(file.kind),
                               Message(file.decoded.problem))));
}

}  // namespace constellation::cli
