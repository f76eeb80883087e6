// SPDX-License-Identifier: Apache-2.0
#include "cli/cluster/cluster_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/testing/status_matchers.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

// A kubeconfig holds the administrator's key: no message may repeat it.
TEST(ConnectKubernetesTest, SpoiltKubeconfigIsNotRepeated) {
  for (const std::string& bad :
       {std::string(), std::string("SECRET"), std::string("[SECRET]"),
        std::string("users:\n- name: u\n  user:\n    client-key-data: "
                    "SECRET\n")}) {
    const auto api = ConnectKubernetes(bad);
    EXPECT_THAT(api, StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
    EXPECT_THAT(api.status().ToString(), Not(HasSubstr("SECRET")));
  }
}

}  // namespace
}  // namespace constellation::cli
