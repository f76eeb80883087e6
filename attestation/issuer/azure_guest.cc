// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/azure_guest.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "attestation/azure/hcl_report.h"
#include "attestation/azure/runtime_data.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using Json = nlohmann::json;

constexpr int kReportAttempts = 8;
constexpr absl::Duration kReportDelay = absl::Milliseconds(500);
constexpr size_t kMaxAnswer = size_t{64} << 10U;
constexpr size_t kMaxCertificates = 8;
constexpr size_t kMinQuoteSize = 1024;  // header, TD report, a signature
constexpr int kMaxDepth = 4;
constexpr absl::Duration kMetadataTimeout = absl::Seconds(10);
// Path and version that Azure documents for confidential VMs.
constexpr char kCertificatesPath[] = "/metadata/THIM/amd/certification";
constexpr char kQuotePath[] = "/acc/tdquote";

absl::StatusOr<Json> ParseObject(std::string_view text) {
  bool too_deep = false;
  Json json = Json::parse(
      text,
      [&too_deep](int depth, Json::parse_event_t, const Json&) {
        too_deep = too_deep || depth > kMaxDepth;
        return !too_deep;
      },
      /*allow_exceptions=*/false);
  if (too_deep || !json.is_object()) {
    return InvalidArgument("metadata: want a JSON object");
  }
  return json;
}

// Absent and of another type are one error.
absl::StatusOr<std::string> TextAt(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) {
    return InvalidArgument(fmt::format("metadata: want text \"{}\"", name));
  }
  return found->get<std::string>();
}

// RFC 4648 5, without padding, as the quote service wants it.
std::string Base64UrlEncode(std::span<const uint8_t> bytes) {
  std::string text = Base64Encode(bytes);
  text.erase(text.find_last_not_of('=') + 1);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

// Whether the report was made for `user_data`, as far as it says.
absl::StatusOr<bool> ShowsUserData(std::span<const uint8_t> report,
                                   const ReportData& user_data) {
  ASSIGN_OR_RETURN(const HclReportUnverified hcl,
                   ParseHclReportUnverified(report));
  ASSIGN_OR_RETURN(const RuntimeDataUnverified runtime,
                   ParseRuntimeDataUnverified(hcl.runtime_data));
  return !runtime.user_data.has_value() ||
         std::ranges::equal(*runtime.user_data, user_data);
}

}  // namespace

// The paravisor makes a new report some time after the user data were written;
// until then the old one is read. A report without user data field (older
// paravisor) cannot show it and is taken.
absl::StatusOr<Bytes> ReadHclReport(GuestTpm& tpm, Clock& clock,
                                    const ReportData& user_data) {
  // First, so that a machine without HCL gets no index defined.
  RETURN_IF_ERROR(tpm.ReadNv(kHclReportIndex).status());
  RETURN_IF_ERROR(tpm.WriteNv(kHclUserDataIndex, user_data));
  for (int attempt = 0; attempt < kReportAttempts; ++attempt) {
    if (attempt > 0) {
      clock.Sleep(kReportDelay);
    }
    ASSIGN_OR_RETURN(Bytes report, tpm.ReadNv(kHclReportIndex));
    ASSIGN_OR_RETURN(const bool fresh, ShowsUserData(report, user_data));
    if (fresh) {
      return report;
    }
  }
  return Unavailable(
      fmt::format("HCL report: shows other user data than was written, {} "
                  "times",
                  kReportAttempts));
}

// The header keeps requests out that a browser or proxy was tricked into.
absl::StatusOr<std::string> AzureMetadata::Ask(HttpRequest request) {
  request.headers.emplace_back("Metadata: true");
  request.timeout = kMetadataTimeout;
  request.max_body = kMaxAnswer;
  ASSIGN_OR_RETURN(HttpResponse answer, transport_.Send(request));
  if (answer.status == 200) {
    return std::move(answer.body);
  }
  const std::string message = fmt::format(
      "metadata: {} answers with HTTP "
      "status {}",
      request.url, answer.status);
  if (answer.status == 429 || answer.status >= 500) {
    return Unavailable(message);
  }
  return answer.status == 404 ? NotFound(message) : InvalidArgument(message);
}

// The host caches the VCEK; verifiers then need not ask AMD.
absl::StatusOr<std::vector<Bytes>> AzureMetadata::SnpCertificates() {
  ASSIGN_OR_RETURN(const std::string body,
                   Ask({.url = endpoint_ + kCertificatesPath}));
  ASSIGN_OR_RETURN(const Json json, ParseObject(body));
  ASSIGN_OR_RETURN(std::string pem, TextAt(json, "vcekCert"));
  ASSIGN_OR_RETURN(const std::string chain, TextAt(json, "certificateChain"));
  pem += "\n" + chain;
  ASSIGN_OR_RETURN(const std::vector<crypto::Certificate> certificates,
                   crypto::Certificate::ListFromPem(pem, kMaxCertificates));
  std::vector<Bytes> out;
  out.reserve(certificates.size());
  for (const crypto::Certificate& certificate : certificates) {
    out.emplace_back(certificate.der().begin(), certificate.der().end());
  }
  return out;
}

// The host's quoting enclave turns the TDREPORT into a quote. The size is
// checked roughly: an error page must not travel as evidence.
absl::StatusOr<Bytes> AzureMetadata::TdQuote(
    std::span<const uint8_t> td_report) {
  const Json request = {{"report", Base64UrlEncode(td_report)}};
  ASSIGN_OR_RETURN(const std::string body, Ask({.url = endpoint_ + kQuotePath,
                                                .body = request.dump()}));
  ASSIGN_OR_RETURN(const Json json, ParseObject(body));
  ASSIGN_OR_RETURN(std::string text, TextAt(json, "quote"));
  text.erase(text.find_last_not_of('=') + 1);
  ASSIGN_OR_RETURN(Bytes quote, Base64UrlDecode(text));
  if (quote.size() < kMinQuoteSize) {
    return InvalidArgument(
        fmt::format("TD quote: want at least {} bytes, got "
                    "{}",
                    kMinQuoteSize, quote.size()));
  }
  return quote;
}

}  // namespace constellation::attestation
