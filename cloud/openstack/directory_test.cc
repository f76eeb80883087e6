// SPDX-License-Identifier: Apache-2.0
#include "cloud/openstack/directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cloud/openstack/names.h"
#include "common/testing/status_matchers.h"

namespace constellation::cloud::openstack {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(DirectoryTest, FitsIntoNovasLimitsAndComesBack) {
  std::vector<DirectoryEntry> entries;
  for (int i = 0; i < 40; ++i) {
    entries.push_back({.name = fmt::format("node-control-plane-default-{}", i),
                       .address = fmt::format("192.168.178.{}", 64 + i)});
  }
  const json metadata = DirectoryToMetadata(entries);
  for (const auto& [key, value] : metadata.items()) {
    EXPECT_LE(value.get<std::string>().size(), 255) << key;
  }
  EXPECT_THAT(DirectoryFromMetadata(metadata), IsOkAndHolds(entries));
  EXPECT_THAT(DirectoryFromMetadata(json()), IsOkAndHolds(SizeIs(0)));
  EXPECT_TRUE(DirectoryToMetadata({}).empty());
}

TEST(DirectoryTest, TpmsFitIntoNovasLimitsAndComeBack) {
  const std::string list = "[\"" + std::string(600, 'a') + "\"]";
  json metadata = TpmsToMetadata(list);
  EXPECT_THAT(metadata, SizeIs(4));
  for (const auto& [key, value] : metadata.items()) {
    EXPECT_LE(value.get<std::string>().size(), 255) << key;
  }
  metadata["constellation-tpms-3"] = "of a longer list";
  EXPECT_THAT(TpmsFromMetadata(metadata), IsOkAndHolds(list));
  for (const char* none : {"", "[]"}) {
    EXPECT_TRUE(TpmsToMetadata(none).empty());
  }
  EXPECT_THAT(TpmsFromMetadata(json::object()),
              IsOkAndHolds(std::string("[]")));
  EXPECT_THAT(TpmsFromMetadata(json()), IsOkAndHolds(std::string("[]")));
}

TEST(DirectoryTest, AsManyPiecesAsFitComeBack) {
  const std::string list = "[" + std::string(96 * 255 - 2, ' ') + "]";
  const json metadata = TpmsToMetadata(list);
  EXPECT_EQ(metadata["constellation-tpm-pieces"], "96");
  EXPECT_THAT(TpmsFromMetadata(metadata), IsOkAndHolds(list));
}

TEST(DirectoryTest, RefusesBadTpms) {
  const json good = TpmsToMetadata("[1]");
  const auto changed = [&good](const char* key, const json& value) {
    json bad = good;
    bad[key] = value;
    return TpmsFromMetadata(bad);
  };
  EXPECT_THAT(TpmsFromMetadata(good), IsOkAndHolds(std::string("[1]")));
  for (const json& count :
       {json("97"), json("-1"), json("x"), json(1), json("")}) {
    EXPECT_THAT(changed("constellation-tpm-pieces", count),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("constellation-tpm-pieces")));
  }
  EXPECT_THAT(changed("constellation-tpm-pieces", "2"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("constellation-tpms-1")));
  for (const json& piece :
       {json(7), json(std::string(256, ' ') + "[]"), json("{}"), json("["),
        json(""), json(std::string(40, '[') + std::string(40, ']'))}) {
    EXPECT_THAT(changed("constellation-tpms-0", piece),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("constellation-tpms-0")));
  }
}

json One(const char* text) {
  return {{"constellation-control-planes-0", text}};
}

TEST(DirectoryTest, RefusesWhatANodeCouldNotUse) {
  for (const char* bad :
       {"a", "=10.0.0.1", "a=", "a=10.0.0.256", "A=10.0.0.1", "a b=10.0.0.1",
        "a=10.0.0.1,,b=10.0.0.2", "a=10.0.0.1;b=10.0.0.2", "a=b=10.0.0.1"}) {
    EXPECT_THAT(DirectoryFromMetadata(One(bad)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("constellation-control-planes-0")))
        << bad;
  }
  EXPECT_THAT(
      DirectoryFromMetadata({{"constellation-control-planes-0", 7}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("want a string")));
}

TEST(DirectoryTest, RefusesTwiceTheSameNodeAndTooMany) {
  EXPECT_THAT(DirectoryFromMetadata(One("a=10.0.0.1,a=10.0.0.2")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
  json many = json::object();
  for (int i = 0; i < 1001; ++i) {
    many[fmt::format("{}{}", kMetaPeers, i)] = fmt::format("n{}=10.0.0.1", i);
  }
  EXPECT_THAT(
      DirectoryFromMetadata(many),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too many")));
}

TEST(DirectoryTest, StopsAtTheFirstGap) {
  EXPECT_THAT(
      DirectoryFromMetadata({{"constellation-control-planes-0", "a=10.0.0.1"},
                             {"constellation-control-planes-2", "b=10.0.0.2"}}),
      IsOkAndHolds(SizeIs(1)));
}

}  // namespace
}  // namespace constellation::cloud::openstack
