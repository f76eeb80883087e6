// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cloud/http/http_transport.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud {
namespace {

// Moves all services; each one's own variable goes before it.
constexpr std::string_view kAllAws = "AWS_ENDPOINT_URL";

// botocore's names.
// Sources: the variables' names as botocore, azure-identity, gcloud and
// openstacksdk document them.

std::vector<ServiceEndpoint> AwsEndpoints() {
  return {
      {"aws",
       "ec2",
       {"AWS_ENDPOINT_URL_EC2", kAllAws},
       "https://ec2.{region}.{suffix}"},
      {"aws",
       "elasticloadbalancing",
       {"AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", kAllAws},
       "https://elasticloadbalancing.{region}.{suffix}"},
      {"aws",
       "autoscaling",
       {"AWS_ENDPOINT_URL_AUTO_SCALING", kAllAws},
       "https://autoscaling.{region}.{suffix}"},
      {"aws", "iam", {"AWS_ENDPOINT_URL_IAM", kAllAws}, "https://iam.{suffix}"},
      {"aws",
       "sts",
       {"AWS_ENDPOINT_URL_STS", kAllAws},
       "https://sts.{region}.{suffix}"},
      {"aws",
       "s3",
       {"AWS_ENDPOINT_URL_S3", kAllAws},
       "https://s3.{region}.{suffix}"},
      {"aws",
       "ebs",
       {"AWS_ENDPOINT_URL_EBS", kAllAws},
       "https://ebs.{region}.{suffix}"},
      {"aws",
       "tagging",
       {"AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API", kAllAws},
       "https://tagging.{region}.{suffix}"},
      {"aws",
       "servicequotas",
       {"AWS_ENDPOINT_URL_SERVICE_QUOTAS", kAllAws},
       "https://servicequotas.{region}.{suffix}"},
      {"aws",
       "ssm",
       {"AWS_ENDPOINT_URL_SSM", kAllAws},
       "https://ssm.{region}.{suffix}"},
      {"aws",
       "sso",
       {"AWS_ENDPOINT_URL_SSO", kAllAws},
       "https://portal.sso.{region}.{suffix}"},
      {"aws",
       "sso-oidc",
       {"AWS_ENDPOINT_URL_SSO_OIDC", kAllAws},
       "https://oidc.{region}.{suffix}"},
      {"aws",
       "imds",
       {"AWS_EC2_METADATA_SERVICE_ENDPOINT"},
       "http://169.254.169.254"},
  };
}

// Azure's own, for all its partitions.
std::vector<ServiceEndpoint> AzureEndpoints() {
  return {
      {"azure",
       "login",
       {"AZURE_AUTHORITY_HOST"},
       "https://login.microsoftonline.com"},
      {"azure",
       "arm",
       {"AZURE_RESOURCE_MANAGER_ENDPOINT"},
       "https://management.azure.com"},
      {"azure",
       "imds",
       {"AZURE_POD_IDENTITY_AUTHORITY_HOST"},
       "http://169.254.169.254"},
      {"azure", "wireserver", {}, "http://168.63.129.16"},
  };
}

// gcloud's names. "{suffix}" is the universe's domain.
std::vector<ServiceEndpoint> GcpEndpoints() {
  return {
      {"gcp",
       "compute",
       {"CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE"},
       "https://compute.{suffix}"},
      {"gcp",
       "storage",
       {"CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"},
       "https://storage.{suffix}"},
      {"gcp",
       "iam",
       {"CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM"},
       "https://iam.{suffix}"},
      {"gcp",
       "iamcredentials",
       {"CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS"},
       "https://iamcredentials.{suffix}"},
      {"gcp",
       "cloudresourcemanager",
       {"CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER"},
       "https://cloudresourcemanager.{suffix}"},
      {"gcp",
       "serviceusage",
       {"CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE"},
       "https://serviceusage.{suffix}"},
      {"gcp",
       "sts",
       {"CLOUDSDK_API_ENDPOINT_OVERRIDES_STS"},
       "https://sts.{suffix}"},
      // A host, not a URL: see Normalise().
      {"gcp",
       "metadata",
       {"GCE_METADATA_HOST", "GCE_METADATA_ROOT"},
       "http://metadata.google.internal"},
  };
}

// The catalog has all addresses but the first; variables go over it.
std::vector<ServiceEndpoint> OpenStackEndpoints() {
  return {
      {"openstack", "identity", {"OS_AUTH_URL"}, ""},
      {"openstack", "compute", {"OS_COMPUTE_ENDPOINT_OVERRIDE"}, ""},
      {"openstack", "network", {"OS_NETWORK_ENDPOINT_OVERRIDE"}, ""},
      {"openstack", "image", {"OS_IMAGE_ENDPOINT_OVERRIDE"}, ""},
      {"openstack",
       "block-storage",
       {"OS_BLOCK_STORAGE_ENDPOINT_OVERRIDE", "OS_VOLUME_ENDPOINT_OVERRIDE"},
       ""},
      {"openstack",
       "load-balancer",
       {"OS_LOAD_BALANCER_ENDPOINT_OVERRIDE"},
       ""},
      {"openstack", "metadata", {}, "http://169.254.169.254"},
  };
}

// Made once; immutable after that.
const std::vector<ServiceEndpoint>& Table() {
  static const std::vector<ServiceEndpoint> table = [] {
    std::vector<ServiceEndpoint> all;
    for (auto* endpoints :
         {&AwsEndpoints, &AzureEndpoints, &GcpEndpoints, &OpenStackEndpoints}) {
      for (ServiceEndpoint& endpoint : endpoints()) {
        all.push_back(std::move(endpoint));
      }
    }
    return all;
  }();
  return table;
}

// Only AWS and Google have "{suffix}" in their addresses.
std::string_view PublicSuffix(std::string_view cloud) {
  return cloud == "aws" ? "amazonaws.com" : "googleapis.com";
}

// The first occurrence: each placeholder is there once.
void Replace(std::string& text, std::string_view what, std::string_view with) {
  if (const size_t at = text.find(what); at != std::string::npos) {
    text.replace(at, what.size(), with);
  }
}

// Of a label or several of them; region and suffix come from the user's files
// and end up in a host name.
bool IsHostPart(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-") ==
             std::string_view::npos;
}

// A variable's value as it is used. Whoever sets it gets the credentials, so
// plain http is refused outside of this machine.
absl::StatusOr<std::string> Normalise(const ServiceEndpoint& service,
                                      std::string value) {
  if (service.cloud == "gcp" && service.service == "metadata" &&
      value.find("://") == std::string::npos) {
    value = "http://" + value;
  }
  const bool https = value.starts_with("https://");
  if (!https && !value.starts_with("http://")) {
    return InvalidArgument(
        fmt::format("want http:// or https://, got \"{}\"", value));
  }
  const std::string host = HostOfUrl(value);
  if (host.empty() || value.find_first_of("?#@ \t\r\n") != std::string::npos) {
    return InvalidArgument(
        "want a host and a path only (no user, query or fragment)");
  }
  if (!https && !IsLocalHost(host) && service.cloud != "openstack") {
    return InvalidArgument(fmt::format(
        "plain http would show credentials to everyone on the way to {}: use "
        "https",
        host));
  }
  while (value.ends_with('/')) {
    value.pop_back();
  }
  return value;
}

// The cloud's own address with region and suffix put in.
absl::StatusOr<Endpoint> Default(const ServiceEndpoint& service,
                                 const EndpointPlace& place) {
  std::string url(service.address);
  const std::string_view suffix = place.suffix.empty()
                                      ? PublicSuffix(service.cloud)
                                      : std::string_view(place.suffix);
  for (const auto& [key, value] :
       {std::pair<std::string_view, std::string_view>{"{region}", place.region},
        {"{suffix}", suffix}}) {
    if (url.find(key) == std::string::npos) {
      continue;
    }
    if (!IsHostPart(value)) {
      return InvalidArgument(fmt::format(
          "{} {}: want a {} of [a-z0-9.-], got \"{}\"", service.cloud,
          service.service, key.substr(1, key.size() - 2), value));
    }
    Replace(url, key, value);
  }
  return Endpoint{.url = url};
}

}  // namespace

std::span<const ServiceEndpoint> ServiceEndpoints() {
  return Table();
}

// The first variable that is set wins; its mistake is reported with its name
// and does not fall back to the default.
absl::StatusOr<Endpoint> ResolveEndpoint(std::string_view cloud,
                                         std::string_view service,
                                         const EndpointPlace& place,
                                         const Environment& environment) {
  const auto row = std::ranges::find_if(Table(), [&](const auto& candidate) {
    return candidate.cloud == cloud && candidate.service == service;
  });
  if (row == Table().end()) {
    return NotFound(fmt::format("no service {} of {}", service, cloud));
  }
  const bool ignore =
      cloud == "aws" &&
      environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") == "true";
  for (const std::string_view variable : row->variables) {
    const auto value = NonEmpty(environment, variable);
    if (!value || (ignore && variable.starts_with(kAllAws))) {
      continue;
    }
    absl::StatusOr<std::string> url = Normalise(*row, *value);
    if (!url.ok()) {
      return Annotate(url.status(), variable);
    }
    return Endpoint{.url = *url, .variable = std::string(variable)};
  }
  return Default(*row, place);
}

}  // namespace constellation::cloud
