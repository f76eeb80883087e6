// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/curl_http_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "attestation/collateral/testing/http_server.h"
#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "kubernetes/testing/scripted_tls_server.h"

namespace constellation::attestation {
namespace {

using ::constellation::attestation::testing::HttpAnswer;
using ::constellation::attestation::testing::ScriptedAnswer;
using ::constellation::attestation::testing::TestHttpServer;
using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

CurlHttpTransport Plain() {
  return CurlHttpTransport({.allow_plain_http = true});
}

absl::StatusOr<HttpResponse> Ask(const TestHttpServer& server,
                                 HttpRequest request = {}) {
  request.url = server.url() + "/thing?a=b";
  CurlHttpTransport transport = Plain();
  return transport.Send(request);
}

TEST(CurlHttpTransportTest, ReturnsStatusHeadersAndBody) {
  const TestHttpServer server(
      {{HttpAnswer(429, "slowly", "Retry-After:  7 \r\nX-Name: a:b\r\n")}});
  ASSERT_OK_AND_ASSIGN(const HttpResponse answer, Ask(server));
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.body, "slowly");
  EXPECT_EQ(answer.Header("retry-after"), "7");
  EXPECT_EQ(answer.Header("x-name"), "a:b");
  EXPECT_EQ(answer.Header("absent"), "");
  ASSERT_THAT(server.requests(), SizeIs(1));
  EXPECT_THAT(server.requests()[0], HasSubstr("GET /thing?a=b HTTP/1.1\r\n"));
}

TEST(CurlHttpTransportTest, PostsJsonWithHeaders) {
  const TestHttpServer server({{HttpAnswer(200, "{}")}});
  ASSERT_THAT(Ask(server, {.headers = {"Metadata: true"}, .body = "{\"a\":1}"}),
              IsOk());
  EXPECT_THAT(
      server.requests(),
      ElementsAre(AllOf(HasSubstr("POST "), HasSubstr("\r\n\r\n{\"a\":1}"),
                        HasSubstr("Metadata: true\r\n"),
                        HasSubstr("Content-Type: application/json"),
                        Not(HasSubstr("100-continue")))));
}

TEST(CurlHttpTransportTest, RefusesBodyLargerThanAllowed) {
  // With and without an announced length.
  for (const std::string& octets :
       {HttpAnswer(200, std::string(1001, 'x')),
        "HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x')}) {
    const TestHttpServer server({{octets}});
    EXPECT_THAT(Ask(server, {.max_body = 1000}),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("at most 1000 octets")));
    EXPECT_THAT(Ask(server, {.max_body = 1001}), IsOk());
  }
}

TEST(CurlHttpTransportTest, RefusesEndlessHeaders) {
  std::string headers;
  for (int i = 0; i < 3000; ++i) {
    headers += "X-Filler: " + std::string(90, 'x') + "\r\n";
  }
  const TestHttpServer server({{HttpAnswer(200, "", headers)}});
  EXPECT_FALSE(Ask(server).ok());
}

TEST(CurlHttpTransportTest, NoticesTruncatedBody) {
  const TestHttpServer server(
      {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"}});
  EXPECT_THAT(Ask(server), StatusIs(absl::StatusCode::kUnavailable));
}

TEST(CurlHttpTransportTest, GivesUpOnStallingServer) {
  const TestHttpServer server(
      {{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", /*hold=*/true}});
  const absl::Time start = absl::Now();
  EXPECT_THAT(Ask(server, {.timeout = absl::Milliseconds(200)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

TEST(CurlHttpTransportTest, FollowsAsManyRedirectsAsAllowed) {
  const TestHttpServer server([](const std::string& target,
                                 const std::string&) -> ScriptedAnswer {
    return {target == "/end"
                ? HttpAnswer(200, "here", "X-Last: 1\r\n")
                : HttpAnswer(302, "moved", "X-First: 1\r\nLocation: /end\r\n")};
  });
  ASSERT_OK_AND_ASSIGN(const HttpResponse followed,
                       Ask(server, {.max_redirects = 1}));
  EXPECT_EQ(followed.body, "here");
  EXPECT_EQ(followed.Header("x-last"), "1");
  EXPECT_EQ(followed.Header("x-first"), "") << "header of another answer";
  ASSERT_OK_AND_ASSIGN(const HttpResponse not_followed, Ask(server));
  EXPECT_EQ(not_followed.status, 302);
}

TEST(CurlHttpTransportTest, RefusesRedirectLoop) {
  const TestHttpServer server({{HttpAnswer(302, "", "Location: /again\r\n")}});
  EXPECT_THAT(Ask(server, {.max_redirects = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(server.requests(), SizeIs(4));
}

TEST(CurlHttpTransportTest, RefusesOtherSchemes) {
  const TestHttpServer server(
      {{HttpAnswer(302, "", "Location: file:///etc/hostname\r\n")}});
  EXPECT_THAT(Ask(server, {.max_redirects = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  CurlHttpTransport transport = Plain();
  EXPECT_THAT(transport.Send({.url = "file:///etc/hostname"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CurlHttpTransportTest, RefusesPlainHttpUnlessAllowed) {
  const TestHttpServer server({{HttpAnswer(200, "x")}});
  CurlHttpTransport transport;
  EXPECT_THAT(transport.Send({.url = server.url()}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(server.requests(), SizeIs(0));
}

TEST(CurlHttpTransportTest, ARequestMayAllowPlainHttp) {
  const TestHttpServer server({{HttpAnswer(200, "x")}});
  CurlHttpTransport transport;
  EXPECT_THAT(transport.Send({.url = server.url(), .plain_http = true}),
              IsOk());
  EXPECT_THAT(
      transport.Send({.url = "file:///etc/hostname", .plain_http = true}),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CurlHttpTransportTest, IgnoresProxyOfTheEnvironment) {
  const TestHttpServer proxy({{HttpAnswer(200, "from the proxy")}});
  const TestHttpServer server({{HttpAnswer(200, "direct")}});
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy"}) {
    setenv(name, proxy.url().c_str(), 1);
  }
  ASSERT_OK_AND_ASSIGN(const HttpResponse answer, Ask(server));
  EXPECT_EQ(answer.body, "direct");
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy"}) {
    unsetenv(name);
  }
}

TEST(CurlHttpTransportTest, UsesProxyThatWasChosen) {
  const TestHttpServer proxy({{HttpAnswer(200, "from the proxy")}});
  CurlHttpTransport transport({.allow_plain_http = true, .proxy = proxy.url()});
  ASSERT_OK_AND_ASSIGN(const HttpResponse answer,
                       transport.Send({.url = "http://192.0.2.1/x"}));
  EXPECT_EQ(answer.body, "from the proxy");
}

TEST(CurlHttpTransportTest, ReportsServerThatIsNotThere) {
  std::string url;
  {
    const TestHttpServer server({{HttpAnswer(200, "x")}});
    url = server.url();
  }
  CurlHttpTransport transport = Plain();
  EXPECT_THAT(transport.Send({.url = url}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(url)));
}

TEST(CurlHttpTransportTest, RefusesWhatIsNotHttp) {
  const TestHttpServer server({{"SSH-2.0-OpenSSH_9.2\r\n"}});
  EXPECT_FALSE(Ask(server).ok());
}

// A certificate for 127.0.0.1 that signs itself.
crypto::TlsIdentity LoopbackIdentity(const TempDir& dir) {
  ProcessRunner runner;
  const auto made = RunChecked(
      runner, {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
               "/CN=loopback", "-addext", "subjectAltName=IP:127.0.0.1",
               "-keyout", dir.Join("key.pem"), "-out", dir.Join("ca.pem")});
  EXPECT_THAT(made, IsOk());
  return {.certificate_pem = ReadFile(dir.Join("ca.pem")).value_or(""),
          .private_key_pem = ReadFile(dir.Join("key.pem")).value_or(""),
          .spki_der = {}};
}

TEST(CurlHttpTransportTest, VerifiesServerCertificate) {
  const TempDir dir;
  kubernetes::testing::ScriptedTlsServer server(
      LoopbackIdentity(dir),
      {{.octets = HttpAnswer(200, "a")}, {.octets = HttpAnswer(200, "b")}});
  CurlHttpTransport strangers;  // trusts the system's authorities
  EXPECT_THAT(strangers.Send({.url = server.server()}),
              StatusIs(absl::StatusCode::kUnauthenticated));
  CurlHttpTransport friends({.ca_file = dir.Join("ca.pem")});
  ASSERT_OK_AND_ASSIGN(const HttpResponse answer,
                       friends.Send({.url = server.server()}));
  EXPECT_EQ(answer.body, "b");
}

TEST(CurlHttpTransportTest, RefusesCertificateForAnotherName) {
  const TempDir dir;
  ASSERT_OK_AND_ASSIGN(const crypto::TlsIdentity identity,
                       crypto::CreateTlsIdentity());
  ASSERT_THAT(WriteFileAtomically(dir.Join("ca.pem"), identity.certificate_pem),
              IsOk());
  kubernetes::testing::ScriptedTlsServer server(
      identity, {{.octets = HttpAnswer(200, "a")}});
  CurlHttpTransport transport({.ca_file = dir.Join("ca.pem")});
  EXPECT_THAT(transport.Send({.url = server.server()}),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST(CurlHttpTransportTest, RefusesRedirectFromTlsToPlainHttp) {
  const TempDir dir;
  const TestHttpServer plain({{HttpAnswer(200, "unprotected")}});
  kubernetes::testing::ScriptedTlsServer server(
      LoopbackIdentity(dir),
      {{.octets = HttpAnswer(302, "", "Location: " + plain.url() + "\r\n")}});
  CurlHttpTransport transport(
      {.allow_plain_http = true, .ca_file = dir.Join("ca.pem")});
  EXPECT_THAT(transport.Send({.url = server.server(), .max_redirects = 3}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(plain.requests(), SizeIs(0));
}

}  // namespace
}  // namespace constellation::attestation
