// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_QEMU_TESTING_SCRIPTED_SERVER_H_
#define CONSTELLATION_CLOUD_QEMU_TESTING_SCRIPTED_SERVER_H_

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "common/unique_fd.h"

namespace constellation::cloud::qemu::testing {

// Accepts connections on a Unix socket, one after the other, and lets a script
// talk; for peers that misbehave. Ends when destroyed.
class ScriptedServer final {
 public:
  ScriptedServer(const std::string& path, std::function<void(int fd)> script);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();

 private:
  UniqueFd listener_;
  std::function<void(int fd)> script_;
  std::thread thread_;
};

// Writes `text`; whether the peer took all of it.
bool SendText(int fd, std::string_view text);
// Reads until `end` was seen, the peer closes, or 10 s have passed.
std::string ReceiveUntil(int fd, std::string_view end);

}  // namespace constellation::cloud::qemu::testing

#endif  // CONSTELLATION_CLOUD_QEMU_TESTING_SCRIPTED_SERVER_H_
