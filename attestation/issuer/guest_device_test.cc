// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/guest_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/sev-guest.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "attestation/issuer/testing/fake_tsm.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::FakeSnpReport;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

ReportData Data() {
  ReportData data;
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<uint8_t>(i);
  }
  return data;
}

// The driver of Linux for one SNP guest, and its host.
class FakeSevGuest final {
 public:
  Bytes table = {0x11, 0x22};  // what the host gives
  uint32_t table_room = 4096;  // what it wants for that
  int busy = 0;                // answers "busy" so often, by these:
  int busy_error = EAGAIN;
  uint32_t busy_vmm_error = SNP_GUEST_VMM_ERR_BUSY;
  bool extended = true;  // knows SNP_GET_EXT_REPORT
  uint32_t status = 0;   // of the firmware's response
  uint32_t size = 0x4a0;
  Bytes report;  // instead of an honest one
  std::vector<unsigned long> commands;

  IoctlFunction Function() {
    return [this](int, unsigned long command, void* argument) {
      return Answer(command, *static_cast<snp_guest_request_ioctl*>(argument));
    };
  }

 private:
  static int Fail(snp_guest_request_ioctl& request, int error,
                  uint32_t vmm_error, uint32_t fw_error = 0) {
    request.vmm_error = vmm_error;
    request.fw_error = fw_error;
    errno = error;
    return -1;
  }

  int Answer(unsigned long command, snp_guest_request_ioctl& request) {
    commands.push_back(command);
    EXPECT_EQ(request.msg_version, 1);
    if (busy-- > 0) {
      return Fail(request, busy_error, busy_vmm_error);
    }
    const auto* plain = reinterpret_cast<snp_report_req*>(request.req_data);
    if (command == SNP_GET_EXT_REPORT) {
      auto* wanted = reinterpret_cast<snp_ext_report_req*>(request.req_data);
      plain = &wanted->data;
      if (!extended) {
        return Fail(request, ENOTTY, 0);
      }
      if (wanted->certs_len < table_room) {
        wanted->certs_len = table_room;
        return Fail(request, EIO, SNP_GUEST_VMM_ERR_INVALID_LEN);
      }
      std::copy(table.begin(), table.end(),
                reinterpret_cast<uint8_t*>(wanted->certs_address));
    } else if (command != SNP_GET_REPORT) {
      return Fail(request, ENOTTY, 0);
    }
    Bytes made = report.empty() ? FakeSnpReport(plain->user_data) : report;
    auto* response = reinterpret_cast<snp_report_resp*>(request.resp_data);
    std::memcpy(response->data, &status, 4);
    std::memcpy(response->data + 4, &size, 4);
    std::copy(made.begin(), made.end(), response->data + 32);
    return 0;
  }
};

class SevGuestDeviceTest : public ::testing::Test {
 protected:
  absl::StatusOr<HardwareReport> Report(const std::string& path = "/dev/null") {
    return SevGuestDevice({.path = path, .ioctl = driver_.Function()}, clock_)
        .Report(Data());
  }

  FakeClock clock_{absl::UnixEpoch()};
  FakeSevGuest driver_;
};

TEST_F(SevGuestDeviceTest, GetsReportWithTheHostsTable) {
  ASSERT_OK_AND_ASSIGN(const HardwareReport report, Report());
  EXPECT_EQ(report.kind, HardwareKind::kSnp);
  EXPECT_EQ(report.report, FakeSnpReport(Data()));
  ASSERT_EQ(report.certificates.size(), 4 * 4096U);
  EXPECT_EQ(report.certificates[1], 0x22);
  EXPECT_THAT(driver_.commands, ElementsAre(SNP_GET_EXT_REPORT));
}

TEST_F(SevGuestDeviceTest, AsksAgainWithTheRoomThatTheHostWants) {
  driver_.table_room = 9 * 4096;
  ASSERT_OK_AND_ASSIGN(const HardwareReport report, Report());
  EXPECT_EQ(report.certificates.size(), 9 * 4096U);
  EXPECT_THAT(driver_.commands,
              ElementsAre(SNP_GET_EXT_REPORT, SNP_GET_EXT_REPORT));
}

TEST_F(SevGuestDeviceTest, AsksAgainOnlyIfThatMayHelp) {
  const std::pair<int, uint32_t> may_help[] = {
      {EAGAIN, 0}, {EBUSY, 0}, {EINTR, 0}, {EIO, SNP_GUEST_VMM_ERR_BUSY}};
  for (const auto& [error, vmm_error] : may_help) {
    driver_.busy = 1;
    driver_.busy_error = error;
    driver_.busy_vmm_error = vmm_error;
    driver_.commands.clear();
    EXPECT_THAT(Report(), IsOk()) << error << " " << vmm_error;
    EXPECT_THAT(driver_.commands,
                ElementsAre(SNP_GET_EXT_REPORT, SNP_GET_EXT_REPORT))
        << error << " " << vmm_error;
  }
  driver_.commands.clear();
  driver_.busy = 2;
  driver_.busy_error = EIO;
  driver_.busy_vmm_error = 0;
  EXPECT_THAT(Report(), StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(driver_.commands, ElementsAre(SNP_GET_EXT_REPORT, SNP_GET_REPORT))
      << "each once";
}

TEST_F(SevGuestDeviceTest, RefusesHostThatWantsTooMuchRoom) {
  driver_.table_room = 17 * 4096;
  EXPECT_THAT(Report(), StatusIs(absl::StatusCode::kResourceExhausted));
  driver_.table_room = 0xffffffff;
  EXPECT_THAT(Report(), StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(SevGuestDeviceTest, DoesNotLoopWithHostThatIsNeverContent) {
  int calls = 0;
  SevGuestDevice device(
      {.path = "/dev/null",
       .ioctl =
           [&calls](int, unsigned long, void* argument) {
             auto* request = static_cast<snp_guest_request_ioctl*>(argument);
             request->vmm_error = SNP_GUEST_VMM_ERR_INVALID_LEN;
             errno = EIO;
             ++calls;
             return -1;
           }},
      clock_);
  EXPECT_THAT(device.Report(Data()), StatusIs(absl::StatusCode::kInternal,
                                              HasSubstr("refuses every size")));
  EXPECT_LE(calls, 16);
}

TEST_F(SevGuestDeviceTest, HostWithoutTableGivesNone) {
  driver_.table = {};
  ASSERT_OK_AND_ASSIGN(const HardwareReport report, Report());
  EXPECT_TRUE(report.certificates.empty());
}

TEST_F(SevGuestDeviceTest, AsksForPlainReportWhereThereIsNoExtendedOne) {
  driver_.extended = false;
  ASSERT_OK_AND_ASSIGN(const HardwareReport report, Report());
  EXPECT_EQ(report.report, FakeSnpReport(Data()));
  EXPECT_TRUE(report.certificates.empty());
  EXPECT_THAT(driver_.commands,
              ElementsAre(SNP_GET_EXT_REPORT, SNP_GET_REPORT));
}

TEST_F(SevGuestDeviceTest, WaitsForABusyHost) {
  driver_.busy = 3;
  EXPECT_THAT(Report(), IsOk());
  EXPECT_EQ(clock_.Now() - absl::UnixEpoch(),
            absl::Milliseconds(100 + 200 + 400));
  EXPECT_THAT(driver_.commands, Each(SNP_GET_EXT_REPORT));
}

TEST_F(SevGuestDeviceTest, GivesUpOnAHostThatStaysBusy) {
  driver_.busy = 100;
  EXPECT_THAT(Report(), StatusIs(absl::StatusCode::kUnavailable,
                                 HasSubstr("host error 2")));
  EXPECT_EQ(driver_.commands.size(), 6U);
}

TEST_F(SevGuestDeviceTest, ReportsFirmwareErrors) {
  driver_.status = 0x16;
  EXPECT_THAT(Report(), StatusIs(absl::StatusCode::kInternal,
                                 HasSubstr("answers with status 0x16")));
  driver_.status = 0;
  driver_.size = 0x4a1;
  EXPECT_THAT(Report(), StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("want 1184 bytes, got 1185")));
}

TEST_F(SevGuestDeviceTest, ReportsFailuresOfTheDriver) {
  SevGuestDevice device(
      {.path = "/dev/null",
       .ioctl =
           [](int, unsigned long, void* argument) {
             auto* request = static_cast<snp_guest_request_ioctl*>(argument);
             request->vmm_error = 0;
             request->fw_error = 0x1d;
             errno = EIO;
             return -1;
           }},
      clock_);
  EXPECT_THAT(device.Report(Data()),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("host error 0, firmware error 0x1d")));
}

TEST_F(SevGuestDeviceTest, RefusesReportForOtherData) {
  driver_.report = FakeSnpReport(Bytes(64, 1));
  EXPECT_THAT(Report(), StatusIs(absl::StatusCode::kUnavailable,
                                 HasSubstr("want report data")));
}

TEST_F(SevGuestDeviceTest, NoDeviceIsNotFound) {
  EXPECT_THAT(Report("/nonexistent"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SevGuestDeviceTest, OtherDevicesKnowNoSuchRequest) {
  EXPECT_FALSE(
      SevGuestDevice({.path = "/dev/null"}, clock_).Report(Data()).ok());
}

TEST(TdxGuestDeviceTest, GetsTdReport) {
  const auto driver = [](int, unsigned long request, void* argument) {
    EXPECT_EQ(request, 0xc4405401UL);  // _IOWR('T', 1, 1088 octets)
    auto* octets = static_cast<uint8_t*>(argument);
    std::copy(octets, octets + 64, octets + 64 + 128);
    octets[64] = 0x81;
    return 0;
  };
  ASSERT_OK_AND_ASSIGN(
      const Bytes report,
      GetTdReport(Data(), {.path = "/dev/null", .ioctl = driver}));
  ASSERT_EQ(report.size(), 1024U);
  EXPECT_EQ(report[0], 0x81);
  EXPECT_EQ(report[128 + 63], 63);
}

TEST(TdxGuestDeviceTest, ReportsFailures) {
  EXPECT_THAT(GetTdReport(Data(), {.path = "/nonexistent"}),
              StatusIs(absl::StatusCode::kNotFound));
  const auto refusing = [](int, unsigned long, void*) {
    errno = EIO;
    return -1;
  };
  EXPECT_THAT(GetTdReport(Data(), {.path = "/dev/null", .ioctl = refusing}),
              StatusIs(absl::StatusCode::kDataLoss));
}

}  // namespace
}  // namespace constellation::attestation
