// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <span>

#include "bootstrapper/commands.h"
#include "common/log.h"
#include "common/status.h"

int main(int argc, char** argv) {
  constellation::SetUpLogging("bootstrapper");
  const absl::Status status = constellation::bootstrapper::RunCommand(
      std::span(argv, static_cast<size_t>(argc)).subspan(1));
  if (absl::IsInvalidArgument(status)) {
    std::cerr << constellation::bootstrapper::kUsage;
  }
  if (!status.ok()) {
    spdlog::error("event=ended error=\"{}\"", constellation::Message(status));
    return 1;
  }
  return 0;
}
