// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_KUBERNETES_TESTING_API_SERVER_H_
#define CONSTELLATION_KUBERNETES_TESTING_API_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/testing/temp_dir.h"
#include "kubernetes/client.h"
#include "kubernetes/testing/child_process.h"

namespace constellation::kubernetes::testing {

// A real Kubernetes API on loopback: etcd, kube-apiserver and the controllers
// that sign certificates, publish the authority and make service account
// tokens. All certificates are made for it and thrown away with it.
class ApiServer final {
  struct Private {  // lets std::make_unique call the constructor, nobody else
    explicit Private() = default;
  };

 public:
  explicit ApiServer(Private /*unused*/) {}

  // Why there can be none here (programs that are missing), or nothing. The
  // programs are looked for in $CONSTELLATION_KUBERNETES_BIN, then in the cache
  // of the node image's build, then in PATH.
  static std::optional<std::string> WhyUnavailable();

  // Starts all programs and waits until the API server is ready.
  static absl::StatusOr<std::unique_ptr<ApiServer>> Start();

  // A kubeconfig with the rights of an administrator, or of `user` in `group`.
  absl::StatusOr<std::string> AdminKubeconfig() const;
  absl::StatusOr<std::string> KubeconfigOf(const std::string& user,
                                           const std::string& group);
  // A kubeconfig with the token of a service account, once it has one.
  absl::StatusOr<std::string> ServiceAccountKubeconfig(
      const std::string& name_space, const std::string& name);
  absl::StatusOr<std::unique_ptr<Client>> AdminClient() const;

  const std::string& ca_pem() const { return ca_pem_; }
  std::string server() const;
  // /etc/kubernetes/pki of this cluster: the files that nodes share.
  std::string pki_folder() const { return dir_.Join("pki"); }

  // Stops only the API server (its address stays) / starts it again.
  void StopApiServer();
  absl::Status StartApiServer();

 private:
  absl::Status MakeCertificates();
  absl::Status StartEtcd();
  absl::Status StartControllers();
  absl::Status WaitUntilReady();
  // Signs a certificate for `subject` ("/O=group/CN=name"); "pki/<name>.crt"
  // and ".key".
  absl::Status MakeCertificate(const std::string& name,
                               const std::string& subject,
                               const std::string& extra_extension);
  std::string Pki(std::string_view name) const;

  constellation::testing::TempDir dir_;
  std::string bin_;
  std::string ca_pem_;
  int etcd_port_ = 0;
  int port_ = 0;
  std::unique_ptr<ChildProcess> etcd_;
  std::unique_ptr<ChildProcess> api_server_;
  std::unique_ptr<ChildProcess> controllers_;
};

// Skips the test, saying what is missing, if there can be no ApiServer.
#define SKIP_WITHOUT_API_SERVER()                                            \
  if (const auto why =                                                       \
          ::constellation::kubernetes::testing::ApiServer::WhyUnavailable(); \
      why.has_value()) {                                                     \
    GTEST_SKIP() << "NOT TESTED against a real API server: " << *why;        \
  }

}  // namespace constellation::kubernetes::testing

#endif  // CONSTELLATION_KUBERNETES_TESTING_API_SERVER_H_
