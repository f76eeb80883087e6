// SPDX-License-Identifier: Apache-2.0
#include "cloud/metadata_factory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "common/files.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// A machine: what the kernel shows of its command line and its SMBIOS.
class MetadataFactoryTest : public ::testing::Test {
 protected:
  MetadataFactoryTest() {
    options_.command_line_path = folder_.path() + "/cmdline";
    options_.dmi_folder = folder_.path();
    Write("cmdline", "console=ttyS0 roothash=00\n");
  }
  void Write(const std::string& file, const std::string& text) {
    ASSERT_THAT(WriteFileAtomically(folder_.path() + "/" + file, text), IsOk());
  }

  TempDir folder_;
  MetadataFactoryOptions options_;
};

TEST_F(MetadataFactoryTest, KnowsPlatformsBySmbios) {
  using Fields = std::vector<std::pair<std::string, std::string>>;
  const std::vector<std::pair<Fields, std::string>> machines = {
      {{{"sys_vendor", "Amazon EC2"}, {"product_name", "m6a.xlarge"}}, "aws"},
      {{{"bios_vendor", "Amazon EC2"}}, "aws"},
      {{{"sys_vendor", "Microsoft Corporation"},
        {"product_name", "Virtual Machine"},
        {"chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77"}},
       "azure"},
      {{{"sys_vendor", "Google"}, {"product_name", "Google Compute Engine"}},
       "gcp"},
      {{{"sys_vendor", "OpenStack Foundation"},
        {"product_name", "OpenStack Nova"}},
       "openstack"},
      // Vendor of the hypervisor, product of the cloud.
      {{{"sys_vendor", "QEMU"}, {"product_name", "OpenStack Compute"}},
       "openstack"},
      {{{"sys_vendor", "QEMU"},
        {"product_name", "Standard PC (Q35 + ICH9, 2009)"}},
       "qemu"}};
  for (const auto& [fields, platform] : machines) {
    for (const char* file :
         {"sys_vendor", "bios_vendor", "product_name", "chassis_asset_tag"}) {
      Write(file, "\n");
    }
    for (const auto& [file, text] : fields) {
      Write(file, text + "\n");
    }
    EXPECT_THAT(DetectPlatform(options_), IsOkAndHolds(platform));
  }
}

TEST_F(MetadataFactoryTest, HyperVElsewhereIsNotAzure) {
  Write("sys_vendor", "Microsoft Corporation\n");
  Write("product_name", "Virtual Machine\n");
  EXPECT_THAT(DetectPlatform(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("vendor \"Microsoft Corporation\"")));
}

TEST_F(MetadataFactoryTest, CommandLineWins) {
  Write("sys_vendor", "Amazon EC2\n");
  Write("cmdline", "a=b constel.csp=gcp console=ttyS0\n");
  EXPECT_THAT(DetectPlatform(options_), IsOkAndHolds(std::string("gcp")));
  Write("cmdline", "constel.csp=gcp\tconstel.csp=gcp");
  EXPECT_THAT(DetectPlatform(options_), IsOkAndHolds(std::string("gcp")));
  // Another word that only ends in it.
  Write("cmdline", "xconstel.csp=gcp\n");
  EXPECT_THAT(DetectPlatform(options_), IsOkAndHolds(std::string("aws")));
}

TEST_F(MetadataFactoryTest, RefusesContradictionAndUnknownWord) {
  Write("cmdline", "constel.csp=gcp constel.csp=aws\n");
  EXPECT_THAT(DetectPlatform(options_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("twice, as \"gcp\" and as \"aws\"")));
  for (const char* word : {"", "AWS", "aws2", "a\x01\"z"}) {
    Write("cmdline", fmt::format("constel.csp={} quiet\n", word));
    const auto platform = DetectPlatform(options_);
    EXPECT_THAT(platform, StatusIs(absl::StatusCode::kInvalidArgument,
                                   HasSubstr("wants qemu, aws")))
        << word;
    EXPECT_THAT(platform.status().ToString(), Not(HasSubstr("\x01")));
  }
}

TEST_F(MetadataFactoryTest, SaysWhatItSawOnUnknownMachine) {
  EXPECT_THAT(DetectPlatform(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("constel.csp=")));
  options_.command_line_path += ".absent";
  EXPECT_THAT(DetectPlatform(options_), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(MetadataFactoryTest, MakesClientOfEveryPlatformWithoutAskingIt) {
  for (const char* platform : {"qemu", "aws", "azure", "gcp", "openstack"}) {
    Write("cmdline", fmt::format("constel.csp={}\n", platform));
    ASSERT_OK_AND_ASSIGN(const auto client, MakeMetadataClient(options_));
    EXPECT_NE(client, nullptr) << platform;
  }
}

TEST_F(MetadataFactoryTest, SocketMeansQemuWhateverTheMachineSays) {
  Write("sys_vendor", "Amazon EC2\n");
  options_.qemu_metadata_socket = folder_.path() + "/absent.sock";
  EXPECT_THAT(DetectPlatform(options_), IsOkAndHolds(std::string("qemu")));
  ASSERT_OK_AND_ASSIGN(const auto client, MakeMetadataClient(options_));
  // It really asks that socket.
  EXPECT_THAT(client->Self(), StatusIs(absl::StatusCode::kUnavailable));
}

// A metadata service that answers everything, or nothing.
class FakeClient final : public MetadataClient {
 public:
  explicit FakeClient(unsigned time_scale, bool up = true)
      : time_scale_(time_scale), up_(up) {}
  absl::StatusOr<InstanceMetadata> Self() override {
    if (!up_) {
      return Unavailable("down");
    }
    return InstanceMetadata{.name = "node-0", .time_scale = time_scale_};
  }
  absl::StatusOr<std::vector<InstanceMetadata>> Peers() override {
    return std::vector<InstanceMetadata>(2);
  }
  absl::StatusOr<std::string> Endpoint() override { return "10.0.0.1:6443"; }
  absl::StatusOr<std::string> EnrolledTpms() override { return "[1]"; }
  absl::Status ReportStatus(std::string_view json) override {
    return json == "{}" ? absl::OkStatus() : Internal("another report");
  }

 private:
  const unsigned time_scale_;
  const bool up_;
};

std::unique_ptr<MetadataClient> Owning(unsigned service, unsigned own,
                                       bool up = true) {
  return internal::MakeOwningClient(
      [=](HttpTransport& /*transport*/) {
        return std::make_unique<FakeClient>(service, up);
      },
      own);
}

TEST(OwningClientTest, OnlyQemusOwnProcessorIsSlow) {
  EXPECT_EQ(internal::TimeScaleOf("TCGTCGTCGTCG"), 10);
  for (const char* signature :
       {"", "KVMKVMKVM", "Microsoft Hv", "TCGTCGTCGTC", "tcgtcgtcgtcg"}) {
    EXPECT_EQ(internal::TimeScaleOf(signature), 1) << signature;
  }
}

TEST(OwningClientTest, TheSlowerWordCounts) {
  for (const auto& [service, own, expected] :
       {std::tuple{1U, 10U, 10U}, {1U, 1U, 1U}, {20U, 10U, 20U}}) {
    const auto client = Owning(service, own);
    ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, client->Self());
    EXPECT_EQ(self.time_scale, expected);
    EXPECT_EQ(self.name, "node-0");
  }
}

TEST(OwningClientTest, AllElseIsPassedOn) {
  const auto client = Owning(1, 10);
  EXPECT_THAT(client->Peers(), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(client->Endpoint(), IsOkAndHolds(Eq("10.0.0.1:6443")));
  EXPECT_THAT(client->EnrolledTpms(), IsOkAndHolds(Eq("[1]")));
  EXPECT_THAT(client->ReportStatus("{}"), IsOk());
  EXPECT_THAT(client->ReportStatus("[]"),
              StatusIs(absl::StatusCode::kInternal));
  const auto down = Owning(1, 10, false);
  EXPECT_THAT(down->Self(), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::cloud
