// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/handshake_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string_view>
#include <utility>

#include "attestation/testing/fake_attester.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"
#include "crypto/testing/octets.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using testing::FakeAttester;
using testing::FakeVerifier;
using ::testing::HasSubstr;

const Bytes kClientKey = crypto::testing::Counting(1, 91);
const Bytes kServerKey = crypto::testing::Counting(2, 91);
const Bytes kMalloryKey = crypto::testing::Counting(3, 91);
constexpr std::string_view kContext = "join";

class HandshakeCoreTest : public ::testing::Test {
 protected:
  // What each side proves and demands; tests take parts away.
  struct Side {
    Attester* attester;
    VerifyFn verify;
  };

  HandshakeCore Client(std::string_view context = kContext) const {
    return {Role::kClient, kClientKey, context, client_.attester,
            client_.verify};
  }
  HandshakeCore Server(std::string_view context = kContext) const {
    return {Role::kServer, kServerKey, context, server_.attester,
            server_.verify};
  }

  // Runs both sides to their ends over a faithful wire; first error.
  static absl::Status Run(HandshakeCore client, HandshakeCore server) {
    const HandshakeMessage first = client.Begin().value();
    const auto answer = server.Answer(first, kClientKey);
    if (!answer.ok()) {
      return answer.status();
    }
    const auto last = client.Answer(*answer, kServerKey);
    if (!last.ok()) {
      return last.status();
    }
    return server.AwaitsEvidence() ? server.Finish(*last) : absl::OkStatus();
  }

  FakeAttester client_attester_{"client"};
  FakeAttester server_attester_{"server"};
  Side client_{&client_attester_, FakeVerifier("server")};
  Side server_{&server_attester_, FakeVerifier("client")};
};

TEST_F(HandshakeCoreTest, BothProveThemselves) {
  EXPECT_THAT(Run(Client(), Server()), IsOk());
  EXPECT_EQ(client_attester_.made().size(), 1U);
  EXPECT_EQ(server_attester_.made().size(), 1U);
}

TEST_F(HandshakeCoreTest, OnlyTheServerProvesItself) {
  client_.attester = nullptr;
  server_.verify = nullptr;
  EXPECT_THAT(Run(Client(), Server()), IsOk());
  EXPECT_TRUE(client_attester_.made().empty());
}

TEST_F(HandshakeCoreTest, OnlyTheClientProvesItself) {
  client_.verify = nullptr;
  server_.attester = nullptr;
  EXPECT_THAT(Run(Client(), Server()), IsOk());
  EXPECT_TRUE(server_attester_.made().empty());
}

TEST_F(HandshakeCoreTest, NobodyProvesAnything) {
  client_ = {nullptr, nullptr};
  server_ = {nullptr, nullptr};
  EXPECT_THAT(Run(Client(), Server()), IsOk());
}

TEST_F(HandshakeCoreTest, NoncesAreFreshAndComplete) {
  const HandshakeMessage one = Client().Begin().value();
  const HandshakeMessage two = Client().Begin().value();
  EXPECT_EQ(one.nonce.size(), kNonceSize);
  EXPECT_NE(one.nonce, two.nonce);
  EXPECT_FALSE(one.evidence.has_value());
}

TEST_F(HandshakeCoreTest, WhoDemandsNothingSendsNoNonce) {
  client_.verify = nullptr;
  server_.verify = nullptr;
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  const HandshakeMessage first = client.Begin().value();
  EXPECT_TRUE(first.nonce.empty());
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(first, kClientKey));
  EXPECT_TRUE(answer.nonce.empty());
  EXPECT_FALSE(answer.evidence.has_value());
  EXPECT_FALSE(server.AwaitsEvidence());
}

TEST_F(HandshakeCoreTest, EvidenceCoversBothKeysNonceAndContext) {
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  const HandshakeMessage first = client.Begin().value();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(first, kClientKey));
  const UserData expected = ChannelBinding(Role::kServer, kServerKey,
                                           kClientKey, first.nonce, kContext);
  EXPECT_EQ(answer.evidence.value().tpm.attest,
            Bytes(expected.begin(), expected.end()));
}

// ---- what must be refused ----

TEST_F(HandshakeCoreTest, RefusesEvidenceForAnotherRpc) {
  EXPECT_THAT(Run(Client("join"), Server("rejoin")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("other user data")));
}

TEST_F(HandshakeCoreTest, RefusesEvidenceForAnotherCluster) {
  EXPECT_THAT(Run(Client("join/00aa"), Server("join/00ab")),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(HandshakeCoreTest, ServerRefusesEvidenceForAnotherRpc) {
  client_.verify = nullptr;
  EXPECT_THAT(Run(Client("join"), Server("rejoin")),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(HandshakeCoreTest, RefusesEvidenceOfAnotherMachine) {
  client_.verify = FakeVerifier("another");
  EXPECT_THAT(Run(Client(), Server()),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("another attester")));
}

TEST_F(HandshakeCoreTest, RefusesReplayedEvidence) {
  ASSERT_THAT(Run(Client(), Server()), IsOk());
  HandshakeCore client = Client();
  ASSERT_THAT(client.Begin(), IsOk());
  const HandshakeMessage replayed{.nonce = {},
                                  .evidence = server_attester_.made().front()};
  EXPECT_THAT(client.Answer(replayed, kServerKey),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(HandshakeCoreTest, ServerRefusesReplayedEvidence) {
  ASSERT_THAT(Run(Client(), Server()), IsOk());
  HandshakeCore server = Server();
  ASSERT_THAT(server.Answer(Client().Begin().value(), kClientKey), IsOk());
  EXPECT_THAT(
      server.Finish({.nonce = {}, .evidence = client_attester_.made().front()}),
      StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(HandshakeCoreTest, ProvesItselfAfterARefusalAndStaysFailed) {
  client_.verify = [](const Evidence&, std::span<const uint8_t>) {
    return PermissionDenied("no");
  };
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(client.Begin().value(), kClientKey));
  ASSERT_FALSE(client.Answer(answer, kServerKey).ok());
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage proof,
                       client.ProveAfterRefusal(answer.nonce));
  EXPECT_THAT(server.Finish(proof), IsOk());
  EXPECT_THAT(client.Answer(answer, kServerKey),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(client.ProveAfterRefusal(answer.nonce),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(HandshakeCoreTest, ProvesNothingAfterOtherFailures) {
  HandshakeCore client = Client();
  ASSERT_THAT(client.Begin(), IsOk());
  ASSERT_FALSE(client.Answer({.nonce = Bytes(32), .evidence = {}}, kServerKey)
                   .ok());  // asked for evidence, got none
  EXPECT_THAT(client.ProveAfterRefusal(Bytes(32)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(HandshakeCoreTest, ProvesNothingToWhoAsksForNothing) {
  client_.verify = [](const Evidence&, std::span<const uint8_t>) {
    return PermissionDenied("no");
  };
  server_.verify = nullptr;
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(client.Begin().value(), kClientKey));
  ASSERT_TRUE(answer.nonce.empty());
  ASSERT_FALSE(client.Answer(answer, kServerKey).ok());
  EXPECT_THAT(client.ProveAfterRefusal(answer.nonce),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("no refusal to prove after")));
}

// It has proved itself already, to the nonce that belongs to this stream.
TEST_F(HandshakeCoreTest, AServerProvesNothingAfterItRefused) {
  server_.verify = [](const Evidence&, std::span<const uint8_t>) {
    return PermissionDenied("no");
  };
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(client.Begin().value(), kClientKey));
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage proof,
                       client.Answer(answer, kServerKey));
  ASSERT_FALSE(server.Finish(proof).ok());
  EXPECT_THAT(server.ProveAfterRefusal(Bytes(kNonceSize, 1)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(server_attester_.made().size(), 1U);
}

// Mallory ends both TLS connections and passes all messages on.
TEST_F(HandshakeCoreTest, RefusesEvidenceRelayedFromAnotherConnection) {
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  const HandshakeMessage first = client.Begin().value();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(first, kMalloryKey));
  EXPECT_THAT(client.Answer(answer, kMalloryKey),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

// Mallory even has the server's TLS key for his side towards the client; the
// server still sees Mallory's key as the client's.
TEST_F(HandshakeCoreTest, RefusesRelayWithTheAttestersTlsKey) {
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  const HandshakeMessage first = client.Begin().value();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(first, kMalloryKey));
  EXPECT_THAT(client.Answer(answer, kServerKey),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

// The same towards the server, with the client's stolen key.
TEST_F(HandshakeCoreTest, ServerRefusesRelayWithTheClientsTlsKey) {
  client_.verify = nullptr;
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(client.Begin().value(), kClientKey));
  ASSERT_OK_AND_ASSIGN(
      const HandshakeMessage last,
      client.Answer({.nonce = answer.nonce, .evidence = {}}, kMalloryKey));
  EXPECT_THAT(server.Finish(last),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

// A peer that owns no attester gets this side to answer its own nonce.
TEST_F(HandshakeCoreTest, RefusesItsOwnEvidenceReflected) {
  client_.verify = FakeVerifier("client");  // the worst case: the same image
  FakeAttester& attester = client_attester_;
  HandshakeCore victim = Client();
  const Bytes nonce = victim.Begin().value().nonce;
  // Mallory's other connection to the victim's attester, in the client's role.
  HandshakeCore other(Role::kClient, kClientKey, kContext, &attester, nullptr);
  ASSERT_THAT(other.Begin(), IsOk());
  ASSERT_OK_AND_ASSIGN(
      const HandshakeMessage reflected,
      other.Answer({.nonce = nonce, .evidence = {}}, kMalloryKey));
  EXPECT_THAT(
      victim.Answer({.nonce = {}, .evidence = reflected.evidence}, kMalloryKey),
      StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(HandshakeCoreTest, ClientRefusesAPeerWithItsOwnKey) {
  HandshakeCore client = Client();
  ASSERT_THAT(client.Begin(), IsOk());
  EXPECT_THAT(
      client.Answer({}, kClientKey),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("own key")));
}

TEST_F(HandshakeCoreTest, ServerRefusesAPeerWithItsOwnKey) {
  EXPECT_THAT(
      Server().Answer(Client().Begin().value(), kServerKey),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("own key")));
}

TEST_F(HandshakeCoreTest, RefusesAPeerWithoutCertificate) {
  EXPECT_THAT(Server().Answer(Client().Begin().value(), {}),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("no TLS certificate")));
}

TEST_F(HandshakeCoreTest, ClientRefusesAnAnswerWithoutEvidence) {
  HandshakeCore client = Client();
  ASSERT_THAT(client.Begin(), IsOk());
  EXPECT_THAT(client.Answer({.nonce = Bytes(32), .evidence = {}}, kServerKey),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("asked the peer for evidence, got none")));
  EXPECT_TRUE(client_attester_.made().empty());
}

TEST_F(HandshakeCoreTest, ServerRefusesALastMessageWithoutEvidence) {
  HandshakeCore server = Server();
  ASSERT_THAT(server.Answer(Client().Begin().value(), kClientKey), IsOk());
  EXPECT_THAT(server.Finish({}),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("asked the peer for evidence, got none")));
}

TEST_F(HandshakeCoreTest, RefusesToProveWithoutAttester) {
  server_.attester = nullptr;
  EXPECT_THAT(Run(Client(), Server()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the peer demands evidence")));
}

TEST_F(HandshakeCoreTest, ClientRefusesToProveWithoutAttester) {
  client_.attester = nullptr;
  EXPECT_THAT(Run(Client(), Server()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the peer demands evidence")));
}

TEST_F(HandshakeCoreTest, ServerRefusesNoncesOfOtherLengths) {
  for (const size_t size : {1U, 16U, 31U, 33U, 64U}) {
    EXPECT_THAT(
        Server().Answer({.nonce = Bytes(size), .evidence = {}}, kClientKey),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("want a nonce of 32 octets")))
        << size;
  }
  EXPECT_TRUE(server_attester_.made().empty());
}

TEST_F(HandshakeCoreTest, ClientRefusesNoncesOfOtherLengths) {
  client_.verify = nullptr;
  for (const size_t size : {1U, 31U, 33U}) {
    HandshakeCore client = Client();
    ASSERT_THAT(client.Begin(), IsOk());
    EXPECT_THAT(
        client.Answer({.nonce = Bytes(size), .evidence = {}}, kServerKey),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr("want a nonce of 32 octets")))
        << size;
  }
  EXPECT_TRUE(client_attester_.made().empty());
}

TEST_F(HandshakeCoreTest, RefusesEvidenceInTheFirstMessage) {
  EXPECT_THAT(
      Server().Answer({.nonce = {}, .evidence = Evidence{}}, kClientKey),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("first message holds evidence")));
}

TEST_F(HandshakeCoreTest, RefusesEvidenceNobodyAskedFor) {
  client_.verify = nullptr;
  HandshakeCore client = Client();
  ASSERT_THAT(client.Begin(), IsOk());
  EXPECT_THAT(client.Answer({.nonce = {}, .evidence = Evidence{}}, kServerKey),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("without asking")));
}

TEST_F(HandshakeCoreTest, RefusesANonceInTheLastMessage) {
  HandshakeCore server = Server();
  ASSERT_THAT(server.Answer(Client().Begin().value(), kClientKey), IsOk());
  EXPECT_THAT(server.Finish({.nonce = Bytes(32), .evidence = Evidence{}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("last message holds a nonce")));
}

TEST_F(HandshakeCoreTest, ClientProvesNothingToAServerItRefuses) {
  client_.verify = FakeVerifier("another");
  ASSERT_FALSE(Run(Client(), Server()).ok());
  EXPECT_TRUE(client_attester_.made().empty());
}

TEST_F(HandshakeCoreTest, ReportsAFailingAttester) {
  server_attester_.Fail(Unavailable("TPM busy"));
  EXPECT_THAT(Run(Client(), Server()),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("TPM busy")));
}

// ---- steps out of order are our bug, and never accept anybody ----

TEST_F(HandshakeCoreTest, ServerDoesNotBegin) {
  EXPECT_THAT(Server().Begin(), StatusIs(absl::StatusCode::kInternal));
}

TEST_F(HandshakeCoreTest, ClientBeginsFirst) {
  EXPECT_THAT(Client().Answer({}, kServerKey),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("out of order")));
}

TEST_F(HandshakeCoreTest, ServerAnswersBeforeItFinishes) {
  EXPECT_THAT(Server().Finish({}), StatusIs(absl::StatusCode::kInternal));
}

TEST_F(HandshakeCoreTest, NothingRepeats) {
  HandshakeCore client = Client();
  ASSERT_THAT(client.Begin(), IsOk());
  EXPECT_THAT(client.Begin(), StatusIs(absl::StatusCode::kInternal));
  HandshakeCore server = Server();
  const HandshakeMessage first = Client().Begin().value();
  ASSERT_THAT(server.Answer(first, kClientKey), IsOk());
  EXPECT_THAT(server.Answer(first, kClientKey),
              StatusIs(absl::StatusCode::kInternal));
}

TEST_F(HandshakeCoreTest, NoStepSucceedsAfterAnError) {
  HandshakeCore server = Server();
  const HandshakeMessage first = Client().Begin().value();
  ASSERT_FALSE(server.Answer(first, kServerKey).ok());
  EXPECT_FALSE(server.AwaitsEvidence());
  EXPECT_THAT(server.Answer(first, kClientKey),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_THAT(server.Finish({.nonce = {}, .evidence = Evidence{}}),
              StatusIs(absl::StatusCode::kInternal));
}

TEST_F(HandshakeCoreTest, ServerFinishesOnce) {
  HandshakeCore client = Client();
  HandshakeCore server = Server();
  const HandshakeMessage first = client.Begin().value();
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage answer,
                       server.Answer(first, kClientKey));
  ASSERT_OK_AND_ASSIGN(const HandshakeMessage last,
                       client.Answer(answer, kServerKey));
  ASSERT_THAT(server.Finish(last), IsOk());
  EXPECT_FALSE(server.AwaitsEvidence());
  EXPECT_THAT(server.Finish(last), StatusIs(absl::StatusCode::kInternal));
}

}  // namespace
}  // namespace constellation::attestation
