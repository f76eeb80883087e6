// SPDX-License-Identifier: Apache-2.0
#include "cloud/azure/arm_driver.h"

#include <fmt/format.h>

#include <utility>

#include "cloud/azure/json_compare.h"
#include "cloud/azure/json_text.h"
#include "cloud/engine/cloud_error.h"
#include "cloud/engine/find_by_sweep.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::azure {
namespace {

using nlohmann::json;
using Kind = CloudErrorKind;

constexpr const char* kStateAttribute = "provisioningState";

std::string ProvisioningState(const json& body) {
  return TextAt(body, "/properties/provisioningState");
}

json ValueAt(const json& object, std::string_view pointer) {
  const json::json_pointer at{std::string(pointer)};
  return object.contains(at) ? object.at(at) : json();
}

bool IsMissing(const absl::Status& status) {
  return !status.ok() && CloudErrorKindOf(status) == Kind::kNotFound;
}

// "resourceGroupNotFound" is an error for whoever creates, absence for others.
bool IsAbsent(const absl::Status& status) {
  return IsMissing(status) ||
         (!status.ok() && CloudErrorOf(status).code == "ResourceGroupNotFound");
}

// The engine's own word for absence, whatever Azure called it.
absl::Status Absent(std::string_view id) {
  return MakeCloudError({.kind = Kind::kNotFound,
                         .code = "ResourceNotFound",
                         .message = fmt::format("{} is not there", id)});
}

// The value of "@{name:/pointer}".
absl::StatusOr<json> Resolve(
    std::string_view text,
    const std::function<const Observed*(std::string_view)>& dependency) {
  const std::string_view inner = text.substr(2, text.size() - 3);
  const size_t colon = inner.find(':');
  if (colon == std::string_view::npos || !dependency) {
    return Internal(fmt::format("a reference that leads nowhere: {}", text));
  }
  const Observed* const found = dependency(inner.substr(0, colon));
  const json value = found == nullptr
                         ? json()
                         : ValueAt(found->attributes, inner.substr(colon + 1));
  if (value.is_null()) {
    return MakeCloudError(
        {.kind = Kind::kNotFound,
         .message = fmt::format("{} is not known yet", inner)});
  }
  return value;
}

}  // namespace

std::string DescriptionMark(std::string_view uid, std::string_view resource) {
  return fmt::format("{}={} {}={}", kUidTag, uid, kResourceTag, resource);
}

// Only whole texts are references. One that the operator writes into a setting
// shows him a value of his own cluster, or is an error: no harm.
absl::StatusOr<json> ResolveReferences(
    const json& body,
    const std::function<const Observed*(std::string_view)>& dependency) {
  if (body.is_string()) {
    const auto& text = body.get_ref<const std::string&>();
    return text.starts_with("@{") && text.ends_with("}")
               ? Resolve(text, dependency)
               : absl::StatusOr<json>(body);
  }
  json resolved = body;
  if (body.is_structured()) {
    for (auto& [key, value] : resolved.items()) {
      ASSIGN_OR_RETURN(value, ResolveReferences(value, dependency));
    }
  }
  return resolved;
}

ArmDriver::ArmDriver(ArmClient& client, const ArmKind& kind, ArmScope scope,
                     Completion completion)
    : client_(client),
      kind_(kind),
      scope_(std::move(scope)),
      completion_(std::move(completion)) {}

// A PUT with an id that we chose makes nothing twice.
DriverTraits ArmDriver::Traits() const {
  return {.create_is_idempotent = true,
          .ready_timeout = kind_.ready_timeout,
          .gone_timeout = kind_.gone_timeout};
}

// Journals and answers name ids. Whoever can write one of them must not be able
// to have something deleted that the cluster never had.
absl::Status ArmDriver::CheckId(std::string_view id) const {
  const bool group = kind_.kind == kResourceGroup;
  const bool ours = group ? SameId(id, ResourceGroupId(scope_))
                          : IsBelow(id, CollectionId(scope_, kind_.type));
  if (!IsArmId(id) || !ours) {
    return MakeCloudError(
        {.kind = Kind::kInvalid,
         .message =
             fmt::format("want the id of a {} in {}, got \"{}\"", kind_.type,
                         ResourceGroupId(scope_), id.substr(0, 300))});
  }
  return absl::OkStatus();
}

absl::StatusOr<ArmAnswer> ArmDriver::Call(const std::string& method,
                                          const std::string& id,
                                          const DriverContext& context,
                                          std::optional<json> body,
                                          std::string_view etag) {
  RETURN_IF_ERROR(CheckId(id));
  ArmRequest request{.method = method,
                     .path = id,
                     .api_version = std::string(kind_.api_version),
                     .body = std::move(body),
                     .stop = context.stop};
  if (method == "DELETE") {
    request.query = std::string(kind_.delete_query);
  }
  if (!etag.empty()) {
    request.headers.emplace_back("If-Match", std::string(etag));
  }
  return client_.Send(request);
}

// A description is free text that we alone write; the uid stands in front, so
// that one uid which begins like another is told from it by the space.
std::optional<std::string> ArmDriver::MarkOf(const json& body,
                                             std::string_view uid) const {
  if (kind_.mark == MarkPlace::kTags) {
    const json tags = ValueAt(body, "/tags");
    if (!tags.is_object() || TextAt(tags, fmt::format("/{}", kUidTag)) != uid) {
      return std::nullopt;
    }
    return TextAt(tags, fmt::format("/{}", kResourceTag));
  }
  const std::string text = TextAt(body, "/properties/description");
  const std::string prefix = DescriptionMark(uid, "");
  return text.starts_with(prefix) ? std::optional(text.substr(prefix.size()))
                                  : std::nullopt;
}

bool ArmDriver::IsMarked(const json& body, std::string_view uid,
                         std::string_view name) const {
  const auto mark = MarkOf(body, uid);
  return mark && *mark == name;
}

Observed ArmDriver::Look(const std::string& id, const json& body) const {
  Observed observed{.id = id, .attributes = body};
  const std::string state = ProvisioningState(body);
  if (state == "Failed" || state == "Canceled") {
    observed.state = ResourceState::kFailed;
    observed.detail = fmt::format("Azure says {}", state);
  } else if (state == "Deleting") {
    observed.state = ResourceState::kDeleting;
  } else if (!state.empty() && state != "Succeeded") {
    observed.state = ResourceState::kPending;
    observed.detail = state;
  }
  return observed;
}

absl::StatusOr<Observed> ArmDriver::Get(const std::string& id,
                                        const DriverContext& context) {
  absl::StatusOr<ArmAnswer> answer = Call("GET", id, context);
  if (!answer.ok()) {
    return IsAbsent(answer.status()) ? Absent(id) : answer.status();
  }
  return Look(id, answer->body);
}

std::optional<ArmDriver::Running> ArmDriver::RunningOf(const std::string& id) {
  const absl::MutexLock lock(&mutex_);
  const auto found = running_.find(Lower(id));
  return found == running_.end() ? std::nullopt : std::optional(found->second);
}

// By lower case: ARM writes the same id in several ways.
void ArmDriver::Note(const std::string& id, std::optional<Running> running) {
  const absl::MutexLock lock(&mutex_);
  if (running) {
    running_[Lower(id)] = *std::move(running);
  } else {
    running_.erase(Lower(id));
  }
}

// Two ids, because a plan may name a thing otherwise than the run that made it.
absl::StatusOr<std::vector<Observed>> ArmDriver::Find(
    const DriverContext& context) {
  std::vector<std::string> ids;
  const std::string wanted = TextAt(context.resource.desired, "/id");
  for (const std::string& id : {wanted, context.known_id}) {
    if (!id.empty() && (ids.empty() || !SameId(ids.front(), id))) {
      ids.push_back(id);
    }
  }
  if (ids.empty()) {  // the journal knows neither id nor plan
    return FindBySweep(*this, context);
  }
  std::vector<Observed> found;
  for (const std::string& id : ids) {
    absl::StatusOr<Observed> one = Get(id, context);
    if (IsMissing(one.status())) {
      continue;
    }
    RETURN_IF_ERROR(one.status());
    if (one->state != ResourceState::kDeleting &&
        IsMarked(one->attributes, context.cluster.uid, context.resource.name)) {
      if (one->state == ResourceState::kFailed) {
        one->state = ResourceState::kReady;  // Differs() tells
      }
      found.push_back(*std::move(one));
    }
  }
  return found;
}

absl::StatusOr<json> ArmDriver::BodyOf(const DriverContext& context) const {
  return ResolveReferences(
      ValueAt(context.resource.desired, fmt::format("/{}", kDesiredBody)),
      context.dependency);
}

// "Failed" right after a change is the state of before; only the next question
// tells how this change ended.
absl::StatusOr<Observed> ArmDriver::Started(const std::string& id,
                                            const ArmAnswer& answer,
                                            bool deletes) {
  ASSIGN_OR_RETURN(const std::optional<ArmOperation> operation,
                   client_.OperationOf(answer));
  Note(id, operation ? std::optional(
                           Running{.operation = *operation, .deletes = deletes})
                     : std::nullopt);
  Observed observed = Look(id, answer.body);
  if (deletes) {
    observed.state = ResourceState::kDeleting;
  } else if (operation || observed.state == ResourceState::kFailed) {
    observed.state = ResourceState::kPending;  // the next question tells
  }
  return observed;
}

absl::StatusOr<Observed> ArmDriver::Create(const DriverContext& context,
                                           std::string_view /*token*/) {
  const std::string id = TextAt(context.resource.desired, "/id");
  absl::StatusOr<Observed> there = Get(id, context);
  if (there.ok()) {
    // A PUT would silently take over what is somebody else's.
    if (!IsMarked(there->attributes, context.cluster.uid,
                  context.resource.name)) {
      return MakeCloudError({.kind = Kind::kNameTaken,
                             .message = fmt::format("{} exists", id),
                             .subject = id.substr(id.rfind('/') + 1)});
    }
    if (there->state == ResourceState::kDeleting) {
      return MakeCloudError(
          {.kind = Kind::kConflict,
           .message = fmt::format("{} is still being deleted", id)});
    }
    return there;
  }
  if (!IsMissing(there.status())) {
    return there.status();
  }
  ASSIGN_OR_RETURN(json body, BodyOf(context));
  if (completion_) {
    completion_(body);
  }
  ASSIGN_OR_RETURN(const ArmAnswer answer,
                   Call("PUT", id, context, std::move(body)));
  return Started(id, answer, /*deletes=*/false);
}

// What the plan does not mention is not compared: Azure's defaults and the
// children of other owners are no difference.
std::vector<AttributeChange> ArmDriver::Differs(const DriverContext& context,
                                                const Observed& observed) {
  std::vector<AttributeChange> changes;
  const absl::StatusOr<json> body = BodyOf(context);
  if (!body.ok()) {
    return changes;  // a dependency is not there: it is made, and this again
  }
  for (const Watched& watched : kind_.watched) {
    const json want = ValueAt(*body, watched.pointer);
    const json got = ValueAt(observed.attributes, watched.pointer);
    if (!want.is_null() && !Covers(got, want)) {
      changes.push_back({.attribute = std::string(watched.pointer.substr(1)),
                         .from = got,
                         .to = want,
                         .needs_replacement = watched.replaces});
    }
  }
  const std::string state = ProvisioningState(observed.attributes);
  if (state == "Failed" || state == "Canceled") {
    changes.push_back(
        {.attribute = kStateAttribute, .from = state, .to = "Succeeded"});
  }
  return changes;
}

// PATCH (RFC 7396) sends what differs; ARM wants some objects whole even then.
// A PUT replaces lists, so other owners' children are carried over.
absl::StatusOr<Observed> ArmDriver::Update(const DriverContext& context,
                                           const Observed& observed) {
  ASSIGN_OR_RETURN(const Observed now, Get(observed.id, context));
  ASSIGN_OR_RETURN(const json body, BodyOf(context));
  const std::vector<AttributeChange> changes = Differs(context, now);
  if (changes.empty()) {
    return now;
  }
  json sent = body;
  if (kind_.patches) {
    sent = json::object();
    for (const AttributeChange& change : changes) {
      if (change.attribute != kStateAttribute && !change.needs_replacement) {
        sent[json::json_pointer("/" + change.attribute)] = change.to;
      }
    }
    for (const char* whole : {"sku", "identity", "tags"}) {  // ARM wants it so
      if (sent.contains(whole)) {
        sent[whole] = ValueAt(body, fmt::format("/{}", whole));
      }
    }
    if (sent.empty()) {  // only its state differs: asks for the same again
      sent["sku"] = ValueAt(body, "/sku");
    }
    sent = KeepForeignChildren(sent, now.attributes);
  } else {
    sent = KeepForeignChildren(body, now.attributes);
  }
  ASSIGN_OR_RETURN(const ArmAnswer answer,
                   Call(kind_.patches ? "PATCH" : "PUT", observed.id, context,
                        std::move(sent),
                        kind_.patches ? "" : TextAt(now.attributes, "/etag")));
  return Started(observed.id, answer, /*deletes=*/false);
}

absl::StatusOr<Observed> ArmDriver::Refresh(const DriverContext& context,
                                            const Observed& observed) {
  std::optional<Running> running = RunningOf(observed.id);
  if (running && running->failure.ok()) {
    absl::StatusOr<OperationState> state =
        client_.Poll(running->operation, context.stop);
    if (IsMissing(state.status())) {
      state = OperationState{.done = true};  // forgotten: look at the thing
    }
    RETURN_IF_ERROR(state.status());
    running->failure = state->failure;
    Note(observed.id,
         state->done && state->failure.ok() ? std::nullopt : running);
    if (!state->done) {
      Observed same = observed;
      same.state =
          running->deletes ? ResourceState::kDeleting : ResourceState::kPending;
      return same;
    }
  }
  ASSIGN_OR_RETURN(Observed now, Get(observed.id, context));
  if (!running || running->failure.ok()) {
    return now;
  }
  // The cause says more than "failed". It is kept until something new is
  // started: who polls may bear some errors and ask again.
  if (running->deletes || now.state != ResourceState::kFailed) {
    Note(observed.id, std::nullopt);
    const bool tell = running->deletes &&
                      CloudErrorKindOf(running->failure) != Kind::kLateFailure;
    return tell ? running->failure : absl::StatusOr<Observed>(now);
  }
  if (CloudErrorKindOf(running->failure) != Kind::kLateFailure) {
    return running->failure;
  }
  now.detail = std::string(Message(running->failure));
  return now;
}

// A group takes everything in it along: only an empty one is deleted.
absl::Status ArmDriver::CheckEmpty(const DriverContext& context,
                                   const std::string& id) {
  RETURN_IF_ERROR(CheckId(id));
  const absl::StatusOr<std::vector<json>> inside =
      client_.List({.path = id + "/resources",
                    .api_version = std::string(kind_.api_version),
                    .stop = context.stop});
  if (!inside.ok()) {
    return IsAbsent(inside.status()) ? Absent(id) : inside.status();
  }
  if (inside->empty()) {
    return absl::OkStatus();
  }
  return MakeCloudError(
      {.kind = Kind::kDependency,
       .message = fmt::format("{} holds {} things yet", id, inside->size()),
       .subject = TextAt(inside->front(), "/id").substr(0, 300)});
}

// Nothing but the id is known here: whether the thing is ours has been asked by
// whoever found it (Find(), List()).
absl::Status ArmDriver::Delete(const DriverContext& context,
                               const Observed& observed) {
  if (kind_.kind == kResourceGroup) {
    RETURN_IF_ERROR(CheckEmpty(context, observed.id));
  }
  const absl::StatusOr<ArmAnswer> answer = Call("DELETE", observed.id, context);
  if (!answer.ok()) {
    return IsAbsent(answer.status()) ? Absent(observed.id) : answer.status();
  }
  if (answer->status == 204) {  // ARM RPC: it was not there
    return Absent(observed.id);
  }
  return Started(observed.id, *answer, /*deletes=*/true).status();
}

// An id in the answer that is not of this scope is passed over, marked or not:
// a tag can be set by anybody who may write tags.
absl::StatusOr<std::vector<Stray>> ArmDriver::List(
    const ClusterIdentity& cluster) {
  const bool group = kind_.kind == kResourceGroup;
  absl::StatusOr<std::vector<json>> all =
      client_.List({.path = group ? SubscriptionId(scope_) + "/resourcegroups"
                                  : CollectionId(scope_, kind_.type),
                    .api_version = std::string(kind_.api_version),
                    .query = std::string(kind_.list_query)});
  if (!all.ok()) {
    return CloudErrorOf(all.status()).code == "ResourceGroupNotFound"
               ? absl::StatusOr<std::vector<Stray>>(std::vector<Stray>())
               : all.status();
  }
  std::vector<Stray> strays;
  for (const json& body : *all) {
    const std::string id = TextAt(body, "/id");
    const auto mark = MarkOf(body, cluster.uid);
    if (mark && CheckId(id).ok()) {
      strays.push_back({.name = *mark, .observed = Look(id, body)});
    }
  }
  return strays;
}

}  // namespace constellation::cloud::azure
