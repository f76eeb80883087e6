// SPDX-License-Identifier: Apache-2.0
#include "attestation/layer_binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/hex.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

const Bytes kName(34, 0x0b);
const Bytes kUserData(kUserDataSize, 0x55);

std::vector<PcrValue> Pcrs() {
  std::vector<PcrValue> pcrs(3);
  for (size_t i = 0; i < pcrs.size(); ++i) {
    pcrs[i].index = static_cast<uint32_t>(4 * i);
    pcrs[i].sha256.fill(static_cast<uint8_t>(i + 1));
  }
  return pcrs;
}

ReportData Good() {
  auto data = HardwareReportData(kName, Pcrs(), kUserData);
  EXPECT_THAT(data, IsOk());
  return *data;
}

// Computed by a few lines of Python's hashlib from docs/formats.
TEST(LayerBindingTest, IsTheDocumentedFormat) {
  EXPECT_EQ(HexEncode(Good()),
            "a53a6066ae7fb77eee0cffe013a0773dc409b4393de3267070b053e0e3677a0a"
            "27745a409423adf793395dbb51ca71e2976eda897c404936ccf255b1a167c105");
  ASSERT_OK_AND_ASSIGN(const ReportData without,
                       HardwareReportData({}, {}, kUserData));
  EXPECT_EQ(HexEncode(without),
            "319cbcca85c3e76131ef36cb52155f2496bb24407bfc04c346eabd85d544e808"
            "674747ff33f9fe09bb7a00d73344eaf5955280a71d749b1df947a1b7ca5b5883");
}

TEST(LayerBindingTest, OrderOfRegistersDoesNotMatter) {
  std::vector<PcrValue> pcrs = Pcrs();
  std::ranges::reverse(pcrs);
  ASSERT_OK_AND_ASSIGN(const ReportData data,
                       HardwareReportData(kName, pcrs, kUserData));
  EXPECT_EQ(data, Good());
}

TEST(LayerBindingTest, CoversEverything) {
  std::set<ReportData> all = {Good()};
  const auto add = [&all](const Bytes& name, const std::vector<PcrValue>& pcrs,
                          const Bytes& user_data) {
    const auto data = HardwareReportData(name, pcrs, user_data);
    ASSERT_THAT(data, IsOk());
    EXPECT_TRUE(all.insert(*data).second);
  };
  Bytes name = kName;
  name.back() ^= 1U;
  add(name, Pcrs(), kUserData);
  name = kName;
  name.push_back(0);
  add(name, Pcrs(), kUserData);
  for (size_t i = 0; i < kUserDataSize; ++i) {
    Bytes user_data = kUserData;
    user_data[i] ^= 0x80U;
    add(kName, Pcrs(), user_data);
  }
  for (size_t i = 0; i < 3; ++i) {
    std::vector<PcrValue> pcrs = Pcrs();
    pcrs[i].sha256[31] ^= 1U;
    add(kName, pcrs, kUserData);
    pcrs = Pcrs();
    pcrs[i].index += 1;  // the same values of other registers
    add(kName, pcrs, kUserData);
    pcrs = Pcrs();
    pcrs.erase(pcrs.begin() + static_cast<ptrdiff_t>(i));
    add(kName, pcrs, kUserData);
  }
  add({}, {}, kUserData);
}

TEST(LayerBindingTest, RefusesOddArguments) {
  const auto refused = StatusIs(absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(HardwareReportData(kName, Pcrs(), Bytes(63)), refused);
  EXPECT_THAT(HardwareReportData(kName, Pcrs(), Bytes(65)), refused);
  EXPECT_THAT(HardwareReportData(kName, {}, kUserData), refused);
  EXPECT_THAT(HardwareReportData({}, Pcrs(), kUserData), refused);
  std::vector<PcrValue> pcrs = Pcrs();
  pcrs[0].index = 32;
  EXPECT_THAT(HardwareReportData(kName, pcrs, kUserData), refused);
  pcrs[0].index = pcrs[1].index;
  EXPECT_THAT(
      HardwareReportData(kName, pcrs, kUserData),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most once")));
}

TEST(LayerBindingTest, ChecksReportData) {
  const ReportData good = Good();
  EXPECT_THAT(CheckHardwareReportData(good, kName, Pcrs(), kUserData), IsOk());
  for (size_t i = 0; i < good.size(); ++i) {
    ReportData bad = good;
    bad[i] ^= 1U;
    EXPECT_THAT(CheckHardwareReportData(bad, kName, Pcrs(), kUserData),
                StatusIs(absl::StatusCode::kUnauthenticated));
  }
  EXPECT_THAT(CheckHardwareReportData(std::span(good).first(63), kName, Pcrs(),
                                      kUserData),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("want " + HexEncode(good))));
  EXPECT_THAT(CheckHardwareReportData({}, kName, Pcrs(), kUserData),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(CheckHardwareReportData(good, kName, Pcrs(), Bytes(1)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::attestation
