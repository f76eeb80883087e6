// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_LOG_H_
#define CONSTELLATION_COMMON_LOG_H_

#include <spdlog/spdlog.h>

#include <string>

namespace constellation {

// Sends spdlog's default logger to standard error, one line a message: level,
// program, text. The journal adds the time. Write messages as `key=value`
// fields: spdlog::info("event=joined node={}", name). Never log secrets.
void SetUpLogging(const std::string& program);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_LOG_H_
