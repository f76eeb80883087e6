// SPDX-License-Identifier: Apache-2.0
#include "cli/image/image_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "cli/testing/scoped_variable.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "image/measure/gpt.h"
#include "image/measure/predict.h"
#include "image/measure/testing/builders.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
namespace builders = image::measure::testing;

class ImageFilesTest : public ::testing::Test {
 protected:
  // A disk that boots a unified kernel image.
  static builders::Bytes Disk() {
    const builders::Bytes esp = builders::MakeFat(
        builders::FatKind::k32, builders::MakePe(builders::UkiSections()));
    constexpr uint64_t kFirst = 2048;
    builders::Bytes disk = builders::MakeGpt(
        {{.type = builders::GuidOf(image::measure::kEspTypeGuid),
          .id = builders::GuidOf(image::measure::kEspTypeGuid),
          .first_sector = kFirst,
          .sector_count = esp.size() / image::measure::kSectorSize}});
    disk.resize(kFirst * image::measure::kSectorSize);
    disk.insert(disk.end(), esp.begin(), esp.end());
    return disk;
  }
  std::string Write(const std::string& name, std::string_view text) const {
    const std::string path = folder_.Join(name);
    EXPECT_THAT(MakeDirectories(path.substr(0, path.rfind('/'))), IsOk());
    EXPECT_THAT(WriteFileAtomically(path, text), IsOk());
    return path;
  }

  constellation::testing::TempDir folder_;
  const testing::ScopedVariable home_{"HOME", folder_.path()};
  testing::ScopedVariable cache_{"XDG_CACHE_HOME", std::nullopt};
  testing::ScopedVariable share_{"CONSTELLATION_SHARE_DIR", std::nullopt};
};

TEST_F(ImageFilesTest, DefaultFolderIsInTheUsersCache) {
  EXPECT_EQ(DefaultImageFolder(), folder_.Join(".cache/constellation/image"));
  cache_.Set("/x");
  EXPECT_EQ(DefaultImageFolder(), "/x/constellation/image");
}

TEST_F(ImageFilesTest, PredictsAndNamesWhatItHolds) {
  const std::string path = Write("node.raw", AsText(Disk()));
  Write("node.json", R"({"components": [{"name": "etcd", "version": "3"},
        {"name": "kubelet", "version": "v1.20.2"}]})");
  ASSERT_OK_AND_ASSIGN(const ImageFacts facts, InspectImageFile(path));
  EXPECT_EQ(facts.path, path);
  EXPECT_EQ(facts.kubernetes_version, "v1.20.2");
  EXPECT_EQ(facts.profile.name, "node-image");
  EXPECT_EQ(facts.profile.variant, attestation::kVariantQemuVtpm);
  ASSERT_OK_AND_ASSIGN(const auto predicted, image::measure::PredictPcrs(path));
  for (const uint32_t index : {4U, 9U, 11U, 12U}) {
    ASSERT_TRUE(facts.profile.pcrs.contains(index)) << index;
    EXPECT_EQ(facts.profile.pcrs.at(index), predicted.values.at(index));
  }
  // The cluster's ID goes there: never in a profile.
  EXPECT_FALSE(facts.profile.pcrs.contains(15));
}

TEST_F(ImageFilesTest, WithoutPathTheDefaultImageIsMeant) {
  const std::string path =
      Write(".cache/constellation/image/constellation.raw", AsText(Disk()));
  ASSERT_OK_AND_ASSIGN(const ImageFacts facts, InspectImageFile(""));
  EXPECT_EQ(facts.path, path);
}

TEST_F(ImageFilesTest, DescriptionIsNoCondition) {
  const std::string path = Write("node.raw", AsText(Disk()));
  EXPECT_EQ(InspectImageFile(path)->kubernetes_version, "");
  for (const char* bad :
       {"", "{", "[]", "{}", R"({"components": {}})", R"({"components": [5]})",
        R"({"components": [{"name": "kubelet"}]})",
        R"({"components": [{"name": "kubelet", "version": 1}]})",
        R"({"components": [{"version": "v1"}]})"}) {
    Write("node.json", bad);
    const auto facts = InspectImageFile(path);
    ASSERT_THAT(facts, IsOk()) << bad;
    EXPECT_EQ(facts->kubernetes_version, "") << bad;
  }
}

TEST_F(ImageFilesTest, MissingImageSaysHowToMakeOne) {
  EXPECT_THAT(InspectImageFile(folder_.Join("absent.raw")),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("absent.raw: no such file; make one with: "
                                 "constellation image build")));
  EXPECT_THAT(InspectImageFile(""),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr(".cache/constellation/image")));
}

TEST_F(ImageFilesTest, WhatIsNoDiskIsRefused) {
  EXPECT_THAT(InspectImageFile(Write("x.raw", "hello")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("disk image: too short")));
}

TEST_F(ImageFilesTest, BuilderOfTheEnvironmentComesFirst) {
  share_.Set(folder_.Join("share"));
  const std::string builder = Write("share/image/build", "#!/bin/sh\n");
  EXPECT_THAT(FindImageBuilder(), IsOkAndHolds(builder));
}

}  // namespace
}  // namespace constellation::cli
