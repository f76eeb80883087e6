// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/attested_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/grpc_status.h"
#include "attestation/channel/transport/testing/raw_call.h"
#include "common/testing/status_matchers.h"
#include "common/unique_fd.h"
#include "proto/join.grpc.pb.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::RawCall;

constexpr std::string_view kMethod =
    "/constellation.v1.JoinService/IssueJoinTicket";

// Before any thread exists, which would have to die of the signals.
const EndSignals kSignals;

// Ends every call at once, or waits until it may.
class WaitingService final : public v1::JoinService::Service {
 public:
  grpc::Status IssueJoinTicket(
      grpc::ServerContext* /*context*/,
      grpc::ServerReaderWriter<v1::JoinServerMessage, v1::JoinClientMessage>*
          stream) override {
    if (waits) {
      started.Notify();
      may_end.WaitForNotification();
    }
    if (greets) stream->Write(v1::JoinServerMessage());
    v1::JoinClientMessage message;
    while (stream->Read(&message)) {
    }
    return {grpc::StatusCode::ALREADY_EXISTS, "served"};
  }

  bool waits = false;
  bool greets = false;  // with an empty message
  absl::Notification started;
  absl::Notification may_end;
};

// A port that nobody listens on right now.
int FreePort() {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(fd.get(), any, size), 0);
  EXPECT_EQ(getsockname(fd.get(), any, &size), 0);
  return ntohs(address.sin_port);
}

class AttestedServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<grpc::Server> Start(int max_request_bytes) {
    auto server = StartAttestedServer({.name = "test",
                                       .listen = address_,
                                       .max_request_bytes = max_request_bytes},
                                      identity_, service_);
    EXPECT_THAT(server, IsOk());
    return *std::move(server);
  }
  absl::Status Call(const std::vector<std::string>& messages) {
    return RawCall(AttestedChannel(address_, identity_), kMethod, messages);
  }

  const crypto::TlsIdentity identity_ = crypto::CreateTlsIdentity().value();
  const std::string address_ = "127.0.0.1:" + std::to_string(FreePort());
  WaitingService service_;
};

TEST_F(AttestedServerTest, ServesWhoBringsAnyCertificate) {
  const auto server = Start(kMaxMessageBytes);
  EXPECT_THAT(Call({}), StatusIs(absl::StatusCode::kAlreadyExists));
}

// Strangers cannot make it hold large messages.
TEST_F(AttestedServerTest, RefusesMessagesBeyondItsLimit) {
  const auto server = Start(1000);
  EXPECT_THAT(Call({std::string(900, '\0')}),
              ::testing::Not(StatusIs(absl::StatusCode::kResourceExhausted)));
  EXPECT_THAT(Call({std::string(1001, '\0')}),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

// Calls that the service serves and that do not end; each connection has four.
class CrowdTest : public AttestedServerTest {
 protected:
  using Stream =
      grpc::ClientReaderWriter<v1::JoinClientMessage, v1::JoinServerMessage>;
  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<Stream> stream;
  };

  // A call of `stub` whose messages the service reads until it ends.
  Call& Open(v1::JoinService::Stub& stub, absl::Duration limit) {
    Call& call = calls_.emplace_back();
    call.context.set_deadline(absl::ToChronoTime(absl::Now() + limit));
    call.stream = stub.IssueJoinTicket(&call.context);
    return call;
  }
  std::unique_ptr<v1::JoinService::Stub> Connect() {
    return v1::JoinService::NewStub(AttestedChannel(address_, identity_));
  }
  // Whether the service serves it; what it says otherwise is `refusal`.
  bool IsServed(Call& call, absl::Status* refusal) {
    v1::JoinServerMessage answer;
    if (call.stream->Read(&answer)) return true;
    *refusal = FromGrpcStatus(call.stream->Finish());
    return false;
  }
  void EndAll() {
    for (Call& call : calls_) call.context.TryCancel();
  }

  std::deque<Call> calls_;
};

// Nobody gets more of the threads than four by one connection. The fifth call
// waits for one of the others to end.
TEST_F(CrowdTest, FourCallsAConnection) {
  service_.greets = true;
  const auto server = Start(kMaxMessageBytes);
  const auto stub = Connect();
  absl::Status refusal;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(IsServed(Open(*stub, absl::Seconds(60)), &refusal)) << refusal;
  }
  EXPECT_FALSE(IsServed(Open(*stub, absl::Milliseconds(300)), &refusal));
  EXPECT_THAT(refusal, StatusIs(absl::StatusCode::kDeadlineExceeded));
  // Another connection is served.
  const auto other = Connect();
  EXPECT_TRUE(IsServed(Open(*other, absl::Seconds(60)), &refusal)) << refusal;
  EndAll();
}

// However many connections there are.
TEST_F(CrowdTest, TwentyFourThreadsInAll) {
  service_.greets = true;
  const auto server = Start(kMaxMessageBytes);
  std::vector<std::unique_ptr<v1::JoinService::Stub>> stubs;
  int served = 0;
  absl::Status refusal;
  for (int i = 0; i < 28 && refusal.ok(); ++i) {
    if (i % 4 == 0) stubs.push_back(Connect());
    served +=
        IsServed(Open(*stubs.back(), absl::Seconds(60)), &refusal) ? 1 : 0;
  }
  EXPECT_THAT(refusal, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_GT(served, 12);  // some of the threads wait for connections
  EXPECT_LT(served, 24);
  EndAll();
}

TEST_F(AttestedServerTest, SaysWhereItCannotListen) {
  EXPECT_THAT(StartAttestedServer({.name = "test", .listen = "127.0.0.1:none"},
                                  identity_, service_),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("cannot listen on 127.0.0.1:none")));
}

TEST_F(AttestedServerTest, EndsAtOnceIfNobodyCalls) {
  const auto server = Start(kMaxMessageBytes);
  int cuts = 0;
  ASSERT_EQ(kill(getpid(), SIGTERM), 0);
  const absl::Time before = absl::Now();
  ServeUntilEnd(kSignals, *server, [&cuts] { ++cuts; });
  EXPECT_LT(absl::Now() - before, absl::Seconds(4));
  EXPECT_EQ(cuts, 1);
  EXPECT_FALSE(absl::IsAlreadyExists(Call({})));
}

// A handler that waits for something else than its call would keep the process
// for ever: after the grace period it is told.
TEST_F(AttestedServerTest, CutsOffWhatDoesNotEnd) {
  service_.waits = true;
  const auto server = Start(kMaxMessageBytes);
  std::thread caller([this] { EXPECT_FALSE(Call({}).ok()); });
  service_.started.WaitForNotification();
  ASSERT_EQ(kill(getpid(), SIGINT), 0);
  const absl::Time before = absl::Now();
  ServeUntilEnd(kSignals, *server, [this] { service_.may_end.Notify(); });
  EXPECT_GE(absl::Now() - before, absl::Seconds(4));
  caller.join();
}

}  // namespace
}  // namespace constellation::attestation
