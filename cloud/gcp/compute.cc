// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/compute.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "cloud/engine/cloud_error.h"
#include "cloud/gcp/gcp_error.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::gcp {
namespace {

using nlohmann::json;

// The mark's two parts; the uid stands first, so that it can be compared as a
// whole.
constexpr std::string_view kUid = "constellation-uid=";
constexpr std::string_view kName = " constellation-name=";
constexpr std::string_view kReference = "{ref:";
// For operations that others wait for; these take seconds.
constexpr absl::Duration kAwait = absl::Minutes(1);

// References: with or without the API's address in front, which differs between
// answers.
bool SameText(std::string_view got, std::string_view want) {
  return got == want || (want.find("projects/") != std::string_view::npos &&
                         AfterProjects(got) == AfterProjects(want));
}

// What Google leaves out of an answer.
bool IsNeutral(const json& value) {
  return value == false || value == 0 || value == "" ||
         (value.is_structured() && value.empty()) || value.is_null();
}

// Every element of `want` has a partner of its own in `got`, and none is left.
// O(n²), with lists of some ten elements.
bool SameElements(const json& got, const json& want) {
  if (!got.is_array() || got.size() != want.size()) {
    return false;
  }
  std::vector<bool> taken(got.size(), false);
  return std::ranges::all_of(want, [&](const json& element) {
    for (size_t i = 0; i < got.size(); ++i) {
      if (!taken[i] && Covers(got[i], element)) {
        taken[i] = true;
        return true;
      }
    }
    return false;
  });
}

// One reference in a text is enough for all that we write.
absl::StatusOr<std::string> ResolveText(const std::string& text,
                                        const DriverContext& context) {
  const size_t first = text.find(kReference);
  const size_t last =
      first == std::string::npos ? first : text.find('}', first);
  if (last == std::string::npos) {
    return text;
  }
  const std::string inner =
      text.substr(first + kReference.size(), last - first - kReference.size());
  const size_t colon = inner.find(':');
  const std::string name = inner.substr(0, colon);
  const Observed* const found = context.dependency(name);
  const std::string value =
      found == nullptr || colon == std::string::npos
          ? std::string()
          : TextOf(found->attributes, inner.substr(colon + 1));
  if (value.empty()) {
    return MakeCloudError(
        {.kind = CloudErrorKind::kNotFound,
         .message = fmt::format("{} of {} is not known yet",
                                inner.substr(colon + 1), name)});
  }
  return text.substr(0, first) + value + text.substr(last + 1);
}

}  // namespace

std::string MarkOf(const ClusterIdentity& cluster, std::string_view name) {
  return fmt::format("{}{}{}{}", kUid, cluster.uid, kName, name);
}

// Exactly our uid: the blank behind it ends it, so a uid that only begins like
// ours does not match.
std::optional<std::string> NameInMark(const json& thing,
                                      const ClusterIdentity& cluster) {
  const std::string text = TextOf(thing, "description");
  const std::string start = fmt::format("{}{}{}", kUid, cluster.uid, kName);
  if (!text.starts_with(start)) {
    return std::nullopt;
  }
  return text.substr(start.size());
}

std::string BaseName(const ClusterIdentity& cluster) {
  return fmt::format("{}-{}", cluster.name, cluster.uid);
}

std::string CloudName(const ClusterIdentity& cluster, std::string_view name) {
  return fmt::format("{}-{}-{}", cluster.name, cluster.uid, name);
}

std::string TextOf(const json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

// Regional and zonal things have one more segment than global ones.
std::string PlaceOf(std::string_view id) {
  // projects/p/global/... or projects/p/zones/z/...
  size_t at = id.find('/', id.find('/') + 1);
  if (at == std::string_view::npos) {
    return std::string(id);
  }
  const bool global = id.substr(at + 1).starts_with("global/");
  at = id.find('/', at + 1);
  if (!global && at != std::string_view::npos) {
    at = id.find('/', at + 1);
  }
  return std::string(id.substr(0, at));
}

// Independent of the address in selfLink, which a private endpoint changes.
std::string IdOf(const json& thing) {
  const std::string link = TextOf(thing, "selfLink");
  const std::string_view rest = AfterProjects(link);
  return rest.size() == link.size() ? std::string()
                                    : fmt::format("projects/{}", rest);
}

// What is wanted and missing is equal if it is a neutral value: Google leaves
// these out.
bool Covers(const json& got, const json& want) {
  if (want.is_object()) {
    return got.is_object() &&
           std::ranges::all_of(want.items(), [&](const auto& member) {
             const auto found = got.find(member.key());
             return found == got.end() ? IsNeutral(member.value())
                                       : Covers(*found, member.value());
           });
  }
  if (want.is_array()) {
    return SameElements(got, want);
  }
  if (want.is_string() && got.is_string()) {
    return SameText(got.get_ref<const std::string&>(),
                    want.get_ref<const std::string&>());
  }
  return got == want;
}

absl::StatusOr<json> ResolveReferences(const json& body,
                                       const DriverContext& context) {
  if (body.is_string()) {
    ASSIGN_OR_RETURN(std::string text,
                     ResolveText(body.get_ref<const std::string&>(), context));
    return json(std::move(text));
  }
  if (!body.is_structured()) {
    return body;
  }
  json out = body;
  for (json& element : out) {
    ASSIGN_OR_RETURN(json resolved, ResolveReferences(element, context));
    element = std::move(resolved);
  }
  return out;
}

absl::StatusOr<json> Compute::Get(const std::string& path,
                                  const std::stop_token& stop) {
  return client_.Call({.path = path, .stop = stop});
}

// The operation's name comes from the answer and becomes part of a path, hence
// its syntax is checked; without a sane one the thing itself has to tell.
absl::Status Compute::Start(const ApiRequest& request, const std::string& id,
                            Change change) {
  ASSIGN_OR_RETURN(const json operation, client_.Call(request));
  if (OperationFailed(operation)) {
    return MakeCloudError(OperationErrorOf(operation));
  }
  const std::string name = TextOf(operation, "name");
  const bool sane = !name.empty() && name.size() <= 256 &&
                    name.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                        "WXYZ0123456789-_") == std::string::npos;
  const absl::MutexLock lock(&mutex_);
  running_.erase(id);
  if (sane && TextOf(operation, "status") != "DONE") {
    running_[id] = {change, fmt::format("{}/operations/{}", PlaceOf(id), name)};
  }
  return absl::OkStatus();
}

// An operation that the API has forgotten counts as done: they are kept for two
// weeks only. Errors of asking are the caller's and change nothing here.
absl::StatusOr<Compute::Progress> Compute::Check(const std::string& id,
                                                 Change change,
                                                 const std::stop_token& stop) {
  std::string path;
  {
    const absl::MutexLock lock(&mutex_);
    const auto found = running_.find(id);
    if (found == running_.end() || found->second.change != change) {
      return Progress::kNone;
    }
    path = found->second.path;
  }
  const absl::StatusOr<json> operation = Get(path, stop);
  const bool gone = !operation.ok() && CloudErrorKindOf(operation.status()) ==
                                           CloudErrorKind::kNotFound;
  if (!operation.ok() && !gone) {
    return operation.status();
  }
  if (!gone && TextOf(*operation, "status") != "DONE") {
    return Progress::kRunning;
  }
  const bool failed = !gone && OperationFailed(*operation);
  const absl::Status failure =
      failed ? MakeCloudError(OperationErrorOf(*operation)) : absl::OkStatus();
  const absl::MutexLock lock(&mutex_);
  // A failed change is remembered until another one starts: whoever asks again
  // gets the same answer.
  const auto found = running_.find(id);
  if (found != running_.end() && found->second.path == path &&
      (!failed || change == Change::kDelete)) {
    running_.erase(found);
  }
  if (failed && change == Change::kDelete) {
    refusals_[id] = failure;
  }
  RETURN_IF_ERROR(failure);
  return Progress::kDone;
}

absl::Status Compute::TakeRefusal(const std::string& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = refusals_.find(id);
  if (found == refusals_.end()) {
    return absl::OkStatus();
  }
  const absl::Status refusal = found->second;
  refusals_.erase(found);
  return refusal;
}

// For changes of which several must follow each other.
absl::Status Compute::Await(const std::string& id, Change change,
                            const std::stop_token& stop) {
  const absl::Time give_up = clock_.Now() + kAwait;
  while (true) {
    ASSIGN_OR_RETURN(const Progress progress, Check(id, change, stop));
    if (progress != Progress::kRunning) {
      return absl::OkStatus();
    }
    if (clock_.Now() >= give_up) {
      return MakeCloudError({.kind = CloudErrorKind::kUnclear,
                             .message = "the operation takes long",
                             .subject = id});
    }
    if (!SleepUnlessStopped(clock_, absl::Seconds(1), stop)) {
      return MakeCloudError(
          {.kind = CloudErrorKind::kCancelled, .message = "cancelled"});
    }
  }
}

bool IsResourceName(std::string_view name, size_t max_size) {
  return !name.empty() && name.size() <= max_size && name.front() >= 'a' &&
         name.front() <= 'z' && name.back() != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
             std::string_view::npos;
}

}  // namespace constellation::cloud::gcp
