// SPDX-License-Identifier: Apache-2.0
#include "cli/cloud/provider_factory.h"

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>
#include <variant>

#include "cloud/aws/aws_provider.h"
#include "cloud/azure/azure_provider.h"
#include "cloud/engine/explained_provider.h"
#include "cloud/gcp/gcp_iam.h"
#include "cloud/gcp/gcp_provider.h"
#include "cloud/http/curl_transport.h"
#include "cloud/http/environment.h"
#include "cloud/openstack/openstack_provider.h"
#include "common/clock.h"
#include "common/command.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cli {
namespace {

// What every provider stands on.
class Ground {
 public:
  // PEM file of the authorities to believe; empty: the system's.
  explicit Ground(const std::string& ca_file = "",
                  bool allow_plain_http = false)
      : transport_({.allow_plain_http = allow_plain_http,
                    .proxy = cloud::ProxyFromEnvironment(environment_),
                    .ca_file = ca_file}) {}

  // The process's variables, read once; everything below refers to this object.
  const cloud::Environment& environment() const { return environment_; }
  cloud::HttpTransport& transport() { return transport_; }
  CommandRunner& runner() { return runner_; }
  static Clock& clock() { return Clock::System(); }

 private:
  const cloud::Environment environment_ = cloud::ProcessEnvironment();
  cloud::CurlTransport transport_;
  ProcessRunner runner_;
};

class RealCloud final : public CloudConnection {
 public:
  using Make = std::function<std::unique_ptr<cloud::Provider>(Ground&)>;
  // The ground outlives the provider that stands on it. Its errors say what to
  // do about them.
  RealCloud(std::unique_ptr<Ground> ground, const Make& make)
      : ground_(std::move(ground)),
        provider_(cloud::MakeExplainedProvider(make(*ground_))) {}
  cloud::Provider& provider() override { return *provider_; }

 private:
  const std::unique_ptr<Ground> ground_;
  const std::unique_ptr<cloud::Provider> provider_;
};

class RealIam final : public IamConnection {
 public:
  using Make = std::function<std::unique_ptr<cloud::IamProvider>(Ground&)>;
  RealIam(std::unique_ptr<Ground> ground, const Make& make)
      : ground_(std::move(ground)), iam_(make(*ground_)) {}
  cloud::IamProvider& iam() override { return *iam_; }

 private:
  const std::unique_ptr<Ground> ground_;
  const std::unique_ptr<cloud::IamProvider> iam_;
};

// The authorities that AWS's own tools believe.
std::unique_ptr<Ground> AwsGround() {
  const std::string ca_file =
      cloud::NonEmpty(cloud::ProcessEnvironment(), "AWS_CA_BUNDLE")
          .value_or("");
  return std::make_unique<Ground>(ca_file);
}

std::unique_ptr<CloudConnection> Connect(const cloud::AwsSettings& aws) {
  return std::make_unique<RealCloud>(AwsGround(), [&](Ground& ground) {
    return cloud::aws::MakeAwsProvider({.settings = aws,
                                        .environment = ground.environment(),
                                        .transport = ground.transport(),
                                        .clock = Ground::clock(),
                                        .runner = ground.runner()});
  });
}

std::unique_ptr<CloudConnection> Connect(const cloud::AzureSettings& azure) {
  return std::make_unique<RealCloud>(std::make_unique<Ground>(),
                                     [&](Ground& ground) {
                                       return cloud::azure::MakeAzureProvider(
                                           {.settings = azure,
                                            .environment = ground.environment(),
                                            .transport = ground.transport(),
                                            .clock = Ground::clock(),
                                            .runner = ground.runner()});
                                     });
}

std::unique_ptr<CloudConnection> Connect(const cloud::GcpSettings& gcp) {
  return std::make_unique<RealCloud>(
      std::make_unique<Ground>(), [&](Ground& ground) {
        return cloud::gcp::MakeGcpProvider({.settings = gcp,
                                            .environment = ground.environment(),
                                            .transport = ground.transport(),
                                            .clock = Ground::clock()});
      });
}

// The authorities come from clouds.yaml, as with OpenStack's own tools.
absl::StatusOr<std::unique_ptr<CloudConnection>> ConnectOpenStack(
    const cloud::OpenStackSettings& openstack) {
  ASSIGN_OR_RETURN(const std::string ca_file,
                   cloud::openstack::OpenStackCaFile(
                       openstack, cloud::ProcessEnvironment()));
  // Owners run clouds without TLS in closed networks: their addresses, their
  // choice.
  auto ground = std::make_unique<Ground>(ca_file, /*allow_plain_http=*/true);
  return std::make_unique<RealCloud>(std::move(ground), [&](Ground& made) {
    return cloud::openstack::MakeOpenStackProvider(
        {.settings = openstack,
         .environment = made.environment(),
         .transport = made.transport(),
         .clock = Ground::clock()});
  });
}

// A variant's index -> the words of messages.
std::string_view NameOf(const cloud::ProviderSettings& settings) {
  constexpr std::string_view kNames[] = {"aws", "azure", "gcp", "openstack"};
  return kNames[settings.index()];
}

// The answer for what this program has no code for.
absl::Status NotBuilt(const cloud::ProviderSettings& settings,
                      std::string_view what) {
  return absl::UnimplementedError(
      fmt::format("{}: {} is not part of this build", NameOf(settings), what));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CloudConnection>> ConnectRealCloud(
    const cloud::ProviderSettings& settings) {
  if (const auto* aws = std::get_if<cloud::AwsSettings>(&settings)) {
    return Connect(*aws);
  }
  if (const auto* azure = std::get_if<cloud::AzureSettings>(&settings)) {
    return Connect(*azure);
  }
  if (const auto* gcp = std::get_if<cloud::GcpSettings>(&settings)) {
    return Connect(*gcp);
  }
  if (const auto* openstack =
          std::get_if<cloud::OpenStackSettings>(&settings)) {
    return ConnectOpenStack(*openstack);
  }
  return NotBuilt(settings, "the provider");
}

absl::StatusOr<std::unique_ptr<IamConnection>> ConnectRealIam(
    const cloud::ProviderSettings& settings) {
  if (const auto* found = std::get_if<cloud::AwsSettings>(&settings)) {
    const cloud::AwsSettings& aws = *found;
    return std::make_unique<RealIam>(AwsGround(), [&](Ground& ground) {
      return cloud::aws::MakeAwsIamProvider(
          {.settings = aws,
           .environment = ground.environment(),
           .transport = ground.transport(),
           .clock = Ground::clock(),
           .runner = ground.runner()});
    });
  }
  if (const auto* found = std::get_if<cloud::AzureSettings>(&settings)) {
    const cloud::AzureSettings& azure = *found;
    return std::make_unique<RealIam>(
        std::make_unique<Ground>(), [&](Ground& ground) {
          return cloud::azure::MakeAzureIamProvider(
              {.settings = azure,
               .environment = ground.environment(),
               .transport = ground.transport(),
               .clock = Ground::clock(),
               .runner = ground.runner()});
        });
  }
  if (const auto* found = std::get_if<cloud::GcpSettings>(&settings)) {
    const cloud::GcpSettings& gcp = *found;
    return std::make_unique<RealIam>(std::make_unique<Ground>(),
                                     [&](Ground& ground) {
                                       return cloud::gcp::MakeGcpIamProvider(
                                           {.settings = gcp,
                                            .environment = ground.environment(),
                                            .transport = ground.transport(),
                                            .clock = Ground::clock()});
                                     });
  }
  return NotBuilt(settings, "`iam`");
}

}  // namespace constellation::cli
