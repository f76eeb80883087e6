// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/tsm_report_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "attestation/issuer/testing/fake_tsm.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::FakeSnpReport;
using ::constellation::attestation::testing::FakeTdQuote;
using ::constellation::attestation::testing::FakeTsm;
using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kFolder[] = "/fake/report";

ReportData Data(uint8_t value = 0x5a) {
  ReportData data;
  data.fill(value);
  return data;
}

class TsmReportProviderTest : public ::testing::Test {
 protected:
  TsmReportProvider Provider(TsmReportOptions options = {}) {
    options.folder = kFolder;
    return TsmReportProvider(options, tsm_, clock_);
  }

  FakeClock clock_{absl::UnixEpoch()};
  FakeTsm tsm_{kFolder, "sev_guest", FakeSnpReport, {1, 2, 3}};
};

TEST_F(TsmReportProviderTest, GetsSnpReportWithCertificates) {
  ASSERT_OK_AND_ASSIGN(const HardwareReport report, Provider().Report(Data()));
  EXPECT_EQ(report.kind, HardwareKind::kSnp);
  EXPECT_EQ(report.report, FakeSnpReport(Data()));
  EXPECT_EQ(report.certificates, (Bytes{1, 2, 3}));
  EXPECT_EQ(tsm_.entries(), 0U);
  EXPECT_EQ(tsm_.made(), 1);
}

TEST_F(TsmReportProviderTest, GetsTdQuoteWithoutAuxiliaryData) {
  FakeTsm tdx(kFolder, "tdx_guest", FakeTdQuote);
  TsmReportProvider provider({.folder = kFolder}, tdx, clock_);
  ASSERT_OK_AND_ASSIGN(const HardwareReport report, provider.Report(Data()));
  EXPECT_EQ(report.kind, HardwareKind::kTdx);
  EXPECT_EQ(report.report, FakeTdQuote(Data()));
  EXPECT_TRUE(report.certificates.empty());
}

TEST_F(TsmReportProviderTest, SetsPrivilegeLevelOnlyIfAsked) {
  ASSERT_THAT(Provider().Report(Data()), IsOk());
  EXPECT_THAT(tsm_.log(), ::testing::Not(Contains("write privlevel")));
  ASSERT_THAT(Provider({.privilege_level = 2}).Report(Data()), IsOk());
  EXPECT_THAT(tsm_.log(), Contains("write privlevel"));
}

TEST_F(TsmReportProviderTest, NamesTheTechnology) {
  EXPECT_THAT(Provider().Kind(), IsOkAndHolds(HardwareKind::kSnp));
  EXPECT_EQ(tsm_.entries(), 0U);
}

TEST_F(TsmReportProviderTest, RefusesUnknownProvider) {
  FakeTsm other(kFolder, "arm_cca_guest", FakeSnpReport);
  TsmReportProvider provider({.folder = kFolder}, other, clock_);
  EXPECT_THAT(provider.Report(Data()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want provider sev_guest or tdx_guest")));
  EXPECT_EQ(other.entries(), 0U);
}

TEST_F(TsmReportProviderTest, NoFolderIsNotFound) {
  TsmReportProvider provider({.folder = "/elsewhere"}, tsm_, clock_);
  EXPECT_THAT(provider.Report(Data()), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(TsmReportProviderTest, WaitsWhileTheInterfaceIsBusy) {
  for (const char* operation :
       {"mkdir", "read provider", "write inblob", "read outblob",
        "read auxblob", "read generation"}) {
    int failures = 3;
    tsm_.fault = [&](const std::string& current) {
      return current == operation && failures-- > 0
                 ? ErrnoStatus(EBUSY, "use", current)
                 : absl::OkStatus();
    };
    const absl::Time start = clock_.Now();
    EXPECT_THAT(Provider().Report(Data()), IsOk()) << operation;
    EXPECT_EQ(clock_.Now() - start, absl::Milliseconds(20 + 40 + 80));
    EXPECT_EQ(tsm_.entries(), 0U) << operation;
  }
}

TEST_F(TsmReportProviderTest, GivesUpOnAnInterfaceThatStaysBusy) {
  tsm_.fault = [](const std::string& operation) {
    return operation == "read outblob" ? ErrnoStatus(EAGAIN, "use", operation)
                                       : absl::OkStatus();
  };
  EXPECT_THAT(Provider({.attempts = 4}).Report(Data()),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(tsm_.made(), 4);
  EXPECT_EQ(tsm_.entries(), 0U);
}

TEST_F(TsmReportProviderTest, RemovesItsEntryAfterEveryFailure) {
  for (const char* operation :
       {"read provider", "write inblob", "write privlevel", "read outblob",
        "read auxblob", "read generation"}) {
    tsm_.fault = [&](const std::string& current) {
      return current == operation ? ErrnoStatus(EIO, "use", current)
                                  : absl::OkStatus();
    };
    EXPECT_THAT(Provider({.privilege_level = 0}).Report(Data()),
                StatusIs(absl::StatusCode::kDataLoss))
        << operation;
    EXPECT_EQ(tsm_.entries(), 0U) << operation;
  }
}

TEST_F(TsmReportProviderTest, EntryThatCannotBeRemovedIsNoFailure) {
  tsm_.fault = [](const std::string& operation) {
    return operation == "rmdir" ? ErrnoStatus(EBUSY, "remove", "entry")
                                : absl::OkStatus();
  };
  EXPECT_THAT(Provider().Report(Data()), IsOk());
}

TEST_F(TsmReportProviderTest, NoticesAnotherWriterBeforeReading) {
  int disturbances = 2;
  tsm_.after = [&](const std::string& operation, int& generation) {
    if (operation == "write inblob" && disturbances-- > 0) {
      ++generation;
    }
  };
  EXPECT_THAT(Provider().Report(Data()), IsOk());
  EXPECT_EQ(tsm_.made(), 3);
}

TEST_F(TsmReportProviderTest, NoticesAnotherWriterWhileReading) {
  int disturbances = 2;
  tsm_.after = [&](const std::string& operation, int& generation) {
    if (operation == "read auxblob" && disturbances-- > 0) {
      ++generation;
    }
  };
  EXPECT_THAT(Provider().Report(Data()), IsOk());
  EXPECT_EQ(tsm_.made(), 3);
}

TEST_F(TsmReportProviderTest, NoticesWriteThatWasLost) {
  tsm_.after = [](const std::string& operation, int& generation) {
    if (operation == "write inblob") {
      --generation;
    }
  };
  EXPECT_THAT(Provider().Report(Data()),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("want generation 1, got 0")));
}

TEST_F(TsmReportProviderTest, RefusesReportForSomebodyElse) {
  FakeTsm wrong(kFolder, "sev_guest",
                [](const Bytes&) { return FakeSnpReport(Data(1)); });
  TsmReportProvider provider({.folder = kFolder}, wrong, clock_);
  EXPECT_THAT(provider.Report(Data()),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("another program asked at the same time")));
}

TEST_F(TsmReportProviderTest, RefusesReportsOfAnotherForm) {
  const Bytes good = FakeSnpReport(Data());
  for (const Bytes& report :
       {Bytes(), Bytes(good.begin(), good.end() - 1), Bytes(1185)}) {
    FakeTsm tsm(kFolder, "sev_guest", [&](const Bytes&) { return report; });
    TsmReportProvider provider({.folder = kFolder}, tsm, clock_);
    EXPECT_THAT(provider.Report(Data()),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(TsmReportProviderTest, ThreadsHaveEntriesOfTheirOwn) {
  TsmReportProvider provider = Provider();
  std::vector<std::jthread> threads;
  for (uint8_t i = 0; i < 8; ++i) {
    threads.emplace_back([&provider, i] {
      const auto report = provider.Report(Data(i));
      ASSERT_THAT(report, IsOk());
      EXPECT_EQ(report->report, FakeSnpReport(Data(i)));
    });
  }
  threads.clear();
  EXPECT_EQ(tsm_.made(), 8);
  EXPECT_EQ(tsm_.entries(), 0U);
}

TEST(TsmFilesTest, WorksOnRealFolders) {
  const TempDir dir;
  TsmFiles& files = TsmFiles::System();
  const std::string entry = dir.Join("entry");
  ASSERT_THAT(files.MakeEntry(entry), IsOk());
  EXPECT_THAT(files.MakeEntry(entry),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(files.Write(entry + "/inblob", Data()),
              StatusIs(absl::StatusCode::kNotFound))
      << "attributes are the kernel's to make";
  ASSERT_THAT(WriteFileAtomically(entry + "/inblob", ""), IsOk());
  ASSERT_THAT(files.Write(entry + "/inblob", Data()), IsOk());
  const ReportData data = Data();
  EXPECT_THAT(files.Read(entry + "/inblob", 64),
              IsOkAndHolds(Bytes(data.begin(), data.end())));
  EXPECT_THAT(files.Read(entry + "/inblob", 63),
              StatusIs(absl::StatusCode::kInvalidArgument));
  std::filesystem::remove(entry + "/inblob");
  EXPECT_THAT(files.RemoveEntry(entry), IsOk());
  EXPECT_THAT(files.RemoveEntry(entry), StatusIs(absl::StatusCode::kNotFound));
}

TEST(CheckReportCarriesTest, ReadsBothVersionsOfTdQuotes) {
  Bytes v5(1500, 0);
  v5[0] = 5;
  const ReportData data = Data();
  std::copy(data.begin(), data.end(), v5.begin() + 54 + 520);
  EXPECT_THAT(CheckReportCarries({HardwareKind::kTdx, v5, {}}, data), IsOk());
  v5[0] = 4;
  EXPECT_THAT(CheckReportCarries({HardwareKind::kTdx, v5, {}}, data),
              StatusIs(absl::StatusCode::kUnavailable));
  for (const uint8_t version : Bytes{0, 3, 6}) {
    v5[0] = version;
    EXPECT_THAT(CheckReportCarries({HardwareKind::kTdx, v5, {}}, data),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(CheckReportCarries({HardwareKind::kTdx, Bytes{4, 0}, {}}, data),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CheckReportCarries({HardwareKind::kTdx, {}, {}}, data),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace constellation::attestation
