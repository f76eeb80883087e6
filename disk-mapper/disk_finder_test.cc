// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/disk_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::disk_mapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

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

  // A disk as a cloud attaches it: `serial` is the cloud's.
  void AddCloudDisk(const std::string& name, uint64_t gib,
                    const std::string& serial = "7f3a2c11-1c65-4f57-9") const {
    AddDisk(name, serial);
    SetFact(name + "/device/model", "QEMU");
    SetFact(name + "/removable", "0\n");
    SetFact(name + "/ro", "0\n");
    SetFact(name + "/size", std::to_string(gib << 21U) + "\n");
  }
  // The label's, as the kernel shows it.
  void AddStatePartition(const std::string& disk) const {
    SetFact(disk + "/" + disk + "1/partition", "1\n");
    SetFact(disk + "/" + disk + "1/uevent",
            "DEVTYPE=partition\nPARTN=1\nPARTNAME=constellation-state\n");
  }
  void SetFact(const std::string& file, const std::string& value) const {
    const std::string path = paths_.Blocks() + "/" + file;
    EXPECT_THAT(MakeDirectories(path.substr(0, path.rfind('/'))), IsOk());
    EXPECT_THAT(WriteFileAtomically(path, value), IsOk());
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
                       HasSubstr("no disk with the serial number 'state'")));
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

// The node booted from the one with partitions.
TEST_F(DiskFinderTest, FindsTheOnlyOtherDiskOfACloud) {
  AddCloudDisk("vda", 5);
  for (const char* number : {"1", "2", "3"}) {
    SetFact(std::string("vda/vda") + number + "/partition", number);
  }
  AddCloudDisk("vdb", 30);
  SetFact("vdb/queue/scheduler", "none\n");
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/vdb"));
  // Once formatted it has the partition of its label.
  AddStatePartition("vdb");
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/vdb"));
}

// A driver of volumes attaches more before the node restarts.
TEST_F(DiskFinderTest, TheLabelDecidesBetweenDisksOfACloud) {
  AddCloudDisk("sdb", 100);
  AddCloudDisk("sdc", 30);
  AddStatePartition("sdc");
  AddCloudDisk("sdd", 100);
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/sdc"));
  AddStatePartition("sdd");
  EXPECT_THAT(FindStateDisk(paths_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("/sdc"), HasSubstr("/sdd"),
                             Not(HasSubstr("/sdb")))));
}

// Azure's temporary disk, for instance.
TEST_F(DiskFinderTest, OthersPartitionsAreNotTouched) {
  for (const char* uevent :
       {"DEVTYPE=partition\nPARTN=1\n", "PARTNAME=Temporary Storage\n",
        "PARTNAME=constellation-state2\n", "XPARTNAME=constellation-state\n",
        "PARTNAME=constellation-state"}) {
    AddCloudDisk("sdb", 100);
    SetFact("sdb/sdb1/partition", "1\n");
    SetFact("sdb/sdb1/uevent", uevent);
    EXPECT_THAT(FindStateDisk(paths_), StatusIs(absl::StatusCode::kNotFound))
        << uevent;
  }
  AddCloudDisk("sdc", 30);
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/sdc"));
}

TEST_F(DiskFinderTest, ASerialNumberDecidesBetweenDisks) {
  AddCloudDisk("vdb", 30);
  AddCloudDisk("vdc", 30, "state");
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/vdc"));
  AddStatePartition("vdb");
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/vdc"));
}

TEST_F(DiskFinderTest, TheSmallestStateDiskIsOne) {
  AddCloudDisk("vdb", 1);
  EXPECT_THAT(FindStateDisk(paths_), IsOkAndHolds(paths_.Devices() + "/vdb"));
}

TEST_F(DiskFinderTest, SeveralOtherDisksAreRefused) {
  AddCloudDisk("nvme1n1", 30);
  AddCloudDisk("nvme2n1", 900);
  EXPECT_THAT(FindStateDisk(paths_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("/nvme1n1"), HasSubstr("/nvme2n1"),
                             HasSubstr("machine type without local disks"))));
}

// Config drives, DVDs, and what is made of disks.
TEST_F(DiskFinderTest, OtherDevicesAreNoDisks) {
  AddCloudDisk("vdb", 30);
  SetFact("vdb/ro", "1\n");
  AddCloudDisk("sr0", 30);
  SetFact("sr0/removable", "1\n");
  AddCloudDisk("vdc", 30);
  SetFact("vdc/size", "131072\n");
  AddCloudDisk("vdd", 30);
  AddStatePartition("vdd");
  SetFact("vdd/vdd9/partition", "9\n");
  SetFact("dm-0/size", "900000000\n");
  EXPECT_THAT(FindStateDisk(paths_),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("none without partitions")));
}

TEST_F(DiskFinderTest, NoListOfDisksIsAnError) {
  paths_.root = folder_.Join("absent");
  EXPECT_THAT(FindStateDisk(paths_), StatusIs(absl::StatusCode::kNotFound,
                                              HasSubstr(paths_.Blocks())));
}

}  // namespace
}  // namespace constellation::disk_mapper
