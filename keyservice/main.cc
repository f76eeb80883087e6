// SPDX-License-Identifier: Apache-2.0
// The key service: flags -> server -> exit code.
#include <CLI/CLI.hpp>

#include "attestation/channel/transport/attested_server.h"
#include "common/end_signals.h"
#include "common/log.h"
#include "common/status.h"
#include "keyservice/server.h"

namespace {

// Signals are blocked before gRPC makes its threads. The secret is read once;
// the process forgets it only by ending.
absl::Status Run(const constellation::keyservice::Options& options) {
  const constellation::EndSignals signals;
  const auto service = constellation::keyservice::LoadKeyService(options);
  if (!service.ok()) {
    return service.status();
  }
  const auto server =
      constellation::keyservice::StartServer(options, **service);
  if (!server.ok()) {
    return server.status();
  }
  spdlog::info("event=listening socket={}", options.socket);
  constellation::attestation::ServeUntilEnd(signals, **server);
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  constellation::SetUpLogging("keyservice");
  constellation::keyservice::Options options;
  CLI::App app{
      "Derives all keys of a cluster from its master secret, for local "
      "callers."};
  app.add_option("--master-secret-dir", options.master_secret_dir,
                 "folder of the files key, salt")
      ->required();
  app.add_option("--measurement-salt", options.measurement_salt_file,
                 "file, 32 octets")
      ->required();
  app.add_option("--socket", options.socket, "Unix socket to listen on")
      ->required();
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = Run(options);
  if (!status.ok()) {
    spdlog::error("event=failed reason=\"{}\"", constellation::Message(status));
    return 1;
  }
  return 0;
}
