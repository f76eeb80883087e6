// SPDX-License-Identifier: Apache-2.0
#include <span>

#include "common/log.h"
#include "disk-mapper/commands.h"

int main(int argc, char** argv) {
  constellation::SetUpLogging("disk-mapper");
  return static_cast<int>(constellation::disk_mapper::RunCommand(
      std::span(argv, static_cast<size_t>(argc)).subspan(1)));
}
