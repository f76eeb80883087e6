// SPDX-License-Identifier: Apache-2.0
#include "attestation/launch/snp_launch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "attestation/launch/testing/firmware_builder.h"
#include "attestation/testing/vectors.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using testing::GoodTestFirmware;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::ReadVector;
using testing::StatusIs;
using testing::TestFirmware;

constexpr auto kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

SnpLaunchOptions QemuOptions(uint32_t vcpus = 1) {
  return {.vmm = SnpVmm::kQemu,
          .vcpus = vcpus,
          .cpu_signature = CpuSignature(0x19, 1, 1),
          .sev_features = 1,
          .direct_boot = {},
          .firmware_digest = {}};
}

crypto::Sha384Digest Predict(const Bytes& firmware,
                             const SnpLaunchOptions& options) {
  const auto parsed = OvmfFirmware::Parse(firmware);
  EXPECT_THAT(parsed, IsOk());
  const auto digest = PredictSnpLaunchDigest(*parsed, options);
  EXPECT_THAT(digest, IsOk());
  return digest.value_or(crypto::Sha384Digest{});
}

absl::Status Refusal(const Bytes& firmware, const SnpLaunchOptions& options) {
  const auto parsed = OvmfFirmware::Parse(firmware);
  EXPECT_THAT(parsed, IsOk());
  return PredictSnpLaunchDigest(*parsed, options).status();
}

// --- real cases ---------------------------------------------------------

// A file of a case: null, or "empty file".
Bytes CaseFile(const nlohmann::json& value) {
  EXPECT_TRUE(value.is_null() || value == "empty file") << value;
  return {};
}

SnpLaunchOptions OptionsOfCase(const nlohmann::json& test) {
  SnpLaunchOptions options;
  options.vmm = ParseSnpVmm(test["vmm"].get<std::string>()).value();
  options.vcpus = test["vcpus"].get<uint32_t>();
  options.sev_features =
      std::stoull(test["guest_features"].get<std::string>(), nullptr, 16);
  if (test["vcpu_sig"].is_string()) {
    options.cpu_signature = static_cast<uint32_t>(
        std::stoul(test["vcpu_sig"].get<std::string>(), nullptr, 16));
    EXPECT_EQ(*CpuSignatureOfVcpuType(test["vcpu_type"].get<std::string>()),
              options.cpu_signature);
  }
  if (!test["kernel"].is_null()) {
    options.direct_boot =
        HashDirectBoot(CaseFile(test["kernel"]), CaseFile(test["initrd"]),
                       test["append"].get<std::string>());
  }
  if (test["ovmf_hash_seed"].is_string()) {
    const Bytes seed =
        HexDecode(test["ovmf_hash_seed"].get<std::string>()).value();
    options.firmware_digest.emplace();
    std::copy(seed.begin(), seed.end(), options.firmware_digest->begin());
  }
  return options;
}

// Files of the manifest that hold launch digest cases.
std::vector<std::string> CaseFiles() {
  std::vector<std::string> files;
  for (const nlohmann::json& entry : testing::VectorEntries("snp/")) {
    const std::string path = entry["path"];
    if (path.find("launch-digest") != std::string::npos &&
        path.ends_with(".json")) {
      files.push_back(path);
    }
  }
  return files;
}

TEST(SnpLaunchVectorsTest, EveryCaseComesOutExactly) {
  if (!testing::VectorsFolder().has_value()) {
    GTEST_SKIP() << testing::kNoVectors;
  }
  size_t count = 0;
  for (const std::string& file : CaseFiles()) {
    const Bytes text = ReadVector(file);
    for (const auto& test : nlohmann::json::parse(text)) {
      SCOPED_TRACE(test["name"].get<std::string>());
      const Bytes firmware = ReadVector(test["ovmf"].get<std::string>());
      EXPECT_EQ(HexEncode(Predict(firmware, OptionsOfCase(test))),
                test["expected_launch_digest"].get<std::string>());
      ++count;
    }
  }
  EXPECT_GE(count, 12);
}

// --- firmware of Debian -------------------------------------------------

TEST(SnpLaunchDebianTest, PredictsForTheInstalledFirmware) {
  std::ifstream file("/usr/share/ovmf/OVMF.fd", std::ios::binary);
  if (!file.good()) {
    GTEST_SKIP() << "NO FIRMWARE: package ovmf is not installed";
  }
  const Bytes firmware((std::istreambuf_iterator<char>(file)),
                       std::istreambuf_iterator<char>());
  const auto parsed = OvmfFirmware::Parse(firmware);
  ASSERT_THAT(parsed, IsOk());
  if (parsed->sev_sections().empty()) {
    GTEST_SKIP() << "NO METADATA: this OVMF is not built for AMD SEV";
  }
  EXPECT_NE(Predict(firmware, QemuOptions(1)),
            Predict(firmware, QemuOptions(2)));
  SnpLaunchOptions direct = QemuOptions();
  direct.direct_boot = HashDirectBoot({}, {}, "");
  // A general build has no place for hashes.
  EXPECT_THAT(Refusal(firmware, direct), StatusIs(kPrecondition));
}

// --- what the digest depends on -----------------------------------------

// Computed by an independent program from the specifications' text, so that
// the state of the processors is held where there are no vectors, too.
TEST(SnpLaunchTest, AgreesWithAnIndependentComputation) {
  const Bytes firmware = GoodTestFirmware().Build();
  SnpLaunchOptions options = QemuOptions(2);
  EXPECT_EQ(HexEncode(Predict(firmware, options)),
            "6169850c5dbc7045e90ff4c2ccfe536e374e1a3fda00d520"
            "0ac1ff4c76f5bc7566cbcccd2f0dd723b1055627f0e380ff");
  options.direct_boot = HashDirectBoot(Bytes{1}, Bytes{2}, "quiet");
  EXPECT_EQ(HexEncode(Predict(firmware, options)),
            "de0ac9f0ac2524736030fae23333535d59c86bdcdf44d81e"
            "590d32e51f463d963ce1c6031088f0d935bc1cc620e1f865");
  options.direct_boot.reset();
  options.vmm = SnpVmm::kEc2;
  EXPECT_EQ(HexEncode(Predict(firmware, options)),
            "19092a4ed02246bf37fa94ffd44d7dc3251fad9eb3573972"
            "112e727841d1953c4c08f0b258cfb435e9844f8614220dd7");
  options.vmm = SnpVmm::kGce;
  EXPECT_EQ(HexEncode(Predict(firmware, options)),
            "fa32620dbd66f44057a0e1b1901160538a45dad6caf9220a"
            "d9794e4054bf65867d223c54f084c5630715ee95500fc4b9");
}

TEST(SnpLaunchTest, EveryInputChangesTheDigest) {
  const Bytes firmware = GoodTestFirmware().Build();
  std::vector<SnpLaunchOptions> variants = {QemuOptions(), QemuOptions(2),
                                            QemuOptions(3)};
  SnpLaunchOptions options = QemuOptions();
  options.cpu_signature = CpuSignature(0x19, 0x11, 0);
  variants.push_back(options);
  options = QemuOptions();
  options.sev_features = 0x21;
  variants.push_back(options);
  for (const SnpVmm vmm : {SnpVmm::kEc2, SnpVmm::kGce}) {
    options = QemuOptions();
    options.vmm = vmm;
    variants.push_back(options);
  }
  const Bytes one = {1};
  for (const auto& boot :
       {HashDirectBoot({}, {}, ""), HashDirectBoot(one, {}, ""),
        HashDirectBoot({}, one, ""), HashDirectBoot({}, {}, "x")}) {
    options = QemuOptions();
    options.direct_boot = boot;
    variants.push_back(options);
  }
  std::set<crypto::Sha384Digest> digests;
  for (const SnpLaunchOptions& variant : variants) {
    digests.insert(Predict(firmware, variant));
  }
  EXPECT_EQ(digests.size(), variants.size());
}

TEST(SnpLaunchTest, EveryPageOfTheFirmwareCounts) {
  const Bytes firmware = GoodTestFirmware().Build();
  const auto digest = Predict(firmware, QemuOptions());
  for (size_t at = 7; at < firmware.size() - 4096; at += 4096) {
    Bytes changed = firmware;
    changed[at] ^= 1U;
    EXPECT_NE(Predict(changed, QemuOptions()), digest) << at;
  }
}

TEST(SnpLaunchTest, AKnownFirmwareDigestReplacesThePages) {
  const Bytes firmware = GoodTestFirmware().Build();
  const auto parsed = OvmfFirmware::Parse(firmware);
  ASSERT_THAT(parsed, IsOk());
  SnpLaunchOptions options = QemuOptions();
  options.firmware_digest = SnpFirmwareDigest(*parsed);
  EXPECT_EQ(Predict(firmware, options), Predict(firmware, QemuOptions()));
  options.firmware_digest->at(0) ^= 1U;
  EXPECT_NE(Predict(firmware, options), Predict(firmware, QemuOptions()));
}

TEST(SnpLaunchTest, MetadataOrderAndTypesCount) {
  const auto with = [](const std::vector<testing::TestSevSection>& sections) {
    TestFirmware firmware;
    firmware.WithSev(sections);
    SnpLaunchOptions options = QemuOptions();
    options.firmware_digest.emplace();  // only the metadata are looked at
    return Predict(firmware.Build(), options);
  };
  const testing::TestSevSection memory{.gpa = 0x1000, .type = 1};
  const testing::TestSevSection secrets{.gpa = 0x1000, .type = 2};
  const testing::TestSevSection cpuid{.gpa = 0x2000, .type = 3};
  EXPECT_NE(with({memory, cpuid}), with({cpuid, memory}));
  EXPECT_NE(with({memory, cpuid}), with({secrets, cpuid}));
  // The SVSM area and hashes without a kernel are zero pages, as memory is.
  EXPECT_EQ(with({memory}), with({{.gpa = 0x1000, .type = 4}}));
  EXPECT_EQ(with({memory}), with({{.gpa = 0x1000, .type = 0x10}}));
}

TEST(SnpLaunchTest, Ec2AddsCpuidPagesLast) {
  const auto with = [](const std::vector<testing::TestSevSection>& sections,
                       SnpVmm vmm) {
    TestFirmware firmware;
    firmware.WithSev(sections);
    SnpLaunchOptions options = QemuOptions();
    options.vmm = vmm;
    options.firmware_digest.emplace();
    return Predict(firmware.Build(), options);
  };
  const testing::TestSevSection memory{.gpa = 0x1000, .type = 1};
  const testing::TestSevSection cpuid{.gpa = 0x2000, .type = 3};
  EXPECT_EQ(with({memory, cpuid}, SnpVmm::kEc2),
            with({cpuid, memory}, SnpVmm::kEc2));
  EXPECT_NE(with({memory, cpuid}, SnpVmm::kGce),
            with({cpuid, memory}, SnpVmm::kGce));
}

// --- refusals -----------------------------------------------------------

TEST(SnpLaunchTest, RefusesCountsOutOfRange) {
  const Bytes firmware = GoodTestFirmware().Build();
  EXPECT_THAT(Refusal(firmware, QemuOptions(0)), StatusIs(kInvalid));
  EXPECT_THAT(Refusal(firmware, QemuOptions(kMaxVcpus + 1)),
              StatusIs(kInvalid, HasSubstr("want 1 to 4096, got 4097")));
}

TEST(SnpLaunchTest, RefusesQemuWithoutVcpuType) {
  SnpLaunchOptions options = QemuOptions();
  options.cpu_signature = 0;
  const Bytes firmware = GoodTestFirmware().Build();
  EXPECT_THAT(Refusal(firmware, options), StatusIs(kInvalid));
  options.vmm = SnpVmm::kEc2;  // has no use for it
  EXPECT_THAT(Refusal(firmware, options), IsOk());
}

TEST(SnpLaunchTest, RefusesFeaturesWithoutSnp) {
  SnpLaunchOptions options = QemuOptions();
  options.sev_features = 0x20;
  EXPECT_THAT(Refusal(GoodTestFirmware().Build(), options),
              StatusIs(kInvalid, HasSubstr("bit 0")));
}

TEST(SnpLaunchTest, RefusesFirmwareWithoutSevMetadata) {
  TestFirmware firmware;
  firmware.WithApReset(1);
  EXPECT_THAT(Refusal(firmware.Build(), QemuOptions()),
              StatusIs(kPrecondition, HasSubstr("no SEV metadata")));
}

TEST(SnpLaunchTest, RefusesAKernelThatWouldNotBeMeasured) {
  SnpLaunchOptions options = QemuOptions();
  options.direct_boot = HashDirectBoot({}, {}, "");
  TestFirmware none;
  none.WithKernelHashes(0x810c00, 0x400).WithSev({{}});
  EXPECT_THAT(Refusal(none.Build(), options),
              StatusIs(kPrecondition, HasSubstr("unmeasured")));
  TestFirmware elsewhere;
  elsewhere.WithKernelHashes(0x820c00, 0x400)
      .WithSev({{.gpa = 0x810000, .type = 0x10}});
  EXPECT_THAT(Refusal(elsewhere.Build(), options), StatusIs(kPrecondition));
  TestFirmware too_long;
  too_long.WithKernelHashes(0x810c00, 0x400)
      .WithSev({{.gpa = 0x810000, .size = 0x2000, .type = 0x10}});
  EXPECT_THAT(Refusal(too_long.Build(), options), StatusIs(kPrecondition));
  TestFirmware no_table;
  no_table.WithSev({{.gpa = 0x810000, .type = 0x10}});
  EXPECT_THAT(Refusal(no_table.Build(), options), StatusIs(kPrecondition));
  TestFirmware short_table;
  short_table.WithKernelHashes(0x810c00, 175)
      .WithSev({{.gpa = 0x810000, .type = 0x10}});
  EXPECT_THAT(Refusal(short_table.Build(), options),
              StatusIs(kPrecondition, HasSubstr("has 175 bytes, want 176")));
  TestFirmware beyond_page;
  beyond_page.WithKernelHashes(0x810f80, 0x400)
      .WithSev({{.gpa = 0x810000, .type = 0x10}});
  EXPECT_THAT(Refusal(beyond_page.Build(), options), StatusIs(kPrecondition));
}

TEST(SnpLaunchTest, RefusesASecondVcpuWithoutResetAddress) {
  TestFirmware firmware;
  firmware.WithSev({{}});
  EXPECT_THAT(Refusal(firmware.Build(), QemuOptions(1)), IsOk());
  EXPECT_THAT(Refusal(firmware.Build(), QemuOptions(2)),
              StatusIs(kPrecondition, HasSubstr("AP reset")));
}

TEST(SnpVmmTest, ParsesNames) {
  EXPECT_THAT(ParseSnpVmm("qemu"), IsOk());
  EXPECT_THAT(ParseSnpVmm("ec2"), IsOk());
  EXPECT_THAT(ParseSnpVmm("gce"), IsOk());
  EXPECT_THAT(ParseSnpVmm("QEMU"), StatusIs(kInvalid));
}

}  // namespace
}  // namespace constellation::attestation
