// SPDX-License-Identifier: Apache-2.0
#include "cloud/emulation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::Eq;
using ::testing::SizeIs;

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

TEST(EmulationTest, OnlyQemusOwnProcessorIsSlow) {
  EXPECT_EQ(TimeScaleOf("TCGTCGTCGTCG"), 10);
  for (const char* signature :
       {"", "KVMKVMKVM", "Microsoft Hv", "TCGTCGTCGTC", "tcgtcgtcgtcg"}) {
    EXPECT_EQ(TimeScaleOf(signature), 1) << signature;
  }
}

TEST(EmulationTest, SignatureIsShortAndThePrintableOne) {
  const std::string signature = HypervisorSignature();
  EXPECT_LE(signature.size(), 12);
  for (const char c : signature) {
    EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
  }
}

TEST(EmulationTest, TheSlowerWordCounts) {
  for (const auto& [service, own, expected] :
       {std::tuple{1U, 10U, 10U}, {1U, 1U, 1U}, {20U, 10U, 20U}}) {
    const auto client =
        WithTimeScale(std::make_unique<FakeClient>(service), own);
    ASSERT_OK_AND_ASSIGN(const InstanceMetadata self, client->Self());
    EXPECT_EQ(self.time_scale, expected);
    EXPECT_EQ(self.name, "node-0");
  }
}

TEST(EmulationTest, AllElseIsPassedOn) {
  const auto client = WithTimeScale(std::make_unique<FakeClient>(1), 10);
  EXPECT_THAT(client->Peers(), IsOkAndHolds(SizeIs(2)));
  EXPECT_THAT(client->Endpoint(), IsOkAndHolds(Eq("10.0.0.1:6443")));
  EXPECT_THAT(client->EnrolledTpms(), IsOkAndHolds(Eq("[1]")));
  EXPECT_THAT(client->ReportStatus("{}"), IsOk());
  EXPECT_THAT(client->ReportStatus("[]"),
              StatusIs(absl::StatusCode::kInternal));
  const auto down = WithTimeScale(std::make_unique<FakeClient>(1, false), 10);
  EXPECT_THAT(down->Self(), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace constellation::cloud
