// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/log.h"
#include "common/status.h"
#include "verificationservice/options.h"
#include "verificationservice/server.h"

namespace {

// What systemd and the container runtime see.
enum ExitCode : int { kSuccess = 0, kFailure = 1, kUsageError = 64 };

}  // namespace

int main(int argc, char** argv) {
  namespace service = constellation::verificationservice;
  constellation::SetUpLogging("verificationservice");
  const absl::StatusOr<service::Options> options =
      service::ParseOptions(argc, argv);
  if (!options.ok()) {
    spdlog::error("event=usage error=\"{}\"",
                  constellation::Message(options.status()));
    std::fputs(service::kUsage, stderr);
    return kUsageError;
  }
  if (options->help) {
    std::fputs(service::kUsage, stdout);
    return kSuccess;
  }
  const absl::Status status = service::RunServer(*options);
  if (!status.ok()) {
    spdlog::error("event=failed error=\"{}\"", constellation::Message(status));
    return kFailure;
  }
  return kSuccess;
}
