// SPDX-License-Identifier: Apache-2.0
// What strangers may send to an attested port: anything but our protocol. The
// server must refuse it and go on serving.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <thread>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/testing/loopback.h"
#include "attestation/channel/transport/testing/raw_call.h"
#include "attestation/testing/fake_attester.h"
#include "common/testing/status_matchers.h"
#include "common/unique_fd.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::AnyOf;
using testing::End;
using testing::FakeAttester;
using testing::FakeVerifier;
using testing::FetchTicket;
using testing::LoopbackServer;
using testing::RandomText;
using testing::RawCall;

constexpr std::string_view kMethod =
    "/constellation.v1.JoinService/IssueJoinTicket";

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* handle) const {
    kFree(handle);
  }
};
using UniqueContext = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using UniqueSsl = std::unique_ptr<SSL, Deleter<SSL_free>>;
using UniqueBio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using UniqueKey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using UniqueX509 = std::unique_ptr<X509, Deleter<X509_free>>;

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// No reading or writing of this test waits for longer.
void LimitWaiting(int fd) {
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

UniqueFd ConnectTcp(int port) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                    sizeof(address)),
            0);
  LimitWaiting(fd.get());
  return fd;
}

void UseIdentity(SSL_CTX* context, const crypto::TlsIdentity& identity) {
  const UniqueBio certificate(
      BIO_new_mem_buf(identity.certificate_pem.data(),
                      static_cast<int>(identity.certificate_pem.size())));
  const UniqueBio key(
      BIO_new_mem_buf(identity.private_key_pem.data(),
                      static_cast<int>(identity.private_key_pem.size())));
  const UniqueX509 x509(
      PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
  const UniqueKey pkey(
      PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
  ASSERT_EQ(SSL_CTX_use_certificate(context, x509.get()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey(context, pkey.get()), 1);
}

// A TLS client of our own making, with whatever a test wants to be wrong.
struct TlsOptions {
  int max_version = TLS1_3_VERSION;
  const crypto::TlsIdentity* identity = nullptr;
  bool offer_http2 = true;
};

class TlsClient final {
 public:
  TlsClient(int port, const TlsOptions& options)
      : context_(SSL_CTX_new(TLS_client_method())), fd_(ConnectTcp(port)) {
    SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
    if (options.identity != nullptr) {
      UseIdentity(context_.get(), *options.identity);
    }
    ssl_.reset(SSL_new(context_.get()));
    static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
    if (options.offer_http2) {
      SSL_set_alpn_protos(ssl_.get(), kHttp2, sizeof(kHttp2));
    }
    SSL_set_fd(ssl_.get(), fd_.get());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool connected() const { return connected_; }
  std::string_view version() const { return SSL_get_version(ssl_.get()); }
  void Write(const std::string& text) {
    (void)SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  }
  // Whether any application data comes before the server hangs up.
  bool ReadsAnything() {
    char octet = 0;
    return SSL_read(ssl_.get(), &octet, 1) == 1;
  }

 private:
  UniqueContext context_;
  UniqueFd fd_;
  UniqueSsl ssl_;
  bool connected_ = false;
};

class HostilePortTest : public ::testing::Test {
 protected:
  HostilePortTest()
      : client_{.identity = crypto::CreateTlsIdentity().value(),
                .attester = &node_,
                .verify = FakeVerifier("service")},
        server_({.identity = crypto::CreateTlsIdentity().value(),
                 .attester = &service_,
                 .verify = FakeVerifier("node")}) {}
  ~HostilePortTest() override {
    EXPECT_EQ(server_.tickets(), 0);
    EXPECT_THAT(FetchTicket(server_.address(), client_), IsOk());
  }

  FakeAttester node_{"node"};
  FakeAttester service_{"service"};
  const End client_;
  const LoopbackServer server_;
  std::mt19937 generator_{20261121};  // the same octets in every run
  std::vector<UniqueFd> silent_;      // open until the last check is done
};

TEST_F(HostilePortTest, SilentConnections) {
  for (int i = 0; i < 50; ++i) {
    silent_.push_back(ConnectTcp(server_.port()));
  }
}

TEST_F(HostilePortTest, RandomOctets) {
  for (int i = 0; i < 50; ++i) {
    const UniqueFd fd = ConnectTcp(server_.port());
    const std::string text = RandomText(generator_, 1 + generator_() % 4096);
    (void)send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
}

TEST_F(HostilePortTest, PlainHttp) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"}) {
    const UniqueFd fd = ConnectTcp(server_.port());
    (void)send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  }
}

TEST_F(HostilePortTest, TlsWithACertificateIsLetIn) {
  TlsClient tls(server_.port(), {.identity = &client_.identity});
  EXPECT_TRUE(tls.connected());
  EXPECT_EQ(tls.version(), "TLSv1.3");
  EXPECT_TRUE(tls.ReadsAnything());  // HTTP/2 settings
}

TEST_F(HostilePortTest, Tls12IsRefused) {
  TlsClient tls(server_.port(),
                {.max_version = TLS1_2_VERSION, .identity = &client_.identity});
  EXPECT_FALSE(tls.connected());
}

// In TLS 1.3 the client thinks it is connected before the server has looked.
TEST_F(HostilePortTest, TlsWithoutACertificateIsRefused) {
  TlsClient tls(server_.port(), {});
  EXPECT_FALSE(tls.ReadsAnything());
}

TEST_F(HostilePortTest, AnotherProtocolInTlsIsRefused) {
  TlsClient tls(server_.port(),
                {.identity = &client_.identity, .offer_http2 = false});
  EXPECT_FALSE(tls.connected() && tls.ReadsAnything());
}

TEST_F(HostilePortTest, RandomOctetsInTls) {
  for (int i = 0; i < 30; ++i) {
    TlsClient tls(server_.port(), {.identity = &client_.identity});
    ASSERT_TRUE(tls.connected());
    if (i % 2 == 0) {
      tls.Write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    }
    tls.Write(RandomText(generator_, 1 + generator_() % 4096));
  }
}

TEST_F(HostilePortTest, PlaintextGrpcIsRefused) {
  const auto stub = v1::JoinService::NewStub(grpc::CreateChannel(
      server_.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
  const auto stream = stub->IssueJoinTicket(&context);
  EXPECT_FALSE(stream->Write(v1::JoinClientMessage()) &&
               stream->Write(v1::JoinClientMessage()));
  EXPECT_THAT(FromGrpcStatus(stream->Finish()),
              AnyOf(StatusIs(absl::StatusCode::kUnavailable),
                    StatusIs(absl::StatusCode::kDeadlineExceeded)));
}

// gRPC's usual TLS credentials, without a certificate of their own.
TEST_F(HostilePortTest, OrdinaryTlsGrpcIsRefused) {
  const auto stub = v1::JoinService::NewStub(grpc::CreateChannel(
      server_.address(), grpc::SslCredentials(grpc::SslCredentialsOptions())));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
  const auto stream = stub->IssueJoinTicket(&context);
  EXPECT_THAT(FromGrpcStatus(stream->Finish()),
              AnyOf(StatusIs(absl::StatusCode::kUnavailable),
                    StatusIs(absl::StatusCode::kDeadlineExceeded)));
}

class HostileMessageTest : public HostilePortTest {
 protected:
  const std::shared_ptr<grpc::Channel> channel_ =
      AttestedChannel(server_.address(), client_.identity);

  static std::string Wire(const HandshakeMessage& message) {
    v1::JoinClientMessage outgoing;
    *outgoing.mutable_attestation() = MessageToProto(message);
    return outgoing.SerializeAsString();
  }
  static Evidence SomeEvidence() {
    Evidence evidence;
    evidence.variant = "node";
    evidence.tpm.attest = Bytes(64, 1);
    evidence.tpm.event_log = Bytes(300, 2);
    evidence.tpm.pcrs = {{.index = 4, .sha256 = {}},
                         {.index = 9, .sha256 = {}}};
    evidence.endorsements = {Bytes(20, 3)};
    return evidence;
  }
};

TEST_F(HostileMessageTest, RandomMessagesAreErrors) {
  for (int i = 0; i < 200; ++i) {
    EXPECT_FALSE(RawCall(channel_, kMethod,
                         {RandomText(generator_, 1 + generator_() % 600)})
                     .ok())
        << i;
  }
}

TEST_F(HostileMessageTest, EveryTruncationIsAnError) {
  const std::string first = Wire({.nonce = Bytes(32, 1), .evidence = {}});
  const std::string second = Wire({.nonce = {}, .evidence = SomeEvidence()});
  for (size_t size = 0; size < first.size(); ++size) {
    EXPECT_FALSE(RawCall(channel_, kMethod, {first.substr(0, size)}).ok())
        << size;
  }
  for (size_t size = 0; size < second.size(); size += 7) {
    EXPECT_FALSE(
        RawCall(channel_, kMethod, {first, second.substr(0, size)}).ok())
        << size;
  }
}

TEST_F(HostileMessageTest, SpoiltMessagesAreErrors) {
  const std::string first = Wire({.nonce = {}, .evidence = {}});
  const std::string second = Wire({.nonce = {}, .evidence = SomeEvidence()});
  for (int i = 0; i < 200; ++i) {
    std::string spoilt = second;
    for (int flips = 0; flips < 3; ++flips) {
      spoilt[generator_() % spoilt.size()] ^=
          static_cast<char>(1U << (generator_() % 8));
    }
    EXPECT_FALSE(RawCall(channel_, kMethod, {first, spoilt}).ok()) << i;
  }
}

TEST_F(HostileMessageTest, DeepNestingIsAnError) {
  // Field 1, length-delimited, over and over.
  std::string nested;
  for (int i = 0; i < 2000; ++i) {
    std::string outer("\x0a");
    size_t size = nested.size();
    while (size >= 0x80U) {
      outer.push_back(static_cast<char>((size & 0x7FU) | 0x80U));
      size >>= 7U;
    }
    outer.push_back(static_cast<char>(size));
    nested = outer + nested;
  }
  EXPECT_FALSE(RawCall(channel_, kMethod, {nested}).ok());
}

TEST_F(HostileMessageTest, LongMessagesAreRefused) {
  EXPECT_THAT(
      RawCall(channel_, kMethod, {std::string(kMaxMessageBytes + 1, 'x')}),
      StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(HostileMessageTest, UnknownMethodsAreRefused) {
  for (const std::string_view method :
       {"/constellation.v1.JoinService/Nothing", "/x/y", "/"}) {
    EXPECT_THAT(RawCall(channel_, method, {"x"}),
                StatusIs(absl::StatusCode::kUnimplemented))
        << method;
  }
}

TEST_F(HostileMessageTest, MethodsThatAreNotImplementedAreRefused) {
  EXPECT_THAT(RawCall(channel_,
                      "/constellation.v1.JoinService/IssueRejoinTicket", {"x"}),
              StatusIs(absl::StatusCode::kUnimplemented));
}

// The other direction: our client at a server that speaks TLS 1.2 only.
class Tls12Server final {
 public:
  Tls12Server()
      : context_(SSL_CTX_new(TLS_server_method())),
        listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
    UseIdentity(context_.get(), crypto::CreateTlsIdentity().value());
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(
        bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { AcceptOne(); });
  }
  ~Tls12Server() { thread_.join(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Joins first.
  bool accepted() {
    thread_.join();
    thread_ = std::thread([] {});
    return accepted_;
  }

 private:
  void AcceptOne() {
    const UniqueFd fd(accept(listener_.get(), nullptr, nullptr));
    LimitWaiting(fd.get());
    const UniqueSsl ssl(SSL_new(context_.get()));
    SSL_set_fd(ssl.get(), fd.get());
    accepted_ = SSL_accept(ssl.get()) == 1;
  }

  UniqueContext context_;
  UniqueFd listener_;
  int port_ = 0;
  bool accepted_ = false;
  std::thread thread_;
};

TEST(HostileServerTest, ClientRefusesTls12) {
  Tls12Server server;
  FakeAttester node("node");
  const End client{.identity = crypto::CreateTlsIdentity().value(),
                   .attester = &node,
                   .verify = FakeVerifier("service")};
  EXPECT_THAT(FetchTicket(server.address(), client, absl::Seconds(3)),
              AnyOf(StatusIs(absl::StatusCode::kUnavailable),
                    StatusIs(absl::StatusCode::kDeadlineExceeded)));
  EXPECT_FALSE(server.accepted());
}

}  // namespace
}  // namespace constellation::attestation
