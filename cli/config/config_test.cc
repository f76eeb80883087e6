// SPDX-License-Identifier: Apache-2.0
#include "cli/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "cli/config/syntax.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A configuration with a field of every type; tests spoil it.
constexpr std::string_view kGood = R"(version: v4
image: /images/node.raw
name: constell
kubernetesVersion: v1.20.2
microserviceVersion: ""
debugCluster: false
customEndpoint: ""
internalLoadBalancer: false
serviceCIDR: 10.96.0.0/12
podCIDR: 10.244.0.0/16
tags: {team: blue}
provider:
  qemu:
    imageFormat: raw
    vcpus: 2
    memory: 3072
    firmware: ""
    accelerator: auto
nodeGroups:
  control_plane_default:
    role: control-plane
    stateDiskSizeGB: 10
    initialCount: 1
  worker_default:
    role: worker
    stateDiskSizeGB: 10
    initialCount: 1
attestation:
  qemuVTPM:
    measurements: {}
)";

std::string Replaced(std::string_view from, std::string_view to) {
  std::string text(kGood);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string Measured(std::string_view measurements) {
  return Replaced("measurements: {}",
                  std::string("measurements:\n") + std::string(measurements));
}

TEST(ConfigTest, ReadsEveryField) {
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(kGood, "conf"));
  EXPECT_EQ(config.image, "/images/node.raw");
  EXPECT_EQ(config.kubernetes_version, "v1.20.2");
  EXPECT_EQ(config.qemu.vcpus, 2);
  EXPECT_EQ(config.qemu.memory_mib, 3072);
  EXPECT_EQ(config.tags.at("team"), "blue");
  EXPECT_EQ(config.node_groups.at("worker_default").role, "worker");
  EXPECT_THAT(config.measurements, IsEmpty());
  EXPECT_THAT(ConfigWarnings(config), IsEmpty());
}

TEST(ConfigTest, RenderedDefaultsReadBack) {
  for (Config config : {DefaultQemuConfig(), DefaultMiniConfig()}) {
    config.image = "/a path/with: colon.raw";
    config.tags["k"] = "v: 1";
    for (const uint32_t index : {4U, 9U, 11U}) {
      config.measurements[index].expected = std::string(64, 'b');
    }
    ASSERT_OK_AND_ASSIGN(const Config again,
                         ParseConfig(RenderConfig(config), "conf"));
    EXPECT_EQ(again.image, config.image);
    EXPECT_EQ(again.name, config.name);
    EXPECT_EQ(again.tags, config.tags);
    EXPECT_EQ(again.measurements, config.measurements);
    EXPECT_EQ(again.qemu.memory_mib, config.qemu.memory_mib);
    EXPECT_EQ(again.node_groups.at("worker_default").state_disk_size_gb,
              config.node_groups.at("worker_default").state_disk_size_gb);
  }
}

// One spoilt line each, and what the user is told.
struct BadCase {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};

class BadConfigTest : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadConfigTest, IsRefusedWithReason) {
  const BadCase& c = GetParam();
  EXPECT_THAT(
      ParseConfig(Replaced(c.from, c.to), "conf"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
}

INSTANTIATE_TEST_SUITE_P(
    Lines, BadConfigTest,
    ::testing::Values(
        BadCase{"NoVersion", "version: v4\n", "", "version is missing"},
        BadCase{"OldVersion", "version: v4", "version: v3",
                "line 1: version must be v4, not \"v3\""},
        BadCase{"VersionIsMap", "version: v4", "version: {a: b}",
                "version must be text, not a map"},
        BadCase{"UnknownTop", "serviceCIDR:", "serviceCidr:",
                "line 9: unknown key serviceCidr; did you mean serviceCIDR?"},
        BadCase{"UnknownNested", "vcpus: 2", "vcpu: 2",
                "line 15: unknown key provider.qemu.vcpu; did you mean vcpus?"},
        BadCase{"NoName", "name: constell\n", "", "name is missing"},
        BadCase{"NullName", "name: constell\n", "name:\n", "name is missing"},
        BadCase{"LongName", "name: constell",
                "name: aaaaaaaaaabbbbbbbbbbccccccccccdddddddd",
                "at most 37 characters long, not 38"},
        BadCase{"UpperName", "name: constell", "name: Constell",
                "name must be lower-case"},
        BadCase{"ShortVersion", "v1.20.2", "v1.20",
                "kubernetesVersion must be a full version"},
        BadCase{"Debug", "debugCluster: false", "debugCluster: true",
                "debug image"},
        BadCase{"DebugText", "debugCluster: false", "debugCluster: \"false\"",
                "debugCluster must be true or false, not the text \"false\""},
        BadCase{"LoadBalancer", "internalLoadBalancer: false",
                "internalLoadBalancer: true", "not available"},
        BadCase{"HostBits", "10.96.0.0/12", "10.97.0.0/12",
                "serviceCIDR must be an IPv4 network"},
        BadCase{"Overlap", "10.244.0.0/16", "10.100.0.0/16", "overlaps"},
        BadCase{"CpuText", "vcpus: 2", "vcpus: \"2\"",
                "vcpus must be a whole number, not the text \"2\""},
        BadCase{"CpuFraction", "vcpus: 2", "vcpus: 1.5",
                "vcpus must be a whole number, not the number 1.5"},
        BadCase{"NoCpu", "vcpus: 2", "vcpus: 0", "from 1 to 256, not 0"},
        BadCase{"HugeCpu", "vcpus: 2", "vcpus: 99999999999999999999",
                "from 1 to 256"},
        BadCase{"LittleMemory", "memory: 3072", "memory: 512",
                "provider.qemu.memory must be from 2048"},
        BadCase{"Format", "imageFormat: raw", "imageFormat: qcow2",
                "imageFormat must be one of raw, not \"qcow2\""},
        BadCase{"Accelerator", "accelerator: auto", "accelerator: kmv",
                "did you mean kvm?"},
        BadCase{"Libvirt", "    vcpus: 2", "    libvirtSocket: \"\"",
                "provider.qemu.libvirtSocket is not used"},
        BadCase{"TwoProviders", "  qemu:\n    imageFormat: raw",
                "  openstack: {}\n  qemu:\n    imageFormat: raw",
                "provider.qemu is there beside openstack"},
        BadCase{"Sources", "tags: {team: blue}", "allowedSources: [10.0.0.0/8]",
                "allowedSources has no meaning for provider qemu"},
        BadCase{"ProviderText", "tags: {team: blue}", "tags: blue",
                "tags must be a map"},
        BadCase{"TagList", "tags: {team: blue}", "tags: {team: [blue]}",
                "tags.team must be text, not a list"},
        BadCase{"Role", "role: worker", "role: wroker",
                "nodeGroups.worker_default.role must be one of control-plane, "
                "worker, not \"wroker\"; did you mean worker?"},
        BadCase{"SwappedRole", "role: worker", "role: control-plane",
                "nodeGroups.worker_default.role must be worker"},
        BadCase{"NoRole", "    role: worker\n", "",
                "nodeGroups.worker_default.role is missing"},
        BadCase{"NoControlPlane", "initialCount: 1", "initialCount: 0",
                "initialCount must be at least 1"},
        BadCase{"NoWorkerGroup", "worker_default:", "worker_extra:",
                "nodeGroups.worker_default is missing"},
        BadCase{"Zone", "    role: worker", "    role: worker\n    zone: a",
                "no meaning for provider qemu"},
        BadCase{"GroupList", "  worker_default:\n    role: worker",
                "  worker_default: [a]\n  other_group:\n    role: worker",
                "nodeGroups.worker_default must be a map"},
        BadCase{"Variant", "qemuVTPM:", "azureSEVSNP:",
                "attestation.azureSEVSNP does not fit"},
        BadCase{"VariantTypo", "qemuVTPM:", "qemuVTMP:",
                "unknown key attestation.qemuVTMP; did you mean qemuVTPM?"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(ConfigTest, ListsAllMistakesAtOnce) {
  std::string text = Replaced("vcpus: 2", "vcpus: none");
  text.replace(text.find("role: worker"), 12, "rolle: worker");
  text.replace(text.find("name: constell"), 14, "name: A");
  const absl::Status status = ParseConfig(text, "conf.yaml").status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr("conf.yaml has 4 mistakes")));
  const std::string message(Message(status));
  EXPECT_LT(message.find("line 3: name"), message.find("line 15: "));
  EXPECT_LT(message.find("line 15: "), message.find("line 25: unknown key"));
}

TEST(ConfigTest, RefusesDisksOfDifferentSize) {
  EXPECT_THAT(
      ParseConfig(Replaced("stateDiskSizeGB: 10", "stateDiskSizeGB: 20"),
                  "conf"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("must be the same in every group")));
}

TEST(ConfigTest, EmptyFileIsRefused) {
  EXPECT_THAT(ParseConfig("", "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("version is missing")));
  EXPECT_THAT(ParseConfig("- a\n", "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("the file must be a map")));
}

constexpr char kThree[] =
    "      4: {expected: "
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n"
    "      9: {expected: "
    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}\n"
    "      11: {expected: "
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}\n";

TEST(MeasurementsTest, ReadsAndLowersHex) {
  ASSERT_OK_AND_ASSIGN(const Config config,
                       ParseConfig(Measured(kThree), "conf"));
  ASSERT_THAT(config.measurements, SizeIs(3));
  EXPECT_EQ(config.measurements.at(9).expected, std::string(64, 'a'));
}

TEST(MeasurementsTest, RefusesMissingRegister) {
  const std::string two(std::string_view(kThree).substr(
      0, std::string_view(kThree).find("      11:")));
  EXPECT_THAT(ParseConfig(Measured(two), "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("PCR 11 is missing")));
}

TEST(MeasurementsTest, RefusesPcr15) {
  EXPECT_THAT(
      ParseConfig(
          Measured(std::string(kThree) + "      15: {expected: \"00\"}\n"),
          "conf"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cluster ID")));
}

TEST(MeasurementsTest, RefusesBadIndexHexOrField) {
  const std::string three(kThree);
  for (const auto& [line, message] :
       {std::pair{"      24: {expected: \"00\"}\n", "0 to 14"},
        std::pair{"      04: {expected: \"00\"}\n", "0 to 14"},
        std::pair{"      x: {expected: \"00\"}\n", "0 to 14"},
        std::pair{"      0: {expected: \"00\"}\n", "64 hex digits"},
        std::pair{"      0: {expcted: \"00\"}\n", "did you mean expected?"},
        std::pair{"      0: {warnOnly: false}\n", "expected is missing"},
        std::pair{"      0: text\n", "must be a map"}}) {
    EXPECT_THAT(
        ParseConfig(Measured(three + line), "conf"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
        << line;
  }
}

TEST(MeasurementsTest, RefusesWarnOnlyForRegistersThatMatter) {
  std::string text(kThree);
  text.insert(text.find('}'), ", warnOnly: true");
  EXPECT_THAT(ParseConfig(Measured(text), "conf"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("any image would be accepted")));
}

TEST(MeasurementsTest, WarnsLoudlyAboutWarnOnly) {
  const std::string text = std::string(kThree) + "      0: {expected: \"" +
                           std::string(64, '0') + "\", warnOnly: true}\n";
  ASSERT_OK_AND_ASSIGN(const Config config, ParseConfig(Measured(text), "c"));
  EXPECT_THAT(ConfigWarnings(config),
              ::testing::ElementsAre(HasSubstr("VERIFICATION IS WEAKENED")));
}

TEST(ConfigTest, WarnsAboutEvenControlPlane) {
  Config config = DefaultQemuConfig();
  config.node_groups.at("control_plane_default").initial_count = 2;
  EXPECT_THAT(ConfigWarnings(config),
              ::testing::ElementsAre(HasSubstr("odd number")));
}

TEST(SyntaxTest, Labels) {
  EXPECT_TRUE(IsDnsLabel("a-1"));
  for (const char* bad : {"", "-a", "a-", "A", "a.b", "a_b", "ä"}) {
    EXPECT_FALSE(IsDnsLabel(bad)) << bad;
  }
  EXPECT_FALSE(IsDnsLabel(std::string(64, 'a')));
  EXPECT_TRUE(IsHostName("a.b-c.de"));
  EXPECT_FALSE(IsHostName("a..b"));
}

TEST(SyntaxTest, Networks) {
  EXPECT_TRUE(IsIpv4Cidr("10.0.0.0/8"));
  for (const char* bad :
       {"10.0.0.0", "10.0.0.0/7", "10.0.0.0/31", "10.0.0/8", "10.0.0.1/8",
        "010.0.0.0/8", "256.0.0.0/8", "10.0.0.0/+8", "10.0.0.0/8 ", "::/64"}) {
    EXPECT_FALSE(IsIpv4Cidr(bad)) << bad;
  }
  EXPECT_TRUE(CidrsOverlap("10.0.0.0/8", "10.4.0.0/16"));
  EXPECT_FALSE(CidrsOverlap("10.0.0.0/9", "10.128.0.0/9"));
}

TEST(SyntaxTest, Sources) {
  for (const char* good : {"0.0.0.0/0", "203.0.113.7/32", "10.0.0.0/8"}) {
    EXPECT_TRUE(IsIpv4Source(good)) << good;
  }
  for (const char* bad : {"203.0.113.7", "203.0.113.7/24", "1.2.3.4/33", "",
                          "::/0", "0.0.0.0/00"}) {
    EXPECT_FALSE(IsIpv4Source(bad)) << bad;
  }
}

TEST(SyntaxTest, Uuids) {
  EXPECT_TRUE(IsUuid("970ace5c-458f-484A-a660-0903bcfd91ad"));
  for (const char* bad :
       {"", "970ace5c458f484aa6600903bcfd91ad", "970ace5c-458f-484a-a660",
        "970ace5c-458f-484a-a660-0903bcfd91aX",
        "970ace5-c458f-484a-a660-0903bcfd91ad"}) {
    EXPECT_FALSE(IsUuid(bad)) << bad;
  }
}

TEST(SyntaxTest, Versions) {
  EXPECT_TRUE(IsFullVersion("v1.20.2"));
  for (const char* bad : {"1.20.2", "v1.20", "v1.20.2-rc", "v01.2.3", "v"}) {
    EXPECT_FALSE(IsFullVersion(bad)) << bad;
  }
}

}  // namespace
}  // namespace constellation::cli
