// SPDX-License-Identifier: Apache-2.0
#include "joinservice/policy_watcher.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/json.h"

namespace constellation::joinservice {
namespace {

constexpr char kConfigMaps[] = "/api/v1/namespaces/kube-system/configmaps";
constexpr char kFieldSelector[] = "metadata.name=join-config";
// After an error that waiting does not cure, such as missing rights: the owner
// may cure it.
constexpr absl::Duration kPause = absl::Seconds(10);

// The policy inside of the ConfigMap; NOT_FOUND or INVALID_ARGUMENT.
absl::StatusOr<attestation::Policy> PolicyOf(const kubernetes::Json& object) {
  ASSIGN_OR_RETURN(
      const std::string text,
      kubernetes::RequireString(object, {"data", "attestationConfig"}));
  return attestation::Policy::Parse(text);
}

}  // namespace

void PolicyWatcher::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

std::shared_ptr<const attestation::Policy> PolicyWatcher::Current() const {
  absl::MutexLock lock(&mutex_);
  return policy_;
}

// A watch that fails is begun again for ever: without it changes of the owner
// would be missed silently.
void PolicyWatcher::Run(const std::stop_token& stop) {
  kubernetes::WatchOptions options;
  options.selection.fields = kFieldSelector;
  while (!stop.stop_requested()) {
    const absl::Status status =
        kubernetes::Watch(client_, kConfigMaps, options, clock_, stop, *this);
    if (absl::IsCancelled(status)) return;
    spdlog::error("event=policy-watch-failed error=\"{}\"", Message(status));
    for (absl::Duration waited; waited < kPause && !stop.stop_requested();
         waited += absl::Seconds(1)) {
      clock_.Sleep(absl::Seconds(1));
    }
  }
}

void PolicyWatcher::OnList(const kubernetes::ObjectList& list) {
  for (const kubernetes::Json& object : list.items) OnChange(object);
  if (list.items.empty()) OnDelete({});
}

// A policy that does not parse changes nothing: with none at all every node
// would be locked out by a typing error.
void PolicyWatcher::OnChange(const kubernetes::Json& object) {
  const std::string version =
      kubernetes::FindString(object, {"metadata", "resourceVersion"})
          .value_or("");
  absl::StatusOr<attestation::Policy> parsed = PolicyOf(object);
  if (!parsed.ok()) {
    spdlog::error(
        "event=policy-refused version={} error=\"{}\" effect=\"the last good "
        "policy stays\"",
        version, Message(parsed.status()));
    return;
  }
  spdlog::info("event=policy-loaded version={} profiles={} enrolled={}",
               version, parsed->profiles().size(), parsed->enrolled().size());
  auto policy = std::make_shared<const attestation::Policy>(*std::move(parsed));
  absl::MutexLock lock(&mutex_);
  policy_ = std::move(policy);
}

// Whoever can delete the ConfigMap must not be able to make the service accept
// anything else.
void PolicyWatcher::OnDelete(const kubernetes::Json& /*object*/) {
  spdlog::error(
      "event=policy-missing object=kube-system/join-config effect=\"the last "
      "good policy stays\"");
}

}  // namespace constellation::joinservice
