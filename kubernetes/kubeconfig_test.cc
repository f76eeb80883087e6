// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/kubeconfig.h"

#include <string>

#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

KubeconfigParameters Parameters(const std::string& name) {
  KubeconfigParameters p;
  p.cluster_name = name;
  p.user_name = name + "-admin";
  p.context_name = name + "-admin@" + name;
  p.server = "https://" + name + ":6443";
  p.ca_pem = "CA of " + name;
  p.client_certificate_pem = "CERT of " + name;
  p.client_key_pem = SecretBytes(AsBytes("KEY of " + name));
  return p;
}

std::string Build(const std::string& name) {
  return BuildKubeconfig(Parameters(name)).value();
}

// Replaces `from` in a good kubeconfig.
std::string Spoilt(std::string_view from, std::string_view to) {
  std::string yaml = Build("mini");
  const size_t at = yaml.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return yaml.replace(at, from.size(), to);
}

TEST(KubeconfigTest, WhatIsBuiltParses) {
  ASSERT_OK_AND_ASSIGN(const ClusterAccess access,
                       ParseKubeconfig(Build("mini")));
  EXPECT_EQ(access.server, "https://mini:6443");
  EXPECT_EQ(access.ca_pem, "CA of mini");
  EXPECT_EQ(access.client_certificate_pem, "CERT of mini");
  EXPECT_EQ(AsText(access.client_key_pem.Expose()), "KEY of mini");
  EXPECT_EQ(access.tls_server_name, "");
}

TEST(KubeconfigTest, BuildsTokensAndFileNames) {
  KubeconfigParameters p = Parameters("mini");
  p.client_certificate_pem.clear();
  p.client_key_pem = SecretBytes();
  p.token = SecretBytes(AsBytes("t0ken"));
  ASSERT_OK_AND_ASSIGN(const std::string with_token, BuildKubeconfig(p));
  ASSERT_OK_AND_ASSIGN(const ClusterAccess access, ParseKubeconfig(with_token));
  EXPECT_EQ(AsText(access.token.Expose()), "t0ken");

  const constellation::testing::TempDir dir;
  ASSERT_THAT(WriteFileAtomically(dir.Join("c.pem"), "CERT"), IsOk());
  ASSERT_THAT(WriteFileAtomically(dir.Join("k.pem"), "KEY"), IsOk());
  p.token = SecretBytes();
  p.client_certificate_file = dir.Join("c.pem");
  p.client_key_file = dir.Join("k.pem");
  ASSERT_OK_AND_ASSIGN(const std::string with_files, BuildKubeconfig(p));
  ASSERT_OK_AND_ASSIGN(const ClusterAccess from_files,
                       ParseKubeconfig(with_files));
  EXPECT_EQ(from_files.client_certificate_pem, "CERT");
  EXPECT_EQ(AsText(from_files.client_key_pem.Expose()), "KEY");
}

TEST(KubeconfigTest, RefusesToBuildWithoutNames) {
  KubeconfigParameters p = Parameters("mini");
  p.ca_pem.clear();
  EXPECT_THAT(BuildKubeconfig(p), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(KubeconfigTest, RefusesWhatWouldWeakenTls) {
  EXPECT_THAT(ParseKubeconfig(Spoilt("https://", "http://")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("https")));
  EXPECT_THAT(
      ParseKubeconfig(
          Spoilt("server:", "insecure-skip-tls-verify: true\n      server:")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("insecure")));
  EXPECT_THAT(ParseKubeconfig(Spoilt("certificate-authority-data", "other")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("certificate authority")));
}

TEST(KubeconfigTest, RefusesUnknownCredentials) {
  EXPECT_THAT(ParseKubeconfig(Spoilt("client-certificate-data",
                                     "exec: {command: x}\n      other")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("exec")));
  EXPECT_THAT(ParseKubeconfig(Spoilt("client-certificate-data", "other")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("without certificate or token")));
}

TEST(KubeconfigTest, RefusesWrongShapes) {
  EXPECT_THAT(ParseKubeconfig("{"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseKubeconfig("- a"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseKubeconfig(Spoilt("kind: Config", "kind: Secret")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseKubeconfig("kind: Config\nclusters: 7"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseKubeconfig("kind: Config\nclusters: [7]"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseKubeconfig(Spoilt("server: https://mini:6443",
                                     "server: [https://mini:6443]")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      ParseKubeconfig(Spoilt("certificate-authority-data: ",
                             "certificate-authority-data: '!'\n      other: ")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("base64")));
  EXPECT_THAT(
      ParseKubeconfig(
          Spoilt("certificate-authority-data: ",
                 "certificate-authority: rel/ca.pem\n      other: ")),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("absolute")));
}

TEST(KubeconfigTest, NamesTheMissingEntry) {
  EXPECT_THAT(
      ParseKubeconfig(Build("mini"), "other"),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("context 'other'")));
}

TEST(KubeconfigTest, RefusesAliasesAndDepth) {
  EXPECT_THAT(ParseKubeconfig("a: &x [1]\nb: *x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("alias")));
  EXPECT_THAT(ParseKubeconfig(std::string(100, '[') + std::string(100, ']')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseKubeconfig(std::string(1'000'000, '[')),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseKubeconfig(std::string(size_t{5} << 20U, '#')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(KubeconfigTest, MergeKeepsOthersAndReplacesSameNames) {
  ASSERT_OK_AND_ASSIGN(const std::string two,
                       MergeKubeconfig(Build("old"), Build("mini"), false));
  ASSERT_OK_AND_ASSIGN(ClusterAccess access, ParseKubeconfig(two));
  EXPECT_EQ(access.server, "https://old:6443");
  ASSERT_OK_AND_ASSIGN(access, ParseKubeconfig(two, "mini-admin@mini"));
  EXPECT_EQ(access.server, "https://mini:6443");

  KubeconfigParameters changed = Parameters("mini");
  changed.server = "https://new:6443";
  ASSERT_OK_AND_ASSIGN(const std::string added, BuildKubeconfig(changed));
  ASSERT_OK_AND_ASSIGN(const std::string merged,
                       MergeKubeconfig(two, added, true));
  ASSERT_OK_AND_ASSIGN(access, ParseKubeconfig(merged));
  EXPECT_EQ(access.server, "https://new:6443");
  EXPECT_THAT(merged, Not(HasSubstr("https://mini:6443")));
  EXPECT_THAT(merged, HasSubstr("https://old:6443"));
}

TEST(KubeconfigTest, MergeIntoNothing) {
  ASSERT_OK_AND_ASSIGN(const std::string merged,
                       MergeKubeconfig(" \n", Build("mini"), true));
  EXPECT_THAT(ParseKubeconfig(merged), IsOk());
  EXPECT_THAT(MergeKubeconfig("kind: Secret", Build("mini"), true),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(KubeconfigTest, WithServerChangesTheAddressOnly) {
  ASSERT_OK_AND_ASSIGN(
      std::string yaml,
      WithServer(Build("mini"), "https://127.0.0.1:7000", "kubernetes"));
  ASSERT_OK_AND_ASSIGN(ClusterAccess access, ParseKubeconfig(yaml));
  EXPECT_EQ(access.server, "https://127.0.0.1:7000");
  EXPECT_EQ(access.tls_server_name, "kubernetes");
  EXPECT_EQ(access.ca_pem, "CA of mini");
  ASSERT_OK_AND_ASSIGN(yaml, WithServer(yaml, "https://h:1"));
  ASSERT_OK_AND_ASSIGN(access, ParseKubeconfig(yaml));
  EXPECT_EQ(access.tls_server_name, "");
}

}  // namespace
}  // namespace constellation::kubernetes
