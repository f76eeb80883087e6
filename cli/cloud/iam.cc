// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/iam.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/cloud/cloud_run.h"
#include "cli/cloud/cloud_tools.h"
#include "cli/cluster/cluster_keys.h"
#include "cli/config/cloud_catalog.h"
#include "cli/config/syntax.h"
#include "cli/terminal/interrupt.h"
#include "cloud/engine/explained_provider.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "crypto/random.h"

namespace constellation::cli {
namespace {

using Json = nlohmann::json;

// What the shortest limit of the clouds leaves for names made from it.
constexpr size_t kMaxPrefix = 36;
constexpr size_t kMaxRecord = size_t{64} << 10U;

// What the workspace notes before anything is made.
struct IamRecord {
  IamRequest request;
  std::string uid;
  std::vector<std::string> key_files;
};

// Collects everything that is wrong with the flags.
class FlagCheck final {
 public:
  explicit FlagCheck(const IamRequest& request) : request_(request) {}

  // The value; a complaint if it is missing or empty.
  std::string Needed(const std::string& flag) {
    const std::string text = Optional(flag);
    if (text.empty()) {
      Complain(fmt::format("--{} is missing", flag));
    }
    return text;
  }
  // The value, or nothing.
  std::string Optional(const std::string& flag) const {
    const auto found = request_.options.find(flag);
    return found == request_.options.end() ? "" : found->second;
  }
  void Complain(const std::string& text) {
    text_ += (text_.empty() ? "" : "; ") + text;
  }
  void Complain(const std::string& flag,
                const std::optional<std::string>& mistake) {
    if (mistake) {
      Complain(fmt::format("--{}: {}", flag, *mistake));
    }
  }
  // The prefix begins names in the cloud: the letters that all of them allow.
  void Prefix() {
    const std::string prefix = Needed("prefix");
    if (!prefix.empty() &&
        (prefix.size() > kMaxPrefix || !IsDnsLabel(prefix))) {
      Complain(
          fmt::format("--prefix: want at most {} of a-z, 0-9 and inner "
                      "hyphens, got \"{}\"",
                      kMaxPrefix, prefix));
    }
  }
  // All complaints in one sentence: nobody likes to mend flags one by one.
  absl::Status status() const {
    return text_.empty() ? absl::OkStatus()
                         : InvalidArgument(fmt::format(
                               "iam create {}: {}", request_.provider, text_));
  }

 private:
  const IamRequest& request_;
  std::string text_;
};

// The region is the zone without its letter.
cloud::AwsSettings AwsOf(FlagCheck& check) {
  check.Prefix();
  cloud::AwsSettings aws;
  aws.zone = check.Needed("zone");
  if (!aws.zone.empty()) {
    aws.region = aws.zone.substr(0, aws.zone.size() - 1);
    const auto mistake =
        UnknownWord("region of AWS", aws.region, CloudRegions("aws"));
    check.Complain(
        "zone", mistake ? mistake : ZoneMistake("aws", aws.region, aws.zone));
  }
  return aws;
}

// The resource group is made by this command; it must not exist as somebody
// else's.
cloud::AzureSettings AzureOf(FlagCheck& check) {
  cloud::AzureSettings azure;
  azure.resource_group = check.Needed("resourceGroup");
  azure.location = check.Needed("region");
  if (!azure.location.empty()) {
    check.Complain("region", UnknownWord("location of Azure", azure.location,
                                         CloudRegions("azure")));
  }
  azure.subscription = check.Optional("subscriptionID");
  if (!azure.subscription.empty() && !IsUuid(azure.subscription)) {
    check.Complain("--subscriptionID: want a UUID");
  }
  return azure;
}

// The region is the zone without its last part.
cloud::GcpSettings GcpOf(FlagCheck& check) {
  check.Prefix();
  cloud::GcpSettings gcp;
  gcp.project = check.Needed("projectID");
  gcp.zone = check.Needed("zone");
  if (!gcp.zone.empty()) {
    gcp.region = gcp.zone.substr(0, gcp.zone.rfind('-'));
    const auto mistake =
        UnknownWord("region of Google Cloud", gcp.region, CloudRegions("gcp"));
    check.Complain(
        "zone", mistake ? mistake : ZoneMistake("gcp", gcp.region, gcp.zone));
  }
  return gcp;
}

// What a config shall say of the place, by its keys.
std::map<std::string, std::string> PlaceValues(
    const cloud::ProviderSettings& settings) {
  if (const auto* aws = std::get_if<cloud::AwsSettings>(&settings)) {
    return {{"provider.aws.region", aws->region},
            {"provider.aws.zone", aws->zone}};
  }
  if (const auto* azure = std::get_if<cloud::AzureSettings>(&settings)) {
    std::map<std::string, std::string> values = {
        {"provider.azure.location", azure->location},
        {"provider.azure.resourceGroup", azure->resource_group}};
    if (!azure->subscription.empty()) {
      values["provider.azure.subscription"] = azure->subscription;
    }
    return values;
  }
  const auto& gcp = std::get<cloud::GcpSettings>(settings);
  return {{"provider.gcp.project", gcp.project},
          {"provider.gcp.region", gcp.region},
          {"provider.gcp.zone", gcp.zone}};
}

// What identifies the place in a journal; a zone does not.
std::string ScopeOf(const cloud::ProviderSettings& settings) {
  std::string scope;
  for (const auto& [key, value] : PlaceValues(settings)) {
    if (!key.ends_with(".zone")) {
      scope += (scope.empty() ? "" : ", ") + value;
    }
  }
  return scope;
}

// The uid of the record marks everything that is made, so that it is found
// again even without a journal.
cloud::ClusterIdentity IdentityOf(const IamRecord& record,
                                  const cloud::ProviderSettings& settings) {
  const auto& options = record.request.options;
  const auto prefix = options.find("prefix");
  // Azure's identities live in a resource group, which names them.
  std::string name =
      prefix == options.end()
          ? std::get<cloud::AzureSettings>(settings).resource_group
          : prefix->second;
  for (char& c : name) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    c = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  }
  return {.uid = record.uid,
          .name = std::move(name),
          .cloud = record.request.provider,
          .scope = ScopeOf(settings)};
}

// What the provider is told beyond place and name.
std::map<std::string, std::string> ProviderOptions(const IamRequest& request) {
  std::map<std::string, std::string> options;
  const auto found = request.options.find("servicePrincipal");
  if (request.provider == "azure" && found != request.options.end()) {
    options["identity"] = found->second;
  }
  return options;
}

// Before anything is made: a run that is killed must leave a trace.
absl::Status SaveRecord(const Workspace& workspace, const IamRecord& record) {
  const Json object = {{"version", 1},
                       {"provider", record.request.provider},
                       {"options", record.request.options},
                       {"uid", record.uid},
                       {"keyFiles", record.key_files}};
  return WriteFileAtomically(workspace.iam_record_path(),
                             object.dump(2) + "\n");
}

// DATA_LOSS rather than a guess: what this file says gets deleted.
absl::StatusOr<IamRecord> LoadRecord(const Workspace& workspace) {
  const std::string path = workspace.iam_record_path();
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxRecord));
  const Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto damaged = [&path] {
    return DataLoss(fmt::format("{} is damaged", path));
  };
  if (!object.is_object() || !object.contains("uid") ||
      !object["uid"].is_string() || !object.contains("provider") ||
      !object["provider"].is_string() || !object.contains("options") ||
      !object["options"].is_object() || !object.contains("keyFiles") ||
      !object["keyFiles"].is_array()) {
    return damaged();
  }
  IamRecord record;
  record.uid = object["uid"].get<std::string>();
  record.request.provider = object["provider"].get<std::string>();
  for (const auto& [key, value] : object["options"].items()) {
    if (!value.is_string()) {
      return damaged();
    }
    record.request.options[key] = value.get<std::string>();
  }
  for (const Json& file : object["keyFiles"]) {
    // A name of ours, in this folder: whoever changed the file must not make
    // us delete another one.
    if (!file.is_string() ||
        file.get_ref<const std::string&>().find('/') != std::string::npos) {
      return damaged();
    }
    record.key_files.push_back(file.get<std::string>());
  }
  return record;
}

// The record of `request`: the one that is there, or a new one.
absl::StatusOr<IamRecord> RecordOf(const Workspace& workspace,
                                   const IamRequest& request) {
  if (!FileExists(workspace.iam_record_path())) {
    return IamRecord{request, HexEncode(crypto::RandomBytes(kUidBytes)), {}};
  }
  ASSIGN_OR_RETURN(IamRecord record, LoadRecord(workspace));
  if (!(record.request == request)) {
    return FailedPrecondition(fmt::format(
        "{} notes other identities (for {}); `constellation iam destroy` "
        "removes them, or use another folder",
        workspace.iam_record_path(), record.request.provider));
  }
  return record;
}

// Writes the secrets that identities come with; only the owner may read them.
absl::Status WriteKeyFiles(const Workspace& workspace,
                           const std::map<std::string, std::string>& files,
                           IamRecord& record, IamResult& result) {
  for (const auto& [name, contents] : files) {
    if (name.empty() || name.find('/') != std::string::npos ||
        name.front() == '.') {
      return Internal(
          fmt::format("key file: want a plain name, got \"{}\"", name));
    }
    const std::string path = workspace.key_file_path(name);
    RETURN_IF_ERROR(WriteFileAtomically(path, contents));
    if (std::ranges::find(record.key_files, name) == record.key_files.end()) {
      record.key_files.push_back(name);
    }
    result.key_files.push_back(path);
  }
  return SaveRecord(workspace, record);
}

// Also by what cannot be looked at, or a link to a disk that is not mounted.
bool IsTaken(const std::string& path) {
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 || errno != ENOENT;
}

// A file that is not there is removed already.
absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoStatus(errno, "remove", path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<cloud::ProviderSettings> IamSettingsOf(
    const IamRequest& request) {
  FlagCheck check(request);
  cloud::ProviderSettings settings;
  if (request.provider == "aws") {
    settings = AwsOf(check);
  } else if (request.provider == "azure") {
    settings = AzureOf(check);
  } else if (request.provider == "gcp") {
    settings = GcpOf(check);
  } else {
    return InvalidArgument(fmt::format(
        "iam: want aws, azure or gcp, got \"{}\"", request.provider));
  }
  RETURN_IF_ERROR(check.status());
  return settings;
}

// Looks before it asks, and asks before it makes. Keys are written with mode
// 0600 and noted, so that DestroyIam() finds them.
absl::StatusOr<IamResult> CreateIam(const Workspace& workspace,
                                    const IamRequest& request,
                                    ClusterTools& tools) {
  ASSIGN_OR_RETURN(const cloud::ProviderSettings settings,
                   IamSettingsOf(request));
  ASSIGN_OR_RETURN(IamRecord record, RecordOf(workspace, request));
  ASSIGN_OR_RETURN(const std::unique_ptr<IamConnection> connection,
                   tools.cloud->connect_iam(settings));
  cloud::IamProvider& iam = connection->iam();
  const cloud::ClusterIdentity identity = IdentityOf(record, settings);
  ASSIGN_OR_RETURN(const std::vector<cloud::Resource> desired,
                   iam.Desired(identity, ProviderOptions(request)));
  const CloudRunParts parts = {iam.Drivers(), *tools.cloud, tools.clock,
                               tools.progress};
  tools.progress.Begin(fmt::format("Asking {}", request.provider));
  cloud::Plan plan;
  {
    ASSIGN_OR_RETURN(
        const std::unique_ptr<CloudRun> look,
        CloudRun::Open(parts, identity, workspace.iam_journal_path(),
                       /*read_only=*/true));
    ASSIGN_OR_RETURN(plan, look->MakePlan(desired));
  }
  tools.progress.Done();
  if (!plan.Empty()) {
    RETURN_IF_ERROR(tools.cloud->approve(plan));
  }
  RETURN_IF_ERROR(CheckInterrupted());
  RETURN_IF_ERROR(SaveRecord(workspace, record));
  ASSIGN_OR_RETURN(const std::unique_ptr<CloudRun> run,
                   CloudRun::Open(parts, identity, workspace.iam_journal_path(),
                                  /*read_only=*/false));
  tools.progress.Begin(
      fmt::format("Creating identities on {}", request.provider));
  const cloud::EngineResult made = run->Apply(plan);
  RETURN_IF_ERROR(made.status);
  IamResult result;
  ASSIGN_OR_RETURN(result.config_values, iam.ConfigValues(made.outputs));
  ASSIGN_OR_RETURN(const auto files, iam.KeyFiles(made.outputs));
  RETURN_IF_ERROR(WriteKeyFiles(workspace, files, record, result));
  result.config_values.merge(PlaceValues(settings));
  tools.progress.Done();
  return result;
}

absl::StatusOr<IamRequest> LoadIamRequest(const Workspace& workspace) {
  if (!FileExists(workspace.iam_record_path())) {
    return NotFound(fmt::format("there are no identities of `iam create` in {}",
                                workspace.folder()));
  }
  ASSIGN_OR_RETURN(IamRecord record, LoadRecord(workspace));
  return std::move(record.request);
}

// The record goes last: until then a failed run can be repeated.
absl::Status DestroyIam(const Workspace& workspace, ClusterTools& tools) {
  RETURN_IF_ERROR(LoadIamRequest(workspace).status());
  if (IsTaken(workspace.state_path()) ||
      IsTaken(workspace.cloud_journal_path())) {
    return FailedPrecondition(fmt::format(
        "there is still a cluster in {}, whose nodes use these identities; "
        "`constellation terminate` first",
        workspace.folder()));
  }
  ASSIGN_OR_RETURN(const IamRecord record, LoadRecord(workspace));
  ASSIGN_OR_RETURN(const cloud::ProviderSettings settings,
                   IamSettingsOf(record.request));
  ASSIGN_OR_RETURN(const std::unique_ptr<IamConnection> connection,
                   tools.cloud->connect_iam(settings));
  const CloudRunParts parts = {connection->iam().Drivers(), *tools.cloud,
                               tools.clock, tools.progress};
  const cloud::ClusterIdentity identity = IdentityOf(record, settings);
  RETURN_IF_ERROR(
      cloud::WithNextStep(connection->iam().CheckDestroy(identity)));
  ASSIGN_OR_RETURN(const std::unique_ptr<CloudRun> run,
                   CloudRun::Open(parts, identity, workspace.iam_journal_path(),
                                  /*read_only=*/false));
  RETURN_IF_ERROR(run->Terminate().status);
  for (const std::string& name : record.key_files) {
    RETURN_IF_ERROR(RemoveFile(workspace.key_file_path(name)));
  }
  return RemoveFile(workspace.iam_record_path());
}

}  // namespace constellation::cli
