// SPDX-License-Identifier: Apache-2.0
#include "cloud/http/curl_transport.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "cloud/http/testing/local_server.h"
#include "common/command.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"

namespace constellation::cloud {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::constellation::testing::TempDir;
using testing::Answer;
using ::testing::HasSubstr;
using testing::LocalServer;
using ::testing::Not;
using testing::ReceivedRequest;
using ::testing::SizeIs;

std::string Hello(const ReceivedRequest& /*request*/) {
  return Answer(200, "hello", "X-One: 1\r\nx-one: 2\r\n");
}

TEST(CurlTransportTest, GetsStatusHeadersAndBody) {
  LocalServer server(Hello);
  CurlTransport transport({});
  const auto answer = transport.Send({.url = server.Url("/a%2Fb/../c?d=e")});
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello");
  EXPECT_EQ(answer->Header("x-one"), "1");
  EXPECT_EQ(answer->Header("x-two"), std::nullopt);
  // What was signed is what is sent.
  EXPECT_EQ(server.requests().at(0).target, "/a%2Fb/../c?d=e");
}

TEST(CurlTransportTest, SendsMethodHeadersAndBodyAsGiven) {
  LocalServer server(Hello);
  CurlTransport transport({});
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
    ASSERT_THAT(
        transport.Send(
            {.method = method,
             .url = server.Url("/"),
             .headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}},
             .body = "{}"}),
        IsOk());
    const ReceivedRequest request = server.requests().back();
    EXPECT_EQ(request.method, method);
    EXPECT_EQ(request.body, "{}");
    EXPECT_EQ(request.headers.at("content-type"), "application/json");
    EXPECT_EQ(request.headers.at("x-empty"), "");
    EXPECT_FALSE(request.headers.contains("expect"));
  }
}

TEST(CurlTransportTest, EmptyBodiesHaveALengthAndNoType) {
  LocalServer server(Hello);
  CurlTransport transport({});
  ASSERT_THAT(transport.Send({.method = "POST", .url = server.Url("/")}),
              IsOk());
  EXPECT_EQ(server.requests().back().headers.at("content-length"), "0");
  EXPECT_FALSE(server.requests().back().headers.contains("content-type"));
  ASSERT_THAT(transport.Send({.method = "DELETE", .url = server.Url("/")}),
              IsOk());
  EXPECT_EQ(server.requests().back().method, "DELETE");
}

TEST(CurlTransportTest, HeadHasNoBody) {
  LocalServer server([](const ReceivedRequest&) {
    return std::string("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n");
  });
  CurlTransport transport({});
  const auto answer =
      transport.Send({.method = "HEAD", .url = server.Url("/")});
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(answer->Header("content-length"), "5");
}

TEST(CurlTransportTest, SendsPartsOfFiles) {
  const TempDir directory;
  std::string text(3 << 20, 'a');
  text.replace(1000, 3, "xyz");
  ASSERT_THAT(WriteFileAtomically(directory.Join("image"), text), IsOk());
  LocalServer server(Hello);
  CurlTransport transport({});
  ASSERT_THAT(transport.Send({.method = "PUT",
                              .url = server.Url("/"),
                              .file = FileBody{.path = directory.Join("image"),
                                               .offset = 1000,
                                               .size = 2 << 20}}),
              IsOk());
  EXPECT_EQ(server.requests().back().body, text.substr(1000, 2 << 20));
}

TEST(CurlTransportTest, ShortOrMissingFilesAreLocalErrors) {
  const TempDir directory;
  ASSERT_THAT(WriteFileAtomically(directory.Join("image"), "abc"), IsOk());
  LocalServer server(Hello);
  CurlTransport transport({});
  for (const char* name : {"image", "none"}) {
    EXPECT_EQ(TransportErrorOf(
                  transport
                      .Send({.method = "PUT",
                             .url = server.Url("/"),
                             .file = FileBody{.path = directory.Join(name),
                                              .offset = 0,
                                              .size = 10}})
                      .status()),
              TransportError::kLocal)
        << name;
  }
}

TEST(CurlTransportTest, UsesConnectionsAgain) {
  LocalServer server(Hello);
  CurlTransport transport({});
  for (int i = 0; i < 5; ++i) {
    ASSERT_THAT(transport.Send({.url = server.Url("/")}), IsOk());
  }
  EXPECT_EQ(server.requests().back().connection, 1);
}

TEST(CurlTransportTest, WorksFromManyThreads) {
  LocalServer server(Hello);
  CurlTransport transport({});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 20; ++j) {
          EXPECT_THAT(transport.Send({.url = server.Url("/")}), IsOk());
        }
      });
    }
  }
  EXPECT_THAT(server.requests(), SizeIs(160));
}

TEST(CurlTransportTest, BoundsAnswers) {
  LocalServer server([](const ReceivedRequest&) {
    return Answer(200, std::string(101, 'x'));
  });
  CurlTransport transport({});
  const auto answer = transport.Send(
      {.url = server.Url("/?sig=s3cret"), .max_answer_size = 100});
  EXPECT_EQ(TransportErrorOf(answer.status()), TransportError::kTooLarge);
  EXPECT_THAT(answer.status().ToString(), Not(HasSubstr("s3cret")));
  EXPECT_THAT(transport.Send({.url = server.Url("/"), .max_answer_size = 101}),
              IsOk());
}

TEST(CurlTransportTest, BoundsHeaders) {
  LocalServer server([](const ReceivedRequest&) {
    std::string headers;
    for (int i = 0; i < 10000; ++i) {
      headers += fmt::format("X-{}: {}\r\n", i, std::string(40, 'y'));
    }
    return Answer(200, "", headers);
  });
  CurlTransport transport({});
  EXPECT_FALSE(transport.Send({.url = server.Url("/")}).ok());
}

TEST(CurlTransportTest, TellsFailuresApart) {
  CurlTransport transport({});
  const auto error = [&](const HttpRequest& request) {
    return TransportErrorOf(transport.Send(request).status());
  };
  // Without any name server the question itself times out.
  EXPECT_THAT(error({.url = "https://host.invalid/"}),
              ::testing::AnyOf(TransportError::kDns, TransportError::kRefused));
  uint16_t port = 0;
  { port = LocalServer(Hello).port(); }
  EXPECT_EQ(error({.url = fmt::format("http://127.0.0.1:{}/", port)}),
            TransportError::kRefused);
  LocalServer plain(Hello);
  EXPECT_EQ(error({.url = fmt::format("https://127.0.0.1:{}/", plain.port()),
                   .connect_timeout = absl::Milliseconds(300)}),
            TransportError::kRefused);  // no handshake in time
  LocalServer closing([](const ReceivedRequest&) { return std::string(); });
  EXPECT_EQ(error({.method = "POST", .url = closing.Url("/")}),
            TransportError::kLost);
  LocalServer half([](const ReceivedRequest&) {
    return std::string(
        "HTTP/1.1 200 X\r\nContent-Length: 9\r\n"
        "Connection: close\r\n\r\nabc");
  });
  HttpRequest request{.url = half.Url("/")};
  request.timeout = absl::Milliseconds(300);
  EXPECT_THAT(error(request), ::testing::AnyOf(TransportError::kLost,
                                               TransportError::kTimeout));
  EXPECT_EQ(error({.url = "ftp://127.0.0.1/"}), TransportError::kLocal);
  EXPECT_EQ(error({.url = "not a url"}), TransportError::kLocal);
  EXPECT_EQ(error({.url = plain.Url("/"), .headers = {{"A", "b\r\nC: d"}}}),
            TransportError::kLocal);
}

TEST(CurlTransportTest, SilenceAfterTheRequestIsATimeout) {
  LocalServer server([](const ReceivedRequest&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    return std::string();
  });
  CurlTransport transport({});
  HttpRequest request{.url = server.Url("/")};
  request.timeout = absl::Milliseconds(200);
  const auto answer = transport.Send(request);
  EXPECT_EQ(TransportErrorOf(answer.status()), TransportError::kTimeout);
  EXPECT_TRUE(MayHaveBeenExecuted(answer.status()));
}

// libcurl repeats requests on kept connections that turn out to be dead; the
// server may have executed the first one.
TEST(CurlTransportTest, NeverSendsACreateTwice) {
  LocalServer server([](const ReceivedRequest& request) {
    return request.method == "GET" ? Answer(200, "") : std::string();
  });
  CurlTransport transport({});
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(transport.Send({.url = server.Url("/")}), IsOk());
    const auto answer =
        transport.Send({.method = "POST", .url = server.Url("/"), .body = "x"});
    EXPECT_EQ(TransportErrorOf(answer.status()), TransportError::kLost);
  }
  int posts = 0;
  for (const ReceivedRequest& request : server.requests()) {
    posts += request.method == "POST" ? 1 : 0;
  }
  EXPECT_EQ(posts, 3);
}

TEST(CurlTransportTest, StopEndsARunningRequest) {
  std::stop_source source;
  LocalServer server([&](const ReceivedRequest&) {
    source.request_stop();
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    return std::string();
  });
  CurlTransport transport({});
  const auto answer =
      transport.Send({.url = server.Url("/"), .stop = source.get_token()});
  EXPECT_EQ(TransportErrorOf(answer.status()), TransportError::kCancelled);
}

TEST(CurlTransportTest, RefusesPlainHttpToOthers) {
  CurlTransport transport({});
  EXPECT_EQ(
      TransportErrorOf(transport.Send({.url = "http://192.0.2.1/"}).status()),
      TransportError::kLocal);
}

TEST(CurlTransportTest, FollowsRedirectsOnlyWhenAsked) {
  LocalServer server([](const ReceivedRequest& request) {
    return request.target == "/from" ? Answer(302, "", "Location: /to\r\n")
                                     : Answer(200, "arrived");
  });
  CurlTransport transport({});
  EXPECT_EQ(transport.Send({.url = server.Url("/from")})->status, 302);
  EXPECT_EQ(
      transport.Send({.url = server.Url("/from"), .max_redirects = 1})->body,
      "arrived");
  EXPECT_EQ(transport
                .Send({.method = "POST",
                       .url = server.Url("/from"),
                       .max_redirects = 1})
                ->status,
            302);
}

TEST(CurlTransportTest, RedirectsToAnotherHostLoseTheHeaders) {
  LocalServer other(Hello);
  LocalServer server([&](const ReceivedRequest& request) {
    return request.target == "/away"
               ? Answer(302, "", "Location: " + other.Url("/") + "\r\n")
               : Answer(302, "", "Location: /away\r\n");
  });
  CurlTransport transport({});
  const HttpHeaders secret = {{"X-Auth-Token", "s3cret"}};
  ASSERT_EQ(
      transport
          .Send({.url = server.Url("/"), .headers = secret, .max_redirects = 2})
          ->status,
      200);
  EXPECT_EQ(server.requests().at(1).headers.count("x-auth-token"), 1U);
  EXPECT_EQ(other.requests().at(0).headers.count("x-auth-token"), 0U);
}

TEST(CurlTransportTest, EndlessRedirectsEnd) {
  LocalServer server([](const ReceivedRequest&) {
    return Answer(302, "", "Location: /again\r\n");
  });
  CurlTransport transport({});
  EXPECT_EQ(
      transport.Send({.url = server.Url("/"), .max_redirects = 3})->status,
      302);
  EXPECT_THAT(server.requests(), SizeIs(4));
}

TEST(CurlTransportTest, ProxyIsUsedExceptForThisMachine) {
  LocalServer proxy(
      [](const ReceivedRequest&) { return Answer(200, "proxy"); });
  LocalServer server(Hello);
  CurlTransport transport(
      {.allow_plain_http = true, .proxy = {.http = proxy.Url("")}});
  EXPECT_EQ(transport.Send({.url = "http://cloud.example/x"})->body, "proxy");
  EXPECT_EQ(proxy.requests().at(0).target, "http://cloud.example/x");
  EXPECT_EQ(transport.Send({.url = server.Url("/")})->body, "hello");
}

TEST(CurlTransportTest, EnvironmentsProxyDoesNotCountByItself) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
  LocalServer server(Hello);
  CurlTransport transport({});
  EXPECT_THAT(transport.Send({.url = server.Url("/")}), IsOk());
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
}

// A TLS server with a certificate for "localhost" of its own authority.
TEST(CurlTransportTest, VerifiesServers) {
  ProcessRunner runner;
  const TempDir directory;
  const auto made = RunChecked(
      runner,
      {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
       "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj",
       "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
       directory.Join("key"), "-out", directory.Join("cert")});
  if (!made.ok()) {
    GTEST_SKIP() << "no openssl program: " << made.status();
  }
  uint16_t port = 0;
  { port = LocalServer(Hello).port(); }
  std::jthread server([&] {
    const auto result = runner.Run(
        {"openssl", "s_server", "-accept", fmt::format("127.0.0.1:{}", port),
         "-key", directory.Join("key"), "-cert", directory.Join("cert"), "-www",
         "-quiet", "-naccept", "4"},
        {.timeout = absl::Seconds(15)});
    (void)result;
  });
  CurlTransport strict({});
  CurlTransport trusting({.ca_file = directory.Join("cert")});
  const std::string right = fmt::format("https://localhost:{}/", port);
  const std::string wrong = fmt::format("https://127.0.0.1:{}/", port);
  absl::StatusOr<HttpResponse> answer;
  for (int i = 0; i < 100; ++i) {
    answer = trusting.Send({.url = right});
    if (TransportErrorOf(answer.status()) != TransportError::kRefused) {
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(TransportErrorOf(strict.Send({.url = right}).status()),
            TransportError::kTls);
  const auto other_name = trusting.Send({.url = wrong});
  EXPECT_EQ(TransportErrorOf(other_name.status()), TransportError::kTls);
  EXPECT_FALSE(MayHaveBeenExecuted(other_name.status()));
  trusting.Send({.url = right}).IgnoreError();  // the last one it accepts
}

}  // namespace
}  // namespace constellation::cloud
