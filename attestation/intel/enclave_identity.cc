// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/enclave_identity.h"

#include <fmt/format.h>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

absl::StatusOr<EnclaveKind> ReadKind(JsonScanner& scanner) {
  ASSIGN_OR_RETURN(const std::string_view id, scanner.ReadString());
  for (const EnclaveKind kind :
       {EnclaveKind::kQe, EnclaveKind::kTdQe, EnclaveKind::kQve}) {
    if (id == ToString(kind)) {
      return kind;
    }
  }
  return InvalidArgument(fmt::format(
      "want \"QE\", \"TD_QE\" or \"QVE\", got \"{}\"", id.substr(0, 16)));
}

// Reads "enclaveIdentity" of Intel's PCS API v4, version 2. Keys may come in
// any order; each of kNames must be there.
class IdentityReader final {
 public:
  explicit IdentityReader(JsonScanner& scanner) : scanner_(scanner) {}

  absl::StatusOr<EnclaveIdentity> Read() {
    RETURN_IF_ERROR(scanner_.ReadObject([this](std::string_view key) {
      return Annotate(ReadField(key), key);
    }));
    RETURN_IF_ERROR(
        fields_.RequireFirst(std::size(kNames), "enclave identity"));
    return std::move(identity_);
  }

 private:
  static constexpr std::string_view kNames[] = {"id",
                                                "version",
                                                "issueDate",
                                                "nextUpdate",
                                                "tcbEvaluationDataNumber",
                                                "miscselect",
                                                "miscselectMask",
                                                "attributes",
                                                "attributesMask",
                                                "mrsigner",
                                                "isvprodid",
                                                "tcbLevels"};

  absl::Status ReadField(std::string_view key) {
    const size_t field = fields_.See(key);
    switch (field) {
      case 0: {
        ASSIGN_OR_RETURN(identity_.kind, ReadKind(scanner_));
        return absl::OkStatus();
      }
      case 1: {
        ASSIGN_OR_RETURN(const uint64_t version, scanner_.ReadNumber(2));
        return version == 2
                   ? absl::OkStatus()
                   : InvalidArgument(fmt::format("want 2, got {}", version));
      }
      case 2: {
        ASSIGN_OR_RETURN(identity_.issue_date, ReadTime(scanner_));
        return absl::OkStatus();
      }
      case 3: {
        ASSIGN_OR_RETURN(identity_.next_update, ReadTime(scanner_));
        return absl::OkStatus();
      }
      case 4: {
        ASSIGN_OR_RETURN(const uint64_t number,
                         scanner_.ReadNumber(UINT32_MAX));
        identity_.evaluation_data_number = static_cast<uint32_t>(number);
        return absl::OkStatus();
      }
      default:
        return ReadMeasured(field);
    }
  }

  // What the quoting enclave's report is compared with, each value with its
  // mask.
  absl::Status ReadMeasured(size_t field) {
    switch (field) {
      case 5:
        return ReadHex(scanner_, identity_.misc_select);
      case 6:
        return ReadHex(scanner_, identity_.misc_select_mask);
      case 7:
        return ReadHex(scanner_, identity_.attributes);
      case 8:
        return ReadHex(scanner_, identity_.attributes_mask);
      case 9:
        return ReadHex(scanner_, identity_.mr_signer);
      case 10: {
        ASSIGN_OR_RETURN(const uint64_t id, scanner_.ReadNumber(UINT16_MAX));
        identity_.isv_prod_id = static_cast<uint16_t>(id);
        return absl::OkStatus();
      }
      case 11: {
        ASSIGN_OR_RETURN(identity_.levels, ReadIsvSvnLevels(scanner_));
        return absl::OkStatus();
      }
      default:
        return scanner_.Skip();
    }
  }

  JsonScanner& scanner_;
  FieldSet fields_{kNames};
  EnclaveIdentity identity_;
};

}  // namespace

std::string_view ToString(EnclaveKind kind) {
  switch (kind) {
    case EnclaveKind::kQe:
      return "QE";
    case EnclaveKind::kTdQe:
      return "TD_QE";
    case EnclaveKind::kQve:
      break;
  }
  return "QVE";
}

absl::StatusOr<EnclaveIdentity> ParseEnclaveIdentityUnverified(
    std::string_view body) {
  JsonScanner scanner(body);
  ASSIGN_OR_RETURN(EnclaveIdentity parsed,
                   ReadEnclaveIdentityUnverified(scanner));
  RETURN_IF_ERROR(scanner.ExpectEnd());
  return parsed;
}

absl::StatusOr<EnclaveIdentity> ReadEnclaveIdentityUnverified(
    JsonScanner& scanner) {
  return IdentityReader(scanner).Read();
}

}  // namespace constellation::attestation
