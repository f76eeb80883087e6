// SPDX-License-Identifier: Apache-2.0
#include "bootstrapper/kubelet_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "bootstrapper/testing/init_fixtures.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::bootstrapper {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

NodeIdentity Worker() {
  return {"worker-0", "10.42.0.21", "v1.20.2", "qemu:///c1/worker-0"};
}

class KubeletFilesTest : public ::testing::Test {
 protected:
  static KubeletCredentials Credentials() {
    return {"10.42.0.11:6443", "CA PEM\n", "CERTIFICATE PEM",
            SecretBytes(AsBytes("KEY PEM\n")), "kind: KubeletConfiguration\n"};
  }

  std::string Read(const std::string& path) {
    const auto text = ReadFile(paths_.root + path);
    EXPECT_THAT(text, IsOk()) << path;
    return text.value_or("");
  }

  mode_t Mode(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat((paths_.root + path).c_str(), &info), 0) << path;
    return info.st_mode & 0777U;
  }

  constellation::testing::TempDir folder_;
  NodePaths paths_{folder_.path()};
};

TEST_F(KubeletFilesTest, WritesAllThatKubeletReads) {
  ASSERT_THAT(WriteKubeletFiles(Credentials(), Worker(), paths_), IsOk());
  EXPECT_EQ(Read("/etc/kubernetes/pki/ca.crt"), "CA PEM\n");
  EXPECT_EQ(Read("/var/lib/kubelet/config.yaml"),
            "kind: KubeletConfiguration\n");
  EXPECT_EQ(Read("/var/lib/kubelet/pki/kubelet-client-current.pem"),
            "CERTIFICATE PEM\nKEY PEM\n");
  const std::string kubeconfig = Read("/etc/kubernetes/kubelet.conf");
  EXPECT_THAT(kubeconfig, HasSubstr("https://10.42.0.11:6443"));
  EXPECT_THAT(kubeconfig,
              HasSubstr("/var/lib/kubelet/pki/kubelet-client-current.pem"));
  EXPECT_THAT(kubeconfig, Not(HasSubstr("KEY PEM")));
  const std::string flags = Read("/var/lib/kubelet/kubeadm-flags.env");
  EXPECT_THAT(flags, HasSubstr("--node-ip=10.42.0.21"));
  EXPECT_THAT(flags, HasSubstr("--hostname-override=worker-0"));
  EXPECT_THAT(flags, HasSubstr("--provider-id=qemu:///c1/worker-0"));
  EXPECT_TRUE(
      std::filesystem::is_directory(paths_.root + "/etc/kubernetes/manifests"));
}

TEST_F(KubeletFilesTest, KeysAreForRootOnly) {
  ASSERT_THAT(WriteKubeletFiles(Credentials(), Worker(), paths_), IsOk());
  EXPECT_EQ(Mode("/var/lib/kubelet/pki/kubelet-client-current.pem"), 0600U);
  EXPECT_EQ(Mode("/etc/kubernetes/kubelet.conf"), 0600U);
}

TEST_F(KubeletFilesTest, TheCurrentPairIsALinkThatKubeletCanMove) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(WriteKubeletFiles(Credentials(), Worker(), paths_), IsOk());
    EXPECT_TRUE(std::filesystem::is_symlink(paths_.Kubelet() +
                                            "/pki/kubelet-client-current.pem"));
  }
}

TEST_F(KubeletFilesTest, LabelsSayWhereTheMachineIs) {
  NodeIdentity self = Worker();
  ASSERT_OK_AND_ASSIGN(const std::string nowhere, KubeletFlags(self));
  EXPECT_THAT(nowhere, Not(HasSubstr("--node-labels")));
  self.region = "westeurope";
  self.zone = "1";
  ASSERT_OK_AND_ASSIGN(const std::string flags, KubeletFlags(self));
  EXPECT_THAT(flags, HasSubstr(" --node-labels="
                               "topology.kubernetes.io/region=westeurope,"
                               "topology.kubernetes.io/zone=westeurope-1\""));
}

TEST_F(KubeletFilesTest, RefusesFlagsThatBreakOut) {
  for (const char* evil :
       {"a\" --anonymous-auth=true", "a b", "a$b", "a\nb", "a`b`"}) {
    NodeIdentity self = Worker();
    self.provider_id = evil;
    EXPECT_THAT(WriteKubeletFiles(Credentials(), self, paths_),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << evil;
  }
  EXPECT_FALSE(FileExists(paths_.KubeletKubeconfig()));
}

}  // namespace
}  // namespace constellation::bootstrapper
