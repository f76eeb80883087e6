// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/tdx_profile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "attestation/policy/json_fields.h"
#include "attestation/policy/json_reader.h"
#include "common/edit_distance.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxGraceHours = 24UL * 365;

// Both lists begin with what every Intel quote has.
constexpr std::string_view kTdxKeys[] = {"acceptAnyAdvisory",
                                         "acceptedAdvisories",
                                         "acceptedStatuses",
                                         "collateralGraceHours",
                                         "insecureRoots",
                                         "minimumEvaluationDataNumber",
                                         "allowMigratable",
                                         "insecureAllowDebug",
                                         "mrconfigid",
                                         "mrowner",
                                         "mrownerconfig",
                                         "mrseam",
                                         "mrsignerseam",
                                         "mrtd",
                                         "requireSeptVeDisable",
                                         "rtmr0",
                                         "rtmr1",
                                         "rtmr2",
                                         "rtmr3",
                                         "xfam"};
constexpr std::string_view kSgxKeys[] = {"acceptAnyAdvisory",
                                         "acceptedAdvisories",
                                         "acceptedStatuses",
                                         "collateralGraceHours",
                                         "insecureRoots",
                                         "minimumEvaluationDataNumber",
                                         "insecureAllowDebug",
                                         "isvprodid",
                                         "minimumISVSVN",
                                         "mrenclave",
                                         "mrsigner"};

// Lists of measurements of a TD.
struct Measurements {
  std::string_view key;
  std::vector<IntelMeasurement> TdxPolicy::*member;
};
constexpr Measurements kMeasurements[] = {
    {"mrtd", &TdxPolicy::mr_td},
    {"mrseam", &TdxPolicy::mr_seam},
    {"mrsignerseam", &TdxPolicy::mr_signer_seam},
    {"mrconfigid", &TdxPolicy::mr_config_id},
    {"mrowner", &TdxPolicy::mr_owner},
    {"mrownerconfig", &TdxPolicy::mr_owner_config}};

constexpr TcbStatus kAcceptable[] = {
    TcbStatus::kUpToDate,
    TcbStatus::kSwHardeningNeeded,
    TcbStatus::kConfigurationNeeded,
    TcbStatus::kConfigurationAndSwHardeningNeeded,
    TcbStatus::kOutOfDate,
    TcbStatus::kOutOfDateConfigurationNeeded,
    TcbStatus::kTdRelaunchAdvised,
    TcbStatus::kTdRelaunchAdvisedConfigurationNeeded};

// "rtmr0" to "rtmr3".
std::string RtmrKey(size_t index) {
  return fmt::format("rtmr{}", index);
}

// Revoked and NotSupported are not among the words: accepting them would be
// accepting a key that Intel disowned.
absl::Status ReadStatuses(const JsonObject& object, IntelTcbPolicy& tcb) {
  if (!object.Has("acceptedStatuses")) {
    return InvalidArgument(
        fmt::format("{}: missing; [\"UpToDate\"] is the strictest",
                    object.PlaceOf("acceptedStatuses")));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> words,
                   StringList(object, "acceptedStatuses"));
  std::vector<std::string_view> known;
  for (const TcbStatus status : kAcceptable) {
    known.push_back(ToString(status));
  }
  for (const std::string& word : words) {
    const auto found = std::ranges::find(known, word);
    if (found == known.end()) {
      const std::optional<std::string> nearest = NearestWord(word, known);
      return InvalidArgument(fmt::format(
          "{}: \"{}\" cannot be accepted; {}",
          object.PlaceOf("acceptedStatuses"), ShownText(word),
          nearest.has_value()
              ? fmt::format("did you mean \"{}\"?", *nearest)
              : fmt::format("want some of {}", fmt::join(known, ", "))));
    }
    tcb.accepted_statuses.push_back(kAcceptable[found - known.begin()]);
  }
  return absl::OkStatus();
}

// The evaluation data number is the floor below which old collateral, still
// validly signed, is refused: a roll-back of Intel's TCB recovery.
absl::StatusOr<IntelTcbPolicy> ReadTcb(const JsonObject& object) {
  IntelTcbPolicy tcb;
  RETURN_IF_ERROR(ReadStatuses(object, tcb));
  ASSIGN_OR_RETURN(const uint64_t number,
                   NumberUpTo(object, "minimumEvaluationDataNumber",
                              std::numeric_limits<uint32_t>::max()));
  if (number == 0) {
    return InvalidArgument(fmt::format(
        "{}: want at least 1, got 0: any collateral, however old, would do",
        object.PlaceOf("minimumEvaluationDataNumber")));
  }
  tcb.minimum_evaluation_data_number = static_cast<uint32_t>(number);
  ASSIGN_OR_RETURN(tcb.accepted_advisories,
                   StringList(object, "acceptedAdvisories"));
  ASSIGN_OR_RETURN(tcb.accept_any_advisory,
                   BoolOr(object, "acceptAnyAdvisory", false));
  ASSIGN_OR_RETURN(
      const std::optional<uint64_t> hours,
      OptionalNumber(object, "collateralGraceHours", kMaxGraceHours));
  tcb.collateral_grace = absl::Hours(static_cast<int64_t>(hours.value_or(0)));
  ASSIGN_OR_RETURN(tcb.insecure_roots, HexList<32>(object, "insecureRoots"));
  return tcb;
}

// Shared by TDX and SGX, as the reader is.
void PutTcb(const IntelTcbPolicy& tcb, Json& value) {
  for (const TcbStatus status : tcb.accepted_statuses) {
    value["acceptedStatuses"].push_back(std::string(ToString(status)));
  }
  if (tcb.minimum_evaluation_data_number.has_value()) {
    value["minimumEvaluationDataNumber"] = *tcb.minimum_evaluation_data_number;
  }
  PutList(value, "acceptedAdvisories", tcb.accepted_advisories);
  PutBool(value, "acceptAnyAdvisory", tcb.accept_any_advisory, false);
  if (tcb.collateral_grace != absl::ZeroDuration()) {
    value["collateralGraceHours"] = absl::ToInt64Hours(tcb.collateral_grace);
  }
  PutHexList(value, "insecureRoots", tcb.insecure_roots);
}

// The features of the CPU are 8 octets of hex, most significant first.
absl::StatusOr<std::vector<uint64_t>> ReadXfam(const JsonObject& object) {
  ASSIGN_OR_RETURN(const auto list, HexList<8>(object, "xfam"));
  std::vector<uint64_t> values;
  for (const std::array<uint8_t, 8>& octets : list) {
    uint64_t number = 0;
    for (const uint8_t octet : octets) {
      number = number << 8U | octet;
    }
    values.push_back(number);
  }
  return values;
}

}  // namespace

bool TdxProfile::operator==(const TdxProfile& other) const {
  return ToJsonValue(*this) == ToJsonValue(other);
}
bool SgxProfile::operator==(const SgxProfile& other) const {
  return ToJsonValue(*this) == ToJsonValue(other);
}

// `mrtd` must be there. RTMRs may be left out where the vTPM's registers are
// compared; then the profile does not cover the image.
absl::StatusOr<TdxProfile> ReadTdxProfile(const nlohmann::json& value,
                                          const std::string& place) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kTdxKeys));
  TdxProfile profile;
  TdxPolicy& policy = profile.policy;
  ASSIGN_OR_RETURN(policy.tcb, ReadTcb(object));
  for (const Measurements& one : kMeasurements) {
    ASSIGN_OR_RETURN(policy.*one.member, HexList<48>(object, one.key));
  }
  for (size_t i = 0; i < policy.rtmr.size(); ++i) {
    ASSIGN_OR_RETURN(policy.rtmr[i], HexList<48>(object, RtmrKey(i)));
  }
  ASSIGN_OR_RETURN(policy.xfam, ReadXfam(object));
  ASSIGN_OR_RETURN(policy.allow_debug,
                   BoolOr(object, "insecureAllowDebug", false));
  ASSIGN_OR_RETURN(policy.require_sept_ve_disable,
                   BoolOr(object, "requireSeptVeDisable", true));
  ASSIGN_OR_RETURN(policy.allow_migratable,
                   BoolOr(object, "allowMigratable", false));
  if (policy.mr_td.empty()) {
    return InvalidArgument(fmt::format(
        "{}: missing: any firmware would be accepted", object.PlaceOf("mrtd")));
  }
  return profile;
}

// A signer alone is not enough: he signs test builds and old versions too. So
// product and minimum version go with him.
absl::StatusOr<SgxProfile> ReadSgxProfile(const nlohmann::json& value,
                                          const std::string& place) {
  ASSIGN_OR_RETURN(const JsonObject object,
                   JsonObject::Of(value, place, kSgxKeys));
  SgxProfile profile;
  SgxPolicy& policy = profile.policy;
  ASSIGN_OR_RETURN(policy.tcb, ReadTcb(object));
  ASSIGN_OR_RETURN(policy.mr_enclave, HexList<32>(object, "mrenclave"));
  ASSIGN_OR_RETURN(policy.mr_signer, HexList<32>(object, "mrsigner"));
  constexpr uint64_t kMax = std::numeric_limits<uint16_t>::max();
  ASSIGN_OR_RETURN(const std::optional<uint64_t> product,
                   OptionalNumber(object, "isvprodid", kMax));
  ASSIGN_OR_RETURN(const std::optional<uint64_t> svn,
                   OptionalNumber(object, "minimumISVSVN", kMax));
  if (product.has_value()) {
    policy.isv_prod_id = static_cast<uint16_t>(*product);
  }
  if (svn.has_value()) {
    policy.minimum_isv_svn = static_cast<uint16_t>(*svn);
  }
  ASSIGN_OR_RETURN(policy.allow_debug,
                   BoolOr(object, "insecureAllowDebug", false));
  const bool by_signer =
      !policy.mr_signer.empty() && product.has_value() && svn.has_value();
  if (policy.mr_enclave.empty() && !by_signer) {
    return InvalidArgument(fmt::format(
        "{}: accepts too much: want mrenclave, or mrsigner with isvprodid and "
        "minimumISVSVN",
        place));
  }
  return profile;
}

nlohmann::json ToJsonValue(const TdxProfile& profile) {
  const TdxPolicy& policy = profile.policy;
  Json value = Json::object();
  PutTcb(policy.tcb, value);
  for (const Measurements& one : kMeasurements) {
    PutHexList(value, one.key, policy.*one.member);
  }
  for (size_t i = 0; i < policy.rtmr.size(); ++i) {
    PutHexList(value, RtmrKey(i), policy.rtmr[i]);
  }
  for (const uint64_t xfam : policy.xfam) {
    value["xfam"].push_back(fmt::format("{:016x}", xfam));
  }
  PutBool(value, "insecureAllowDebug", policy.allow_debug, false);
  PutBool(value, "requireSeptVeDisable", policy.require_sept_ve_disable, true);
  PutBool(value, "allowMigratable", policy.allow_migratable, false);
  return value;
}

nlohmann::json ToJsonValue(const SgxProfile& profile) {
  const SgxPolicy& policy = profile.policy;
  Json value = Json::object();
  PutTcb(policy.tcb, value);
  PutHexList(value, "mrenclave", policy.mr_enclave);
  PutHexList(value, "mrsigner", policy.mr_signer);
  if (policy.isv_prod_id.has_value()) {
    value["isvprodid"] = *policy.isv_prod_id;
  }
  if (policy.minimum_isv_svn.has_value()) {
    value["minimumISVSVN"] = *policy.minimum_isv_svn;
  }
  PutBool(value, "insecureAllowDebug", policy.allow_debug, false);
  return value;
}

}  // namespace constellation::attestation
