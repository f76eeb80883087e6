// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint8_t kDerSequence = 0x30;
constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr std::string_view kPemCrlBegin = "-----BEGIN X509 CRL-----";
constexpr std::string_view kPemCrlEnd = "-----END X509 CRL-----";
constexpr std::string_view kSpace = " \t\r\n";
constexpr int kMaxJsonDepth = 16;

// Files that people save often end with a newline.
std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// What hostile or misled servers send, in words.
std::string_view KindOfContent(std::string_view content) {
  const std::string_view text = Trim(content);
  if (text.empty()) {
    return "nothing";
  }
  if (static_cast<uint8_t>(content[0]) == kDerSequence &&
      static_cast<uint8_t>(content[content.size() > 1 ? 1 : 0]) >= 0x80) {
    return "DER";
  }
  if (text.starts_with(kPemBegin)) {
    return "PEM";
  }
  if (text.starts_with('<')) {
    return "a web page (is there a proxy or login page in between?)";
  }
  if (text.starts_with('{')) {
    return "JSON";
  }
  return "something else";
}

// A SEQUENCE: certificates and lists are nothing else.
bool IsDer(std::string_view content) {
  return content.size() >= 2 &&
         static_cast<uint8_t>(content[0]) == kDerSequence;
}

Bytes ToBytes(std::string_view text) {
  const std::span<const uint8_t> bytes = AsBytes(text);
  return {bytes.begin(), bytes.end()};
}

// Not crypto::PemDecode(): services also send carriage returns and blanks
// inside.
absl::StatusOr<Bytes> DerOfPemCrl(std::string_view text) {
  const size_t begin = text.find(kPemCrlBegin);
  const size_t end = text.find(kPemCrlEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos ||
      end < begin + kPemCrlBegin.size()) {
    return InvalidArgument("want a PEM block \"X509 CRL\"");
  }
  std::string base64;
  const size_t start = begin + kPemCrlBegin.size();
  for (const char c : text.substr(start, end - start)) {
    if (kSpace.find(c) == std::string_view::npos) {
      base64.push_back(c);
    }
  }
  return Base64Decode(base64);
}

// A revocation list in any of the forms that services and tools use.
absl::StatusOr<Bytes> NormaliseCrl(std::string_view content) {
  const std::string_view text = Trim(content);
  if (text.starts_with(kPemBegin)) {
    return DerOfPemCrl(text);
  }
  // DER first: "0" is a hex digit too, but the next octet of DER is not.
  if (IsDer(content) && static_cast<uint8_t>(content[1]) >= 0x80) {
    return ToBytes(content);
  }
  absl::StatusOr<Bytes> decoded = HexDecode(text);
  if (decoded.ok() && IsDer(AsText(*decoded))) {
    return decoded;
  }
  return InvalidArgument(
      fmt::format("want a revocation list, got {}", KindOfContent(content)));
}

// Both cases, for percent escapes (RFC 3986 2.1).
std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return std::nullopt;
}

// Big-endian comparison of numbers of any length.
int Compare(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  const auto strip = [](std::span<const uint8_t> x) {
    while (!x.empty() && x[0] == 0) {
      x = x.subspan(1);
    }
    return x;
  };
  a = strip(a);
  b = strip(b);
  if (a.size() != b.size()) {
    return a.size() < b.size() ? -1 : 1;
  }
  const auto [at_a, at_b] = std::ranges::mismatch(a, b);
  if (at_a == a.end()) {
    return 0;
  }
  return *at_a < *at_b ? -1 : 1;
}

// Intel writes RFC 3339 with "Z".
absl::StatusOr<absl::Time> TimeAt(const nlohmann::json& object,
                                  const char* name) {
  const auto found = object.find(name);
  absl::Time time;
  std::string error;
  if (found == object.end() || !found->is_string() ||
      !absl::ParseTime(absl::RFC3339_full, found->get<std::string>(), &time,
                       &error)) {
    return InvalidArgument(
        fmt::format("TCB document: want a time \"{}\"", name));
  }
  return time;
}

}  // namespace

std::string ShowTime(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string_view ToString(CollateralSource source) {
  switch (source) {
    case CollateralSource::kEvidence:
      return "evidence";
    case CollateralSource::kBundle:
      return "bundle";
    case CollateralSource::kCache:
      return "cache";
    case CollateralSource::kNetwork:
      return "network";
  }
  return "unknown";
}

// The first look at what a server sent: the kind only. Everything else is for
// the item's check; this one makes the message useful when a proxy answers in
// the vendor's place.
absl::StatusOr<Bytes> NormaliseContent(CollateralFormat format,
                                       std::string_view content,
                                       std::string_view what) {
  const std::string_view text = Trim(content);
  const auto refuse = [&](std::string_view wanted) {
    return InvalidArgument(fmt::format("{}: want {}, got {}", what, wanted,
                                       KindOfContent(content)));
  };
  switch (format) {
    case CollateralFormat::kDer:
      if (!IsDer(content)) {
        return refuse("DER");
      }
      break;
    case CollateralFormat::kPem:
      if (!text.starts_with(kPemBegin)) {
        return refuse("PEM");
      }
      break;
    case CollateralFormat::kJson:
      if (!text.starts_with('{')) {
        return refuse("JSON");
      }
      break;
    case CollateralFormat::kCrl: {
      absl::StatusOr<Bytes> der = NormaliseCrl(content);
      if (!der.ok()) {
        return Annotate(der.status(), what);
      }
      return der;
    }
  }
  return ToBytes(content);
}

// Intel sends PEM percent-encoded in a header. Control characters are refused:
// the text goes into files and messages.
absl::StatusOr<std::string> DecodeIssuerChain(std::string_view header) {
  // Every escape has three characters.
  if (header.size() > 3 * kMaxIssuerChainSize) {
    return InvalidArgument(
        fmt::format("issuer chain: want at most {} octets, got a header of {}",
                    kMaxIssuerChainSize, header.size()));
  }
  std::string out;
  for (size_t i = 0; i < header.size(); ++i) {
    char c = header[i] == '+' ? ' ' : header[i];
    if (header[i] == '%') {
      const auto high =
          i + 2 < header.size() ? HexDigit(header[i + 1]) : std::nullopt;
      const auto low =
          i + 2 < header.size() ? HexDigit(header[i + 2]) : std::nullopt;
      if (!high.has_value() || !low.has_value()) {
        return InvalidArgument(fmt::format(
            "issuer chain: want two hex digits behind \"%\" at {}", i));
      }
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
    }
    if ((c < ' ' || c > '~') && c != '\n' && c != '\r') {
      return InvalidArgument(
          fmt::format("issuer chain: want ASCII text, got octet {:#04x}",
                      static_cast<uint8_t>(c)));
    }
    out.push_back(c);
  }
  if (out.size() > kMaxIssuerChainSize || !Trim(out).starts_with(kPemBegin)) {
    return InvalidArgument(
        fmt::format("issuer chain: want PEM of at most {} octets, got {} of {}",
                    kMaxIssuerChainSize, KindOfContent(out), out.size()));
  }
  return out;
}

// Both ends belong to the validity. FAILED_PRECONDITION: the content is
// genuine, the time is not right.
absl::Status CheckFresh(const CollateralFacts& facts, absl::Time now,
                        std::string_view what) {
  if (now < facts.not_before) {
    return FailedPrecondition(
        fmt::format("{}: not valid before {}, now {}: check this machine's "
                    "clock",
                    what, ShowTime(facts.not_before), ShowTime(now)));
  }
  if (now > facts.not_after) {
    return FailedPrecondition(
        fmt::format("{}: expired at {}, now {}: fetch it again", what,
                    ShowTime(facts.not_after), ShowTime(now)));
  }
  return absl::OkStatus();
}

// A vendor's old list is validly signed and may still be in its dates, but
// hides what was revoked since. Numbers (CRL number, evaluation data number)
// decide first; equal ones fall back to the date of issue.
absl::Status CheckNoRollback(const CollateralFacts& offered,
                             const CollateralFacts& seen,
                             std::string_view what) {
  const bool numbered = !seen.number.empty() && !offered.number.empty();
  const int order = numbered ? Compare(offered.number, seen.number) : 0;
  if (order < 0) {
    return FailedPrecondition(fmt::format(
        "{}: rollback: number 0x{} is lower than 0x{}, seen before; somebody "
        "serves old data",
        what, HexEncode(offered.number), HexEncode(seen.number)));
  }
  if (!seen.number.empty() && offered.number.empty()) {
    return FailedPrecondition(
        fmt::format("{}: rollback: has no number, but 0x{} was seen before",
                    what, HexEncode(seen.number)));
  }
  if (order == 0 && offered.issued < seen.issued) {
    return FailedPrecondition(fmt::format(
        "{}: rollback: issued {}, before {}, seen before; somebody serves old "
        "data",
        what, ShowTime(offered.issued), ShowTime(seen.issued)));
  }
  return absl::OkStatus();
}

// The evaluation data number as 8 octets, big-endian, so that it compares like
// a CRL number.
absl::StatusOr<CollateralFacts> TcbDocumentFactsUnverified(
    std::string_view json) {
  bool too_deep = false;
  const nlohmann::json document = nlohmann::json::parse(
      json,
      [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
        too_deep = too_deep || depth > kMaxJsonDepth;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  if (too_deep || !document.is_object()) {
    return InvalidArgument("TCB document: want a JSON object");
  }
  for (const char* name : {"tcbInfo", "enclaveIdentity"}) {
    const auto inner = document.find(name);
    if (inner == document.end() || !inner->is_object()) {
      continue;
    }
    CollateralFacts facts;
    ASSIGN_OR_RETURN(facts.issued, TimeAt(*inner, "issueDate"));
    ASSIGN_OR_RETURN(facts.not_after, TimeAt(*inner, "nextUpdate"));
    facts.not_before = facts.issued;
    const auto number = inner->find("tcbEvaluationDataNumber");
    if (number == inner->end() || !number->is_number_unsigned()) {
      return InvalidArgument(
          "TCB document: want a number \"tcbEvaluationDataNumber\"");
    }
    const auto value = number->get<uint64_t>();
    for (int shift = 56; shift >= 0; shift -= 8) {
      facts.number.push_back(static_cast<uint8_t>(value >> shift));
    }
    return facts;
  }
  return InvalidArgument(
      "TCB document: want an object \"tcbInfo\" or \"enclaveIdentity\"");
}

}  // namespace constellation::attestation
