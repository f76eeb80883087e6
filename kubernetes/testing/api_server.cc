// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/testing/api_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/command.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/retry.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "kubernetes/kubeconfig.h"

namespace constellation::kubernetes::testing {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStartTimeout = absl::Seconds(120);
constexpr absl::Duration kPoll = absl::Milliseconds(100);
constexpr std::array<const char*, 2> kPrograms = {"kube-apiserver",
                                                  "kube-controller-manager"};

bool HasPrograms(const fs::path& folder) {
  for (const char* program : kPrograms) {
    if (::access((folder / program).c_str(), X_OK) != 0) return false;
  }
  return true;
}

bool IsInPath(const char* program) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    const std::string_view folder = left.substr(0, left.find(':'));
    left.remove_prefix(std::min(left.size(), folder.size() + 1));
    if (::access(fmt::format("{}/{}", folder, program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

// Below the cache of the node image's build: newest first.
std::string FindInCache() {
  const char* home = std::getenv("HOME");
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const fs::path top =
      (cache != nullptr ? fs::path(cache)
                        : fs::path(home == nullptr ? "/" : home) / ".cache") /
      "constellation";
  std::error_code error;
  std::string found;
  fs::file_time_type newest = fs::file_time_type::min();
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto at = fs::recursive_directory_iterator(top, options, error);
       !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    if (at.depth() > 4) at.disable_recursion_pending();
    if (at->path().filename() != kPrograms[0]) continue;
    const auto folder = at->path().parent_path();
    if (!HasPrograms(folder)) continue;
    const auto time = at->last_write_time(error);
    if (time >= newest) {
      newest = time;
      found = folder;
    }
  }
  return found;
}

// The folder of the Kubernetes programs; "" if there is none.
const std::string& BinFolder() {
  static const std::string folder = []() -> std::string {
    const char* given = std::getenv("CONSTELLATION_KUBERNETES_BIN");
    if (given != nullptr && HasPrograms(given)) return given;
    if (std::string cached = FindInCache(); !cached.empty()) return cached;
    for (const char* usual : {"/usr/local/bin", "/usr/bin"}) {
      if (HasPrograms(usual)) return usual;
    }
    return "";
  }();
  return folder;
}

absl::Status RunTool(const std::vector<std::string>& argv) {
  ProcessRunner runner;
  return RunChecked(runner, argv).status();
}

// Calls `check` until it is OK.
absl::Status WaitFor(const std::function<absl::Status()>& check) {
  const absl::Time deadline = absl::Now() + kStartTimeout;
  absl::Status status = check();
  while (!status.ok() && absl::Now() < deadline) {
    absl::SleepFor(kPoll);
    status = check();
  }
  return status;
}

std::string LastLines(const std::string& path) {
  const absl::StatusOr<std::string> log = ReadFile(path);
  if (!log.ok()) return "";
  constexpr size_t kTail = 2000;
  return log->size() > kTail ? log->substr(log->size() - kTail) : *log;
}

}  // namespace

std::optional<std::string> ApiServer::WhyUnavailable() {
  if (BinFolder().empty()) {
    return "no kube-apiserver and kube-controller-manager (build the node "
           "image, or set CONSTELLATION_KUBERNETES_BIN)";
  }
  for (const char* program : {"etcd", "openssl"}) {
    if (!IsInPath(program)) return fmt::format("no program {}", program);
  }
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Start() {
  auto server = std::make_unique<ApiServer>(Private());
  server->bin_ = BinFolder();
  ASSIGN_OR_RETURN(server->etcd_port_, FreePort());
  ASSIGN_OR_RETURN(server->port_, FreePort());
  RETURN_IF_ERROR(server->MakeCertificates());
  RETURN_IF_ERROR(server->StartEtcd());
  RETURN_IF_ERROR(server->StartApiServer());
  RETURN_IF_ERROR(server->StartControllers());
  return server;
}

std::string ApiServer::server() const {
  return fmt::format("https://127.0.0.1:{}", port_);
}

std::string ApiServer::Pki(std::string_view name) const {
  return fmt::format("{}/{}", pki_folder(), name);
}

absl::Status ApiServer::MakeCertificates() {
  RETURN_IF_ERROR(MakeDirectories(Pki("etcd")));
  for (const char* name : {"ca", "front-proxy-ca", "etcd/ca"}) {
    RETURN_IF_ERROR(RunTool(
        {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
         fmt::format("/CN=test {}", fs::path(name).filename().string()),
         "-keyout", Pki(fmt::format("{}.key", name)), "-out",
         Pki(fmt::format("{}.crt", name))}));
  }
  RETURN_IF_ERROR(RunTool({"openssl", "ecparam", "-genkey", "-name",
                           "prime256v1", "-noout", "-out", Pki("sa.key")}));
  RETURN_IF_ERROR(RunTool({"openssl", "ec", "-in", Pki("sa.key"), "-pubout",
                           "-out", Pki("sa.pub")}));
  RETURN_IF_ERROR(
      MakeCertificate("apiserver", "/CN=kube-apiserver",
                      "subjectAltName=IP:127.0.0.1,DNS:kubernetes"));
  RETURN_IF_ERROR(MakeCertificate("admin", "/O=system:masters/CN=admin",
                                  "extendedKeyUsage=clientAuth"));
  ASSIGN_OR_RETURN(ca_pem_, ReadFile(Pki("ca.crt")));
  ASSIGN_OR_RETURN(const std::string kubeconfig, AdminKubeconfig());
  return WriteFileAtomically(Pki("admin.conf"), kubeconfig);
}

absl::Status ApiServer::MakeCertificate(const std::string& name,
                                        const std::string& subject,
                                        const std::string& extra_extension) {
  return RunTool({"openssl",
                  "req",
                  "-x509",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:prime256v1",
                  "-nodes",
                  "-days",
                  "2",
                  "-CA",
                  Pki("ca.crt"),
                  "-CAkey",
                  Pki("ca.key"),
                  "-subj",
                  subject,
                  "-addext",
                  extra_extension,
                  "-addext",
                  "basicConstraints=critical,CA:FALSE",
                  "-keyout",
                  Pki(name + ".key"),
                  "-out",
                  Pki(name + ".crt")});
}

absl::Status ApiServer::StartEtcd() {
  const std::string client = fmt::format("http://127.0.0.1:{}", etcd_port_);
  ASSIGN_OR_RETURN(const int peer_port, FreePort());
  const std::string peer = fmt::format("http://127.0.0.1:{}", peer_port);
  ASSIGN_OR_RETURN(
      etcd_,
      ChildProcess::Start(
          {"etcd", "--data-dir", dir_.Join("etcd"), "--listen-client-urls",
           client, "--advertise-client-urls", client, "--listen-peer-urls",
           peer, "--initial-advertise-peer-urls", peer, "--initial-cluster",
           "default=" + peer, "--unsafe-no-fsync"},
          dir_.Join("etcd.log")));
  return absl::OkStatus();
}

absl::Status ApiServer::StartApiServer() {
  ASSIGN_OR_RETURN(
      api_server_,
      ChildProcess::Start(
          {bin_ + "/kube-apiserver",
           fmt::format("--etcd-servers=http://127.0.0.1:{}", etcd_port_),
           fmt::format("--secure-port={}", port_), "--bind-address=127.0.0.1",
           "--tls-cert-file=" + Pki("apiserver.crt"),
           "--tls-private-key-file=" + Pki("apiserver.key"),
           "--client-ca-file=" + Pki("ca.crt"),
           "--authorization-mode=Node,RBAC",
           "--service-account-key-file=" + Pki("sa.pub"),
           "--service-account-signing-key-file=" + Pki("sa.key"),
           "--service-account-issuer=https://kubernetes.default.svc",
           "--service-cluster-ip-range=10.96.0.0/16",
           "--enable-bootstrap-token-auth", "--allow-privileged=true",
           "--cert-dir=" + dir_.Join("run")},
          dir_.Join("kube-apiserver.log")));
  return WaitUntilReady();
}

void ApiServer::StopApiServer() {
  api_server_->Stop(SIGTERM);
}

absl::Status ApiServer::WaitUntilReady() {
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, AdminClient());
  client->set_timeout(absl::Seconds(5));
  const absl::Status status = WaitFor([&]() -> absl::Status {
    if (!etcd_->IsRunning() || !api_server_->IsRunning()) {
      return absl::OkStatus();  // said below
    }
    RETURN_IF_ERROR(client->CheckReady());
    // Made by a loop of its own, on a busy machine after the server is ready.
    RETURN_IF_ERROR(client->Get("/api/v1/namespaces/default").status());
    return client->Get("/api/v1/namespaces/kube-system").status();
  });
  if (!etcd_->IsRunning()) {
    return Internal("etcd ended: " + LastLines(dir_.Join("etcd.log")));
  }
  if (!api_server_->IsRunning()) {
    return Internal("kube-apiserver ended: " +
                    LastLines(dir_.Join("kube-apiserver.log")));
  }
  return status;
}

absl::Status ApiServer::StartControllers() {
  ASSIGN_OR_RETURN(
      controllers_,
      ChildProcess::Start(
          {bin_ + "/kube-controller-manager",
           "--kubeconfig=" + Pki("admin.conf"),
           "--authentication-kubeconfig=" + Pki("admin.conf"),
           "--authorization-kubeconfig=" + Pki("admin.conf"),
           "--controllers=csrsigning,root-ca-cert-publisher,serviceaccount,"
           "serviceaccount-token,tokencleaner",
           "--cluster-signing-cert-file=" + Pki("ca.crt"),
           "--cluster-signing-key-file=" + Pki("ca.key"),
           "--root-ca-file=" + Pki("ca.crt"),
           "--service-account-private-key-file=" + Pki("sa.key"),
           "--use-service-account-credentials=false", "--leader-elect=false",
           "--port=0", "--secure-port=0"},
          dir_.Join("kube-controller-manager.log")));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ApiServer::AdminKubeconfig() const {
  KubeconfigParameters p;
  p.cluster_name = p.user_name = p.context_name = "test";
  p.server = server();
  ASSIGN_OR_RETURN(p.ca_pem, ReadFile(Pki("ca.crt")));
  ASSIGN_OR_RETURN(p.client_certificate_pem, ReadFile(Pki("admin.crt")));
  ASSIGN_OR_RETURN(const std::string key, ReadFile(Pki("admin.key")));
  p.client_key_pem = SecretBytes(AsBytes(key));
  return BuildKubeconfig(p);
}

absl::StatusOr<std::string> ApiServer::KubeconfigOf(const std::string& user,
                                                    const std::string& group) {
  RETURN_IF_ERROR(MakeCertificate("user",
                                  fmt::format("/O={}/CN={}", group, user),
                                  "extendedKeyUsage=clientAuth"));
  KubeconfigParameters p;
  p.cluster_name = p.user_name = p.context_name = "test";
  p.server = server();
  p.ca_pem = ca_pem_;
  ASSIGN_OR_RETURN(p.client_certificate_pem, ReadFile(Pki("user.crt")));
  ASSIGN_OR_RETURN(const std::string key, ReadFile(Pki("user.key")));
  p.client_key_pem = SecretBytes(AsBytes(key));
  return BuildKubeconfig(p);
}

absl::StatusOr<std::string> ApiServer::ServiceAccountKubeconfig(
    const std::string& name_space, const std::string& name) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Client> client, AdminClient());
  const std::string base = fmt::format("/api/v1/namespaces/{}/", name_space);
  KubeconfigParameters p;
  p.cluster_name = p.user_name = p.context_name = "test";
  p.server = server();
  p.ca_pem = ca_pem_;
  RETURN_IF_ERROR(WaitFor([&]() -> absl::Status {
    ASSIGN_OR_RETURN(const Json account,
                     client->Get(base + "serviceaccounts/" + name));
    const Json* secrets = Find(account, {"secrets"});
    if (secrets == nullptr || !secrets->is_array() || secrets->empty()) {
      return NotFound("the service account has no token yet");
    }
    ASSIGN_OR_RETURN(const std::string secret_name,
                     RequireString((*secrets)[0], {"name"}));
    ASSIGN_OR_RETURN(const Json secret,
                     client->Get(base + "secrets/" + secret_name));
    ASSIGN_OR_RETURN(const std::string token,
                     RequireString(secret, {"data", "token"}));
    ASSIGN_OR_RETURN(const Bytes bytes, Base64Decode(token));
    p.token = SecretBytes(bytes);
    return absl::OkStatus();
  }));
  return BuildKubeconfig(p);
}

absl::StatusOr<std::unique_ptr<Client>> ApiServer::AdminClient() const {
  ASSIGN_OR_RETURN(const std::string kubeconfig, AdminKubeconfig());
  return Client::FromKubeconfig(kubeconfig);
}

}  // namespace constellation::kubernetes::testing
