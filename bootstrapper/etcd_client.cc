// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/etcd_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/files.h"
#include "common/secret_bytes.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/https_transport.h"
#include "kubernetes/json.h"

namespace constellation::bootstrapper {
namespace {

using kubernetes::FindString;
using kubernetes::Json;

constexpr int kOk = 200;
constexpr size_t kMaxEtcdAnswer = size_t{1} << 20U;
constexpr int64_t kLastCode = 16;  // of gRPC; Abseil's are the same

// The error that etcd's gateway put into the body, or what can be said without.
absl::Status EtcdError(const kubernetes::HttpResponse& response) {
  const auto body = kubernetes::ParseJson(response.body, "answer");
  const auto code = body.ok() ? kubernetes::FindInteger(*body, {"code"})
                              : std::optional<int64_t>();
  if (!code.has_value() || *code <= 0 || *code > kLastCode) {
    return DataLoss(
        fmt::format("no answer of etcd (HTTP {})", response.status));
  }
  return {static_cast<absl::StatusCode>(*code),
          FindString(*body, {"message"}).value_or("no reason")};
}

std::string FirstOf(const Json& member, const char* list) {
  const Json* urls = kubernetes::Find(member, {list});
  return urls != nullptr && urls->is_array() && !urls->empty() &&
                 urls->front().is_string()
             ? urls->front().get<std::string>()
             : "";
}

absl::StatusOr<std::vector<EtcdMember>> MembersOf(const Json& answer) {
  const Json* list = kubernetes::Find(answer, {"members"});
  if (list == nullptr || !list->is_array() || list->empty()) {
    return DataLoss("no members in the answer");
  }
  std::vector<EtcdMember> members;
  for (const Json& entry : *list) {
    EtcdMember member;
    member.id = FindString(entry, {"ID"}).value_or("");
    member.peer_url = FirstOf(entry, "peerURLs");
    if (member.id.empty() || member.peer_url.empty()) {
      return DataLoss("a member without ID or peer URL in the answer");
    }
    member.name = FindString(entry, {"name"}).value_or("");
    member.client_url = FirstOf(entry, "clientURLs");
    member.learner = kubernetes::FindBool(entry, {"isLearner"}).value_or(false);
    members.push_back(std::move(member));
  }
  return members;
}

class EtcdClient final : public EtcdApi {
 public:
  EtcdClient(std::unique_ptr<kubernetes::HttpTransport> transport,
             absl::Duration timeout)
      : transport_(std::move(transport)), timeout_(timeout) {}

  absl::StatusOr<std::vector<EtcdMember>> Members() override {
    ASSIGN_OR_RETURN(const Json answer, Call("list", Json::object()));
    return MembersOf(answer);
  }

  absl::StatusOr<std::vector<EtcdMember>> AddLearner(
      std::string_view peer_url) override {
    ASSIGN_OR_RETURN(
        const Json answer,
        Call("add", {{"peerURLs", Json::array({std::string(peer_url)})},
                     {"isLearner", true}}));
    return MembersOf(answer);
  }

  absl::Status Promote(std::string_view id) override {
    return Call("promote", {{"ID", std::string(id)}}).status();
  }

  absl::Status Remove(std::string_view id) override {
    return Call("remove", {{"ID", std::string(id)}}).status();
  }

 private:
  absl::StatusOr<Json> Call(std::string_view what, const Json& request) {
    kubernetes::HttpRequest http;
    http.method = "POST";
    http.target = fmt::format("/v3/cluster/member/{}", what);
    http.content_type = "application/json";
    http.body = request.dump();
    http.timeout = timeout_;
    http.max_response_bytes = kMaxEtcdAnswer;
    const std::string context = fmt::format("etcd: member {}", what);
    auto response = transport_->Send(http);
    if (!response.ok()) {
      return Annotate(response.status(), context);
    }
    if (response->status != kOk) {
      return Annotate(EtcdError(*response), context);
    }
    return kubernetes::ParseJson(response->body, context);
  }

  const std::unique_ptr<kubernetes::HttpTransport> transport_;
  const absl::Duration timeout_;
};

}  // namespace

// The health check's certificate is good for any client's call: etcd knows no
// users here.
absl::StatusOr<std::unique_ptr<EtcdApi>> ConnectWithCertificates(
    const std::string& client_url, const std::string& pki_folder,
    absl::Duration timeout) {
  const std::string folder = pki_folder + "/etcd/";
  kubernetes::ClusterAccess access;
  access.server = client_url;
  ASSIGN_OR_RETURN(access.ca_pem, ReadFile(folder + "ca.crt"));
  ASSIGN_OR_RETURN(access.client_certificate_pem,
                   ReadFile(folder + "healthcheck-client.crt"));
  ASSIGN_OR_RETURN(std::string key,
                   ReadFile(folder + "healthcheck-client.key"));
  access.client_key_pem = SecretBytes(AsBytes(key));
  Wipe({reinterpret_cast<uint8_t*>(key.data()), key.size()});
  ASSIGN_OR_RETURN(auto transport,
                   kubernetes::HttpsTransport::Create(std::move(access)));
  return std::make_unique<EtcdClient>(std::move(transport), timeout);
}

}  // namespace constellation::bootstrapper
