// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "attestation/policy/signed_policy.h"
#include "cli/exit_code.h"
#include "cli/testing/command_runner.h"
#include "crypto/p256.h"

namespace constellation::cli {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kPolicy =
    R"({"version":1,"profiles":[],"enrolledTPMs":[]})";

class PolicyCommandsTest : public testing::CommandTest {
 protected:
  ExitCode Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "policy");
    return CommandTest::Run(std::move(arguments));
  }
};

TEST_F(PolicyCommandsTest, CheckTellsGoodFromBadFromAbsent) {
  const std::string good = Write("good", kPolicy);
  EXPECT_EQ(Run({"check", good}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("Valid: 0 profiles"));
  EXPECT_THAT(err_, HasSubstr("nothing is accepted"));
  const std::string bad =
      Write("bad", R"({"version":1,"profils":[],"enrolledTPMs":[]})");
  EXPECT_EQ(Run({"check", bad}), ExitCode::kRefused);
  EXPECT_EQ(Run({"check", workspace_.Join("absent")}), ExitCode::kError);
}

TEST_F(PolicyCommandsTest, CheckSpeaksJson) {
  EXPECT_EQ(Run({"check", Write("good", kPolicy), "-o", "json"}),
            ExitCode::kSuccess);
  const nlohmann::json good = nlohmann::json::parse(out_);
  EXPECT_EQ(good["valid"], true);
  EXPECT_EQ(good["warnings"].size(), 1U);
  EXPECT_EQ(Run({"check", Write("bad", "{}"), "-o", "json"}),
            ExitCode::kRefused);
  const nlohmann::json bad = nlohmann::json::parse(out_);
  EXPECT_EQ(bad["valid"], false);
  EXPECT_THAT(bad["error"].get<std::string>(), HasSubstr("version"));
}

TEST_F(PolicyCommandsTest, CheckVerifiesTheSignature) {
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate().value();
  const std::string policy = Write("policy", kPolicy);
  const std::string public_key =
      Write("key", crypto::PemEncode("PUBLIC KEY", key.PublicSpki()));
  const std::string signature = Write(
      "sig", attestation::SignPolicy(kPolicy, key.ToPem().value()).value());
  EXPECT_EQ(
      Run({"check", policy, "--key", public_key, "--signature", signature}),
      ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("Valid and signed"));
  const std::string changed = Write("changed", std::string(kPolicy) + " ");
  EXPECT_EQ(
      Run({"check", changed, "--key", public_key, "--signature", signature}),
      ExitCode::kRefused);
  EXPECT_EQ(Run({"check", policy, "--signature", signature}), ExitCode::kUsage);
  EXPECT_EQ(Run({"check", policy, "--key", public_key}), ExitCode::kError)
      << "there is no policy.sig";
  EXPECT_EQ(Run({"check", policy, "--key", public_key, "--signature",
                 workspace_.Join("absent")}),
            ExitCode::kError);
}

TEST_F(PolicyCommandsTest, SignsWhatCheckAccepts) {
  const crypto::P256PrivateKey key = crypto::P256PrivateKey::Generate().value();
  const std::string policy = Write("policy", kPolicy);
  const std::string public_key =
      Write("pub", crypto::PemEncode("PUBLIC KEY", key.PublicSpki()));
  const std::string private_key =
      Write("key", AsText(key.ToPem().value().Expose()));
  EXPECT_EQ(Run({"sign", policy}), ExitCode::kUsage);
  EXPECT_EQ(Run({"sign", policy, "--key", private_key}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr(policy + ".sig"));
  EXPECT_EQ(Run({"check", policy, "--key", public_key}), ExitCode::kSuccess);
  EXPECT_EQ(Run({"sign", policy, "--key", private_key, "--signature",
                 workspace_.Join("elsewhere"), "-o", "json"}),
            ExitCode::kSuccess);
  EXPECT_EQ(nlohmann::json::parse(out_)["signature"],
            workspace_.Join("elsewhere"));
  EXPECT_EQ(Run({"sign", policy, "--key", public_key}), ExitCode::kError);
  EXPECT_EQ(Run({"sign", Write("bad", "{}"), "--key", private_key}),
            ExitCode::kError);
}

TEST_F(PolicyCommandsTest, ExplainSpeaksWordsAndJson) {
  const std::string policy = Write("policy", kPolicy);
  EXPECT_EQ(Run({"explain", policy}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("There are no profiles"));
  EXPECT_EQ(Run({"explain", policy, "-o", "json"}), ExitCode::kSuccess);
  EXPECT_EQ(nlohmann::json::parse(out_)["enrolledTPMs"], 0);
}

TEST_F(PolicyCommandsTest, DiffShowsRows) {
  const std::string before = Write("before", kPolicy);
  const std::string node = R"({"nodeName":"n","role":"worker","akName":"000b)" +
                           std::string(64, '1') +
                           R"(","ekCertificateSHA256":")" +
                           std::string(64, '2') + R"("})";
  const std::string after = Write(
      "after", R"({"version":1,"profiles":[],"enrolledTPMs":[)" + node + "]}");
  EXPECT_EQ(Run({"diff", before, before}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("No difference"));
  EXPECT_EQ(Run({"diff", before, after}), ExitCode::kSuccess);
  EXPECT_THAT(out_, HasSubstr("enrolledTPMs[\"n\"].role"));
  EXPECT_EQ(Run({"diff", after, before, "-o", "json"}), ExitCode::kSuccess);
  const nlohmann::json rows = nlohmann::json::parse(out_);
  EXPECT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0]["change"], "removed");
  EXPECT_EQ(Run({"diff", before, Write("bad", "[]")}), ExitCode::kRefused);
}

}  // namespace
}  // namespace constellation::cli
