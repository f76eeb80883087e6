// SPDX-License-Identifier: Apache-2.0
#include "cloud/engine/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cloud/engine/testing/kill_switch.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

const ClusterIdentity kCluster{
    .uid = "0a1b2c3d", .name = "demo", .cloud = "aws", .scope = "1/eu-west-1"};

class JournalTest : public ::testing::Test {
 protected:
  std::unique_ptr<Journal> Open() {
    auto journal = Journal::Open(storage_, clock_, kCluster);
    EXPECT_THAT(journal, IsOk());
    return journal.ok() ? std::move(*journal) : nullptr;
  }

  TempDir directory_;
  FakeClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  FileJournalStorage storage_{directory_.Join("journal")};
  const Resource net_{.kind = "net",
                      .name = "a",
                      .tags = {{"secret", "tag"}},
                      .desired = {{"password", "geheim"}},
                      .depends_on = {"b"}};
};

TEST_F(JournalTest, KeepsWhatItIsToldAcrossProcesses) {
  {
    const auto journal = Open();
    ASSERT_THAT(journal->Creating(net_, "token-1"), IsOk());
  }
  {
    const auto journal = Open();
    const auto entry = journal->Find("a");
    ASSERT_TRUE(entry.has_value());
    EXPECT_EQ(entry->state, JournalState::kCreating);
    EXPECT_EQ(entry->token, "token-1");
    EXPECT_EQ(entry->kind, "net");
    EXPECT_EQ(entry->depends_on, std::vector<std::string>{"b"});
    ASSERT_THAT(journal->Created(net_, "vpc-1"), IsOk());
    ASSERT_THAT(journal->Ready("a"), IsOk());
  }
  {
    const auto journal = Open();
    EXPECT_EQ(journal->Find("a")->state, JournalState::kReady);
    EXPECT_EQ(journal->Find("a")->id, "vpc-1");
    EXPECT_EQ(journal->Find("a")->token, "token-1");
    ASSERT_THAT(journal->Deleting(net_, ""), IsOk());
  }
  {
    const auto journal = Open();
    EXPECT_EQ(journal->Find("a")->state, JournalState::kDeleting);
    EXPECT_EQ(journal->Find("a")->id, "vpc-1");
    ASSERT_THAT(journal->Gone("a"), IsOk());
  }
  const auto journal = Open();
  EXPECT_THAT(journal->Entries(), SizeIs(0));
  ASSERT_THAT(journal->Finish(), IsOk());
  EXPECT_FALSE(FileExists(directory_.Join("journal")));
}

TEST_F(JournalTest, HoldsNoAttributesAndIsPrivate) {
  const auto journal = Open();
  ASSERT_THAT(journal->Creating(net_, "t"), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string text,
                       ReadFile(directory_.Join("journal")));
  EXPECT_THAT(text, Not(HasSubstr("geheim")));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
  struct stat info {};
  ASSERT_EQ(::stat(directory_.Join("journal").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(JournalTest, DropsATornLastLineOnly) {
  { ASSERT_THAT(Open()->Creating(net_, "t"), IsOk()); }
  const std::string path = directory_.Join("journal");
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(path));
  // Whatever the length of the piece of the next line.
  const std::string next = R"({"op":"gone","time":1800000000000,"name":"a"})";
  for (size_t size = 0; size <= next.size(); ++size) {
    ASSERT_THAT(WriteFileAtomically(path, text + next.substr(0, size)), IsOk());
    EXPECT_TRUE(Open()->Find("a").has_value()) << size;
  }
  ASSERT_THAT(WriteFileAtomically(path, text + next + "\n"), IsOk());
  EXPECT_FALSE(Open()->Find("a").has_value());
}

TEST_F(JournalTest, DamageInTheMiddleIsDataLoss) {
  { ASSERT_THAT(Open()->Creating(net_, "t"), IsOk()); }
  const std::string path = directory_.Join("journal");
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(path));
  for (const std::string line :
       {"garbage\n", "{}\n", "[]\n",
        R"({"op":"gone"})"
        "\n",
        R"({"op":"exploded","time":1,"name":"a"})"
        "\n",
        R"({"op":"ready","time":1,"name":"a"})"
        "\n",
        R"({"op":"ready","time":1,"name":"a","kind":"k","token":"","id":"i",)"
        R"("dependsOn":[7]})"
        "\n"}) {
    ASSERT_THAT(WriteFileAtomically(path, text + line), IsOk());
    EXPECT_THAT(Journal::Open(storage_, clock_, kCluster),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("line 3")))
        << line;
  }
}

TEST_F(JournalTest, RefusesAnotherClustersJournal) {
  Open();
  for (const ClusterIdentity& other :
       {ClusterIdentity{"ffffffff", "demo", "aws", "1/eu-west-1"},
        ClusterIdentity{"0a1b2c3d", "demo", "gcp", "1/eu-west-1"},
        ClusterIdentity{"0a1b2c3d", "demo", "aws", "2/eu-west-1"}}) {
    EXPECT_THAT(Journal::Open(storage_, clock_, other),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("another cluster")));
  }
  ASSERT_THAT(WriteFileAtomically(directory_.Join("journal"),
                                  R"({"format":"x","version":2})"
                                  "\n"),
              IsOk());
  EXPECT_THAT(Journal::Open(storage_, clock_, kCluster),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("newer program")));
}

TEST_F(JournalTest, AnInterruptedCallMayBeVisibleLate) {
  const absl::Time start = clock_.Now();
  { ASSERT_THAT(Open()->Creating(net_, "t"), IsOk()); }
  // The process may have died just now, in the middle of its repeats.
  clock_.Advance(absl::Minutes(8));
  EXPECT_EQ(Open()->Find("a")->visible_by, start + absl::Minutes(10));
  // But no call lasts for hours; opening again does not push the time out.
  clock_.Advance(absl::Hours(5));
  EXPECT_EQ(Open()->Find("a")->visible_by, start + absl::Minutes(12));
  EXPECT_EQ(Open()->Find("a")->visible_by, start + absl::Minutes(12));
}

TEST_F(JournalTest, FinishNeedsAnEmptyJournal) {
  const auto journal = Open();
  ASSERT_THAT(journal->Creating(net_, "t"), IsOk());
  EXPECT_THAT(journal->Finish(),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_THAT(journal->NotCreated("a"), IsOk());
  EXPECT_THAT(journal->Finish(), IsOk());
  EXPECT_THAT(journal->Creating(net_, "t"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(JournalTest, StaysBrokenAfterAFailedWrite) {
  testing::KillSwitch kill;
  testing::MemoryJournalStorage storage(kill);
  ASSERT_OK_AND_ASSIGN(const auto journal,
                       Journal::Open(storage, clock_, kCluster));
  kill.Arm(1);
  EXPECT_THAT(journal->Creating(net_, "t"), Not(IsOk()));
  kill.Arm(0);  // the disk works again, this journal does not
  EXPECT_THAT(journal->Creating(net_, "t"), Not(IsOk()));
  EXPECT_FALSE(journal->Find("a").has_value());
}

}  // namespace
}  // namespace constellation::cloud
