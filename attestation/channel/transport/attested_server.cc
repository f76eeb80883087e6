// SPDX-License-Identifier: Apache-2.0
#include "attestation/channel/transport/attested_server.h"

#include <fmt/format.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <spdlog/spdlog.h>

#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "attestation/channel/transport/credentials.h"
#include "common/startup_pages.h"
#include "common/status.h"

namespace constellation::attestation {
namespace {

constexpr int kMaxThreads = 24;
constexpr int kMaxConcurrentStreams = 4;
constexpr absl::Duration kShutdownGrace = absl::Seconds(5);

}  // namespace

// Strangers can connect, so threads, streams and message sizes are bounded
// before anybody is attested.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartAttestedServer(
    const AttestedServerOptions& options, const crypto::TlsIdentity& identity,
    grpc::Service& service) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, AttestedServerCredentials(identity));
  builder.SetMaxReceiveMessageSize(options.max_request_bytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             kMaxConcurrentStreams);
  grpc::ResourceQuota quota(options.name);
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.RegisterService(&service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return Unavailable(fmt::format("cannot listen on {}", options.listen));
  }
  return server;
}

// gRPC waits for its handlers, and a handler may wait for a peer: after the
// grace period they are cut off by a thread of its own.
void ServeUntilEnd(const EndSignals& signals, grpc::Server& server,
                   const std::function<void()>& cut_off) {
  ReleaseStartupPages();
  const int signal = signals.Wait();
  spdlog::info("event=stopping signal={}", signal);
  absl::Notification all_ended;
  std::thread late([&all_ended, &cut_off] {
    all_ended.WaitForNotificationWithTimeout(kShutdownGrace);
    cut_off();
  });
  server.Shutdown(absl::ToChronoTime(absl::Now() + kShutdownGrace));
  all_ended.Notify();
  late.join();
}

}  // namespace constellation::attestation
