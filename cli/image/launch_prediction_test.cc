// SPDX-License-Identifier: Apache-2.0
#include "cli/image/launch_prediction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "attestation/launch/snp_launch.h"
#include "attestation/launch/tdx_launch.h"
#include "attestation/launch/testing/firmware_builder.h"
#include "attestation/testing/event_log_builder.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using constellation::testing::GoodTestFirmware;
using constellation::testing::IsOk;
using constellation::testing::StatusIs;
using constellation::testing::TempDir;
using constellation::testing::TestFirmware;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class LaunchPredictionTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const Bytes& bytes) {
    const std::string path = folder_.Join(name);
    EXPECT_THAT(WriteFileAtomically(path, AsText(bytes)), IsOk());
    return path;
  }

  LaunchRequest Request() {
    LaunchRequest request;
    request.firmware = Write("firmware", GoodTestFirmware().Build());
    request.vcpu_type = "EPYC-Milan";
    return request;
  }

  TempDir folder_;
};

// The value, or the message why there is none.
std::string ValueOf(const std::vector<LaunchValue>& values,
                    const std::string& name) {
  for (const LaunchValue& value : values) {
    if (value.name == name) {
      return value.value.ok() ? *value.value
                              : std::string(Message(value.value.status()));
    }
  }
  return "absent";
}

TEST_F(LaunchPredictionTest, TellsWhatTheLibraryTells) {
  LaunchRequest request = Request();
  request.vcpus = "3";
  request.sev_features = "0x21";
  const auto values = PredictLaunch(request);
  ASSERT_THAT(values, IsOk());
  const Bytes bytes = GoodTestFirmware().Build();
  const auto firmware = attestation::OvmfFirmware::Parse(bytes);
  attestation::SnpLaunchOptions options;
  options.vcpus = 3;
  options.sev_features = 0x21;
  options.cpu_signature = attestation::CpuSignature(0x19, 1, 1);
  EXPECT_EQ(ValueOf(*values, "launchDigest"),
            HexEncode(*PredictSnpLaunchDigest(*firmware, options)));
  EXPECT_EQ(ValueOf(*values, "mrtd"), HexEncode(*PredictTdxMrtd(*firmware)));
  EXPECT_THAT(ValueOf(*values, "rtmr0"), HasSubstr("event log"));
  EXPECT_THAT(ValueOf(*values, "rtmr1"), HasSubstr("disk"));
}

TEST_F(LaunchPredictionTest, DirectBootCountsItsFiles) {
  LaunchRequest request = Request();
  request.kernel = Write("kernel", {1});
  const auto plain = PredictLaunch(request);
  request.initrd = Write("initrd", {2});
  const auto with_initrd = PredictLaunch(request);
  request.command_line = "quiet";
  const auto with_line = PredictLaunch(request);
  ASSERT_THAT(with_line, IsOk());
  EXPECT_NE(ValueOf(*plain, "launchDigest"),
            ValueOf(*with_initrd, "launchDigest"));
  EXPECT_NE(ValueOf(*with_line, "launchDigest"),
            ValueOf(*with_initrd, "launchDigest"));
  request.kernel.reset();
  EXPECT_THAT(PredictLaunch(request),
              StatusIs(kInvalid, HasSubstr("only with --kernel")));
}

TEST_F(LaunchPredictionTest, SaysWhatIsMissing) {
  LaunchRequest request = Request();
  request.vcpu_type.clear();
  const auto values = PredictLaunch(request);
  ASSERT_THAT(values, IsOk());
  EXPECT_THAT(ValueOf(*values, "launchDigest"), HasSubstr("--vcpu-type"));
  EXPECT_EQ(ValueOf(*values, "mrtd").size(), 96);
}

TEST_F(LaunchPredictionTest, TakesRtmr0FromAnEventLog) {
  constellation::testing::EventLogBuilder log({0x000c});
  log.Add(1, 0x8000000b, "memory").Add(1, 0x8000000a, "volume");
  for (const char* name : {"SecureBoot", "PK", "KEK", "db", "dbx"}) {
    log.Add(1, 0x80000001, name);
  }
  log.Add(1, 0x4, std::string(4, '\0'));
  for (const char* table : {"loader", "RSDP", "tables"}) {
    log.Add(1, 0xa, table);
  }
  log.Add(1, 0x4, std::string(4, '\0'));
  LaunchRequest request = Request();
  request.event_log = Write("log", log.bytes());
  const auto values = PredictLaunch(request);
  ASSERT_THAT(values, IsOk());
  EXPECT_EQ(ValueOf(*values, "rtmr0").size(), 96);
  request.event_log = Write("short", {1, 2, 3});
  const auto without = PredictLaunch(request);
  ASSERT_THAT(without, IsOk());
  EXPECT_NE(ValueOf(*without, "rtmr0").size(), 96);
}

TEST_F(LaunchPredictionTest, Ec2HasNoTrustDomains) {
  LaunchRequest request = Request();
  request.vmm = "ec2";
  request.vcpu_type.clear();
  const auto values = PredictLaunch(request);
  ASSERT_THAT(values, IsOk());
  EXPECT_EQ(ValueOf(*values, "launchDigest").size(), 96);
  EXPECT_EQ(ValueOf(*values, "mrtd"), "absent");
}

TEST_F(LaunchPredictionTest, RefusesWordsThatAreNoNumbers) {
  for (const char* vcpus : {"", "x", "-1", "1x", "4294967296"}) {
    LaunchRequest request = Request();
    request.vcpus = vcpus;
    EXPECT_THAT(PredictLaunch(request), StatusIs(kInvalid)) << vcpus;
  }
  LaunchRequest request = Request();
  request.sev_features = "0y1";
  EXPECT_THAT(PredictLaunch(request), StatusIs(kInvalid));
  request = Request();
  request.vmm = "xen";
  EXPECT_THAT(PredictLaunch(request), StatusIs(kInvalid));
  request = Request();
  request.vcpu_type = "Xeon";
  EXPECT_THAT(PredictLaunch(request), StatusIs(kInvalid));
}

TEST_F(LaunchPredictionTest, FailsIfNothingCanBeTold) {
  LaunchRequest request = Request();
  request.firmware = Write("plain", TestFirmware().Build());
  EXPECT_THAT(PredictLaunch(request),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("no TDX metadata")));
  request.firmware = Write("short", Bytes(100));
  EXPECT_THAT(PredictLaunch(request), StatusIs(kInvalid, HasSubstr("short")));
  request.firmware = "/nonexistent";
  EXPECT_THAT(PredictLaunch(request), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LaunchPredictionTest, JsonKeepsReasonsApart) {
  const auto values = PredictLaunch(Request());
  ASSERT_THAT(values, IsOk());
  const auto json =
      nlohmann::json::parse(LaunchValuesToJson(*values), nullptr, false);
  EXPECT_EQ(json["snp"]["launchDigest"].get<std::string>().size(), 96);
  EXPECT_EQ(json["tdx"]["mrtd"].get<std::string>().size(), 96);
  EXPECT_TRUE(json["tdx"]["notPredictable"].contains("rtmr0"));
  EXPECT_FALSE(json["tdx"].contains("rtmr0"));
}

}  // namespace
}  // namespace constellation::cli
