// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::SizeIs;

// The names that CMake declared with constellation_fuzz().
std::set<std::string> Targets() {
  const char* binaries = std::getenv("CONSTELLATION_BINARY_DIR");
  std::ifstream list(std::string(binaries == nullptr ? "build/dev" : binaries) +
                     "/tests/fuzz/targets.txt");
  std::set<std::string> names;
  for (std::string name; std::getline(list, name);) {
    names.insert(name);
  }
  return names;
}

const std::vector<Seed>& Seeds() {
  static const auto& seeds = *new std::vector<Seed>(AllSeeds());
  return seeds;
}

TEST(SeedCorpusTest, EveryTargetHasASeed) {
  const std::set<std::string> targets = Targets();
  ASSERT_THAT(targets, Contains("attestation_snp_report_fuzz"))
      << "no list of targets: run by ctest";
  std::set<std::string> seeded;
  for (const Seed& seed : Seeds()) {
    seeded.insert(seed.target);
  }
  EXPECT_EQ(seeded, targets);
}

// A seed that its parser refuses leaves the fuzzer at that parser's door.
TEST(SeedCorpusTest, ParsersAcceptTheirSeeds) {
  for (const Seed& seed : Seeds()) {
    EXPECT_TRUE(seed.accepted.ok())
        << seed.target << "/" << seed.name << ": " << seed.accepted;
    EXPECT_THAT(seed.bytes, Not(SizeIs(0))) << seed.target << "/" << seed.name;
    // libFuzzer makes inputs as large as the largest seed, and large ones slow.
    EXPECT_LE(seed.bytes.size(), 96U << 10U) << seed.target << "/" << seed.name;
  }
}

TEST(SeedCorpusTest, NamesAreFilesOfTheirOwn) {
  std::set<std::pair<std::string, std::string>> names;
  std::map<std::string, int> files_of;
  for (const Seed& seed : Seeds()) {
    EXPECT_TRUE(names.emplace(seed.target, seed.name).second)
        << seed.target << "/" << seed.name << " would be overwritten";
    EXPECT_EQ(seed.name.find('/'), std::string::npos);
    ++files_of[seed.target];
  }
  // Those are made of what other areas hand over: hands empty, seeds gone.
  EXPECT_GE(files_of["cli_file_kind_fuzz"], 25);
  EXPECT_GE(files_of["attestation_appraisal_fuzz"], 8);
}

}  // namespace
}  // namespace constellation::fuzz
