// SPDX-License-Identifier: Apache-2.0
#include "cli/attestation/pem.h"

#include <algorithm>

#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/der.h"

namespace constellation::cli {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";

}  // namespace

// Intel's quotes end PEM chains with a NUL, hence the tolerance at the end.
bool IsPemText(std::span<const uint8_t> bytes) {
  std::string_view text = AsText(bytes);
  const size_t end = text.find_last_not_of('\0');
  text = end == std::string_view::npos ? "" : text.substr(0, end + 1);
  return text.find(kBegin) != std::string_view::npos &&
         std::ranges::all_of(text, [](char c) {
           const auto octet = static_cast<uint8_t>(c);
           return (octet >= 0x20 && octet != 0x7f) || c == '\n' || c == '\r' ||
                  c == '\t';
         });
}

// DER certificates need no separator: each says how long it is. AMD's key
// service sends chains in PEM, keys in DER.
absl::StatusOr<std::vector<crypto::Certificate>> CertificatesOf(
    std::span<const uint8_t> bytes) {
  if (IsPemText(bytes)) {
    return crypto::Certificate::ListFromPem(AsText(bytes),
                                            kMaxCertificatesInFile);
  }
  std::vector<crypto::Certificate> certificates;
  crypto::DerReader reader(bytes);
  while (!reader.empty() && certificates.size() < kMaxCertificatesInFile) {
    ASSIGN_OR_RETURN(const crypto::DerElement element,
                     reader.ReadElement(crypto::kDerSequence, "certificate"));
    ASSIGN_OR_RETURN(crypto::Certificate certificate,
                     crypto::Certificate::FromDer(element.whole));
    certificates.push_back(std::move(certificate));
  }
  RETURN_IF_ERROR(reader.ExpectEnd("certificates"));
  if (certificates.empty()) {
    return InvalidArgument("no certificate");
  }
  return certificates;
}

// Only the first block counts. The key is not parsed here.
absl::StatusOr<Bytes> SpkiOf(std::span<const uint8_t> bytes) {
  constexpr std::string_view kHeader = "-----BEGIN PUBLIC KEY-----";
  constexpr std::string_view kFooter = "-----END PUBLIC KEY-----";
  const std::string_view text = AsText(bytes);
  const size_t header = text.find(kHeader);
  if (header == std::string_view::npos || !IsPemText(bytes)) {
    return Bytes(bytes.begin(), bytes.end());
  }
  const size_t start = header + kHeader.size();
  const size_t end = text.find(kFooter, start);
  if (end == std::string_view::npos) {
    return InvalidArgument("public key: no end of the PEM block");
  }
  std::string packed;
  for (const char c : text.substr(start, end - start)) {
    if (c != '\n' && c != '\r' && c != ' ') {
      packed += c;
    }
  }
  return Base64Decode(packed);
}

std::string ToPem(const crypto::Certificate& certificate) {
  constexpr size_t kLine = 64;
  const std::string base64 = Base64Encode(certificate.der());
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (size_t at = 0; at < base64.size(); at += kLine) {
    pem += base64.substr(at, kLine) + "\n";
  }
  return pem + "-----END CERTIFICATE-----\n";
}

}  // namespace constellation::cli
