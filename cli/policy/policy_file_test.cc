// SPDX-License-Identifier: Apache-2.0
#include "cli/policy/policy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/exit_code.h"
#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cli {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::HasSubstr;

constexpr char kPolicy[] = R"({"version":1,"profiles":[],"enrolledTPMs":[]})";

class PolicyFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("policy.json", kPolicy);
    OpenSsl({"genpkey", "-algorithm", "EC", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-out", dir_.Join("key.pem")});
    OpenSsl({"pkey", "-in", dir_.Join("key.pem"), "-pubout", "-out",
             dir_.Join("key.pub")});
  }
  void Write(const std::string& name, std::string_view text) {
    ASSERT_THAT(WriteFileAtomically(dir_.Join(name), text), IsOk());
  }
  // Somebody else's implementation.
  static absl::Status TryOpenSsl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    ProcessRunner runner;
    return RunChecked(runner, arguments).status();
  }
  static void OpenSsl(const std::vector<std::string>& arguments) {
    ASSERT_THAT(TryOpenSsl(arguments), IsOk());
  }
  PolicyFile Signed() const {
    return {.path = dir_.Join("policy.json"), .key = dir_.Join("key.pub")};
  }
  PolicyFile ToSign() const {
    return {.path = dir_.Join("policy.json"), .key = dir_.Join("key.pem")};
  }

  const TempDir dir_;
};

TEST_F(PolicyFileTest, SignsWhatItLoads) {
  ASSERT_OK_AND_ASSIGN(const std::string where, SignPolicyFile(ToSign()));
  EXPECT_EQ(where, dir_.Join("policy.json.sig"));
  EXPECT_THAT(LoadPolicy(Signed()), IsOk());
}

// What cosign verify-blob --key does: base64 of DER, ECDSA over SHA-256 of the
// file.
TEST_F(PolicyFileTest, OthersAcceptTheSignature) {
  ASSERT_THAT(SignPolicyFile(ToSign()), IsOk());
  OpenSsl({"base64", "-d", "-A", "-in", dir_.Join("policy.json.sig"), "-out",
           dir_.Join("der")});
  // Base64 ends with a newline; -A wants one line.
  OpenSsl({"dgst", "-sha256", "-verify", dir_.Join("key.pub"), "-signature",
           dir_.Join("der"), dir_.Join("policy.json")});
  Write("policy.json", std::string(kPolicy) + "\n");
  EXPECT_FALSE(
      TryOpenSsl({"dgst", "-sha256", "-verify", dir_.Join("key.pub"),
                  "-signature", dir_.Join("der"), dir_.Join("policy.json")})
          .ok());
}

TEST_F(PolicyFileTest, AcceptsTheSignatureOfOthers) {
  OpenSsl({"dgst", "-sha256", "-sign", dir_.Join("key.pem"), "-out",
           dir_.Join("der"), dir_.Join("policy.json")});
  OpenSsl({"base64", "-A", "-in", dir_.Join("der"), "-out",
           dir_.Join("elsewhere")});
  PolicyFile file = Signed();
  file.signature = dir_.Join("elsewhere");
  EXPECT_THAT(LoadPolicy(file), IsOk());
}

TEST_F(PolicyFileTest, RefusesAChangedPolicy) {
  ASSERT_THAT(SignPolicyFile(ToSign()), IsOk());
  Write("policy.json", std::string(kPolicy) + " ");
  const absl::Status refused = LoadPolicy(Signed()).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnauthenticated,
                                HasSubstr("not this key's over this file")));
}

TEST_F(PolicyFileTest, RefusesAnotherKey) {
  ASSERT_THAT(SignPolicyFile(ToSign()), IsOk());
  OpenSsl({"genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
           "-out", dir_.Join("other.pem")});
  OpenSsl({"pkey", "-in", dir_.Join("other.pem"), "-pubout", "-out",
           dir_.Join("key.pub")});
  EXPECT_THAT(LoadPolicy(Signed()),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(PolicyFileTest, AMissingSignatureIsNeverSuccess) {
  EXPECT_THAT(LoadPolicy(Signed()), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PolicyFileTest, ASignatureNeedsItsKey) {
  PolicyFile file = Signed();
  file.key.clear();
  EXPECT_THAT(LoadPolicy(file), IsOk());
  file.signature = dir_.Join("policy.json.sig");
  EXPECT_EQ(ExitCodeOf(LoadPolicy(file).status()), ExitCode::kUsage);
}

TEST_F(PolicyFileTest, RefusesWhatIsNoPolicy) {
  Write("policy.json", "{}");
  EXPECT_FALSE(SignPolicyFile(ToSign()).ok());
  EXPECT_FALSE(FileExists(dir_.Join("policy.json.sig")));
  PolicyFile file = Signed();
  file.key.clear();
  EXPECT_THAT(LoadPolicy(file), StatusIs(absl::StatusCode::kInvalidArgument,
                                         HasSubstr("policy.json")));
}

TEST_F(PolicyFileTest, OtherKeysDoNotSign) {
  for (const char* algorithm : {"ED25519", "RSA"}) {
    OpenSsl({"genpkey", "-algorithm", algorithm, "-out", dir_.Join("key.pem")});
    EXPECT_THAT(SignPolicyFile(ToSign()),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << algorithm;
  }
}

}  // namespace
}  // namespace constellation::cli
