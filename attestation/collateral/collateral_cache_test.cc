// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/collateral_cache.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/hash.h"

namespace constellation::attestation {
namespace {

namespace fs = std::filesystem;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Collateral Content(const std::string& text, absl::Time fetched_at = kNow) {
  const std::span<const uint8_t> bytes = AsBytes(text);
  return {.content = {bytes.begin(), bytes.end()},
          .issuer_chain = {},
          .fetched_at = fetched_at};
}

std::string DigestName(std::string_view text) {
  return HexEncode(crypto::Sha256(AsBytes(text)));
}

std::vector<fs::path> FilesIn(const std::string& folder) {
  std::vector<fs::path> files;
  for (const auto& file : fs::directory_iterator(folder)) {
    files.push_back(file.path());
  }
  return files;
}

class CollateralCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<CollateralCache> Open(uint64_t max_bytes = 1000,
                                        size_t max_entries = 100) {
    auto cache = CollateralCache::Open({.directory = dir_.Join("cache"),
                                        .max_bytes = max_bytes,
                                        .max_entries = max_entries});
    EXPECT_THAT(cache, IsOk());
    return *std::move(cache);
  }
  std::string Objects() const { return dir_.Join("cache/objects"); }
  std::string Index() const { return dir_.Join("cache/index"); }
  std::string ObjectOf(std::string_view text) const {
    return Objects() + "/" + DigestName(text);
  }
  std::string IndexOf(std::string_view key) const {
    return Index() + "/" + DigestName(key) + ".json";
  }

  const TempDir dir_;
};

TEST_F(CollateralCacheTest, KeepsContentAcrossOpening) {
  Collateral given = Content("tcb info");
  given.issuer_chain = "chain";
  const CollateralFacts facts{.not_before = kNow - absl::Hours(1),
                              .not_after = kNow + absl::Hours(1),
                              .issued = kNow - absl::Hours(2),
                              .number = {1, 2}};
  ASSERT_THAT(Open()->Put("intel/tcb", given, facts), IsOk());
  const auto cache = Open();
  ASSERT_OK_AND_ASSIGN(const CachedCollateral kept, cache->Get("intel/tcb"));
  EXPECT_EQ(AsText(kept.collateral.content), "tcb info");
  EXPECT_EQ(kept.collateral.issuer_chain, "chain");
  EXPECT_EQ(kept.collateral.source, CollateralSource::kCache);
  EXPECT_EQ(kept.collateral.fetched_at, kNow);
  EXPECT_EQ(kept.facts.not_before, facts.not_before);
  EXPECT_EQ(kept.facts.not_after, facts.not_after);
  EXPECT_EQ(kept.facts.issued, facts.issued);
  EXPECT_EQ(kept.facts.number, facts.number);
  EXPECT_THAT(cache->Keys(), ElementsAre("intel/tcb"));
}

TEST_F(CollateralCacheTest, KeepsInfiniteTimes) {
  const auto cache = Open();
  ASSERT_THAT(cache->Put("a", Content("x"), {}), IsOk());
  ASSERT_OK_AND_ASSIGN(const CachedCollateral kept, cache->Get("a"));
  EXPECT_EQ(kept.facts.not_before, absl::InfinitePast());
  EXPECT_EQ(kept.facts.not_after, absl::InfiniteFuture());
  EXPECT_EQ(kept.facts.issued, absl::InfinitePast());
}

TEST_F(CollateralCacheTest, HasNothingAtFirst) {
  const auto cache = Open();
  EXPECT_THAT(cache->Get("a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(cache->Seen("a"), std::nullopt);
  EXPECT_THAT(cache->Keys(), IsEmpty());
}

TEST_F(CollateralCacheTest, EqualContentIsKeptOnceAndNamedByItsDigest) {
  const auto cache = Open();
  ASSERT_THAT(cache->Put("a", Content("same"), {}), IsOk());
  ASSERT_THAT(cache->Put("b", Content("same"), {}), IsOk());
  EXPECT_THAT(FilesIn(Objects()), ElementsAre(fs::path(ObjectOf("same"))));
}

TEST_F(CollateralCacheTest, FilesArePrivate) {
  const auto cache = Open();
  ASSERT_THAT(cache->Put("a", Content("x"), {}), IsOk());
  for (const std::string& path :
       {ObjectOf("x"), IndexOf("a"), dir_.Join("cache/lock")}) {
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0) << path;
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << path;
  }
  struct stat info {};
  ASSERT_EQ(stat(Objects().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(CollateralCacheTest, NoticesDamagedContentAndRepairsIt) {
  const auto cache = Open();
  ASSERT_THAT(cache->Put("a", Content("right"), {}), IsOk());
  for (const std::string& damage : {std::string("wrong"), std::string()}) {
    ASSERT_THAT(WriteFileAtomically(ObjectOf("right"), damage), IsOk());
    EXPECT_THAT(cache->Get("a"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("SHA-256")));
    ASSERT_THAT(cache->Put("a", Content("right"), {}), IsOk());
    EXPECT_THAT(cache->Get("a"), IsOk());
  }
}

TEST_F(CollateralCacheTest, NoticesDamagedIssuerChain) {
  const auto cache = Open();
  Collateral given = Content("x");
  given.issuer_chain = "chain";
  ASSERT_THAT(cache->Put("a", given, {}), IsOk());
  ASSERT_THAT(WriteFileAtomically(ObjectOf("chain"), "other"), IsOk());
  EXPECT_THAT(cache->Get("a"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(CollateralCacheTest, NoticesDamagedIndex) {
  const auto cache = Open();
  ASSERT_THAT(cache->Put("a", Content("x"), {}), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string good, ReadFile(IndexOf("a")));
  const std::string digest = DigestName("x");
  std::string other_digest = good;
  other_digest.replace(good.find(digest), 4, "../.");
  std::string other_key = good;
  other_key.replace(good.find("\"a\""), 3, "\"b\"");
  std::string other_version = good;
  other_version.replace(good.find("\"version\":1"), 11, "\"version\":2");
  const auto with = [&good](const std::string& field) {
    return "{" + field + "," + good.substr(1);
  };
  std::string other_number = good;
  other_number.replace(good.find("\"number\":\"\""), 11, "\"number\":\"zz\"");
  std::string long_number = good;
  long_number.replace(good.find("\"number\":\"\""), 11,
                      "\"number\":\"" + std::string(130, '0') + "\"");
  for (const std::string& damage :
       {std::string(), std::string("{}"), std::string("[1]"),
        good.substr(0, good.size() / 2), other_digest, other_key, other_version,
        with("\"issuerChainSha256\":\"../lock\""), other_number, long_number,
        std::string(5000, ' ')}) {
    ASSERT_THAT(WriteFileAtomically(IndexOf("a"), damage), IsOk());
    EXPECT_THAT(cache->Get("a"), StatusIs(absl::StatusCode::kDataLoss))
        << damage;
    EXPECT_EQ(cache->Seen("a"), std::nullopt);
    EXPECT_THAT(cache->Keys(), IsEmpty());
  }
  ASSERT_THAT(cache->Put("a", Content("x"), {}), IsOk());
  EXPECT_THAT(cache->Get("a"), IsOk());
}

TEST_F(CollateralCacheTest, RefusesRollback) {
  const auto cache = Open();
  ASSERT_THAT(cache->Put("a", Content("new"), {.number = {5}}), IsOk());
  EXPECT_THAT(
      cache->Put("a", Content("old"), {.number = {4}}),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("rollback")));
  ASSERT_OK_AND_ASSIGN(const CachedCollateral kept, cache->Get("a"));
  EXPECT_EQ(AsText(kept.collateral.content), "new");
  EXPECT_THAT(cache->Put("b", Content("old"), {.number = {4}}), IsOk());
}

TEST_F(CollateralCacheTest, RemembersNumbersOfEvictedContent) {
  const auto cache = Open(/*max_bytes=*/100);
  ASSERT_THAT(
      cache->Put("a", Content(std::string(90, 'a'), kNow), {.number = {5}}),
      IsOk());
  ASSERT_THAT(
      cache->Put("b", Content(std::string(90, 'b'), kNow + absl::Seconds(1)),
                 {}),
      IsOk());
  EXPECT_THAT(cache->Get("a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(FilesIn(Objects()), SizeIs(1));
  ASSERT_TRUE(cache->Seen("a").has_value());
  EXPECT_EQ(cache->Seen("a")->number, Bytes{5});
  EXPECT_THAT(cache->Put("a", Content("old"), {.number = {4}}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(CollateralCacheTest, OldestGoesFirst) {
  const auto cache = Open(/*max_bytes=*/100);
  for (int i = 0; i < 5; ++i) {
    const std::string key(1, static_cast<char>('a' + i));
    ASSERT_THAT(
        cache->Put(
            key, Content(std::string(40, key[0]), kNow + absl::Seconds(i)), {}),
        IsOk());
  }
  EXPECT_THAT(cache->Keys(), ElementsAre("d", "e"));
}

TEST_F(CollateralCacheTest, NumberOfKeysIsBounded) {
  const auto cache = Open(/*max_bytes=*/100'000, /*max_entries=*/3);
  for (int i = 0; i < 10; ++i) {
    ASSERT_THAT(
        cache->Put("key" + std::to_string(i),
                   Content(std::to_string(i), kNow + absl::Seconds(i)), {}),
        IsOk());
  }
  EXPECT_THAT(cache->Keys(), ElementsAre("key7", "key8", "key9"));
  EXPECT_THAT(FilesIn(Index()), SizeIs(3));
  EXPECT_THAT(FilesIn(Objects()), SizeIs(3));
}

TEST_F(CollateralCacheTest, RefusesContentThatNeverFits) {
  const auto cache = Open(/*max_bytes=*/100);
  EXPECT_THAT(cache->Put("a", Content(std::string(101, 'x')), {}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(cache->Put("a", Content("x"), {.number = Bytes(65, 1)}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(CollateralCacheTest, RefusesKeysThatAreNone) {
  const auto cache = Open();
  for (const std::string& key :
       {std::string(), std::string("a b"), std::string("a\n"),
        std::string(kMaxKeySize + 1, 'a')}) {
    EXPECT_THAT(cache->Put(key, Content("x"), {}),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(cache->Get(key), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(cache->Put("../../etc/passwd", Content("x"), {}), IsOk());
  EXPECT_THAT(cache->Keys(), ElementsAre("../../etc/passwd"));
}

TEST_F(CollateralCacheTest, ReportsFolderThatCannotBeMade) {
  EXPECT_FALSE(CollateralCache::Open({.directory = "/proc/nonexistent"}).ok());
}

TEST_F(CollateralCacheTest, CleansUpAfterWriterThatWasKilled) {
  const auto cache = Open();
  ASSERT_THAT(cache->Put("a", Content("kept"), {}), IsOk());
  // What is on disk when a writer dies in between: temporary files, and an
  // object that no index names yet.
  ASSERT_THAT(WriteFileAtomically(ObjectOf("kept") + ".Ab3xY9", "ke"), IsOk());
  ASSERT_THAT(WriteFileAtomically(IndexOf("a") + ".Ab3xY9", "{\"ver"), IsOk());
  ASSERT_THAT(WriteFileAtomically(ObjectOf("orphan"), "orphan"), IsOk());
  EXPECT_THAT(cache->Get("a"), IsOk());
  ASSERT_THAT(cache->Put("b", Content("more"), {}), IsOk());
  EXPECT_THAT(FilesIn(Objects()), SizeIs(2));
  EXPECT_THAT(FilesIn(Index()), SizeIs(2));
}

TEST_F(CollateralCacheTest, WriterKilledAtAnyMomentLeavesAUsableCache) {
  const auto cache = Open(/*max_bytes=*/100'000);
  for (int round = 0; round < 10; ++round) {
    const pid_t writer = fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      for (int i = 0;; ++i) {
        const std::string text = std::to_string(i % 7) + std::string(500, 'x');
        (void)cache->Put("key" + std::to_string(i % 3), Content(text), {});
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(15 + round));
    ASSERT_EQ(kill(writer, SIGKILL), 0);
    ASSERT_EQ(waitpid(writer, nullptr, 0), writer);
    for (const std::string& key : cache->Keys()) {
      EXPECT_THAT(cache->Get(key), IsOk()) << key;
    }
    ASSERT_THAT(cache->Put("after", Content("after"), {}), IsOk());
    EXPECT_THAT(cache->Get("after"), IsOk());
  }
}

TEST_F(CollateralCacheTest, ProcessesShareAFolder) {
  constexpr int kWriters = 3;
  constexpr int kRounds = 20;
  const auto cache = Open(/*max_bytes=*/100'000);
  std::vector<pid_t> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.push_back(fork());
    ASSERT_GE(writers.back(), 0);
    if (writers.back() == 0) {
      bool good = true;
      for (int i = 0; i < kRounds; ++i) {
        const Bytes number = {static_cast<uint8_t>(i)};
        // Others may be ahead: then this one is told so.
        const absl::Status put =
            cache->Put("shared", Content("number " + std::to_string(i)),
                       {.number = number});
        good = good && (put.ok() || absl::IsFailedPrecondition(put)) &&
               cache->Get("shared").ok();
      }
      _exit(good ? 0 : 1);
    }
  }
  for (const pid_t writer : writers) {
    int status = 0;
    ASSERT_EQ(waitpid(writer, &status, 0), writer);
    EXPECT_EQ(status, 0);
  }
  ASSERT_OK_AND_ASSIGN(const CachedCollateral kept, cache->Get("shared"));
  EXPECT_EQ(kept.facts.number, Bytes{kRounds - 1});
  EXPECT_EQ(AsText(kept.collateral.content), "number 19");
}

}  // namespace
}  // namespace constellation::attestation
