// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/csr.h"

#include <fmt/format.h>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "kubernetes/testing/fake_transport.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kCreated[] = R"({"metadata":{"name":"node-x7"}})";

std::string Signed(std::string_view pem) {
  return fmt::format(R"({{"status":{{"certificate":"{}"}}}})",
                     Base64Encode(AsBytes(pem)));
}

class CsrTest : public ::testing::Test {
 protected:
  CsrTest() {
    auto transport = std::make_unique<testing::FakeTransport>();
    transport_ = transport.get();
    client_ = std::make_unique<Client>(std::move(transport));
  }
  absl::StatusOr<std::string> Issue() {
    return IssueCertificate(*client_, clock_,
                            {.name_prefix = "node-", .csr_pem = "CSR"},
                            "because", absl::Seconds(10));
  }
  std::string LastMethod() { return transport_->requests().back().method; }

  FakeClock clock_{absl::UnixEpoch()};
  testing::FakeTransport* transport_;
  std::unique_ptr<Client> client_;
};

TEST_F(CsrTest, CreatesApprovesWaitsDeletes) {
  transport_->Answer(201, kCreated);
  transport_->Answer(200, kCreated);
  transport_->Answer(200, "{}");
  transport_->Answer(200, kCreated);
  transport_->Fail(absl::UnavailableError("restarting"));
  transport_->Answer(200, Signed("CERT"));
  transport_->Answer(200, "{}");
  EXPECT_THAT(Issue(), IsOkAndHolds("CERT"));
  const auto requests = transport_->requests();
  EXPECT_THAT(requests[0].body, HasSubstr("\"request\":\"Q1NS\""));
  EXPECT_THAT(requests[0].body, HasSubstr(kKubeletClientSigner));
  EXPECT_EQ(requests[2].method, "PUT");
  EXPECT_THAT(requests[2].target, HasSubstr("/node-x7/approval"));
  EXPECT_THAT(requests[2].body, HasSubstr("\"type\":\"Approved\""));
  EXPECT_EQ(LastMethod(), "DELETE");
}

TEST_F(CsrTest, ApprovesAgainAfterAConflict) {
  transport_->Answer(201, kCreated);
  transport_->Answer(200, kCreated);
  transport_->Answer(409, R"({"kind":"Status","reason":"Conflict"})");
  transport_->Answer(200, kCreated);
  transport_->Answer(200, "{}");
  transport_->Answer(200, Signed("CERT"));
  transport_->Answer(200, "{}");
  EXPECT_THAT(Issue(), IsOkAndHolds("CERT"));
}

TEST_F(CsrTest, ReportsDenialAndDeletes) {
  transport_->Answer(201, kCreated);
  transport_->Answer(200, kCreated);
  transport_->Answer(200, "{}");
  transport_->Answer(
      200,
      R"({"status":{"conditions":[{"type":"Denied","message":"not you"}]}})");
  transport_->Answer(200, "{}");
  EXPECT_THAT(Issue(), StatusIs(absl::StatusCode::kPermissionDenied,
                                HasSubstr("not you")));
  EXPECT_EQ(LastMethod(), "DELETE");
}

TEST_F(CsrTest, GivesUpInTimeAndDeletes) {
  transport_->Answer(201, kCreated);
  transport_->Answer(200, kCreated);
  transport_->Answer(200, "{}");
  // Without a queued answer every look-up fails as UNAVAILABLE.
  EXPECT_THAT(Issue(), StatusIs(absl::StatusCode::kDeadlineExceeded,
                                HasSubstr("not signed within")));
  EXPECT_EQ(LastMethod(), "DELETE");
}

TEST_F(CsrTest, ForbiddenApprovalIsAnError) {
  transport_->Answer(201, kCreated);
  transport_->Answer(200, kCreated);
  transport_->Answer(403, R"({"kind":"Status"})");
  EXPECT_THAT(Issue(), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(LastMethod(), "DELETE");
}

}  // namespace
}  // namespace constellation::kubernetes
