// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/bootstrap_token.h"

#include <regex>
#include <set>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::StatusIs;

class BootstrapTokenTest : public ::testing::Test {
 protected:
  BootstrapTokenTest() {
    auto transport = std::make_unique<testing::FakeTransport>();
    transport_ = transport.get();
    client_ = std::make_unique<Client>(std::move(transport));
  }
  absl::StatusOr<SecretBytes> Make() {
    return CreateBootstrapToken(*client_, clock_, absl::Minutes(15), "for me");
  }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  testing::FakeTransport* transport_;
  std::unique_ptr<Client> client_;
};

TEST_F(BootstrapTokenTest, StoresWhatItReturns) {
  transport_->Answer(201, "{}");
  ASSERT_OK_AND_ASSIGN(const SecretBytes token, Make());
  const std::string text(AsText(token.Expose()));
  ASSERT_TRUE(std::regex_match(text, std::regex("[a-z0-9]{6}\\.[a-z0-9]{16}")));
  const HttpRequest request = transport_->requests().at(0);
  EXPECT_EQ(request.target, "/api/v1/namespaces/kube-system/secrets");
  ASSERT_OK_AND_ASSIGN(const Json object, ParseJson(request.body, "body"));
  EXPECT_EQ(FindString(object, {"type"}), "bootstrap.kubernetes.io/token");
  EXPECT_EQ(FindString(object, {"metadata", "name"}),
            "bootstrap-token-" + text.substr(0, 6));
  const Json& data = *Find(object, {"stringData"});
  EXPECT_EQ(FindString(data, {"token-id"}), text.substr(0, 6));
  EXPECT_EQ(FindString(data, {"token-secret"}), text.substr(7));
  EXPECT_EQ(FindString(data, {"expiration"}), "2023-11-14T22:28:20Z");
}

TEST_F(BootstrapTokenTest, TokensDiffer) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    transport_->Answer(201, "{}");
    ASSERT_OK_AND_ASSIGN(const SecretBytes token, Make());
    tokens.emplace(AsText(token.Expose()));
  }
  EXPECT_EQ(tokens.size(), 100U);
}

TEST_F(BootstrapTokenTest, ReturnsNoTokenThatIsNotStored) {
  transport_->Answer(403, R"({"kind":"Status"})");
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kPermissionDenied));
}

}  // namespace
}  // namespace constellation::kubernetes
