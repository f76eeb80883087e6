// SPDX-License-Identifier: Apache-2.0
// SIGTERM in the middle of calls: each service, as a process of its own, ends
// with exit code 0 within a bound, whatever its callers do.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "attestation/channel/transport/credentials.h"
#include "attestation/channel/transport/testing/raw_call.h"
#include "common/files.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "common/unique_fd.h"
#include "crypto/tls_identity.h"
#include "proto/keyservice.pb.h"
#include "proto/verification.pb.h"

namespace constellation {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::TempDir;

// Calls get 5 s to end by themselves; the rest is for a busy machine. Far less
// than the 30 s after which Kubernetes kills.
constexpr absl::Duration kBound = absl::Seconds(12);

std::string Program(const std::string& name) {
  const char* build = std::getenv("CONSTELLATION_BINARY_DIR");
  return fmt::format("{}/bin/{}", build == nullptr ? "build/dev" : build, name);
}

class Process final {
 public:
  explicit Process(std::vector<std::string> argv) {
    std::vector<char*> arguments;
    for (std::string& argument : argv) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      execv(arguments[0], arguments.data());
      _exit(127);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  // Asks it to end; its exit code, or nothing if it still runs after kBound or
  // was killed by a signal.
  std::optional<int> End() {
    kill(pid_, SIGTERM);
    const absl::Time deadline = absl::Now() + kBound;
    while (absl::Now() < deadline) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        if (!WIFEXITED(status)) return std::nullopt;
        return WEXITSTATUS(status);
      }
      absl::SleepFor(absl::Milliseconds(20));
    }
    return std::nullopt;
  }

 private:
  pid_t pid_ = -1;
};

// A listening socket on loopback that takes connections and says nothing.
class Silence final {
 public:
  Silence() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), any, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    EXPECT_EQ(::getsockname(listener_.get(), any, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  int port() const { return port_; }
  // Frees the port for somebody else.
  int Release() {
    listener_.Reset();
    return port_;
  }

 private:
  UniqueFd listener_;
  int port_ = 0;
};

// A call that is neither ended nor read, behind its first message if any.
class OpenCall final {
 public:
  OpenCall(const std::shared_ptr<grpc::Channel>& channel,
           const std::string& method, const std::optional<std::string>& payload)
      : stub_(channel), call_(stub_.PrepareCall(&context_, method, &queue_)) {
    int tag = 0;
    void* done = nullptr;
    bool ok = false;
    call_->StartCall(&tag);
    queue_.Next(&done, &ok);
    if (payload.has_value()) {
      const grpc::Slice slice(*payload);
      call_->Write(grpc::ByteBuffer(&slice, 1), &tag);
      queue_.Next(&done, &ok);
    }
    EXPECT_TRUE(ok);
  }
  OpenCall(const OpenCall&) = delete;
  OpenCall& operator=(const OpenCall&) = delete;
  ~OpenCall() {
    context_.TryCancel();
    int tag = 0;
    grpc::Status status;
    call_->Finish(&status, &tag);
    queue_.Shutdown();
    void* done = nullptr;
    bool ok = false;
    while (queue_.Next(&done, &ok)) {
    }
  }

 private:
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

class EndTest : public ::testing::Test {
 protected:
  // A kubeconfig for an API server that never answers.
  std::string Kubeconfig() {
    const crypto::TlsIdentity ca = crypto::CreateTlsIdentity().value();
    const std::string path = dir_.Join("kubeconfig");
    EXPECT_THAT(WriteFileAtomically(dir_.Join("ca.pem"), ca.certificate_pem),
                IsOk());
    EXPECT_THAT(
        WriteFileAtomically(
            path, fmt::format("apiVersion: v1\nkind: Config\n"
                              "current-context: c\n"
                              "contexts: [{{name: c, context: {{cluster: k, "
                              "user: u}}}}]\n"
                              "clusters: [{{name: k, cluster: {{server: "
                              "'https://127.0.0.1:{}', "
                              "certificate-authority: {}}}}}]\n"
                              "users: [{{name: u, user: {{token: t}}}}]\n",
                              api_server_.port(), dir_.Join("ca.pem"))),
        IsOk());
    return path;
  }

  // Waits until something listens on `port`.
  static bool Listens(int port) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (absl::Now() < deadline) {
      const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(static_cast<uint16_t>(port));
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                    sizeof(address)) == 0) {
        return true;
      }
      absl::SleepFor(absl::Milliseconds(20));
    }
    return false;
  }

  const TempDir dir_;
  Silence api_server_;
  const crypto::TlsIdentity identity_ = crypto::CreateTlsIdentity().value();
};

TEST_F(EndTest, KeyService) {
  for (const char* name : {"key", "salt", "measurement-salt"}) {
    ASSERT_THAT(WriteFileAtomically(dir_.Join(name), std::string(32, 'k')),
                IsOk());
  }
  const std::string socket = dir_.Join("run/s");
  Process service({Program("keyservice"), "--master-secret-dir", dir_.path(),
                   "--measurement-salt", dir_.Join("measurement-salt"),
                   "--socket", socket});
  const auto channel = grpc::CreateChannel(
      "unix:" + socket, grpc::experimental::LocalCredentials(UDS));
  ASSERT_TRUE(channel->WaitForConnected(
      absl::ToChronoTime(absl::Now() + absl::Seconds(20))));
  v1::DeriveStateDiskKeyRequest request;
  request.set_disk_uuid("0b1e8a1e-3c57-4a4d-9b1c-0a2b3c4d5e6f");
  const std::string message = request.SerializeAsString();
  const std::string method = "/constellation.v1.KeyService/DeriveStateDiskKey";
  ASSERT_THAT(attestation::testing::RawCall(channel, method, {message}),
              IsOk());
  std::jthread caller([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      attestation::testing::RawCall(channel, method, {message}).IgnoreError();
    }
  });
  absl::SleepFor(absl::Milliseconds(100));
  const OpenCall silent(channel, method, message);
  EXPECT_EQ(service.End(), 0);
}

TEST_F(EndTest, JoinService) {
  const int port = Silence().Release();
  Process service({Program("joinservice"), "--listen",
                   fmt::format("127.0.0.1:{}", port), "--kubeconfig",
                   Kubeconfig(), "--key-service-socket", dir_.Join("no"),
                   "--tcti", "swtpm:path=/nowhere"});
  ASSERT_TRUE(Listens(port));
  const auto channel = attestation::AttestedChannel(
      fmt::format("127.0.0.1:{}", port), identity_);
  // Waits for its caller's first message, which never comes.
  const OpenCall join(channel, "/constellation.v1.JoinService/IssueJoinTicket",
                      std::nullopt);
  EXPECT_EQ(service.End(), 0);
}

TEST_F(EndTest, VerificationServiceThatWaitsForTheApiServer) {
  const int port = Silence().Release();
  Process service({Program("verificationservice"), "--listen",
                   fmt::format("127.0.0.1:{}", port), "--node-name", "n",
                   "--kubeconfig", Kubeconfig(), "--tcti",
                   "swtpm:path=/nowhere"});
  ASSERT_TRUE(Listens(port));
  const auto channel = attestation::AttestedChannel(
      fmt::format("127.0.0.1:{}", port), identity_);
  v1::ChallengeClusterRequest request;
  request.set_nonce(std::string(32, 'n'));
  const OpenCall challenge(
      channel, "/constellation.v1.VerificationService/ChallengeCluster",
      request.SerializeAsString());
  absl::SleepFor(absl::Milliseconds(500));
  EXPECT_EQ(service.End(), 0);
}

}  // namespace
}  // namespace constellation
