// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/qemu/control_protocol.h"
#include "cloud/qemu/control_service.h"
#include "cloud/qemu/relay.h"
#include "cloud/qemu/supervisor.h"
#include "cloud/qemu/supervisor_client.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr timespec kSignalInterval{0, 500'000'000};
constexpr absl::Duration kSignalStopLimit = absl::Seconds(20);

// Waited for in the loop, so no handler runs at an odd moment.
sigset_t TerminationSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// SIGHUP is ignored: the end of the terminal is not the end of the cluster.
absl::Status Supervise(const std::string& directory) {
  // Before any thread exists, so that all of them inherit it.
  const sigset_t signals = TerminationSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  // QEMU's relays are left to whoever collects orphans; not every container
  // has an init that does.
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  ASSIGN_OR_RETURN(const std::unique_ptr<Supervisor> supervisor,
                   Supervisor::Create(directory));
  ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> control,
                   HttpServer::Create(
                       supervisor->paths().ControlSocket(),
                       {.max_body = kMaxControlMessage, .max_connections = 64},
                       [&](const HttpRequest& request) {
                         return ServeControl(*supervisor, request);
                       }));
  spdlog::info("event=supervising directory={}", supervisor->paths().directory);
  while (!supervisor->stopped()) {
    if (sigtimedwait(&signals, nullptr, &kSignalInterval) > 0) {
      // Logout or shutdown of the host: give the guests a chance.
      spdlog::info("event=signalled");
      return supervisor->Shutdown(/*remove=*/false, StopMode::kGraceful,
                                  kSignalStopLimit);
    }
    supervisor->Poll();
  }
  return absl::OkStatus();
}

}  // namespace

int RunSupervisor(const std::string& directory) {
  SetUpLogging("qemu-supervisor");
  const absl::Status status = Supervise(directory);
  if (!status.ok()) {
    spdlog::error("event=failed error=\"{}\"", Message(status));
    return 1;
  }
  spdlog::info("event=stopped");
  return 0;
}

std::optional<int> RunHiddenCommand(int argc, const char* const* argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "qemu-relay" && argc == 3) {
    return RunRelay(argv[2]);
  }
  if (command == "qemu-supervisor") {
    if (argc != 4 || std::string_view(argv[2]) != "--directory") {
      fmt::print(stderr, "usage: qemu-supervisor --directory DIR\n");
      return 2;
    }
    return RunSupervisor(argv[3]);
  }
  return std::nullopt;
}

}  // namespace constellation::cloud::qemu
