// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/csr.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "common/hex.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/names.h"

namespace constellation::kubernetes {
namespace {

constexpr char kCollection[] =
    "/apis/certificates.k8s.io/v1/certificatesigningrequests";
// The controller signs within milliseconds; the waits double up to kMaxDelay.
constexpr absl::Duration kFirstDelay = absl::Milliseconds(50);
constexpr absl::Duration kMaxDelay = absl::Seconds(2);
constexpr int kApprovalAttempts = 5;

// Path of the object with this name.
std::string PathOf(std::string_view name) {
  return fmt::format("{}/{}", kCollection, UrlEncode(name));
}

// OK unless the request was denied or its signer failed.
absl::Status CheckConditions(const Json& object) {
  const Json* conditions = Find(object, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return absl::OkStatus();
  for (const Json& condition : *conditions) {
    const std::string type = FindString(condition, {"type"}).value_or("");
    if (type != "Denied" && type != "Failed") continue;
    return PermissionDenied(
        fmt::format("certificate request {}: {}", type,
                    FindString(condition, {"message"}).value_or("")));
  }
  return absl::OkStatus();
}

// The certificate in `object`, or "" as long as there is none.
absl::StatusOr<std::string> CertificateOf(const Json& object) {
  const auto encoded = FindString(object, {"status", "certificate"});
  if (!encoded.has_value() || encoded->empty()) {
    RETURN_IF_ERROR(CheckConditions(object));
    return std::string();
  }
  ASSIGN_OR_RETURN(const Bytes pem, Base64Decode(*encoded));
  return std::string(AsText(pem));
}

}  // namespace

absl::StatusOr<std::string> CreateCsr(Client& client,
                                      const CertificateRequest& request) {
  const Json object = {{"apiVersion", "certificates.k8s.io/v1"},
                       {"kind", "CertificateSigningRequest"},
                       {"metadata", {{"generateName", request.name_prefix}}},
                       {"spec",
                        {{"request", Base64Encode(AsBytes(request.csr_pem))},
                         {"signerName", request.signer},
                         {"usages", request.usages}}}};
  ASSIGN_OR_RETURN(const Json created, client.Create(kCollection, object));
  return RequireString(created, {"metadata", "name"});
}

// Approval is a subresource: the whole object goes back with one more
// condition, and a conflict means that somebody else changed it.
absl::Status ApproveCsr(Client& client, std::string_view name,
                        std::string_view reason) {
  absl::Status status;
  for (int attempt = 0; attempt < kApprovalAttempts; ++attempt) {
    ASSIGN_OR_RETURN(Json object, client.Get(PathOf(name)));
    Json& state = object["status"];
    if (!state.is_object()) state = Json::object();
    Json& conditions = state["conditions"];
    if (!conditions.is_array()) conditions = Json::array();
    conditions.push_back({{"type", "Approved"},
                          {"status", "True"},
                          {"reason", "ConstellationTicket"},
                          {"message", reason}});
    status = client.Replace(PathOf(name) + "/approval", object).status();
    if (!absl::IsAborted(status)) break;  // else changed in between: once more
  }
  return status;
}

absl::StatusOr<std::string> WaitForCertificate(Client& client, Clock& clock,
                                               std::string_view name,
                                               absl::Duration timeout) {
  const absl::Time deadline = clock.Now() + timeout;
  absl::Duration delay = kFirstDelay;
  while (true) {
    const absl::StatusOr<Json> object = client.Get(PathOf(name));
    if (!object.ok() && !IsTransient(object.status())) return object.status();
    if (object.ok()) {
      ASSIGN_OR_RETURN(std::string pem, CertificateOf(*object));
      if (!pem.empty()) return pem;
    }
    if (clock.Now() + delay > deadline) {
      return DeadlineExceeded(
          fmt::format("certificate request {} not signed within {}", name,
                      absl::FormatDuration(timeout)));
    }
    clock.Sleep(delay);
    delay = std::min(delay * 2, kMaxDelay);
  }
}

// Objects that stay behind would be listed for an hour; a failure to delete is
// only logged.
absl::StatusOr<std::string> IssueCertificate(Client& client, Clock& clock,
                                             const CertificateRequest& request,
                                             std::string_view reason,
                                             absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string name, CreateCsr(client, request));
  const auto issue = [&]() -> absl::StatusOr<std::string> {
    RETURN_IF_ERROR(ApproveCsr(client, name, reason));
    return WaitForCertificate(client, clock, name, timeout);
  };
  absl::StatusOr<std::string> certificate = issue();
  if (const absl::Status deleted = client.Delete(PathOf(name));
      !deleted.ok() && !absl::IsNotFound(deleted)) {
    spdlog::warn("event=csr-left-behind name={} error=\"{}\"", name,
                 Message(deleted));
  }
  return certificate;
}

}  // namespace constellation::kubernetes
