// SPDX-License-Identifier: Apache-2.0
// The attested channel over real TLS on loopback: who gets a ticket, and who
// does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "absl/time/clock.h"
#include "attestation/channel/transport/evidence_conversion.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/handshake.h"
#include "attestation/channel/transport/testing/loopback.h"
#include "attestation/channel/transport/testing/relay.h"
#include "attestation/testing/fake_attester.h"
#include "common/status.h"
#include "common/testing/status_matchers.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::IsOkAndHolds;
using ::constellation::testing::StatusIs;
using testing::End;
using testing::FakeAttester;
using testing::FakeVerifier;
using testing::FetchTicket;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::JoinStream;
using testing::kTicketKey;
using testing::LoopbackServer;
using testing::Relay;

crypto::TlsIdentity Identity() {
  return crypto::CreateTlsIdentity().value();
}

class AttestedChannelTest : public ::testing::Test {
 protected:
  FakeAttester node_{"node"};
  FakeAttester service_{"service"};
  End client_{.identity = Identity(),
              .attester = &node_,
              .verify = FakeVerifier("service")};
  End server_{.identity = Identity(),
              .attester = &service_,
              .verify = FakeVerifier("node")};
};

TEST_F(AttestedChannelTest, MutualAttestationSucceeds) {
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              IsOkAndHolds(std::string(kTicketKey)));
  EXPECT_THAT(server.last(), IsOk());
  EXPECT_EQ(node_.made().size(), 1U);
  EXPECT_EQ(service_.made().size(), 1U);
}

TEST_F(AttestedChannelTest, OnlyTheServerMayProveItself) {
  client_.attester = nullptr;
  server_.verify = nullptr;
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_), IsOk());
}

TEST_F(AttestedChannelTest, OnlyTheClientMayProveItself) {
  client_.verify = nullptr;
  server_.attester = nullptr;
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_), IsOk());
}

TEST_F(AttestedChannelTest, SucceedsAgainAndAgain) {
  const LoopbackServer server(server_);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THAT(FetchTicket(server.address(), client_), IsOk());
  }
  EXPECT_EQ(server.tickets(), 5);
}

// ---- man in the middle ----

// Shows that the attacker of the following tests does work.
TEST_F(AttestedChannelTest, RelayStealsFromWhoVerifiesNothing) {
  client_.verify = nullptr;
  server_.verify = nullptr;
  const LoopbackServer server(server_);
  const Relay relay(Identity(), Identity(), server.address());
  EXPECT_THAT(FetchTicket(relay.address(), client_), IsOk());
  EXPECT_EQ(relay.stolen(), kTicketKey);
}

TEST_F(AttestedChannelTest, ClientRefusesARelay) {
  const LoopbackServer server(server_);
  const Relay relay(Identity(), Identity(), server.address());
  EXPECT_THAT(FetchTicket(relay.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("covers other user data")));
  EXPECT_EQ(server.tickets(), 0);
}

// Both run changed images, say: each side's owner wants to know why.
TEST_F(AttestedChannelTest, AServerThatIsRefusedJudgesTheClientAllTheSame) {
  client_.verify = [](const Evidence&, std::span<const uint8_t>) {
    return PermissionDenied("PCR4 of the server");
  };
  server_.verify = [](const Evidence&, std::span<const uint8_t>) {
    return PermissionDenied("PCR4 of the client");
  };
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("PCR4 of the server")));
  EXPECT_THAT(server.last(), StatusIs(absl::StatusCode::kPermissionDenied,
                                      HasSubstr("PCR4 of the client")));
}

// It has accepted the client, who is gone: no ticket.
TEST_F(AttestedChannelTest, AServerThatIsRefusedGivesNothing) {
  client_.verify = [](const Evidence&, std::span<const uint8_t>) {
    return PermissionDenied("PCR4 of the server");
  };
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("PCR4 of the server")));
  EXPECT_EQ(server.tickets(), 0);
}

TEST_F(AttestedChannelTest, ClientRefusesARelayThatHasTheServersTlsKey) {
  const LoopbackServer server(server_);
  const Relay relay(server_.identity, Identity(), server.address());
  EXPECT_THAT(FetchTicket(relay.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("covers other user data")));
}

TEST_F(AttestedChannelTest, ServerRefusesARelay) {
  client_.verify = nullptr;  // a careless client proves itself to anybody
  const LoopbackServer server(server_);
  const Relay relay(Identity(), Identity(), server.address());
  EXPECT_FALSE(FetchTicket(relay.address(), client_).ok());
  EXPECT_THAT(server.last(), StatusIs(absl::StatusCode::kPermissionDenied,
                                      HasSubstr("covers other user data")));
  EXPECT_EQ(server.tickets(), 0);
  EXPECT_EQ(relay.stolen(), "");
}

TEST_F(AttestedChannelTest, ServerRefusesARelayThatHasTheClientsTlsKey) {
  client_.verify = nullptr;
  const LoopbackServer server(server_);
  const Relay relay(Identity(), client_.identity, server.address());
  EXPECT_FALSE(FetchTicket(relay.address(), client_).ok());
  EXPECT_THAT(server.last(), StatusIs(absl::StatusCode::kPermissionDenied,
                                      HasSubstr("covers other user data")));
  EXPECT_EQ(server.tickets(), 0);
}

// The limit of this design (docs/formats/attested-channel.md, "Not
// protected"): whoever holds the private keys of BOTH ends is both ends.
TEST_F(AttestedChannelTest, RelayWithBothTlsKeysIsNotNoticed) {
  const LoopbackServer server(server_);
  const Relay relay(server_.identity, client_.identity, server.address());
  EXPECT_THAT(FetchTicket(relay.address(), client_), IsOk());
  EXPECT_EQ(relay.stolen(), kTicketKey);
}

// ---- evidence that does not fit ----

TEST_F(AttestedChannelTest, RefusesEvidenceForAnotherRpc) {
  server_.context = "rejoin";
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("covers other user data")));
  EXPECT_EQ(server.tickets(), 0);
}

TEST_F(AttestedChannelTest, RefusesEvidenceForAnotherCluster) {
  client_.context = "join/00aa";
  client_.verify = nullptr;
  server_.context = "join/00ab";
  const LoopbackServer server(server_);
  EXPECT_FALSE(FetchTicket(server.address(), client_).ok());
  EXPECT_THAT(server.last(), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_EQ(server.tickets(), 0);
}

TEST_F(AttestedChannelTest, RefusesAnotherMachinesEvidence) {
  FakeAttester stranger("stranger");
  client_.attester = &stranger;
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("another attester")));
  EXPECT_EQ(server.tickets(), 0);
}

// Answers whatever comes with `answer`.
LoopbackServer::Behaviour Answers(HandshakeMessage answer) {
  return [answer](grpc::ServerContext&, JoinStream& stream) {
    v1::JoinClientMessage message;
    stream.Read(&message);
    v1::JoinServerMessage reply;
    *reply.mutable_attestation() = MessageToProto(answer);
    stream.Write(reply);
    while (stream.Read(&message)) {
    }
    return absl::OkStatus();
  };
}

// The attacker has the server's TLS key and everything it ever sent to this
// very client.
TEST_F(AttestedChannelTest, ClientRefusesReplayedEvidence) {
  {
    const LoopbackServer server(server_);
    ASSERT_THAT(FetchTicket(server.address(), client_), IsOk());
  }
  const LoopbackServer hostile(
      server_, Answers({.nonce = {}, .evidence = service_.made().front()}));
  EXPECT_THAT(FetchTicket(hostile.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("covers other user data")));
}

// An attester that has only one answer.
class ReplayingAttester final : public Attester {
 public:
  explicit ReplayingAttester(Evidence evidence)
      : evidence_(std::move(evidence)) {}
  absl::StatusOr<Evidence> Attest(std::span<const uint8_t>) override {
    return evidence_;
  }

 private:
  const Evidence evidence_;
};

TEST_F(AttestedChannelTest, ServerRefusesReplayedEvidence) {
  const LoopbackServer server(server_);
  ASSERT_THAT(FetchTicket(server.address(), client_), IsOk());
  ReplayingAttester replaying(node_.made().front());
  client_.attester = &replaying;
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("covers other user data")));
  EXPECT_EQ(server.tickets(), 1);
}

// Both ends run the same image, so each would accept the other's evidence. The
// server gives back what the client's own attester makes for it.
TEST_F(AttestedChannelTest, RefusesEvidenceMadeInTheOtherRole) {
  client_.verify = FakeVerifier("node");
  const crypto::TlsIdentity mallory = Identity();
  const LoopbackServer hostile(
      {.identity = mallory, .attester = nullptr, .verify = {}},
      [&](grpc::ServerContext&, JoinStream& stream) -> absl::Status {
        v1::JoinClientMessage first;
        stream.Read(&first);
        const std::span<const uint8_t> nonce =
            AsBytes(first.attestation().nonce());
        // What the client would make as a client, for Mallory's connection.
        auto evidence = node_.Attest(
            ChannelBinding(Role::kClient, client_.identity.spki_der,
                           mallory.spki_der, nonce, "join"));
        v1::JoinServerMessage reply;
        *reply.mutable_attestation()->mutable_evidence() =
            EvidenceToProto(evidence.value());
        stream.Write(reply);
        return absl::OkStatus();
      });
  EXPECT_THAT(FetchTicket(hostile.address(), client_),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("covers other user data")));
}

TEST_F(AttestedChannelTest, RefusesAPeerWithTheSameTlsKey) {
  server_.identity = client_.identity;
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("this side's own key")));
}

// ---- peers that cannot or will not prove themselves ----

TEST_F(AttestedChannelTest, ClientRefusesAServerThatAnswersNothing) {
  const LoopbackServer hostile(server_, Answers({}));
  EXPECT_THAT(FetchTicket(hostile.address(), client_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("asked the peer for evidence, got none")));
}

TEST_F(AttestedChannelTest, ServerWithoutAttesterSaysSo) {
  server_.attester = nullptr;
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the peer demands evidence")));
}

TEST_F(AttestedChannelTest, ClientWithoutAttesterSaysSo) {
  client_.attester = nullptr;
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("the peer demands evidence")));
  EXPECT_EQ(server.tickets(), 0);
}

// The same code as a broken stream, but the server is well and waits.
TEST_F(AttestedChannelTest, ClientWithABusyTpmSaysSoAtOnce) {
  node_.Fail(absl::UnavailableError("TPM busy"));
  const LoopbackServer server(server_);
  const absl::Time start = absl::Now();
  EXPECT_THAT(FetchTicket(server.address(), client_, absl::Minutes(5)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("TPM busy")));
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
}

TEST_F(AttestedChannelTest, ClientLearnsThatTheServersTpmIsBusy) {
  service_.Fail(absl::UnavailableError("TPM busy"));
  const LoopbackServer server(server_);
  EXPECT_THAT(FetchTicket(server.address(), client_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("TPM busy")));
}

TEST_F(AttestedChannelTest, ClientRefusesNoncesOfOtherLengths) {
  client_.verify = nullptr;
  for (const size_t size : {1U, 31U, 33U}) {
    const LoopbackServer hostile(
        server_, Answers({.nonce = Bytes(size, 1), .evidence = {}}));
    EXPECT_THAT(
        FetchTicket(hostile.address(), client_),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nonce")))
        << size;
  }
  EXPECT_THAT(node_.made(), IsEmpty());
}

TEST_F(AttestedChannelTest, ClientRefusesATicketBeforeTheProof) {
  const LoopbackServer hostile(
      server_, [](grpc::ServerContext&, JoinStream& stream) {
        v1::JoinClientMessage first;
        stream.Read(&first);
        v1::JoinServerMessage message;
        message.mutable_ticket()->set_state_disk_key("poisoned");
        stream.Write(message);
        return absl::OkStatus();
      });
  EXPECT_THAT(FetchTicket(hostile.address(), client_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want an attestation message")));
}

// The stream may end before the client's first message is out: also then what
// the server sent is not believed.
TEST_F(AttestedChannelTest, ClientRefusesATicketThatComesUnasked) {
  const LoopbackServer hostile(
      server_, [](grpc::ServerContext&, JoinStream& stream) {
        v1::JoinServerMessage message;
        message.mutable_ticket()->set_state_disk_key("poisoned");
        for (int i = 0; i < 40; ++i) {
          stream.Write(message);
        }
        return absl::OkStatus();
      });
  const absl::Status status = FetchTicket(hostile.address(), client_).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status) || absl::IsUnavailable(status))
      << status;
}

TEST_F(AttestedChannelTest, ClientLearnsWhyTheServerHungUp) {
  const LoopbackServer hostile(
      server_, [](grpc::ServerContext&, JoinStream&) -> absl::Status {
        return absl::ResourceExhaustedError("too many nodes");
      });
  EXPECT_THAT(FetchTicket(hostile.address(), client_),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("too many nodes")));
}

TEST_F(AttestedChannelTest, ClientGivesUpOnASilentServer) {
  const LoopbackServer hostile(server_,
                               [](grpc::ServerContext& context, JoinStream&) {
                                 while (!context.IsCancelled()) {
                                   absl::SleepFor(absl::Milliseconds(10));
                                 }
                                 return absl::OkStatus();
                               });
  EXPECT_THAT(FetchTicket(hostile.address(), client_, absl::Seconds(1)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
}

// A client that writes `messages` by hand; how the server's call ended.
absl::Status Send(const LoopbackServer& server, const End& end,
                  const std::vector<v1::JoinClientMessage>& messages) {
  const auto stub =
      v1::JoinService::NewStub(AttestedChannel(server.address(), end.identity));
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  const auto stream = stub->IssueJoinTicket(&context);
  for (const v1::JoinClientMessage& message : messages) {
    stream->Write(message);
  }
  stream->WritesDone();
  v1::JoinServerMessage answer;
  while (stream->Read(&answer)) {
    EXPECT_FALSE(answer.has_ticket());
  }
  return FromGrpcStatus(stream->Finish());
}

v1::JoinClientMessage Attestation(const HandshakeMessage& message) {
  v1::JoinClientMessage outgoing;
  *outgoing.mutable_attestation() = MessageToProto(message);
  return outgoing;
}

class HostileClientTest : public AttestedChannelTest {
 protected:
  ~HostileClientTest() override {
    // Whatever was sent, the next honest node is served.
    EXPECT_THAT(FetchTicket(loopback_.address(), client_), IsOk());
  }
  const LoopbackServer loopback_{server_};
};

TEST_F(HostileClientTest, NoncesOfOtherLengthsAreRefused) {
  for (const size_t size : {1U, 31U, 33U, 4096U}) {
    EXPECT_THAT(
        Send(loopback_, client_,
             {Attestation({.nonce = Bytes(size, 1), .evidence = {}})}),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nonce")))
        << size;
  }
  EXPECT_THAT(service_.made(), IsEmpty());
}

TEST_F(HostileClientTest, RequestBeforeTheProofIsRefused) {
  v1::JoinClientMessage request;
  request.mutable_request()->set_node_name("node-1");
  EXPECT_THAT(Send(loopback_, client_, {request}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want an attestation message")));
}

TEST_F(HostileClientTest, RequestInsteadOfTheProofIsRefused) {
  v1::JoinClientMessage request;
  request.mutable_request()->set_node_name("node-1");
  EXPECT_THAT(Send(loopback_, client_, {Attestation({}), request}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("want an attestation message")));
}

TEST_F(HostileClientTest, ProofWithoutEvidenceIsRefused) {
  EXPECT_THAT(
      Send(loopback_, client_, {Attestation({}), Attestation({})}),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("got none")));
}

TEST_F(HostileClientTest, EmptyEvidenceIsRefused) {
  EXPECT_THAT(Send(loopback_, client_,
                   {Attestation({}),
                    Attestation({.nonce = {}, .evidence = Evidence{}})}),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(HostileClientTest, EvidenceInTheFirstMessageIsRefused) {
  EXPECT_THAT(Send(loopback_, client_,
                   {Attestation({.nonce = {}, .evidence = Evidence{}})}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("first message holds evidence")));
}

TEST_F(HostileClientTest, HangingUpIsAnError) {
  EXPECT_THAT(
      Send(loopback_, client_, {}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("ended the stream")));
  EXPECT_THAT(
      Send(loopback_, client_, {Attestation({})}),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("ended the stream")));
}

TEST_F(HostileClientTest, LongFieldsAreRefused) {
  Evidence evidence;
  evidence.tpm.event_log = Bytes((size_t{1} << 20U) + 1);
  EXPECT_THAT(
      Send(loopback_, client_,
           {Attestation({}), Attestation({.nonce = {}, .evidence = evidence})}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("event_log")));
}

TEST_F(HostileClientTest, LongMessagesAreRefused) {
  Evidence evidence;
  evidence.tpm.event_log = Bytes(kMaxMessageBytes);
  EXPECT_THAT(
      Send(loopback_, client_,
           {Attestation({}), Attestation({.nonce = {}, .evidence = evidence})}),
      StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace constellation::attestation
