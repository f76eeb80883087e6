// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/kubernetes_api.h"

#include <utility>

#include "common/files.h"
#include "common/secret_bytes.h"
#include "common/status_macros.h"
#include "kubernetes/client.h"

namespace constellation::bootstrapper {
namespace {

constexpr char kFieldManager[] = "constellation";

class KubernetesApi final : public ClusterApi {
 public:
  explicit KubernetesApi(std::unique_ptr<kubernetes::Client> client)
      : client_(std::move(client)) {}

  absl::StatusOr<nlohmann::json> Get(std::string_view path) override {
    return client_->Get(path);
  }

  absl::Status Apply(const nlohmann::json& object) override {
    return client_->Apply(object, kFieldManager, /*force=*/true).status();
  }

 private:
  const std::unique_ptr<kubernetes::Client> client_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterApi>> ConnectWithKubeconfig(
    const std::string& path, absl::Duration timeout) {
  ASSIGN_OR_RETURN(std::string yaml, ReadFile(path));
  auto client = kubernetes::Client::FromKubeconfig(yaml);
  Wipe({reinterpret_cast<uint8_t*>(yaml.data()), yaml.size()});
  RETURN_IF_ERROR(client.status());
  (*client)->set_timeout(timeout);
  return std::make_unique<KubernetesApi>(*std::move(client));
}

}  // namespace constellation::bootstrapper
