// SPDX-License-Identifier: Apache-2.0
#include "cloud/qemu/qmp_client.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "absl/time/clock.h"
#include "cloud/json_fields.h"
#include "cloud/qemu/unix_socket.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::cloud::qemu {
namespace {

constexpr size_t kMaxMessage = size_t{1} << 20U;

}  // namespace

// QEMU takes no command before "qmp_capabilities" (QMP specification,
// "Capabilities negotiation").
absl::StatusOr<QmpClient> QmpClient::Connect(const std::string& socket_path,
                                             absl::Duration limit) {
  ASSIGN_OR_RETURN(UniqueFd fd, ConnectUnix(socket_path));
  QmpClient client(std::move(fd));
  const absl::Time deadline = absl::Now() + limit;
  ASSIGN_OR_RETURN(const nlohmann::json greeting, client.ReadMessage(deadline));
  if (!greeting.contains("QMP")) {
    return InvalidArgument("no QMP greeting");
  }
  const auto negotiated =
      client.Execute("qmp_capabilities", deadline - absl::Now());
  RETURN_IF_ERROR(negotiated.status());
  return client;
}

// Events ("event" messages) may come at any time, also between a command and
// its answer.
absl::StatusOr<nlohmann::json> QmpClient::Execute(std::string_view command,
                                                  absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  const std::string text = nlohmann::json({{"execute", command}}).dump() + "\n";
  if (send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size())) {
    return Unavailable("QEMU closed the QMP connection");
  }
  while (true) {
    ASSIGN_OR_RETURN(nlohmann::json message, ReadMessage(deadline));
    if (const auto result = message.find("return"); result != message.end()) {
      return nlohmann::json(*result);
    }
    if (const auto error = message.find("error"); error != message.end()) {
      return Internal(
          fmt::format("QEMU refuses {}: {:.500}", command, error->dump()));
    }
  }
}

absl::StatusOr<nlohmann::json> QmpClient::ReadMessage(absl::Time deadline) {
  size_t end = std::string::npos;
  while ((end = buffer_.find('\n')) == std::string::npos) {
    if (buffer_.size() > kMaxMessage) {
      return InvalidArgument("QMP message longer than 1 MiB");
    }
    RETURN_IF_ERROR(WaitReadable(fd_.get(), deadline));
    std::array<char, 4096> chunk{};
    const ssize_t got = recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return Unavailable("QEMU closed the QMP connection");
    }
    buffer_.append(chunk.data(), static_cast<size_t>(got));
  }
  const std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  return ParseJsonObject(line, "QMP message", kMaxMessage);
}

}  // namespace constellation::cloud::qemu
