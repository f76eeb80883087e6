// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/internal/https_connection.h"

#include <array>
#include <string>

#include "absl/time/clock.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/tls_identity.h"
#include "kubernetes/testing/child_process.h"
#include "kubernetes/testing/scripted_tls_server.h"

namespace constellation::kubernetes::internal {
namespace {

using ::constellation::kubernetes::testing::FreePort;
using ::constellation::kubernetes::testing::ScriptedTlsServer;
using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kRequest[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

class HttpsConnectionTest : public ::testing::Test {
 protected:
  static Patience For(absl::Duration time) {
    return {absl::Now() + time, {}, {}};
  }
  absl::StatusOr<std::unique_ptr<HttpsConnection>> Open(
      std::vector<ScriptedTlsServer::Answer> answers,
      std::string_view server_name = crypto::kTlsIdentityName) {
    server_ =
        std::make_unique<ScriptedTlsServer>(identity_, std::move(answers));
    const std::string address = server_->server();
    return HttpsConnection::Open(context_, "127.0.0.1",
                                 address.substr(address.rfind(':') + 1),
                                 server_name, For(absl::Seconds(10)));
  }
  // All that comes until the end.
  static absl::StatusOr<std::string> ReadAll(HttpsConnection& connection) {
    std::string text;
    std::array<uint8_t, 7> piece;
    while (true) {
      const auto count = connection.Read(piece, For(absl::Seconds(10)));
      if (!count.ok()) return count.status();
      if (*count == 0) return text;
      text += AsText({piece.data(), *count});
    }
  }

  const crypto::TlsIdentity identity_ = crypto::CreateTlsIdentity().value();
  const crypto::TlsClientContext context_ =
      crypto::TlsClientContext::Create(identity_.certificate_pem, "", {})
          .value();
  std::unique_ptr<ScriptedTlsServer> server_;
};

TEST_F(HttpsConnectionTest, WritesAndReadsToTheEnd) {
  ASSERT_OK_AND_ASSIGN(const auto connection, Open({{"hello, world"}}));
  ASSERT_THAT(connection->Write(kRequest, For(absl::Seconds(10))), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadAll(*connection));
  EXPECT_EQ(text, "hello, world");
  EXPECT_THAT(server_->requests().front(), HasSubstr("GET / HTTP/1.1"));
}

TEST_F(HttpsConnectionTest, AnotherServerIsRefused) {
  EXPECT_THAT(Open({{"x"}}, "somebody-else"),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_TRUE(server_->requests().empty());
}

// TLS's good-bye tells an end from an attacker who cuts the connection.
TEST_F(HttpsConnectionTest, ACutConnectionIsNoEnd) {
  ASSERT_OK_AND_ASSIGN(const auto connection,
                       Open({{.octets = "half", .silent = true}}));
  ASSERT_THAT(connection->Write(kRequest, For(absl::Seconds(10))), IsOk());
  EXPECT_THAT(ReadAll(*connection), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpsConnectionTest, NobodyListening) {
  const auto port = FreePort();
  ASSERT_TRUE(port.ok());
  EXPECT_THAT(
      HttpsConnection::Open(context_, "127.0.0.1", std::to_string(*port), "x",
                            For(absl::Seconds(10))),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("connect")));
  EXPECT_THAT(HttpsConnection::Open(context_, "name.invalid", "1", "x",
                                    For(absl::Seconds(10))),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("look up")));
}

TEST_F(HttpsConnectionTest, PatienceEnds) {
  ASSERT_OK_AND_ASSIGN(const auto connection,
                       Open({{.octets = "", .hold = true}}));
  ASSERT_THAT(connection->Write(kRequest, For(absl::Seconds(10))), IsOk());
  std::array<uint8_t, 7> piece;
  EXPECT_THAT(connection->Read(piece, For(absl::Milliseconds(50))),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  for (const bool first : {true, false}) {
    std::stop_source stop;
    stop.request_stop();
    const Patience patience{absl::Now() + absl::Minutes(1),
                            first ? stop.get_token() : std::stop_token(),
                            first ? std::stop_token() : stop.get_token()};
    EXPECT_THAT(connection->Read(piece, patience),
                StatusIs(absl::StatusCode::kCancelled));
  }
}

// A kept connection that the server has closed must not get a request.
TEST_F(HttpsConnectionTest, NoticesThatTheServerHungUp) {
  ASSERT_OK_AND_ASSIGN(const auto held, Open({{.octets = "x", .hold = true}}));
  ASSERT_THAT(held->Write(kRequest, For(absl::Seconds(10))), IsOk());
  // Behind the server's session tickets, which would be something to read, too.
  std::array<uint8_t, 7> piece;
  ASSERT_THAT(held->Read(piece, For(absl::Seconds(10))), IsOkAndHolds(1U));
  EXPECT_FALSE(held->IsStale());
  ASSERT_OK_AND_ASSIGN(const auto closed, Open({{"x"}}));
  ASSERT_THAT(closed->Write(kRequest, For(absl::Seconds(10))), IsOk());
  ASSERT_THAT(ReadAll(*closed), IsOk());
  EXPECT_TRUE(closed->IsStale());
}

}  // namespace
}  // namespace constellation::kubernetes::internal
