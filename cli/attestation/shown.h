// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_SHOWN_H_
#define CONSTELLATION_CLI_ATTESTATION_SHOWN_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace constellation::cli {

// One decoded field. The value is text for people; it may hold hostile
// characters until it is rendered.
struct ShownField {
  std::string name;
  std::string value;
};

// Fields that belong together. Not thread-safe.
class ShownPart final {
 public:
  explicit ShownPart(std::string title) : title_(std::move(title)) {}

  // All return this part. Fields beyond 4096 are counted, not kept.
  // `Text` cuts values at 4096 characters and says how much is missing; `Hex`
  // likewise in lower-case digits; `HexNumber` writes 0x...; `Time` is UTC.
  ShownPart& Text(std::string_view name, std::string_view value);
  ShownPart& Hex(std::string_view name, std::span<const uint8_t> octets);
  ShownPart& Number(std::string_view name, uint64_t value);
  ShownPart& HexNumber(std::string_view name, uint64_t value);
  ShownPart& YesNo(std::string_view name, bool value);
  ShownPart& Time(std::string_view name, absl::Time value);

  // What was added, in its order. References hold until the next change.
  const std::string& title() const { return title_; }
  const std::vector<ShownField>& fields() const { return fields_; }
  // Fields that were not kept because of the limit.
  size_t omitted() const { return omitted_; }

 private:
  std::string title_;
  std::vector<ShownField> fields_;
  size_t omitted_ = 0;
};

// "2026-11-21T08:00:00Z"; a dash for infinite times.
std::string ShownTime(absl::Time time);

// What a decoder got out of a file. `problem` is not OK if it could not read
// all of it; the parts are then what it could.
struct Decoded {
  std::vector<ShownPart> parts;
  absl::Status problem;

  // A new last part. The reference holds until the next call.
  // `parts` may be moved from afterwards.
  ShownPart& Add(std::string title);
};

// Decoders: octets as recognised in, fields out. Nothing is verified. Pure.
// AMD 56860. Reports are decoded in every version that the parser knows.
Decoded ShowSnpReport(std::span<const uint8_t> bytes);
Decoded ShowSnpExtendedReport(std::span<const uint8_t> bytes);
Decoded ShowSnpReportResponse(std::span<const uint8_t> bytes);
Decoded ShowSnpCertificateTable(std::span<const uint8_t> bytes);
Decoded ShowSnpIdBlock(std::span<const uint8_t> bytes);
Decoded ShowSnpIdAuth(std::span<const uint8_t> bytes);
// Intel's DCAP quote (versions 3 to 5), TDREPORT_STRUCT and the signed JSON of
// Intel's service. Signatures in them are shown, not checked.
Decoded ShowIntelQuote(std::span<const uint8_t> bytes);
Decoded ShowTdReport(std::span<const uint8_t> bytes);
Decoded ShowTcbInfo(std::span<const uint8_t> bytes);
Decoded ShowEnclaveIdentity(std::span<const uint8_t> bytes);
// TPM 2.0 Library Part 2; event logs as the TCG's PC Client Platform Firmware
// Profile has them, with a replay of every bank.
Decoded ShowTpmAttest(std::span<const uint8_t> bytes);
Decoded ShowTpmSignature(std::span<const uint8_t> bytes);
Decoded ShowTpmPublic(std::span<const uint8_t> bytes);
Decoded ShowPcrFile(std::span<const uint8_t> bytes);
Decoded ShowEventLog(std::span<const uint8_t> bytes);
Decoded ShowCcelTable(std::span<const uint8_t> bytes);
// Azure, AWS, then what every vendor uses, then our own message.
Decoded ShowHclReport(std::span<const uint8_t> bytes);
Decoded ShowNitroDocument(std::span<const uint8_t> bytes);
Decoded ShowCertificates(std::span<const uint8_t> bytes);
Decoded ShowRevocationList(std::span<const uint8_t> bytes);
Decoded ShowPublicKey(std::span<const uint8_t> bytes);
Decoded ShowEcdsaSignature(std::span<const uint8_t> bytes);
Decoded ShowEvidence(std::span<const uint8_t> bytes);
// Documents in JSON that have no decoder of their own: their leaves, by path.
Decoded ShowJson(std::span<const uint8_t> bytes);
// Adds the fields of one certificate (DER) as a part called `title`.
void AddCertificate(std::string title, std::span<const uint8_t> der,
                    Decoded& decoded);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_SHOWN_H_
