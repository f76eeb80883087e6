// SPDX-License-Identifier: Apache-2.0
#include "joinservice/control_plane_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::joinservice {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kFailed = absl::StatusCode::kFailedPrecondition;
constexpr const char* kFiles[] = {"ca.crt",
                                  "ca.key",
                                  "sa.key",
                                  "sa.pub",
                                  "etcd/ca.crt",
                                  "etcd/ca.key",
                                  "front-proxy-ca.crt",
                                  "front-proxy-ca.key"};

class ControlPlaneFilesTest : public ::testing::Test {
 protected:
  ControlPlaneFilesTest() {
    EXPECT_THAT(MakeDirectories(folder_.Join("etcd")), IsOk());
    for (const char* name : kFiles) {
      Write(name, std::string("contents of ") + name);
    }
  }
  void Write(const std::string& name, const std::string& text) const {
    EXPECT_THAT(WriteFileAtomically(folder_.Join(name), text), IsOk());
  }

  constellation::testing::TempDir folder_;
};

TEST_F(ControlPlaneFilesTest, ReadsAllEight) {
  ASSERT_OK_AND_ASSIGN(const auto files, ReadControlPlaneFiles(folder_.path()));
  ASSERT_EQ(files.size(), 8U);
  for (size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(files[i].name, kFiles[i]);
    EXPECT_EQ(AsText(files[i].contents.Expose()),
              std::string("contents of ") + kFiles[i]);
  }
}

// Seven files would make a control plane that fails later and elsewhere.
TEST_F(ControlPlaneFilesTest, EachOneIsNeeded) {
  for (const char* name : kFiles) {
    ASSERT_EQ(unlink(folder_.Join(name).c_str()), 0);
    EXPECT_THAT(ReadControlPlaneFiles(folder_.path()),
                StatusIs(kFailed, HasSubstr(folder_.Join(name))));
    Write(name, "");
    EXPECT_THAT(ReadControlPlaneFiles(folder_.path()),
                StatusIs(kFailed, "shared control-plane file " +
                                      std::string(name) + " is empty"));
    Write(name, "x");
  }
}

TEST_F(ControlPlaneFilesTest, SixtyFourKibAreTheLimit) {
  Write("sa.pub", std::string(64U << 10U, 'x'));
  EXPECT_THAT(ReadControlPlaneFiles(folder_.path()), IsOk());
  Write("sa.pub", std::string((64U << 10U) + 1, 'x'));
  EXPECT_THAT(ReadControlPlaneFiles(folder_.path()),
              StatusIs(kFailed, HasSubstr("sa.pub")));
}

TEST_F(ControlPlaneFilesTest, MessagesHoldNoKeys) {
  Write("sa.key", "SECRET" + std::string(64U << 10U, 'x'));
  const auto files = ReadControlPlaneFiles(folder_.path());
  EXPECT_THAT(files.status().ToString(), Not(HasSubstr("SECRET")));
}

}  // namespace
}  // namespace constellation::joinservice
