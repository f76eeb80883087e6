// SPDX-License-Identifier: Apache-2.0
// The client against a real kube-apiserver, etcd and controllers.
#include "kubernetes/testing/api_server.h"

#include <fmt/format.h>

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/p256.h"
#include "crypto/x509.h"
#include "kubernetes/bootstrap_token.h"
#include "kubernetes/client.h"
#include "kubernetes/csr.h"
#include "kubernetes/kubeconfig.h"
#include "kubernetes/manifest.h"
#include "kubernetes/watch.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::ApiServer;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kConfigMaps[] = "/api/v1/namespaces/default/configmaps";

Json ConfigMap(std::string_view name, std::string_view value) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}}},
          {"data", {{"value", value}}}};
}

// One API server for all tests of this program: it takes seconds to start.
class ApiServerTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (ApiServer::WhyUnavailable().has_value()) return;
    auto server = ApiServer::Start();
    ASSERT_THAT(server, IsOk());
    server_ = *std::move(server);
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    SKIP_WITHOUT_API_SERVER();
    ASSERT_NE(server_, nullptr);
    ASSERT_OK_AND_ASSIGN(client_, server_->AdminClient());
  }

  static std::unique_ptr<ApiServer> server_;
  std::unique_ptr<Client> client_;
};
std::unique_ptr<ApiServer> ApiServerTest::server_;

TEST_F(ApiServerTest, CreatesReadsReplacesDeletes) {
  EXPECT_THAT(client_->Create(kConfigMaps, ConfigMap("crud", "1")), IsOk());
  EXPECT_THAT(client_->Create(kConfigMaps, ConfigMap("crud", "1")),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("crud")));
  const std::string path = std::string(kConfigMaps) + "/crud";
  ASSERT_OK_AND_ASSIGN(Json object, client_->Get(path));
  EXPECT_EQ(FindString(object, {"data", "value"}), "1");
  EXPECT_THAT(client_->Patch(path, PatchType::kMerge, {{"data", {{"b", "2"}}}}),
              IsOk());
  EXPECT_THAT(client_->Replace(path, object),  // has changed since
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(client_->Delete(path), IsOk());
  EXPECT_THAT(client_->Get(path), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(client_->Delete(path), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(ApiServerTest, ReportsInvalidObjects) {
  EXPECT_THAT(
      client_->Create(kConfigMaps, ConfigMap("Bad_Name", "1")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("Bad_Name")));
}

TEST_F(ApiServerTest, AppliesAndRefusesToStealFields) {
  EXPECT_THAT(client_->Apply(ConfigMap("applied", "1"), "one", false), IsOk());
  EXPECT_THAT(client_->Apply(ConfigMap("applied", "1"), "one", false), IsOk());
  EXPECT_THAT(client_->Apply(ConfigMap("applied", "2"), "two", false),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("one")));
  ASSERT_OK_AND_ASSIGN(const Json object,
                       client_->Apply(ConfigMap("applied", "2"), "two", true));
  EXPECT_EQ(FindString(object, {"data", "value"}), "2");
}

TEST_F(ApiServerTest, AppliesManifestsOfManyKinds) {
  EXPECT_THAT(ApplyManifest(*client_, R"(
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "web:1", ports: [{containerPort: 80}]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "shop:reader"}
rules: []
)",
                            "test"),
              IsOk());
  ASSERT_OK_AND_ASSIGN(
      const Json deployment,
      client_->Get("/apis/apps/v1/namespaces/shop/deployments/web"));
  EXPECT_EQ(FindInteger(deployment, {"spec", "replicas"}), 2);
}

TEST_F(ApiServerTest, ListsInPages) {
  for (int i = 0; i < 510; ++i) {
    Json object = ConfigMap(fmt::format("page-{:03}", i), "x");
    object["metadata"]["labels"] = {{"paged", "true"}};
    ASSERT_THAT(client_->Create(kConfigMaps, object), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const ObjectList list,
                       client_->List(kConfigMaps, {.labels = "paged=true"}));
  EXPECT_THAT(list.items, SizeIs(510));
  ASSERT_OK_AND_ASSIGN(
      const ObjectList one,
      client_->List(kConfigMaps, {.fields = "metadata.name=page-007"}));
  EXPECT_THAT(one.items, SizeIs(1));
}

TEST_F(ApiServerTest, KnowsWhoMayNot) {
  ASSERT_OK_AND_ASSIGN(const std::string kubeconfig,
                       server_->KubeconfigOf("nobody", "nobodies"));
  ASSERT_OK_AND_ASSIGN(const auto nobody, Client::FromKubeconfig(kubeconfig));
  EXPECT_THAT(
      nobody->Get(kConfigMaps),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("nobody")));
  KubeconfigParameters p;
  p.cluster_name = p.user_name = p.context_name = "test";
  p.server = server_->server();
  p.ca_pem = server_->ca_pem();
  p.token = SecretBytes(AsBytes(std::string_view("wrong")));
  ASSERT_OK_AND_ASSIGN(const std::string with_token, BuildKubeconfig(p));
  ASSERT_OK_AND_ASSIGN(const auto unknown, Client::FromKubeconfig(with_token));
  EXPECT_THAT(unknown->Get(kConfigMaps),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(ApiServerTest, SignsKubeletCertificates) {
  ASSERT_OK_AND_ASSIGN(const crypto::P256PrivateKey key,
                       crypto::P256PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(
      const Bytes csr,
      crypto::CreateCsr(key, "system:node:worker-1", "system:nodes"));
  CertificateRequest request;
  request.name_prefix = "worker-1-";
  request.csr_pem = crypto::PemEncode("CERTIFICATE REQUEST", csr);
  ASSERT_OK_AND_ASSIGN(const std::string pem,
                       IssueCertificate(*client_, Clock::System(), request,
                                        "test", absl::Seconds(30)));
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate certificate,
                       crypto::Certificate::FromPem(pem));
  ASSERT_OK_AND_ASSIGN(const crypto::Certificate ca,
                       crypto::Certificate::FromPem(server_->ca_pem()));
  EXPECT_THAT(certificate.VerifySignedBy(ca), IsOk());
  EXPECT_EQ(certificate.Spki(), key.PublicSpki());

  // The kubelet can now speak for its node.
  KubeconfigParameters p;
  p.cluster_name = p.user_name = p.context_name = "kubelet";
  p.server = server_->server();
  p.ca_pem = server_->ca_pem();
  p.client_certificate_pem = pem;
  ASSERT_OK_AND_ASSIGN(p.client_key_pem, key.ToPem());
  ASSERT_OK_AND_ASSIGN(const std::string kubeconfig, BuildKubeconfig(p));
  ASSERT_OK_AND_ASSIGN(const auto kubelet, Client::FromKubeconfig(kubeconfig));
  EXPECT_THAT(
      kubelet->Create("/api/v1/nodes", {{"apiVersion", "v1"},
                                        {"kind", "Node"},
                                        {"metadata", {{"name", "worker-1"}}}}),
      IsOk());
  EXPECT_THAT(kubelet->Get("/api/v1/namespaces/kube-system/secrets"),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(ApiServerTest, SignerRefusesOtherNames) {
  ASSERT_OK_AND_ASSIGN(const crypto::P256PrivateKey key,
                       crypto::P256PrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const Bytes csr,
                       crypto::CreateCsr(key, "admin", "system:masters"));
  CertificateRequest request;
  request.name_prefix = "admin-";
  request.csr_pem = crypto::PemEncode("CERTIFICATE REQUEST", csr);
  EXPECT_THAT(IssueCertificate(*client_, Clock::System(), request, "test",
                               absl::Seconds(5)),
              ::testing::Not(IsOk()));
}

TEST_F(ApiServerTest, BootstrapTokensAuthenticate) {
  ASSERT_OK_AND_ASSIGN(
      const SecretBytes token,
      CreateBootstrapToken(*client_, Clock::System(), absl::Minutes(15), "t"));
  KubeconfigParameters p;
  p.cluster_name = p.user_name = p.context_name = "test";
  p.server = server_->server();
  p.ca_pem = server_->ca_pem();
  p.token = token.Clone();
  ASSERT_OK_AND_ASSIGN(const std::string kubeconfig, BuildKubeconfig(p));
  ASSERT_OK_AND_ASSIGN(const auto node, Client::FromKubeconfig(kubeconfig));
  // Known by name, without rights: UNAUTHENTICATED would mean unknown.
  EXPECT_THAT(node->Get("/api/v1/nodes"),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("system:bootstrap:")));
}

TEST_F(ApiServerTest, AcceptsNoOtherAuthority) {
  KubeconfigParameters p;
  p.cluster_name = p.user_name = p.context_name = "test";
  p.server = server_->server();
  ASSERT_OK_AND_ASSIGN(p.ca_pem,
                       ReadFile(server_->pki_folder() + "/front-proxy-ca.crt"));
  p.token = SecretBytes(AsBytes(std::string_view("t")));
  ASSERT_OK_AND_ASSIGN(const std::string kubeconfig, BuildKubeconfig(p));
  ASSERT_OK_AND_ASSIGN(const auto client, Client::FromKubeconfig(kubeconfig));
  EXPECT_THAT(client->CheckReady(),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(ApiServerTest, ChecksTheNameInTheCertificate) {
  ASSERT_OK_AND_ASSIGN(const std::string admin, server_->AdminKubeconfig());
  ASSERT_OK_AND_ASSIGN(const std::string by_name,
                       WithServer(admin, server_->server(), "kubernetes"));
  ASSERT_OK_AND_ASSIGN(const auto client, Client::FromKubeconfig(by_name));
  EXPECT_THAT(client->CheckReady(), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string by_other,
                       WithServer(admin, server_->server(), "other"));
  ASSERT_OK_AND_ASSIGN(const auto other, Client::FromKubeconfig(by_other));
  EXPECT_THAT(other->CheckReady(),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

// Remembers the value of each ConfigMap.
class Mirror final : public WatchHandler {
 public:
  void OnList(const ObjectList& list) override {
    absl::MutexLock lock(&mutex_);
    ++lists_;
    values_.clear();
    for (const Json& object : list.items) Set(object);
  }
  void OnChange(const Json& object) override {
    absl::MutexLock lock(&mutex_);
    Set(object);
  }
  void OnDelete(const Json& object) override {
    absl::MutexLock lock(&mutex_);
    values_.erase(FindString(object, {"metadata", "name"}).value_or(""));
  }
  // Waits until ConfigMap `name` has `value` ("": is not there).
  bool Await(const std::string& name, const std::string& value) {
    const auto arrived = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      const auto at = values_.find(name);
      return at == values_.end() ? value.empty() : at->second == value;
    };
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&arrived),
                                   absl::Seconds(60));
  }
  int lists() {
    absl::MutexLock lock(&mutex_);
    return lists_;
  }

 private:
  void Set(const Json& object) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    values_[FindString(object, {"metadata", "name"}).value_or("")] =
        FindString(object, {"data", "value"}).value_or("");
  }

  absl::Mutex mutex_;
  int lists_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string> values_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ApiServerTest, WatchSurvivesTimeOutsAndRestarts) {
  ASSERT_THAT(client_->Apply(ConfigMap("watched", "1"), "t", true), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto watching, server_->AdminClient());
  Mirror mirror;
  WatchOptions options;
  options.selection.fields = "metadata.name=watched";
  options.server_timeout = absl::Seconds(2);
  options.max_delay = absl::Seconds(2);
  absl::Status ended;
  std::jthread thread([&](const std::stop_token& stop) {
    ended =
        Watch(*watching, kConfigMaps, options, Clock::System(), stop, mirror);
  });
  EXPECT_TRUE(mirror.Await("watched", "1"));
  ASSERT_THAT(client_->Apply(ConfigMap("watched", "2"), "t", true), IsOk());
  EXPECT_TRUE(mirror.Await("watched", "2"));
  absl::SleepFor(absl::Seconds(5));  // two time-outs of the server
  ASSERT_THAT(client_->Apply(ConfigMap("watched", "3"), "t", true), IsOk());
  EXPECT_TRUE(mirror.Await("watched", "3"));
  EXPECT_EQ(mirror.lists(), 1);

  // Others change, so that the API server, once started again, no longer knows
  // the version where we were, and says so.
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(
        client_->Apply(ConfigMap("other", std::to_string(i)), "t", true),
        IsOk());
  }
  server_->StopApiServer();
  EXPECT_THAT(client_->CheckReady(), StatusIs(absl::StatusCode::kUnavailable));
  ASSERT_THAT(server_->StartApiServer(), IsOk());
  ASSERT_THAT(client_->Apply(ConfigMap("watched", "4"), "t", true), IsOk());
  EXPECT_TRUE(mirror.Await("watched", "4"));
  EXPECT_THAT(mirror.lists(), Ge(2));
  ASSERT_THAT(client_->Delete(std::string(kConfigMaps) + "/watched"), IsOk());
  EXPECT_TRUE(mirror.Await("watched", ""));

  const absl::Time begin = absl::Now();
  thread.request_stop();
  thread.join();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(5));
  EXPECT_THAT(ended, StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace constellation::kubernetes
