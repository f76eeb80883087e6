// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/evaluation_numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/intel/json_scanner.h"
#include "attestation/intel/tcb_signer.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxNumbers = 64;

// One entry of "tcbEvalNumbers".
absl::StatusOr<TcbEvaluationNumber> ReadNumber(JsonScanner& scanner) {
  static constexpr std::string_view kNames[] = {
      "tcbEvaluationDataNumber", "tcbRecoveryEventDate", "tcbDate"};
  FieldSet fields(kNames);
  TcbEvaluationNumber result;
  RETURN_IF_ERROR(scanner.ReadObject([&](std::string_view key) -> absl::Status {
    switch (fields.See(key)) {
      case 0: {
        ASSIGN_OR_RETURN(const uint64_t number, scanner.ReadNumber(UINT32_MAX));
        result.number = static_cast<uint32_t>(number);
        return absl::OkStatus();
      }
      case 1: {
        ASSIGN_OR_RETURN(result.recovery_event_date, ReadTime(scanner));
        return absl::OkStatus();
      }
      case 2: {
        ASSIGN_OR_RETURN(result.tcb_date, ReadTime(scanner));
        return absl::OkStatus();
      }
      default:
        return scanner.Skip();
    }
  }));
  RETURN_IF_ERROR(fields.RequireFirst(3, "evaluation number"));
  return result;
}

// As Intel writes them, in capitals.
absl::StatusOr<IntelTee> ReadTee(JsonScanner& scanner) {
  ASSIGN_OR_RETURN(const std::string_view id, scanner.ReadString());
  for (const IntelTee tee : {IntelTee::kSgx, IntelTee::kTdx}) {
    if (id == ToString(tee)) {
      return tee;
    }
  }
  return InvalidArgument("id: want \"SGX\" or \"TDX\"");
}

// Each of kNames must be there; unknown keys are skipped.
absl::Status ReadField(JsonScanner& scanner, size_t field,
                       TcbEvaluationNumbers& result) {
  switch (field) {
    case 0: {
      ASSIGN_OR_RETURN(result.tee, ReadTee(scanner));
      return absl::OkStatus();
    }
    case 1: {
      ASSIGN_OR_RETURN(const uint64_t version, scanner.ReadNumber(1));
      return version == 1 ? absl::OkStatus()
                          : InvalidArgument("version: want 1");
    }
    case 2: {
      ASSIGN_OR_RETURN(result.issue_date, ReadTime(scanner));
      return absl::OkStatus();
    }
    case 3: {
      ASSIGN_OR_RETURN(result.next_update, ReadTime(scanner));
      return absl::OkStatus();
    }
    case 4:
      return scanner.ReadArray(kMaxNumbers, [&]() -> absl::Status {
        ASSIGN_OR_RETURN(TcbEvaluationNumber number, ReadNumber(scanner));
        result.numbers.push_back(number);
        return absl::OkStatus();
      });
    default:
      return scanner.Skip();
  }
}

}  // namespace

absl::StatusOr<TcbEvaluationNumbers> ParseTcbEvaluationNumbersUnverified(
    std::string_view body) {
  static constexpr std::string_view kNames[] = {"id", "version", "issueDate",
                                                "nextUpdate", "tcbEvalNumbers"};
  JsonScanner scanner(body);
  FieldSet fields(kNames);
  TcbEvaluationNumbers result;
  RETURN_IF_ERROR(scanner.ReadObject([&](std::string_view key) {
    return Annotate(ReadField(scanner, fields.See(key), result), key);
  }));
  RETURN_IF_ERROR(scanner.ExpectEnd());
  RETURN_IF_ERROR(fields.RequireFirst(std::size(kNames), "evaluation numbers"));
  return result;
}

// The signature first, then the meaning. No grace: the list only helps to write
// policies.
absl::StatusOr<TcbEvaluationNumbers> VerifyTcbEvaluationNumbers(
    std::string_view text, std::string_view chain,
    const IntelTrustAnchors& anchors, absl::Time now) {
  ASSIGN_OR_RETURN(const SignedJsonUnverified document,
                   ParseSignedJsonUnverified(text, "tcbEvaluationDataNumbers"));
  ASSIGN_OR_RETURN(const TcbSigner signer, FindTcbSigner(chain, anchors, now));
  RETURN_IF_ERROR(Annotate(VerifySignedJson(document, signer.certificate),
                           "evaluation numbers"));
  RETURN_IF_ERROR(signer.certificate.CheckValidAt(now));
  ASSIGN_OR_RETURN(TcbEvaluationNumbers numbers,
                   ParseTcbEvaluationNumbersUnverified(document.body));
  RETURN_IF_ERROR(CheckDateWindow("evaluation numbers", numbers.issue_date,
                                  numbers.next_update, now,
                                  absl::ZeroDuration()));
  return numbers;
}

// The age is that of the recovery event, not of the document: owners get the
// time to update their hosts.
std::optional<uint32_t> NewestNumberOlderThan(
    const TcbEvaluationNumbers& numbers, absl::Duration age, absl::Time now) {
  std::optional<uint32_t> newest;
  for (const TcbEvaluationNumber& each : numbers.numbers) {
    if (each.recovery_event_date + age <= now) {
      newest = std::max(newest.value_or(0), each.number);
    }
  }
  return newest;
}

}  // namespace constellation::attestation
