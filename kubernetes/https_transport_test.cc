// SPDX-License-Identifier: Apache-2.0
// The transport against a server that says whatever the test wants.
#include "kubernetes/https_transport.h"

#include <thread>

#include "absl/time/clock.h"
#include "common/files.h"
#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "crypto/tls_identity.h"
#include "kubernetes/testing/scripted_tls_server.h"

namespace constellation::kubernetes {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::ScriptedTlsServer;
using ::testing::SizeIs;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class HttpsTransportTest : public ::testing::Test {
 protected:
  void Serve(std::vector<ScriptedTlsServer::Answer> answers) {
    server_ =
        std::make_unique<ScriptedTlsServer>(identity_, std::move(answers));
  }
  ClusterAccess Access() const {
    ClusterAccess access;
    access.server = server_->server();
    access.tls_server_name = "constellation";  // CreateTlsIdentity()'s name
    access.ca_pem = identity_.certificate_pem;
    access.token = SecretBytes(AsBytes(std::string_view("t0ken")));
    return access;
  }
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) {
    return Send(request, Access());
  }
  static absl::StatusOr<HttpResponse> Send(const HttpRequest& request,
                                           ClusterAccess access) {
    auto transport = HttpsTransport::Create(std::move(access));
    if (!transport.ok()) return transport.status();
    return (*transport)->Send(request);
  }
  static HttpRequest Get() {
    HttpRequest request;
    request.target = "/api?x=1";
    request.timeout = absl::Seconds(5);
    return request;
  }

  const crypto::TlsIdentity identity_ = crypto::CreateTlsIdentity().value();
  std::unique_ptr<ScriptedTlsServer> server_;
};

TEST_F(HttpsTransportTest, SendsAndReceives) {
  Serve({{kOk}});
  HttpRequest request = Get();
  request.method = "PATCH";
  request.content_type = "application/merge-patch+json";
  request.body = "{}";
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Send(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "ok");
  ASSERT_THAT(server_->requests(), SizeIs(1));
  EXPECT_THAT(
      server_->requests()[0],
      AllOf(HasSubstr("PATCH /api?x=1 HTTP/1.1\r\n"),
            HasSubstr("\r\nAuthorization: Bearer t0ken\r\n"),
            HasSubstr("\r\nContent-Type: application/merge-patch+json\r\n"),
            HasSubstr("\r\nContent-Length: 2\r\n"), Not(HasSubstr("Expect"))));
}

TEST_F(HttpsTransportTest, ReadsTheTokenFileForEveryRequest) {
  Serve({{kOk}, {kOk}});
  const constellation::testing::TempDir dir;
  ClusterAccess access = Access();
  access.token = SecretBytes();
  access.token_file = dir.Join("token");
  ASSERT_OK_AND_ASSIGN(const auto transport,
                       HttpsTransport::Create(std::move(access)));
  ASSERT_THAT(WriteFileAtomically(dir.Join("token"), "one\n"), IsOk());
  EXPECT_THAT(transport->Send(Get()), IsOk());
  ASSERT_THAT(WriteFileAtomically(dir.Join("token"), "two\n"), IsOk());
  EXPECT_THAT(transport->Send(Get()), IsOk());
  ASSERT_THAT(server_->requests(), SizeIs(2));
  EXPECT_THAT(server_->requests()[0], HasSubstr("Bearer one\r\n"));
  EXPECT_THAT(server_->requests()[1], HasSubstr("Bearer two\r\n"));
}

TEST_F(HttpsTransportTest, RefusesTokensThatWouldAddHeaders) {
  Serve({});
  ClusterAccess access = Access();
  access.token = SecretBytes(AsBytes(std::string_view("a\r\nX-Evil: b")));
  EXPECT_THAT(
      Send(Get(), std::move(access)),
      StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("Evil"))));
}

TEST_F(HttpsTransportTest, RefusesOtherAuthorities) {
  Serve({{kOk}});
  ClusterAccess access = Access();
  access.ca_pem = crypto::CreateTlsIdentity().value().certificate_pem;
  EXPECT_THAT(Send(Get(), std::move(access)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(server_->requests(), IsEmpty());
}

TEST_F(HttpsTransportTest, RefusesOtherNames) {
  Serve({{kOk}});
  ClusterAccess access = Access();
  access.tls_server_name.clear();  // 127.0.0.1 is not in the certificate
  EXPECT_THAT(Send(Get(), std::move(access)),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_THAT(server_->requests(), IsEmpty());
}

TEST_F(HttpsTransportTest, DoesNotFollowRedirects) {
  ScriptedTlsServer other(identity_, {{kOk}});
  Serve({{"HTTP/1.1 302 Found\r\nLocation: " + other.server() +
          "/steal\r\nContent-Length: 0\r\n\r\n"}});
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Send(Get()));
  EXPECT_EQ(response.status, 302);
  EXPECT_THAT(other.requests(), IsEmpty());
}

TEST_F(HttpsTransportTest, RefusesAnswersThatAreTooLarge) {
  Serve({{"HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x')}});
  HttpRequest request = Get();
  request.max_response_bytes = 4999;
  EXPECT_THAT(Send(request), StatusIs(absl::StatusCode::kInvalidArgument,
                                      HasSubstr("more than 4999")));
  Serve({{"HTTP/1.1 200 OK\r\n\r\n" + std::string(5000, 'x')}});
  request.max_response_bytes = 5000;
  EXPECT_THAT(Send(request), IsOk());
}

TEST_F(HttpsTransportTest, HalfAnAnswerIsUnavailable) {
  Serve({{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"}});
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnavailable));
  Serve(
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nx"}});
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnavailable));
  Serve({{""}});
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpsTransportTest, WhatIsNotHttpIsUnavailable) {
  Serve({{"SSH-2.0-OpenSSH_9.2\r\n"}});
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpsTransportTest, GivesUpInTime) {
  Serve({{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", /*hold=*/true}});
  HttpRequest request = Get();
  request.timeout = absl::Milliseconds(300);
  const absl::Time begin = absl::Now();
  EXPECT_THAT(Send(request), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(3));
}

TEST_F(HttpsTransportTest, NobodyThereIsUnavailable) {
  Serve({});
  ClusterAccess access = Access();
  server_.reset();
  EXPECT_THAT(Send(Get(), std::move(access)),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(HttpsTransportTest, StreamsPiecesUntilTheSinkDeclines) {
  Serve({{"HTTP/1.1 200 OK\r\n\r\none\ntwo\n", /*hold=*/true}});
  ASSERT_OK_AND_ASSIGN(const auto transport, HttpsTransport::Create(Access()));
  std::string seen;
  const auto sink = [&seen](std::string_view piece) {
    seen += piece;
    return seen.size() < 8;
  };
  ASSERT_OK_AND_ASSIGN(const HttpResponse response,
                       transport->Stream(Get(), sink, {}));
  EXPECT_EQ(seen, "one\ntwo\n");
  EXPECT_EQ(response.body, "");
}

TEST_F(HttpsTransportTest, StreamKeepsBodiesOfErrors) {
  Serve({{"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone"}});
  ASSERT_OK_AND_ASSIGN(const auto transport, HttpsTransport::Create(Access()));
  const auto sink = [](std::string_view) {
    ADD_FAILURE() << "an error is no event";
    return true;
  };
  ASSERT_OK_AND_ASSIGN(const HttpResponse response,
                       transport->Stream(Get(), sink, {}));
  EXPECT_EQ(response.status, 410);
  EXPECT_EQ(response.body, "gone");
}

TEST_F(HttpsTransportTest, StreamEndsWhenStopped) {
  Serve({{"HTTP/1.1 200 OK\r\n\r\n", /*hold=*/true}});
  ASSERT_OK_AND_ASSIGN(const auto transport, HttpsTransport::Create(Access()));
  std::stop_source stop;
  std::jthread later([&stop] {
    absl::SleepFor(absl::Milliseconds(200));
    stop.request_stop();
  });
  HttpRequest request = Get();
  request.timeout = absl::Minutes(5);
  const absl::Time begin = absl::Now();
  EXPECT_THAT(
      transport->Stream(
          request, [](std::string_view) { return true; }, stop.get_token()),
      StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
}

TEST_F(HttpsTransportTest, KeepsTheConnectionForTheNextRequest) {
  Serve({{.octets = kOk, .more = true}, {.octets = kOk}});
  ASSERT_OK_AND_ASSIGN(const auto transport, HttpsTransport::Create(Access()));
  EXPECT_THAT(transport->Send(Get()), IsOk());
  // Had it not, the server, which waits there, would never answer.
  EXPECT_THAT(transport->Send(Get()), IsOk());
  EXPECT_THAT(server_->requests(), SizeIs(2));
}

TEST_F(HttpsTransportTest, DoesNotUseAConnectionThatTheServerClosed) {
  Serve({{kOk}, {kOk}});
  ASSERT_OK_AND_ASSIGN(const auto transport, HttpsTransport::Create(Access()));
  EXPECT_THAT(transport->Send(Get()), IsOk());
  absl::SleepFor(absl::Milliseconds(100));
  HttpRequest request = Get();
  request.method = "POST";
  EXPECT_THAT(transport->Send(request), IsOk());
}

// The server reads the request on a kept connection and dies: it may have done
// what it was asked, so only what changes nothing is sent again.
TEST_F(HttpsTransportTest, NeverRepeatsWhatMayHaveChangedSomething) {
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    Serve({{.octets = kOk, .more = true}, {""}, {kOk}});
    ASSERT_OK_AND_ASSIGN(const auto transport,
                         HttpsTransport::Create(Access()));
    ASSERT_THAT(transport->Send(Get()), IsOk());
    HttpRequest request = Get();
    request.method = method;
    EXPECT_THAT(transport->Send(request),
                StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(server_->requests(), SizeIs(2)) << method;
  }
}

TEST_F(HttpsTransportTest, RepeatsAGetOnceOnANewConnection) {
  Serve({{.octets = kOk, .more = true}, {""}, {kOk}});
  ASSERT_OK_AND_ASSIGN(const auto transport, HttpsTransport::Create(Access()));
  ASSERT_THAT(transport->Send(Get()), IsOk());
  EXPECT_THAT(transport->Send(Get()), IsOk());
  EXPECT_THAT(server_->requests(), SizeIs(3));
  Serve({{""}, {kOk}});  // a new connection: no reason to try again
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(server_->requests(), SizeIs(1));
}

TEST_F(HttpsTransportTest, AnAnswerWithoutLengthNeedsAProperEnd) {
  Serve({{.octets = "HTTP/1.1 200 OK\r\n\r\nhalf", .silent = true}});
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnavailable));
  Serve({{.octets = "HTTP/1.1 200 OK\r\n\r\nall"}});
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Send(Get()));
  EXPECT_EQ(response.body, "all");
}

TEST_F(HttpsTransportTest, ShowsItsCertificate) {
  const crypto::TlsIdentity client = crypto::CreateTlsIdentity().value();
  Serve({{kOk}});
  server_->RequireClientCertificate(client.certificate_pem);
  ClusterAccess access = Access();
  access.client_certificate_pem = client.certificate_pem;
  access.client_key_pem = SecretBytes(AsBytes(client.private_key_pem));
  EXPECT_THAT(Send(Get(), std::move(access)), IsOk());
}

TEST_F(HttpsTransportTest, IsRefusedWithoutCertificate) {
  Serve({{kOk}});
  server_->RequireClientCertificate(identity_.certificate_pem);
  EXPECT_THAT(Send(Get()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(server_->requests(), IsEmpty());
}

TEST_F(HttpsTransportTest, RefusesRequestsThatWouldAddLines) {
  Serve({{kOk}});
  for (const auto& spoil : std::vector<void (*)(HttpRequest&)>{
           [](HttpRequest& r) { r.target = "/a HTTP/1.1\r\nX-Evil: b"; },
           [](HttpRequest& r) { r.target = "api"; },
           [](HttpRequest& r) { r.method = "GET /steal"; },
           [](HttpRequest& r) { r.method = ""; },
           [](HttpRequest& r) { r.content_type = "a\r\nX-Evil: b"; }}) {
    HttpRequest request = Get();
    spoil(request);
    EXPECT_THAT(Send(request), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(server_->requests(), IsEmpty());
}

TEST_F(HttpsTransportTest, ALargeBodyArrivesWhole) {
  const std::string body(300'000, 'b');
  Serve({{"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + body}});
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Send(Get()));
  EXPECT_EQ(response.body, body);
}

TEST_F(HttpsTransportTest, SendEndsWhenItsRequestIsStopped) {
  Serve({{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", /*hold=*/true}});
  std::stop_source stop;
  HttpRequest request = Get();
  request.stop = stop.get_token();
  std::jthread later([&stop] {
    absl::SleepFor(absl::Milliseconds(200));
    stop.request_stop();
  });
  const absl::Time begin = absl::Now();
  EXPECT_THAT(Send(request), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(4));
}

TEST_F(HttpsTransportTest, RefusesUnsafeAccess) {
  Serve({});
  ClusterAccess access = Access();
  access.server = "http://127.0.0.1:1";
  EXPECT_THAT(HttpsTransport::Create(std::move(access)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  access = Access();
  access.server = "https://";
  EXPECT_THAT(HttpsTransport::Create(std::move(access)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  access = Access();
  access.ca_pem.clear();
  EXPECT_THAT(HttpsTransport::Create(std::move(access)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  access = Access();
  access.client_certificate_pem = "x";
  EXPECT_THAT(HttpsTransport::Create(std::move(access)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  access = Access();
  access.ca_pem = "no certificate";
  EXPECT_FALSE(Send(Get(), std::move(access)).ok());
}

}  // namespace
}  // namespace constellation::kubernetes
