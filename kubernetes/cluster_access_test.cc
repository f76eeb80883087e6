// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/cluster_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "kubernetes/testing/absent_cluster.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

class ClusterAccessTest : public ::testing::Test {
 protected:
  ClusterAccessTest() {
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
  }
  ~ClusterAccessTest() override {
    unsetenv("KUBERNETES_SERVICE_HOST");
    unsetenv("KUBERNETES_SERVICE_PORT");
  }

  void BeAPod(const char* host) {
    setenv("KUBERNETES_SERVICE_HOST", host, 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
  }

  constellation::testing::TempDir folder_;
};

TEST_F(ClusterAccessTest, AKubeconfigWinsOverThePod) {
  BeAPod("192.0.2.1");
  ASSERT_THAT(testing::WriteKubeconfigOfNobody(folder_.Join("kubeconfig")),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const ClusterAccess access,
                       ReadClusterAccess(folder_.Join("kubeconfig")));
  EXPECT_EQ(access.server.find("https://127.0.0.1:"), 0U) << access.server;
  EXPECT_FALSE(access.ca_pem.empty());
}

TEST_F(ClusterAccessTest, AKubeconfigMustBeThereAndBeOne) {
  EXPECT_THAT(ReadClusterAccess(folder_.Join("absent")),
              StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(WriteFileAtomically(folder_.Join("bad"), "kind: Pod\n"), IsOk());
  EXPECT_THAT(ReadClusterAccess(folder_.Join("bad")),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(ClusterAccessTest, OutsideOfAPodAKubeconfigIsNeeded) {
  EXPECT_THAT(ReadClusterAccess(""),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not in a pod")));
  for (const char* only :
       {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}) {
    setenv(only, "443", 1);
    EXPECT_THAT(ReadClusterAccess(""),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("not in a pod")))
        << only;
    unsetenv(only);
  }
}

TEST_F(ClusterAccessTest, APodHasAnAddressAnAuthorityAndATokenThatMayChange) {
  BeAPod("192.0.2.1");
  const std::string account = folder_.path() + "/";
  EXPECT_THAT(internal::ReadPodAccess(account),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("ca.crt")));
  ASSERT_THAT(WriteFileAtomically(account + "ca.crt", "pem"), IsOk());
  ASSERT_OK_AND_ASSIGN(const ClusterAccess access,
                       internal::ReadPodAccess(account));
  EXPECT_EQ(access.server, "https://192.0.2.1:443");
  EXPECT_EQ(access.ca_pem, "pem");
  EXPECT_EQ(access.token_file, account + "token");
  EXPECT_TRUE(access.token.empty());
}

TEST_F(ClusterAccessTest, AddressesOfVersionSixStandInBrackets) {
  BeAPod("2001:db8::1");
  const std::string account = folder_.path() + "/";
  ASSERT_THAT(WriteFileAtomically(account + "ca.crt", "pem"), IsOk());
  ASSERT_OK_AND_ASSIGN(const ClusterAccess access,
                       internal::ReadPodAccess(account));
  EXPECT_EQ(access.server, "https://[2001:db8::1]:443");
}

}  // namespace
}  // namespace constellation::kubernetes
