// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class DiskFinderTest : public ::testing::Test {
 protected:
  DiskFinderTest() {
    paths_.root = folder_.path();
    EXPECT_THAT(MakeDirectories(paths_.Blocks()), IsOk());
  }
  // A disk with `serial` in the file where virtio (or, deeper, SCSI) has it.
  void AddDisk(const std::string& name, const std::string& serial,
               const std::string& file = "/serial") const {
    const std::string path = paths_.Blocks() + "/" + name + file;
    EXPECT_THAT(MakeDirectories(path.substr(0, path.rfind('/'))), IsOk());
    EXPECT_THAT(WriteFileAtomically(path, serial), IsOk());
  }

  constellation::testing::TempDir folder_;
  NodePaths paths_;
};

TEST_F(DiskFinderTest, FindsDisksOfVirtio) {
  AddDisk("vda", "root");
  AddDisk("vdb", "state");
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/vdb"));
}

TEST_F(DiskFinderTest, FindsDisksOfScsiAndNvme) {
  AddDisk("nvme0n1", "state   \n", "/device/serial");
  EXPECT_THAT(FindStateDisk(paths_),
              IsOkAndHolds(paths_.Devices() + "/nvme0n1"));
}

TEST_F(DiskFinderTest, OtherSerialsAreNotIt) {
  AddDisk("vda", "state2");
  AddDisk("vdb", "State");
  AddDisk("vdc", " state");
  AddDisk("vdd", "");
  EXPECT_THAT(FindStateDisk(paths_),
              StatusIs(absl::StatusCode::kNotFound,
                       "no disk with the serial number 'state'"));
}

// Whatever the second one is for: formatting the wrong one loses data.
TEST_F(DiskFinderTest, SeveralAreRefused) {
  AddDisk("vda", "state");
  AddDisk("vdb", "state\n");
  EXPECT_THAT(FindStateDisk(paths_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "want one disk with the serial number 'state', got 2"));
}

TEST_F(DiskFinderTest, DiskWithBothFilesCountsOnce) {
  AddDisk("vda", "state");
  AddDisk("vda", "state", "/device/serial");
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/vda"));
}

TEST_F(DiskFinderTest, NoListOfDisksIsAnError) {
  paths_.root = folder_.Join("absent");
  EXPECT_THAT(FindStateDisk(paths_), StatusIs(absl::StatusCode::kNotFound,
                                              HasSubstr(paths_.Blocks())));
}

}  // namespace
}  // namespace constellation::disk_mapper
