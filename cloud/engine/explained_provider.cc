// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/explained_provider.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "cloud/engine/cloud_error.h"
#include "common/status.h"

namespace constellation::cloud {
namespace {

template <typename T>
absl::StatusOr<T> Explained(absl::StatusOr<T> result) {
  return result.ok() ? std::move(result)
                     : absl::StatusOr<T>(WithNextStep(result.status()));
}

class ExplainedProvider final : public Provider {
 public:
  explicit ExplainedProvider(std::unique_ptr<Provider> inner)
      : inner_(std::move(inner)) {}

  std::string_view Name() const override { return inner_->Name(); }
  absl::StatusOr<std::string> Scope() override {
    return Explained(inner_->Scope());
  }
  absl::Status CheckOnline(const ClusterRequest& request) override {
    return WithNextStep(inner_->CheckOnline(request));
  }
  absl::StatusOr<std::vector<Resource>> Desired(
      const ClusterRequest& request) override {
    return Explained(inner_->Desired(request));
  }
  const DriverRegistry& Drivers() override { return inner_->Drivers(); }
  absl::StatusOr<ClusterInfrastructure> Infrastructure(
      const ClusterRequest& request,
      const std::map<std::string, Observed>& outputs) override {
    return Explained(inner_->Infrastructure(request, outputs));
  }
  absl::StatusOr<std::vector<ClusterInstance>> Instances(
      const ClusterIdentity& cluster) override {
    return Explained(inner_->Instances(cluster));
  }
  absl::Status ReplaceInstance(const ClusterIdentity& cluster,
                               std::string_view instance_id) override {
    return WithNextStep(inner_->ReplaceInstance(cluster, instance_id));
  }
  absl::StatusOr<std::string> ConsoleLog(
      const ClusterIdentity& cluster, std::string_view instance_id) override {
    return Explained(inner_->ConsoleLog(cluster, instance_id));
  }
  absl::StatusOr<std::string> UploadImage(
      const ImageUpload& upload, const ProviderProgress& progress) override {
    return Explained(inner_->UploadImage(upload, progress));
  }

 private:
  const std::unique_ptr<Provider> inner_;
};

}  // namespace

absl::Status WithNextStep(const absl::Status& status) {
  if (status.ok() || !IsCloudError(status)) {
    return status;
  }
  const std::string step = NextStep(CloudErrorOf(status));
  const std::string text(Message(status));
  if (text.find(step) != std::string::npos) {
    return status;
  }
  absl::Status explained(status.code(), fmt::format("{}\n  {}", text, step));
  status.ForEachPayload(
      [&explained](absl::string_view url, const absl::Cord& payload) {
        explained.SetPayload(url, payload);
      });
  return explained;
}

std::unique_ptr<Provider> MakeExplainedProvider(
    std::unique_ptr<Provider> inner) {
  return std::make_unique<ExplainedProvider>(std::move(inner));
}

}  // namespace constellation::cloud
