// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/control_service.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "cloud/json_fields.h"
#include "cloud/qemu/control_protocol.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

using Result = absl::StatusOr<std::string>;  // JSON
using Operation = Result (*)(Supervisor&, JsonFields&);

constexpr uint64_t kMaxSeconds = 24 * 3600;

// Operations without a result answer null.
Result Done(const absl::Status& status) {
  return status.ok() ? Result("null") : Result(status);
}

// Every operation refuses arguments that it does not know: a misspelt
// "graceful" must not cut the power.
Result DoStatus(Supervisor& supervisor, JsonFields& fields) {
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  ASSIGN_OR_RETURN(const ClusterStatus status, supervisor.Status());
  return ClusterStatusToJson(status);
}

// For the operations whose one argument is the node's name.
template <absl::Status (Supervisor::*kMethod)(std::string_view)>
Result OnNode(Supervisor& supervisor, JsonFields& fields) {
  const std::string node = fields.String("node", 63);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return Done((supervisor.*kMethod)(node));
}

// How "stop" and "shutdown" end VMs.
struct StopArguments {
  StopMode mode = StopMode::kHard;
  absl::Duration limit;
};

StopArguments TakeStopArguments(JsonFields& fields) {
  const bool graceful = fields.Bool("graceful");
  return {graceful ? StopMode::kGraceful : StopMode::kHard,
          absl::Seconds(fields.Unsigned("limitSeconds", 0, kMaxSeconds))};
}

Result DoStop(Supervisor& supervisor, JsonFields& fields) {
  const std::string node = fields.String("node", 63);
  const StopArguments stop = TakeStopArguments(fields);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return Done(supervisor.StopNode(node, stop.mode, stop.limit));
}

Result DoAdd(Supervisor& supervisor, JsonFields& fields) {
  const nlohmann::json* spec = fields.Object("spec");
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  ASSIGN_OR_RETURN(const NodeSpec wanted, ParseNodeSpec(spec->dump()));
  ASSIGN_OR_RETURN(const NodeSpec added, supervisor.AddNode(wanted));
  return NodeSpecToJson(added);
}

Result DoSetImage(Supervisor& supervisor, JsonFields& fields) {
  const std::string node = fields.String("node", 63);
  const std::string path = fields.String("imagePath", 1024);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return Done(supervisor.SetNodeImage(node, path));
}

Result DoOpenTpm(Supervisor& supervisor, JsonFields& fields) {
  const std::string node = fields.String("node", 63);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  ASSIGN_OR_RETURN(const std::string tcti, supervisor.OpenTpm(node));
  return nlohmann::json(tcti).dump();
}

Result DoSetEnrolled(Supervisor& supervisor, JsonFields& fields) {
  const nlohmann::json* array = fields.Array("enrolledTPMs", 1000);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return Done(supervisor.SetEnrolledTpms(array->dump()));
}

Result DoSetSecretHash(Supervisor& supervisor, JsonFields& fields) {
  const std::string hash = fields.String("initSecretSHA256", 64);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return Done(supervisor.SetInitSecretHash(hash));
}

Result DoShutdown(Supervisor& supervisor, JsonFields& fields) {
  const bool remove = fields.Bool("remove");
  const StopArguments stop = TakeStopArguments(fields);
  RETURN_IF_ERROR(fields.Finish(/*allow_unknown=*/false));
  return Done(supervisor.Shutdown(remove, stop.mode, stop.limit));
}

// Null for an unknown name.
Operation FindOperation(std::string_view name) {
  static const std::map<std::string_view, Operation> operations{
      {"status", &DoStatus},
      {"start", &OnNode<&Supervisor::StartNode>},
      {"stop", &DoStop},
      {"reset", &OnNode<&Supervisor::ResetNode>},
      {"kill", &OnNode<&Supervisor::KillNode>},
      {"add", &DoAdd},
      {"remove", &OnNode<&Supervisor::RemoveNode>},
      {"set-image", &DoSetImage},
      {"open-tpm", &DoOpenTpm},
      {"close-tpm", &OnNode<&Supervisor::CloseTpm>},
      {"set-enrolled-tpms", &DoSetEnrolled},
      {"set-init-secret-hash", &DoSetSecretHash},
      {"shutdown", &DoShutdown},
  };
  const auto found = operations.find(name);
  return found == operations.end() ? nullptr : found->second;
}

// Who may connect is decided by the socket (HttpServer): here everybody may do
// everything.
Result Execute(Supervisor& supervisor, const std::string& body) {
  ASSIGN_OR_RETURN(const nlohmann::json object,
                   ParseJsonObject(body, "request", kMaxControlMessage));
  JsonFields fields(object, "request");
  const std::string name = fields.String("op", 64);
  const Operation operation = FindOperation(name);
  if (operation == nullptr) {
    fields.Reject("op", fmt::format("unknown operation \"{}\"", name));
    return fields.Finish(/*allow_unknown=*/true);
  }
  return operation(supervisor, fields);
}

}  // namespace

HttpResponse ServeControl(Supervisor& supervisor, const HttpRequest& request) {
  if (request.method != "POST" || request.path != "/control") {
    return {404, ControlAnswer(NotFound("want POST /control"))};
  }
  return {200, ControlAnswer(Execute(supervisor, request.body))};
}

}  // namespace constellation::cloud::qemu
