// SPDX-License-Identifier: Apache-2.0
#include "common/log.h"

#include <spdlog/sinks/stdout_sinks.h>

namespace constellation {

void SetUpLogging(const std::string& program) {
  auto logger = spdlog::stderr_logger_mt(program);
  // No time: the journal and container runtimes add it.
  logger->set_pattern("%l %n: %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

}  // namespace constellation
