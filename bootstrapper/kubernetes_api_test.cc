// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/kubernetes_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(KubernetesApiTest, MissingFileIsNamed) {
  EXPECT_THAT(
      ConnectWithKubeconfig("/nonexistent/admin.conf", absl::Seconds(1)),
      StatusIs(absl::StatusCode::kNotFound,
               HasSubstr("/nonexistent/admin.conf")));
}

// A kubeconfig holds a key, so no message may hold the kubeconfig.
TEST(KubernetesApiTest, SpoiltFileIsNotRepeated) {
  const constellation::testing::TempDir folder;
  const std::string path = folder.Join("admin.conf");
  for (const char* text : {"SECRET", "client-key-data: SECRET\n", "[SECRET"}) {
    ASSERT_THAT(WriteFileAtomically(path, text), IsOk());
    const auto api = ConnectWithKubeconfig(path, absl::Seconds(1));
    EXPECT_THAT(api, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(api.status().ToString(), Not(HasSubstr("SECRET")));
  }
}

}  // namespace
}  // namespace constellation::bootstrapper
