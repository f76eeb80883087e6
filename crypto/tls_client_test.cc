// SPDX-License-Identifier: Apache-2.0
#include "crypto/tls_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <optional>
#include <string>
#include <utility>

#include "common/hex.h"
#include "common/testing/status_matchers.h"
#include "crypto/internal/openssl.h"
#include "crypto/tls_identity.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using internal::UniqueBio;
using internal::UniquePkey;
using internal::UniqueX509;
using ::testing::HasSubstr;

struct Identity {
  UniquePkey key;
  UniqueX509 certificate;
  std::string pem;
};

// Self-signed, for `names` ("DNS:a,IP:127.0.0.1"), valid for `seconds` from
// now.
Identity MakeIdentity(const char* names, long seconds = 3600) {
  Identity made{UniquePkey(EVP_EC_gen("P-256")), UniqueX509(X509_new()), ""};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_pubkey(certificate, made.key.get());
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  EXPECT_GT(X509_sign(certificate, made.key.get(), EVP_sha256()), 0);
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  made.pem = internal::BioText(bio.get());
  return made;
}

// The other end, in memory.
class Server final {
 public:
  explicit Server(const Identity& identity, int max_version = 0)
      : context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), max_version);
    tls_.reset(SSL_new(context_.get()));
    SSL_set_bio(tls_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(tls_.get());
  }

  SSL* tls() { return tls_.get(); }
  void Receive(const Bytes& octets) {
    if (octets.empty()) return;
    BIO_write(SSL_get_rbio(tls()), octets.data(),
              static_cast<int>(octets.size()));
  }
  Bytes TakeOutput() {
    Bytes octets(BIO_ctrl_pending(SSL_get_wbio(tls())));
    if (!octets.empty()) {
      BIO_read(SSL_get_wbio(tls()), octets.data(),
               static_cast<int>(octets.size()));
    }
    return octets;
  }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> tls_{nullptr, SSL_free};
};

class TlsClientTest : public ::testing::Test {
 protected:
  static std::unique_ptr<TlsClient> Client(const std::string& ca_pem,
                                           std::string_view name) {
    const auto context = TlsClientContext::Create(ca_pem, "", {});
    EXPECT_THAT(context, IsOk());
    auto client = TlsClient::Create(*context, name);
    EXPECT_THAT(client, IsOk());
    return *std::move(client);
  }

  // Carries octets until the client is done or has failed.
  static absl::StatusOr<bool> Shake(TlsClient& client, Server& server) {
    absl::StatusOr<bool> complete = false;
    for (int round = 0; round < 10; ++round) {
      complete = client.Handshake();
      server.Receive(client.TakeOutput());
      (void)SSL_do_handshake(server.tls());
      EXPECT_THAT(client.Receive(server.TakeOutput()), IsOk());
      if (!complete.ok() || *complete) break;
    }
    return complete;
  }

  absl::StatusOr<bool> ShakeAs(std::string_view name, const char* san) {
    const Identity identity = MakeIdentity(san);
    Server server(identity);
    return Shake(*Client(identity.pem, name), server);
  }

  const Identity identity_ = MakeIdentity("DNS:server");
};

TEST_F(TlsClientTest, CarriesOctetsBothWays) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Server server(identity_, version);
    const auto client = Client(identity_.pem, "server");
    ASSERT_THAT(Shake(*client, server), IsOkAndHolds(true));
    const std::string question(100'000, 'q');
    ASSERT_THAT(client->Write(AsBytes(question)), IsOk());
    server.Receive(client->TakeOutput());
    std::string heard(question.size(), ' ');
    size_t size = 0;
    while (size < heard.size()) {
      const int count = SSL_read(server.tls(), heard.data() + size,
                                 static_cast<int>(heard.size() - size));
      ASSERT_GT(count, 0);
      size += static_cast<size_t>(count);
    }
    EXPECT_EQ(heard, question);
    SSL_write(server.tls(), "answer", 6);
    SSL_shutdown(server.tls());
    ASSERT_THAT(client->Receive(server.TakeOutput()), IsOk());
    Bytes plain(100);
    EXPECT_THAT(client->Read(plain), IsOkAndHolds(6U));
    EXPECT_EQ(AsText(plain).substr(0, 6), "answer");
    EXPECT_FALSE(client->ended());
    EXPECT_THAT(client->Read(plain), IsOkAndHolds(0U));
    EXPECT_TRUE(client->ended());
  }
}

TEST_F(TlsClientTest, ReadWaitsForWholeRecords) {
  Server server(identity_);
  const auto client = Client(identity_.pem, "server");
  ASSERT_THAT(Shake(*client, server), IsOkAndHolds(true));
  SSL_write(server.tls(), "answer", 6);
  const Bytes record = server.TakeOutput();
  Bytes plain(100);
  for (size_t i = 0; i < record.size(); ++i) {
    EXPECT_THAT(client->Read(plain), IsOkAndHolds(0U));
    ASSERT_THAT(client->Receive({&record[i], 1}), IsOk());
  }
  EXPECT_THAT(client->Read(plain), IsOkAndHolds(6U));
}

TEST_F(TlsClientTest, AnEndWithoutGoodByeIsAnError) {
  Server server(identity_);
  const auto client = Client(identity_.pem, "server");
  ASSERT_THAT(Shake(*client, server), IsOkAndHolds(true));
  client->ReceiveEnd();
  Bytes plain(100);
  EXPECT_THAT(client->Read(plain), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_FALSE(client->ended());
}

TEST_F(TlsClientTest, ABitFlippedOnTheWayIsAnError) {
  Server server(identity_);
  const auto client = Client(identity_.pem, "server");
  ASSERT_THAT(Shake(*client, server), IsOkAndHolds(true));
  (void)server.TakeOutput();
  SSL_write(server.tls(), "answer", 6);
  Bytes record = server.TakeOutput();
  record.back() ^= 1U;
  ASSERT_THAT(client->Receive(record), IsOk());
  Bytes plain(100);
  EXPECT_THAT(client->Read(plain), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TlsClientTest, RefusesOtherAuthorities) {
  Server server(identity_);
  const Identity other = MakeIdentity("DNS:server");
  EXPECT_THAT(Shake(*Client(other.pem, "server"), server),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("does not verify")));
}

TEST_F(TlsClientTest, RefusesExpiredCertificates) {
  const Identity expired = MakeIdentity("DNS:server", -3600);
  Server server(expired);
  EXPECT_THAT(
      Shake(*Client(expired.pem, "server"), server),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("expired")));
}

TEST_F(TlsClientTest, ChecksNames) {
  const auto refused = StatusIs(absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(ShakeAs("a.example", "DNS:a.example"), IsOkAndHolds(true));
  EXPECT_THAT(ShakeAs("a.example", "DNS:*.example"), refused);
  EXPECT_THAT(ShakeAs("a.b.example", "DNS:*.b.example"), IsOkAndHolds(true));
  EXPECT_THAT(ShakeAs("a.b.example", "DNS:a*.b.example"), refused);
  EXPECT_THAT(ShakeAs("b.example", "DNS:a.example"), refused);
  EXPECT_THAT(ShakeAs("127.0.0.1", "IP:127.0.0.1"), IsOkAndHolds(true));
  EXPECT_THAT(ShakeAs("127.0.0.2", "IP:127.0.0.1"), refused);
  EXPECT_THAT(ShakeAs("127.0.0.1", "DNS:127.0.0.1"), refused);
  EXPECT_THAT(ShakeAs("::1", "IP:::1"), IsOkAndHolds(true));
}

TEST_F(TlsClientTest, RefusesOldVersions) {
  Server server(identity_, TLS1_1_VERSION);
  EXPECT_THAT(Shake(*Client(identity_.pem, "server"), server),
              StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TlsClientTest, WhatIsNotTlsIsUnavailable) {
  const auto client = Client(identity_.pem, "server");
  ASSERT_THAT(client->Handshake(), IsOkAndHolds(false));
  ASSERT_THAT(client->Receive(AsBytes("HTTP/1.1 400 Bad Request\r\n\r\n")),
              IsOk());
  EXPECT_THAT(client->Handshake(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TlsClientTest, AnEndDuringTheHandshakeIsUnavailable) {
  const auto client = Client(identity_.pem, "server");
  ASSERT_THAT(client->Handshake(), IsOkAndHolds(false));
  client->ReceiveEnd();
  EXPECT_THAT(client->Handshake(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TlsClientTest, ShowsItsCertificate) {
  const TlsIdentity me = CreateTlsIdentity().value();
  ASSERT_OK_AND_ASSIGN(const TlsClientContext context,
                       TlsClientContext::Create(
                           identity_.pem, me.certificate_pem + identity_.pem,
                           AsBytes(me.private_key_pem)));
  ASSERT_OK_AND_ASSIGN(const auto client, TlsClient::Create(context, "server"));
  Server server(identity_);
  SSL_set_verify(server.tls(), SSL_VERIFY_PEER,
                 [](int, X509_STORE_CTX*) { return 1; });
  ASSERT_THAT(Shake(*client, server), IsOkAndHolds(true));
  const UniqueX509 shown(SSL_get1_peer_certificate(server.tls()));
  ASSERT_NE(shown, nullptr);
  ASSERT_OK_AND_ASSIGN(const Bytes spki,
                       SpkiOfCertificatePem(me.certificate_pem));
  EXPECT_EQ(internal::ToDer(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(shown.get())),
            spki);
  // The server's list leaves the client's own certificate out.
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(server.tls())), 1);
}

TEST_F(TlsClientTest, RefusesWhatCannotBeRead) {
  const TlsIdentity me = CreateTlsIdentity().value();
  const TlsIdentity other = CreateTlsIdentity().value();
  const auto create = [&](std::string_view ca, std::string_view certificate,
                          std::string_view key) {
    return TlsClientContext::Create(ca, certificate, AsBytes(key)).status();
  };
  const auto invalid = StatusIs(absl::StatusCode::kInvalidArgument);
  const std::string& pem = identity_.pem;
  EXPECT_THAT(create(pem, me.certificate_pem, me.private_key_pem), IsOk());
  EXPECT_THAT(create("", "", ""), invalid);
  EXPECT_THAT(create("no certificate", "", ""), invalid);
  EXPECT_THAT(create(pem.substr(0, pem.size() / 2), "", ""), invalid);
  EXPECT_THAT(create(pem + pem.substr(0, pem.size() / 2), "", ""), invalid);
  EXPECT_THAT(create(pem, me.certificate_pem, ""), invalid);
  EXPECT_THAT(create(pem, "", me.private_key_pem), invalid);
  EXPECT_THAT(create(pem, "x", me.private_key_pem), invalid);
  EXPECT_THAT(create(pem, me.certificate_pem, "x"), invalid);
  EXPECT_THAT(create(pem, me.certificate_pem, other.private_key_pem), invalid);
}

TEST_F(TlsClientTest, NeverAsksForThePasswordOfAKey) {
  const UniqueBio bio(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), identity_.key.get(),
                                          EVP_aes_128_cbc(), "secret", 6,
                                          nullptr, nullptr),
            1);
  const std::string key = internal::BioText(bio.get());
  EXPECT_THAT(
      TlsClientContext::Create(identity_.pem, identity_.pem, AsBytes(key))
          .status(),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(TlsClientTest, RefusesUnusableNames) {
  ASSERT_OK_AND_ASSIGN(const TlsClientContext context,
                       TlsClientContext::Create(identity_.pem, "", {}));
  for (const std::string& name :
       {std::string(), std::string(254, 'a'), std::string("a\0b", 3)}) {
    EXPECT_THAT(TlsClient::Create(context, name).status(),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace constellation::crypto
