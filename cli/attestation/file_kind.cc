// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/file_kind.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "attestation/aws/nitro_document.h"
#include "attestation/byte_reader.h"
#include "attestation/eventlog/event_log.h"
#include "attestation/intel/quote.h"
#include "attestation/policy/json_reader.h"
#include "attestation/policy/variants.h"
#include "attestation/snp/certificate_table.h"
#include "attestation/snp/id_block.h"
#include "attestation/snp/snp_report.h"
#include "attestation/tdx/td_report_struct.h"
#include "attestation/tpm/pcr_file.h"
#include "attestation/tpm/tpm_structures.h"
#include "cli/attestation/pem.h"
#include "crypto/crl.h"
#include "crypto/der.h"
#include "crypto/x509.h"

namespace constellation::cli {
namespace {

using Octets = std::span<const uint8_t>;

// The ids are an interface (`attestation show -o json`): never change one.
struct KindNames {
  FileKind kind;
  std::string_view id;
  std::string_view text;
};

constexpr KindNames kNames[] = {
    {FileKind::kUnknown, "unknown", "unknown"},
    {FileKind::kSnpReport, "snp-report", "SEV-SNP report"},
    {FileKind::kSnpExtendedReport, "snp-extended-report",
     "SEV-SNP report with certificate table"},
    {FileKind::kSnpReportResponse, "snp-report-response",
     "SEV-SNP MSG_REPORT_RSP"},
    {FileKind::kSnpCertificateTable, "snp-certificate-table",
     "SEV-SNP certificate table"},
    {FileKind::kSnpIdBlock, "snp-id-block", "SEV-SNP ID block"},
    {FileKind::kSnpIdAuth, "snp-id-auth", "SEV-SNP ID authentication"},
    {FileKind::kIntelQuote, "intel-quote", "Intel quote"},
    {FileKind::kTdReport, "td-report", "TDREPORT"},
    {FileKind::kTcbInfo, "tcb-info", "Intel TCB info"},
    {FileKind::kEnclaveIdentity, "enclave-identity", "Intel enclave identity"},
    {FileKind::kTcbEvaluationNumbers, "tcb-evaluation-numbers",
     "Intel TCB evaluation data numbers"},
    {FileKind::kTpmAttest, "tpm-attest", "TPMS_ATTEST"},
    {FileKind::kTpmSignature, "tpm-signature", "TPMT_SIGNATURE"},
    {FileKind::kTpmPublic, "tpm-public", "TPMT_PUBLIC"},
    {FileKind::kPcrFile, "pcr-file", "PCR values of tpm2_quote"},
    {FileKind::kPcrJson, "pcr-json", "PCR values in JSON"},
    {FileKind::kEventLog, "event-log", "event log"},
    {FileKind::kCcelTable, "ccel-table", "ACPI table CCEL"},
    {FileKind::kHclReport, "hcl-report", "Azure HCL report"},
    {FileKind::kCose, "nitro-document", "AWS Nitro attestation document"},
    {FileKind::kCertificate, "certificate", "certificate"},
    {FileKind::kRevocationList, "crl", "certificate revocation list"},
    {FileKind::kPublicKey, "public-key", "public key"},
    {FileKind::kEcdsaSignature, "ecdsa-signature", "ECDSA signature (DER)"},
    {FileKind::kRawSignature, "raw-signature", "signature (raw octets)"},
    {FileKind::kEvidence, "evidence", "Constellation evidence"},
    {FileKind::kPolicy, "policy", "Constellation policy"},
    {FileKind::kCollateralBundle, "collateral-bundle", "collateral bundle"},
    {FileKind::kFirmware, "firmware", "OVMF firmware"},
};

// The first entry, "unknown", for anything that the table does not have.
const KindNames& NamesOf(FileKind kind) {
  for (const KindNames& names : kNames) {
    if (names.kind == kind) {
      return names;
    }
  }
  return kNames[0];
}

// A little-endian number; octets behind the end count as zero, so that every
// test below may look before it measures.
uint64_t Little(Octets bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i > 0; --i) {
    value = value << 8U |
            (at + i - 1 < bytes.size() ? bytes[at + i - 1] : uint64_t{0});
  }
  return value;
}

// False for fewer octets than the text has.
bool StartsWith(Octets bytes, std::string_view text) {
  return AsText(bytes).starts_with(text);
}

// True for no octets at all.
bool AllZero(Octets bytes) {
  return std::ranges::all_of(bytes, [](uint8_t b) { return b == 0; });
}

// The part of [from, from + size) that `bytes` have.
Octets Part(Octets bytes, size_t from, size_t size) {
  return from >= bytes.size()
             ? Octets()
             : bytes.subspan(from, std::min(size, bytes.size() - from));
}

// Version, guest policy (bit 17 is always set), VMPL and signature algorithm,
// the fields at the beginning that hardly any other file has so (AMD 56860,
// ATTESTATION_REPORT).
bool LooksLikeSnpReport(Octets bytes) {
  constexpr size_t kAtPolicy = 0x08, kAtVmpl = 0x30, kAtAlgorithm = 0x34;
  constexpr size_t kLeast = 0x60;
  constexpr uint64_t kHostVmpl = 0xffffffff, kPolicyBit17 = 1U << 17U;
  if (bytes.size() < kLeast) {
    return false;
  }
  const uint64_t version = Little(bytes, 0, 4);
  const uint64_t policy = Little(bytes, kAtPolicy, 8);
  const uint64_t vmpl = Little(bytes, kAtVmpl, 4);
  const int fitting =
      ((policy & kPolicyBit17) != 0 && policy < uint64_t{1} << 32U ? 1 : 0) +
      (vmpl <= 3 || vmpl == kHostVmpl ? 1 : 0) +
      (Little(bytes, kAtAlgorithm, 4) <= 1 ? 1 : 0);
  // Of a file of just the right size one field may be damaged.
  const int wanted = bytes.size() == attestation::kSnpReportSize ? 2 : 3;
  return version >= 1 && version <= 15 && fitting >= wanted;
}

// A certificate table begins with an entry of one of the known GUIDs (GHCB
// specification, certificate data).
bool StartsWithTableGuid(Octets bytes) {
  using attestation::SnpTableGuid;
  for (const SnpTableGuid& guid :
       {attestation::kSnpGuidVcek, attestation::kSnpGuidVlek,
        attestation::kSnpGuidAsk, attestation::kSnpGuidArk}) {
    if (bytes.size() > guid.size() &&
        std::ranges::equal(bytes.first(guid.size()), guid)) {
      return true;
    }
  }
  return false;
}

// Reports first: they are what damaged files must still be taken for. The ID
// structures have no magic number, only lengths and few legal values (AMD
// 56860, SNP_LAUNCH_FINISH).
FileKind RecogniseAmd(Octets bytes) {
  using attestation::kSnpReportSize;
  constexpr size_t kResponseHeader = 32, kAtStatus = 0, kAtSize = 4;
  if (LooksLikeSnpReport(bytes)) {
    return bytes.size() > kSnpReportSize &&
                   StartsWithTableGuid(bytes.subspan(kSnpReportSize))
               ? FileKind::kSnpExtendedReport
               : FileKind::kSnpReport;
  }
  if (StartsWithTableGuid(bytes)) {
    return FileKind::kSnpCertificateTable;
  }
  if (bytes.size() > kResponseHeader && Little(bytes, kAtStatus, 4) == 0 &&
      Little(bytes, kAtSize, 4) == kSnpReportSize &&
      LooksLikeSnpReport(bytes.subspan(kResponseHeader))) {
    return FileKind::kSnpReportResponse;
  }
  if (attestation::SnpIdBlock::ParseUnverified(bytes).ok()) {
    return FileKind::kSnpIdBlock;
  }
  constexpr size_t kAtIdKey = 0x240, kKeyAlgorithms = 8, kReserved = 56;
  if (bytes.size() == attestation::kSnpIdAuthSize && Little(bytes, 0, 4) == 1 &&
      Little(bytes, 4, 4) <= 1 &&
      AllZero(bytes.subspan(kKeyAlgorithms, kReserved)) &&
      Little(bytes, kAtIdKey, 4) == 2) {
    return FileKind::kSnpIdAuth;
  }
  return FileKind::kUnknown;
}

// Whether the length of the signature section stands where a quote of this
// version and kind of TEE has it, and the file is long enough for it.
bool HasSignatureSection(Octets bytes) {
  constexpr size_t kAtSgx = 432, kAtTdx = 632, kAtVersion5 = 54;
  constexpr uint64_t kLeast = 512;
  constexpr uint64_t kTdx = 0x81;
  const uint64_t version = Little(bytes, 0, 2);
  const uint64_t tee = Little(bytes, 4, 4);
  if (Little(bytes, 2, 2) != 2 || (version > 3 && tee != 0 && tee != kTdx)) {
    return false;
  }
  size_t at = version == 4 && tee == kTdx ? kAtTdx : kAtSgx;
  if (version == 5) {
    at = kAtVersion5 + static_cast<size_t>(Little(bytes, 50, 4));
  }
  const uint64_t size = Little(bytes, at, 4);
  return at + 4 < bytes.size() && size >= kLeast &&
         size <= bytes.size() - at - 4;
}

// Version and QE vendor ID, which is the same in every quote of Intel's DCAP
// (quote header, octets 0 and 12); if that is damaged, where the signature
// begins. What follows may be damaged.
bool LooksLikeIntelQuote(Octets bytes) {
  constexpr size_t kAtVendor = 12, kVendorSize = 16;
  const uint64_t version = Little(bytes, 0, 2);
  return bytes.size() > kAtVendor + kVendorSize && version >= 3 &&
         version <= 5 &&
         (std::ranges::equal(bytes.subspan(kAtVendor, kVendorSize),
                             attestation::kIntelQeVendor) ||
          HasSignatureSection(bytes));
}

// REPORTTYPE of a TDREPORT_STRUCT is 0x81, subtype 0, version 0 or 1 (Intel TDX
// module, REPORTTYPE).
FileKind RecogniseIntel(Octets bytes) {
  constexpr uint8_t kTdReportType = 0x81;
  if (LooksLikeIntelQuote(bytes)) {
    return FileKind::kIntelQuote;
  }
  if (bytes.size() == attestation::kTdReportStructSize &&
      bytes[0] == kTdReportType && bytes[1] == 0 && bytes[2] <= 1) {
    return FileKind::kTdReport;
  }
  return FileKind::kUnknown;
}

// oe_report_header: version 1, type 2 (remote), then the size of the quote.
bool HasOpenEnclaveHeader(Octets bytes) {
  constexpr size_t kHeader = 16;
  return bytes.size() > kHeader && Little(bytes, 0, 4) == 1 &&
         Little(bytes, 4, 4) == 2 &&
         LooksLikeIntelQuote(bytes.subspan(kHeader));
}

// Type of attestation (0x8014 to 0x801d) behind the magic number, whatever that
// is: a wrong one has to be refused, not overlooked.
bool IsTpmAttest(Octets bytes) {
  constexpr uint8_t kTypeHigh = 0x80, kLeastType = 0x14, kMostType = 0x1d;
  return bytes.size() > 6 && bytes[4] == kTypeHigh && bytes[5] >= kLeastType &&
         bytes[5] <= kMostType &&
         (Little(bytes, 0, 4) == 0x474354ff ||
          attestation::ParseAttestUnverified(bytes).ok());
}

// A big-endian number of two octets, as TPMs write it.
uint16_t Big16(Octets bytes, size_t at) {
  return static_cast<uint16_t>(Little(bytes, at, 1) << 8U |
                               Little(bytes, at + 1, 1));
}

bool IsTpmHash(uint16_t algorithm) {
  return algorithm == attestation::kTpmAlgSha1 ||
         algorithm == attestation::kTpmAlgSha256 ||
         algorithm == attestation::kTpmAlgSha384 ||
         algorithm == attestation::kTpmAlgSha512;
}

// The head of a TPMT_SIGNATURE: scheme, hash, and a size that RSA signatures
// or the numbers of an ECDSA signature have. What follows may be damaged.
bool HasSignatureHead(Octets bytes) {
  constexpr size_t kAtHash = 2, kAtSize = 4, kHead = 6;
  constexpr uint16_t kLeastNumber = 24, kMostNumber = 66;
  if (bytes.size() <= kHead || !IsTpmHash(Big16(bytes, kAtHash))) {
    return false;
  }
  const uint16_t size = Big16(bytes, kAtSize);
  switch (Big16(bytes, 0)) {
    case attestation::kTpmAlgRsassa:
    case attestation::kTpmAlgRsapss:
      return size == 256 || size == 384 || size == 512;
    case attestation::kTpmAlgEcdsa:
      return size >= kLeastNumber && size <= kMostNumber;
    default:
      return false;
  }
}

// The head of a TPMT_PUBLIC: type, hash of the name, attributes of which none
// is reserved, size of a policy (TPM 2.0 Part 2, 8.3 and 12.2.4).
bool HasPublicHead(Octets bytes) {
  constexpr size_t kAtHash = 2, kAtAttributes = 4, kAtPolicy = 8, kHead = 10;
  constexpr uint32_t kReserved = 0xfff0f009;
  const uint16_t type = Big16(bytes, 0);
  const uint32_t attributes = uint32_t{Big16(bytes, kAtAttributes)} << 16U |
                              Big16(bytes, kAtAttributes + 2);
  const uint16_t policy = Big16(bytes, kAtPolicy);
  return bytes.size() > kHead &&
         (type == attestation::kTpmAlgRsa || type == attestation::kTpmAlgEcc) &&
         IsTpmHash(Big16(bytes, kAtHash)) && (attributes & kReserved) == 0 &&
         (policy == 0 || policy == 20 || policy == 32 || policy == 48 ||
          policy == 64);
}

// The structures of TPM 2.0 Part 2 carry no length and, TPMS_ATTEST aside, no
// magic number: the head has to fit, or the parser to accept all of it.
FileKind RecogniseTpm(Octets bytes) {
  if (IsTpmAttest(bytes)) {
    return FileKind::kTpmAttest;
  }
  if (HasSignatureHead(bytes) ||
      attestation::ParseSignatureUnverified(bytes).ok()) {
    return FileKind::kTpmSignature;
  }
  if (HasPublicHead(bytes) ||
      attestation::ParsePublicAreaUnverified(bytes).ok()) {
    return FileKind::kTpmPublic;
  }
  if (attestation::ParsePcrFileUnverified(bytes).ok()) {
    return FileKind::kPcrFile;
  }
  return FileKind::kUnknown;
}

// The first record: header of a crypto-agile log, or an event of SHA-1 whose
// register, type and size can be.
bool LooksLikeEventLog(Octets bytes) {
  constexpr size_t kAtType = 4, kAtSize = 28, kHeader = 32;
  constexpr uint64_t kMostPcr = 23, kMostEventType = 0x800000ff;
  if (bytes.size() <= kHeader || Little(bytes, 0, 4) > kMostPcr) {
    return false;
  }
  const uint64_t type = Little(bytes, kAtType, 4);
  if (type > kMostEventType || (type > 0xffff && type < 0x80000000) ||
      Little(bytes, kAtSize, 4) > bytes.size() - kHeader) {
    return false;
  }
  if (AsText(Part(bytes, kHeader, 15)).starts_with("Spec ID Event")) {
    return true;
  }
  const attestation::EventLogReading reading =
      attestation::ReadEventLogUnverified(bytes);
  return reading.status.ok() || reading.log.events.size() > 1;
}

// COSE_Sign1 with or without its tag (RFC 9052 section 4.2), or with more than
// one, which is for its reader to refuse. A document that is damaged further on
// is known by its protected header, {1: an algorithm}.
bool LooksLikeCose(Octets bytes) {
  constexpr uint8_t kTag = 0xd2, kArray = 0x84;
  constexpr std::array<uint8_t, 5> kHead = {kArray, 0x44, 0xa1, 0x01, 0x38};
  const auto first_other =
      std::ranges::find_if(bytes, [](uint8_t octet) { return octet != kTag; });
  const Octets untagged(first_other, bytes.end());
  return std::ranges::equal(Part(untagged, 0, kHead.size()), kHead) ||
         (untagged.size() > 1 && untagged[0] == kArray &&
          attestation::ParseCoseSign1Unverified(bytes).ok());
}

// X.509, CRL, signature and key all begin with a SEQUENCE; only the inside
// tells them apart (RFC 5280 sections 4.1 and 5.1).
FileKind RecogniseDer(Octets bytes) {
  if (crypto::Certificate::FromDer(bytes).ok()) {
    return FileKind::kCertificate;
  }
  if (crypto::RevocationList::FromDer(bytes).ok()) {
    return FileKind::kRevocationList;
  }
  if (crypto::ParseEcdsaSignature(bytes).ok()) {
    return FileKind::kEcdsaSignature;
  }
  crypto::DerReader outer(bytes);
  const auto first = outer.ReadElement(crypto::kDerSequence, "file");
  if (!first.ok()) {
    return FileKind::kUnknown;
  }
  crypto::DerReader inner(first->contents);
  const auto algorithm = inner.Read(crypto::kDerSequence, "algorithm");
  if (algorithm.ok() && inner.PeekTag() == crypto::kDerBitString) {
    return FileKind::kPublicKey;
  }
  // Certificates one behind the other, or a damaged one.
  return crypto::Certificate::FromDer(first->whole).ok() ||
                 (algorithm.ok() && inner.PeekTag() == crypto::kDerSequence)
             ? FileKind::kCertificate
             : FileKind::kUnknown;
}

// The first block decides (RFC 7468). Private keys are deliberately unknown:
// nothing here shall print or keep one.
FileKind RecognisePem(std::string_view text) {
  const size_t at = text.find("-----BEGIN ");
  const std::string_view label = text.substr(at + 11, 32);
  if (label.starts_with("CERTIFICATE-----")) {
    return FileKind::kCertificate;
  }
  if (label.starts_with("X509 CRL-----")) {
    return FileKind::kRevocationList;
  }
  return label.starts_with("PUBLIC KEY-----") ? FileKind::kPublicKey
                                              : FileKind::kUnknown;
}

// Of text that is too long or no JSON: a bundle by its format, others by a key
// near the beginning (Intel's signature, which may come first, has 128 digits).
FileKind RecogniseJsonText(std::string_view text) {
  constexpr size_t kBeginning = 256;
  constexpr std::pair<std::string_view, FileKind> kKeys[] = {
      {"\"tcbInfo\"", FileKind::kTcbInfo},
      {"\"enclaveIdentity\"", FileKind::kEnclaveIdentity},
      {"\"tcbEvaluationDataNumbers\"", FileKind::kTcbEvaluationNumbers},
      {"\"pcrs\"", FileKind::kPcrJson}};
  if (text.find("\"constellation-collateral-bundle/") !=
      std::string_view::npos) {
    return FileKind::kCollateralBundle;
  }
  for (const auto& [key, kind] : kKeys) {
    if (text.substr(0, kBeginning).find(key) != std::string_view::npos) {
      return kind;
    }
  }
  return FileKind::kUnknown;
}

// By its top-level keys. Duplicate keys and the like are for the parser of the
// kind to refuse.
FileKind RecogniseJson(std::string_view text) {
  // Parsing takes many times the memory of the text; only a bundle is large.
  constexpr size_t kMaxParsed = size_t{1} << 20U;
  if (text.size() > kMaxParsed) {
    return RecogniseJsonText(text);
  }
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    return RecogniseJsonText(text);
  }
  if (!json.is_object()) {
    return FileKind::kUnknown;
  }
  const auto has = [&json](const char* key) { return json.contains(key); };
  if (has("tcbInfo")) {
    return FileKind::kTcbInfo;
  }
  if (has("enclaveIdentity")) {
    return FileKind::kEnclaveIdentity;
  }
  if (has("tcbEvaluationDataNumbers")) {
    return FileKind::kTcbEvaluationNumbers;
  }
  if (has("profiles")) {
    return FileKind::kPolicy;
  }
  if (has("pcrs") && json["pcrs"].is_object()) {
    return FileKind::kPcrJson;
  }
  return has("format") && has("entries") ? FileKind::kCollateralBundle
                                         : FileKind::kUnknown;
}

// Field 1 of the message Evidence is the name of a variant.
bool LooksLikeEvidence(Octets bytes) {
  constexpr uint8_t kFieldOneText = 0x0a;
  if (bytes.size() < 2 || bytes[0] != kFieldOneText || bytes[1] > 0x7f) {
    return false;
  }
  const std::string_view name = AsText(Part(bytes, 2, bytes[1]));
  return std::ranges::any_of(
      attestation::VariantNames(),
      [name](std::string_view known) { return known == name; });
}

// Only the footer is looked at; whether the table before it is whole is for
// whoever reads it.
bool IsFirmware(Octets bytes) {
  // 96b582de-1fb2-45f7-baea-a366c55a082d, OVMF's table footer, 32 octets before
  // the end.
  constexpr std::array<uint8_t, 16> kFooter = {
      0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45,
      0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d};
  constexpr size_t kFromEnd = 48;
  return bytes.size() > kFromEnd &&
         std::ranges::equal(
             bytes.subspan(bytes.size() - kFromEnd, kFooter.size()), kFooter);
}

// From strong signs to weak ones: magic numbers, then fixed values at fixed
// places, then "its parser accepts it". Event logs and firmware come last,
// because almost any octets may begin like a log's first record.
FileKind RecogniseBinary(Octets bytes) {
  constexpr size_t kCcelSize = 56;
  if (StartsWith(bytes, "HCLA")) {
    return FileKind::kHclReport;
  }
  if (StartsWith(bytes, "CCEL") && bytes.size() == kCcelSize) {
    return FileKind::kCcelTable;
  }
  for (FileKind (*recognise)(Octets) :
       {&RecogniseIntel, &RecogniseAmd, &RecogniseTpm}) {
    if (const FileKind kind = recognise(bytes); kind != FileKind::kUnknown) {
      return kind;
    }
  }
  if (!bytes.empty() && bytes[0] == crypto::kDerSequence) {
    if (const FileKind kind = RecogniseDer(bytes); kind != FileKind::kUnknown) {
      return kind;
    }
  }
  if (LooksLikeCose(bytes)) {
    return FileKind::kCose;
  }
  if (LooksLikeEvidence(bytes)) {
    return FileKind::kEvidence;
  }
  if (LooksLikeEventLog(bytes)) {
    return FileKind::kEventLog;
  }
  return IsFirmware(bytes) ? FileKind::kFirmware : FileKind::kUnknown;
}

// The octets of a text that is nothing but hex or base64, with line ends.
std::optional<Bytes> DecodeText(std::string_view text,
                                std::string_view& encoding) {
  constexpr size_t kMaxText = size_t{4} << 20U, kLeastText = 64;
  if (text.size() > kMaxText || text.size() < kLeastText) {
    return std::nullopt;
  }
  std::string packed;
  packed.reserve(text.size());
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank && (c < '+' || c > 'z')) {
      return std::nullopt;
    }
    if (!blank) {
      packed += c;
    }
  }
  if (auto hex = HexDecode(packed); hex.ok()) {
    encoding = "hex";
    return *std::move(hex);
  }
  if (auto base64 = Base64Decode(packed); base64.ok()) {
    encoding = "base64";
    return *std::move(base64);
  }
  return std::nullopt;
}

// What is inside TPM2B_ATTEST, TPM2B_PUBLIC or a sized signature.
std::optional<RecognisedFile> UnwrapTpm2b(Octets bytes) {
  if (bytes.size() < 4 ||
      (size_t{bytes[0]} << 8U | bytes[1]) != bytes.size() - 2) {
    return std::nullopt;
  }
  const Octets inner = bytes.subspan(2);
  const FileKind kind = RecogniseTpm(inner);
  if (kind == FileKind::kUnknown || kind == FileKind::kPcrFile) {
    return std::nullopt;
  }
  return RecognisedFile{.kind = kind,
                        .content = Bytes(inner.begin(), inner.end()),
                        .wrapping = "TPM2B"};
}

// One layer of wrapping is taken off, never more: a file could be wrapped a
// million times.
RecognisedFile RecogniseUnencoded(Octets bytes) {
  if (const auto inner = UnwrapTpm2b(bytes)) {
    return *inner;
  }
  if (HasOpenEnclaveHeader(bytes)) {
    const Octets quote = bytes.subspan(16);
    return {.kind = FileKind::kIntelQuote,
            .content = Bytes(quote.begin(), quote.end()),
            .wrapping = "Open Enclave header"};
  }
  return {.kind = RecogniseBinary(bytes),
          .content = Bytes(bytes.begin(), bytes.end()),
          .wrapping = {}};
}

}  // namespace

std::string_view ToString(FileKind kind) {
  return NamesOf(kind).text;
}

std::string_view KindId(FileKind kind) {
  return NamesOf(kind).id;
}

RecognisedFile RecogniseFile(std::span<const uint8_t> bytes) {
  RecognisedFile plain{.kind = FileKind::kUnknown,
                       .content = Bytes(bytes.begin(), bytes.end()),
                       .wrapping = {}};
  if (bytes.empty() || bytes.size() > kMaxAttestationFile) {
    return plain;
  }
  const std::string_view text = AsText(bytes);
  // RFC 8259 section 8.1 forbids the mark; the readers refuse it.
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  const size_t start = text.find_first_not_of(
      " \t\r\n", text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  if (start != std::string_view::npos && text[start] == '{') {
    plain.kind = RecogniseJson(text);
    return plain;
  }
  if (IsPemText(bytes)) {
    plain.kind = RecognisePem(text);
    if (plain.kind != FileKind::kUnknown) {
      return plain;
    }
  }
  // Before the binary kinds: "0" begins DER, too.
  std::string_view encoding;
  if (const std::optional<Bytes> decoded = DecodeText(text, encoding)) {
    RecognisedFile inner = RecogniseUnencoded(*decoded);
    if (inner.kind != FileKind::kUnknown) {
      inner.wrapping = inner.wrapping.empty() ? encoding : inner.wrapping;
      return inner;
    }
  }
  RecognisedFile direct = RecogniseUnencoded(bytes);
  if (direct.kind != FileKind::kUnknown) {
    return direct;
  }
  if (bytes.size() == 256 || bytes.size() == 384 || bytes.size() == 512) {
    direct.kind = FileKind::kRawSignature;
  }
  return direct;
}

}  // namespace constellation::cli
