// SPDX-License-Identifier: Apache-2.0
// Configurations of clouds: what `config generate` writes, what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/config/cloud_catalog.h"
#include "cli/config/config.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kUuid[] = "970ace5c-458f-484a-a660-0903bcfd91ad";

// A whole configuration, as a user and `iam create` complete it.
Config FilledConfig(std::string_view provider, std::string_view variant) {
  Config config = DefaultCloudConfig(provider, variant);
  config.image = "image-1";
  config.name = "demo";
  config.kubernetes_version = "v1.31.13";
  config.allowed_sources = {"203.0.113.7/32", "198.51.100.0/24"};
  config.tags = {{"team", "blue"}};
  if (auto* aws = std::get_if<cloud::AwsSettings>(&config.cloud)) {
    aws->region = "eu-west-1";
    aws->zone = "eu-west-1a";
    aws->iam_profile_control_plane = "demo_control_plane";
    aws->iam_profile_worker_nodes = "demo_worker";
  } else if (auto* azure = std::get_if<cloud::AzureSettings>(&config.cloud)) {
    azure->subscription = kUuid;
    azure->tenant = kUuid;
    azure->location = "westeurope";
    azure->resource_group = "demo-rg";
    azure->user_assigned_identity =
        "/subscriptions/970ace5c-458f-484a-a660-0903bcfd91ad/resourceGroups/"
        "demo-identity/providers/Microsoft.ManagedIdentity/"
        "userAssignedIdentities/demo";
  } else if (auto* gcp = std::get_if<cloud::GcpSettings>(&config.cloud)) {
    gcp->project = "demo-project";
    gcp->region = "europe-west3";
    gcp->zone = "europe-west3-b";
    gcp->service_account_key_path = "gcpServiceAccountKey.json";
    gcp->iam_service_account_vm = "vm@demo-project.iam.gserviceaccount.com";
  } else {
    auto& openstack = std::get<cloud::OpenStackSettings>(config.cloud);
    openstack.availability_zone = "nova";
    openstack.floating_ip_pool_id = kUuid;
    openstack.region_name = "RegionOne";
    for (auto& [name, group] : config.node_groups) {
      group.instance_type = provider == "stackit" ? "m1a.4cd" : "c1.large";
    }
  }
  return config;
}

std::string ProviderOf(const CloudVariant& variant) {
  return std::string(variant.provider);
}

std::vector<CloudVariant> Clouds() {
  std::vector<CloudVariant> variants = CloudVariants();
  std::erase_if(variants, [](const CloudVariant& variant) {
    return variant.provider == kProviderQemu;
  });
  return variants;
}

std::string Replaced(std::string text, std::string_view from,
                     std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in\n" << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

TEST(CloudConfigTest, EveryVariantReadsBack) {
  for (const CloudVariant& variant : Clouds()) {
    SCOPED_TRACE(variant.variant);
    const Config config = FilledConfig(ProviderOf(variant), variant.variant);
    const std::string text = RenderConfig(config);
    ASSERT_OK_AND_ASSIGN(const Config again, ParseConfig(text, "conf"));
    EXPECT_EQ(again.provider, variant.provider);
    EXPECT_EQ(again.attestation_variant, variant.variant);
    EXPECT_EQ(again.allowed_sources, config.allowed_sources);
    EXPECT_EQ(again.cloud.index(), config.cloud.index());
    EXPECT_EQ(again.node_groups.at("control_plane_default").initial_count, 3);
    EXPECT_EQ(again.node_groups.at("worker_default").instance_type,
              config.node_groups.at("worker_default").instance_type);
    EXPECT_EQ(again.node_groups.at("worker_default").state_disk_size_gb, 30);
    ASSERT_OK_AND_ASSIGN(const Config third,
                         ParseConfig(RenderConfig(again), "conf"));
    EXPECT_EQ(third.attestation_layers, again.attestation_layers);
    EXPECT_EQ(RenderConfig(third), RenderConfig(again));
    EXPECT_THAT(ConfigWarnings(again), IsEmpty());
  }
}

TEST(CloudConfigTest, GeneratedFileListsAllThatIsMissing) {
  for (const CloudVariant& variant : Clouds()) {
    SCOPED_TRACE(variant.variant);
    const std::string text =
        RenderConfig(DefaultCloudConfig(ProviderOf(variant), variant.variant));
    EXPECT_THAT(ParseConfig(text, "conf"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("image is missing"),
                               HasSubstr("allowedSources must list"),
                               HasSubstr("kubernetesVersion is missing"))));
    EXPECT_THAT(ParseConfig(text, "conf", {.draft = true}), IsOk());
  }
}

TEST(CloudConfigTest, StackitHasPresets) {
  const std::string text =
      RenderConfig(FilledConfig("stackit", "openstack-sev-snp"));
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(text, "conf"));
  EXPECT_EQ(config.provider, "openstack");
  EXPECT_EQ(std::get<cloud::OpenStackSettings>(config.cloud).cloud, "stackit");
  EXPECT_THAT(ParseConfig(Replaced(text, "m1a.4cd", "m1a.4dc"), "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did you mean m1a.4cd?")));
}

// One spoilt line each, and what the user is told.
struct BadCase {
  const char* name;
  const char* provider;
  const char* from;
  const char* to;
  const char* message;
};

class BadCloudConfigTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadCloudConfigTest, IsRefusedWithReason) {
  const BadCase& c = GetParam();
  const std::string variant(DefaultVariant(c.provider));
  EXPECT_THAT(
      ParseConfig(Replaced(RenderConfig(FilledConfig(c.provider, variant)),
                           c.from, c.to),
                  "conf"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, BadCloudConfigTest,
    ::testing::Values(
        BadCase{"AwsRegion", "aws", "region: eu-west-1", "region: eu-wset-1",
                "\"eu-wset-1\" is no known region of AWS; did you mean "
                "eu-west-1?"},
        BadCase{"AwsZone", "aws", "zone: eu-west-1a", "zone: eu-west-2a",
                "is no known zone of eu-west-1; did you mean eu-west-1a?"},
        BadCase{"AwsType", "aws", "m6a.xlarge", "m6a.xlrage",
                "is no known type for aws-sev-snp; did you mean m6a.xlarge?"},
        BadCase{"AwsIntelType", "aws", "m6a.xlarge", "t2.micro",
                "is no known type for aws-sev-snp"},
        BadCase{"AwsDisk", "aws", "gp3", "pg3", "did you mean gp3?"},
        BadCase{"AwsLongName", "aws", "name: demo", "name: demonstration",
                "at most 10 characters long, not 13"},
        BadCase{"AwsProfileArn", "aws", "demo_worker",
                "arn:aws:iam::1:instance-profile/x", "not an ARN"},
        BadCase{"AwsNoProfile", "aws", "demo_worker", "",
                "iamProfileWorkerNodes is missing: `constellation iam create"},
        BadCase{"AwsMarketplace", "aws", "  aws:\n",
                "  aws:\n    useMarketplaceImage: true\n",
                "useMarketplaceImage true is not available"},
        BadCase{"AwsCsi", "aws", "deployCSIDriver: false",
                "deployCSIDriver: true", "no driver is part of the node"},
        BadCase{"AwsTypo", "aws", "deployCSIDriver", "deployCsiDriver",
                "did you mean deployCSIDriver?"},
        BadCase{"AzureSubscription", "azure", "subscription: \"970ace5c",
                "subscription: \"970ace5", "subscription must be a UUID"},
        BadCase{"AzureLocation", "azure", "location: westeurope",
                "location: west-europe", "did you mean westeurope?"},
        BadCase{"AzureGroup", "azure", "resourceGroup: demo-rg",
                "resourceGroup: demo.", "resourceGroup must be up to 90"},
        BadCase{"AzureIdentity", "azure", "Microsoft.ManagedIdentity",
                "Microsoft.Other", "userAssignedIdentity must be a resource"},
        BadCase{"AzureZone", "azure", "    zone: \"\"",
                "    zone: westeurope-1",
                "must be empty (the location decides), 1, 2 or 3"},
        BadCase{"AzureType", "azure", "Standard_DC4as_v5", "Standard_DC4s_v5",
                "did you mean Standard_DC4"},
        BadCase{"GcpProject", "gcp", "project: demo-project",
                "project: 123456789012", "must be a project's id"},
        BadCase{"GcpZone", "gcp", "zone: europe-west3-b",
                "zone: europe-west3-f", "is no known zone of europe-west3"},
        BadCase{"GcpType", "gcp", "n2d-standard-4", "n2-standard-4",
                "did you mean n2d-standard-4?"},
        BadCase{"GcpSmallType", "gcp", "n2d-standard-4", "n2d-standard-2",
                "is no known type for gcp-sev-snp"},
        BadCase{"GcpAccount", "gcp", "vm@demo-project", "demo-project",
                "IAMServiceAccountVM must be a service account's"},
        BadCase{"OpenStackPool", "openstack", "floatingIPPoolID: \"970ace5c",
                "floatingIPPoolID: \"public-970ace5c",
                "must be the id of a net"},
        BadCase{"OpenStackYawol", "openstack", "  openstack:\n",
                "  openstack:\n    deployYawolLoadBalancer: true\n",
                "deployYawolLoadBalancer true is not available"},
        BadCase{"OpenStackFlavor", "openstack", "instanceType: c1.large",
                "instanceType: \"\"", "instanceType is missing"},
        BadCase{"SourceWithoutLength", "gcp", "Sources: [203.0.113.7/32",
                "Sources: [203.0.113.7",
                "allowedSources must list IPv4 networks"},
        BadCase{"NoSources", "gcp", "[203.0.113.7/32, 198.51.100.0/24]", "[]",
                "your own public address"},
        BadCase{"OtherVariant", "gcp", "gcpSEVSNP:", "awsSEVSNP:",
                "attestation.awsSEVSNP does not fit provider gcp; use "
                "gcpSEVSNP"},
        BadCase{"TrustedLaunch", "azure", "azureSEVSNP:",
                "azureTrustedLaunch: {}\n  azureSEVSNP:", "owner enrolled"},
        BadCase{"TwoVariants", "gcp", "gcpSEVSNP:",
                "gcpSEVES: {}\n  gcpSEVSNP:", "exactly one variant"},
        BadCase{"Latest", "gcp", "snpVersion: 24", "snpVersion: latest",
                "snpVersion must be a number"},
        BadCase{"HalfFloor", "gcp", "    snpVersion: 24\n", "",
                "snpVersion is missing beside the other versions"},
        BadCase{"FloorTwice", "gcp", "    sevSnp: {}",
                "    sevSnp: {products: {Genoa: {}}}", "keep one of them"},
        BadCase{"RootKey", "gcp", "    sevSnp: {}",
                "    sevSnp: {}\n    amdRootKey: x",
                "amdRootKey is not used: AMD's root"},
        BadCase{"SignerPolicy", "azure", "    sevSnp: {}",
                "    sevSnp: {}\n    firmwareSignerConfig: {enforcementPolicy: "
                "warnOnly}",
                "enforcementPolicy must be equal"},
        BadCase{"OwnTag", "aws", "team: blue", "constellation-uid: blue",
                "the program's own"},
        BadCase{"ManyNodes", "aws", "initialCount: 3", "initialCount: 501",
                "initialCount must be from 0 to 500"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(CloudConfigTest, ListsAllMistakesAtOnce) {
  std::string text = RenderConfig(FilledConfig("aws", "aws-sev-snp"));
  text = Replaced(text, "region: eu-west-1", "region: nowhere");
  text = Replaced(text, "m6a.xlarge", "m6a.huge");
  text = Replaced(text, "Sources: [203.0.113.7/32", "Sources: [anywhere");
  EXPECT_THAT(ParseConfig(text, "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("conf has 3 mistakes")));
}

TEST(CloudConfigTest, ForceAcceptsPlacesThatAreNotKnownYet) {
  std::string text = RenderConfig(FilledConfig("aws", "aws-sev-snp"));
  text = Replaced(text, "region: eu-west-1", "region: xy-west-9");
  text = Replaced(text, "zone: eu-west-1a", "zone: xy-west-9a");
  text = Replaced(text, "m6a.xlarge", "m99a.xlarge");
  EXPECT_THAT(ParseConfig(text, "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const Config config,
                       ParseConfig(text, "conf", {.any_place = true}));
  EXPECT_EQ(std::get<cloud::AwsSettings>(config.cloud).region, "xy-west-9");
}

TEST(CloudConfigTest, WarnsOfWholeInternetAndDebug) {
  Config config = FilledConfig("gcp", "gcp-tdx");
  config.allowed_sources = {"0.0.0.0/0"};
  config.debug_cluster = true;
  EXPECT_THAT(ConfigWarnings(config),
              AllOf(Contains(HasSubstr("OPEN TO THE WHOLE INTERNET")),
                    Contains(HasSubstr("DON'T USE IN PRODUCTION"))));
}

TEST(CloudConfigTest, ProviderSaysWhatPolicyNeeds) {
  ASSERT_OK_AND_ASSIGN(
      const Config gcp,
      ParseConfig(RenderConfig(FilledConfig("gcp", "gcp-sev-snp")), "c"));
  const auto layers = nlohmann::json::parse(gcp.attestation_layers);
  EXPECT_EQ(layers["gcp"]["projectIds"][0], "demo-project");
  EXPECT_EQ(layers["sevSnp"]["products"]["Milan"]["minimumTCB"]["snp"], 24);
  Config config = FilledConfig("azure", "azure-sev-snp");
  std::get<cloud::AzureSettings>(config.cloud).secure_boot = true;
  ASSERT_OK_AND_ASSIGN(const Config azure,
                       ParseConfig(RenderConfig(config), "c"));
  EXPECT_EQ(nlohmann::json::parse(
                azure.attestation_layers)["azure"]["requireSecureBoot"],
            true);
}

TEST(CloudConfigTest, DigestsStayText) {
  const std::string digest(96, '1');
  const std::string zeros = "0000000000000003";
  ASSERT_OK_AND_ASSIGN(
      const Config config,
      ParseConfig(Replaced(RenderConfig(FilledConfig("gcp", "gcp-tdx")),
                           "      acceptedStatuses: [\"UpToDate\"]\n",
                           "      mrtd: [" + digest + "]\n      xfam: " +
                               zeros + "\n      allowMigratable: false\n"),
                  "c"));
  const auto tdx = nlohmann::json::parse(config.attestation_layers)["tdx"];
  EXPECT_EQ(tdx["mrtd"][0], digest);
  EXPECT_EQ(tdx["xfam"], zeros);
  EXPECT_EQ(tdx["allowMigratable"], false);
  EXPECT_EQ(tdx["minimumEvaluationDataNumber"], 17);
}

TEST(CatalogTest, DefaultsAreInTheirLists) {
  for (const CloudVariant& variant : Clouds()) {
    const std::string type(
        DefaultInstanceType(variant.variant, /*stackit=*/true));
    EXPECT_THAT(InstanceTypes(variant.variant, true), Contains(type));
    EXPECT_EQ(FindCloudVariant(variant.key), FindCloudVariant(variant.variant));
  }
  EXPECT_EQ(FindCloudVariant("aws"), nullptr);
  EXPECT_EQ(DefaultVariant("nowhere"), "");
}

TEST(CatalogTest, ZonesOfRegions) {
  EXPECT_EQ(ZoneMistake("gcp", "us-east1", "us-east1-b"), std::nullopt);
  EXPECT_NE(ZoneMistake("gcp", "us-east1", "us-east1-a"), std::nullopt);
  EXPECT_EQ(ZoneMistake("azure", "westeurope", "2"), std::nullopt);
  EXPECT_EQ(ZoneMistake("openstack", "any", "any"), std::nullopt);
}

TEST(UpdateConfigTest, ChangesOnlyTheNamedLines) {
  const std::string text =
      "# top\nname: demo\nprovider:\n  aws:\n    # by iam\n"
      "    zone: \"\"  # keep me\n    region: 'x # y' # and me\n";
  ASSERT_OK_AND_ASSIGN(
      const std::string updated,
      UpdateConfigText(text, {{"provider.aws.zone", "eu-west-1a"},
                              {"provider.aws.region", "a: b"}}));
  EXPECT_EQ(updated,
            "# top\nname: demo\nprovider:\n  aws:\n    # by iam\n"
            "    zone: eu-west-1a # keep me\n    region: \"a: b\" # and me\n");
}

TEST(UpdateConfigTest, RefusesWhatItCannotChange) {
  EXPECT_THAT(
      UpdateConfigText("name: demo\n", {{"provider.aws.zone", "a"}}),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("provider.aws.zone")));
  EXPECT_THAT(
      UpdateConfigText("provider: {aws: {zone: b}}\n",
                       {{"provider.aws.zone", "a"}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("by hand")));
  EXPECT_THAT(UpdateConfigText("name: [a]\n", {{"name", "a"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(UpdateConfigTest, ReplacesMeasurementsWhateverTheirForm) {
  Measurements first;
  Measurements second;
  for (const uint32_t pcr : {4U, 9U, 11U}) {
    first[pcr].expected = std::string(64, 'a');
    second[pcr].expected = std::string(64, 'b');
  }
  const std::string text = RenderConfig(FilledConfig("gcp", "gcp-sev-snp"));
  // From `{}` to a block, from a block to another one.
  ASSERT_OK_AND_ASSIGN(const std::string once, UpdateMeasurements(text, first));
  ASSERT_OK_AND_ASSIGN(const std::string twice,
                       UpdateMeasurements(once, second));
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(twice, "c"));
  EXPECT_EQ(config.measurements, second);
  EXPECT_EQ(config.attestation_layers,
            ParseConfig(text, "c")->attestation_layers);
  ASSERT_OK_AND_ASSIGN(const std::string back,
                       UpdateMeasurements(twice, first));
  EXPECT_EQ(back, once);
  EXPECT_THAT(UpdateMeasurements("name: a\n", first),
              StatusIs(absl::StatusCode::kNotFound));
}

// What every line of a generated file leads to.
TEST(UpdateConfigTest, FillsGeneratedFile) {
  const std::string text =
      RenderConfig(DefaultCloudConfig("aws", "aws-sev-snp"));
  ASSERT_OK_AND_ASSIGN(
      const std::string updated,
      UpdateConfigText(
          text, {{"image", "ami-0123456789abcdef0"},
                 {"kubernetesVersion", "v1.31.13"},
                 {"name", "demo"},
                 {"provider.aws.region", "eu-west-1"},
                 {"provider.aws.zone", "eu-west-1b"},
                 {"provider.aws.iamProfileControlPlane", "demo_cp"},
                 {"provider.aws.iamProfileWorkerNodes", "demo_worker"}}));
  EXPECT_THAT(ParseConfig(updated, "c"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("allowedSources")));
  EXPECT_THAT(ParseConfig(Replaced(updated, "allowedSources: []",
                                   "allowedSources: [203.0.113.7/32]"),
                          "c"),
              IsOk());
  EXPECT_THAT(updated, Not(HasSubstr("zone: \"\"\n    iamProfile")));
}

}  // namespace
}  // namespace constellation::cli
