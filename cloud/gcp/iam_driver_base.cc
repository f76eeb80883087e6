// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/iam_driver_base.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/compute.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

constexpr int kMaxIamPages = 100;  // against a server whose list never ends

}  // namespace

absl::Status IamThingNotThere(const std::string& id) {
  return MakeCloudError({.kind = CloudErrorKind::kNotFound,
                         .message = "there is no such thing",
                         .subject = id});
}

absl::Status PatientAboutNewAccounts(const absl::Status& status) {
  CloudError error = CloudErrorOf(status);
  if (error.kind == CloudErrorKind::kInvalid &&
      error.message.find("does not exist") != std::string::npos) {
    error.kind = CloudErrorKind::kConflict;
    return MakeCloudError(error);
  }
  return status;
}

// By the id that its name makes, else the journal's. Accounts, roles and
// bindings are named after the cluster's prefix.
absl::StatusOr<std::vector<Observed>> IamDriver::Find(
    const DriverContext& context) {
  std::string id = IdFor(context);
  if (id.empty()) {
    id = context.known_id;
  }
  std::vector<Observed> found;
  if (id.empty()) {
    return found;
  }
  absl::StatusOr<Observed> seen = Look(id);
  if (absl::IsNotFound(seen.status())) {
    return found;
  }
  if (!seen.ok()) {
    return seen.status();
  }
  // Names hold no uid: a namesake may be somebody else's, whose rights must
  // neither be used nor be taken away.
  if (CarriesMark() &&
      NameInMark(seen->attributes, context.cluster) != context.resource.name) {
    return found;
  }
  found.push_back(*std::move(seen));
  return found;
}

// IAM shows everything at once to who made it, so there is no pending state.
absl::StatusOr<Observed> IamDriver::Refresh(const DriverContext& /*context*/,
                                            const Observed& observed) {
  ASSIGN_OR_RETURN(Observed seen, Look(observed.id));
  // The private part of a key is never shown again.
  if (observed.attributes.contains("privateKeyData")) {
    seen.attributes["privateKeyData"] =
        observed.attributes.at("privateKeyData");
  }
  return seen;
}

// The id is the path behind "v1/".
absl::Status IamDriver::Delete(const DriverContext& context,
                               const Observed& observed) {
  return client_
      .Call({.service = "iam",
             .method = "DELETE",
             .path = "v1/" + observed.id,
             .stop = context.stop})
      .status();
}

absl::StatusOr<Observed> IamDriver::Look(const std::string& id) {
  ASSIGN_OR_RETURN(json thing,
                   client_.Call({.service = "iam", .path = "v1/" + id}));
  return Observed{.id = id, .attributes = std::move(thing)};
}

absl::StatusOr<std::vector<Stray>> IamDriver::ListMarked(
    const ClusterIdentity& cluster, std::string_view collection,
    std::string_view items, const std::string& page_size,
    const std::function<std::string(const json&)>& id_of) {
  std::vector<Stray> strays;
  ApiRequest request{
      .service = "iam",
      .path = fmt::format("v1/projects/{}/{}", project_, collection),
      .query = {{"pageSize", page_size}}};
  for (int page = 0; page < kMaxIamPages; ++page) {
    ASSIGN_OR_RETURN(const json answer, client_.Call(request));
    for (const json& thing : answer.value(items, json::array())) {
      if (const auto name = NameInMark(thing, cluster)) {
        strays.push_back(
            {.name = *name,
             .observed = {.id = id_of(thing), .attributes = thing}});
      }
    }
    const std::string next = TextOf(answer, "nextPageToken");
    if (next.empty()) {
      break;
    }
    request.query = {{"pageSize", page_size}, {"pageToken", next}};
  }
  return strays;
}

}  // namespace constellation::cloud::gcp
