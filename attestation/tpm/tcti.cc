// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/tcti.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <tss2/tss2_common.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint64_t kMagic = 0x636f6e7374656c6cULL;
constexpr std::string_view kDevicePrefix = "device:";
constexpr std::string_view kSwtpmPrefix = "swtpm:path=";
// TPM 2.0 part 1, 18: tag, size, response code.
constexpr size_t kHeaderSize = 10;
constexpr size_t kSizeOffset = 2;
constexpr size_t kMaxMessageSize = 4096;
// The longest thing we ask for is an RSA key inside an emulated machine.
constexpr int kAnswerTimeoutMs = 300'000;

// /dev/tpmrm0: the kernel's resource manager keeps processes apart.
absl::StatusOr<UniqueFd> OpenDevice(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  return fd;
}

// A socket that nobody listens at is UNAVAILABLE: the emulator may be starting.
absl::StatusOr<UniqueFd> ConnectSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return InvalidArgument(
        fmt::format("tcti: want a socket path of 1 to {} bytes, got {}",
                    sizeof(address.sun_path) - 1, path.size()));
  }
  std::copy(path.begin(), path.end(), address.sun_path);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "create socket for", path);
  }
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) != 0) {
    const int error = errno;
    if (error == ECONNREFUSED || error == ENOENT) {
      return Unavailable(fmt::format("connect {}: no TPM listens there", path));
    }
    return ErrnoStatus(error, "connect", path);
  }
  return fd;
}

// The size field of a response's header.
size_t AnnouncedSize(std::span<const uint8_t> response) {
  size_t size = 0;
  for (size_t i = 0; i < sizeof(uint32_t); ++i) {
    size = size << 8U | response[kSizeOffset + i];
  }
  return size;
}

// The functions of the interface that make no sense here.
TSS2_RC NotImplemented() {
  return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

}  // namespace

absl::StatusOr<std::unique_ptr<FdTcti>> FdTcti::Open(const std::string& tcti) {
  if (tcti.starts_with(kDevicePrefix)) {
    ASSIGN_OR_RETURN(UniqueFd fd,
                     OpenDevice(tcti.substr(kDevicePrefix.size())));
    return std::unique_ptr<FdTcti>(
        new FdTcti(std::move(fd), Framing::kWholeMessages));
  }
  if (tcti.starts_with(kSwtpmPrefix)) {
    ASSIGN_OR_RETURN(UniqueFd fd,
                     ConnectSocket(tcti.substr(kSwtpmPrefix.size())));
    return OverStreamForTesting(std::move(fd));
  }
  return InvalidArgument(fmt::format(
      "tcti: want \"device:<path>\" or \"swtpm:path=<socket>\", got \"{}\"",
      tcti));
}

std::unique_ptr<FdTcti> FdTcti::OverStreamForTesting(UniqueFd fd) {
  return std::unique_ptr<FdTcti>(new FdTcti(std::move(fd), Framing::kStream));
}

FdTcti::FdTcti(UniqueFd fd, Framing framing)
    : context_{}, fd_(std::move(fd)), framing_(framing) {
  context_.common.magic = kMagic;
  context_.common.version = 1;
  context_.common.transmit = &FdTcti::OnTransmit;
  context_.common.receive = &FdTcti::OnReceive;
  context_.common.finalize = [](TSS2_TCTI_CONTEXT*) {};
  context_.common.cancel = [](TSS2_TCTI_CONTEXT*) { return NotImplemented(); };
  context_.common.getPollHandles = [](TSS2_TCTI_CONTEXT*,
                                      TSS2_TCTI_POLL_HANDLE*,
                                      size_t*) { return NotImplemented(); };
  context_.common.setLocality = [](TSS2_TCTI_CONTEXT*, uint8_t) {
    return NotImplemented();
  };
  context_.self = this;
}

// The library hands back the context that we gave it; Context begins with the
// library's own part.
FdTcti& FdTcti::Self(TSS2_TCTI_CONTEXT* context) {
  return *reinterpret_cast<Context*>(context)->self;
}

TSS2_RC FdTcti::OnTransmit(TSS2_TCTI_CONTEXT* context, size_t size,
                           const uint8_t* command) {
  if (context == nullptr || command == nullptr) {
    return TSS2_TCTI_RC_BAD_REFERENCE;
  }
  return Self(context).Transmit({command, size});
}

TSS2_RC FdTcti::OnReceive(TSS2_TCTI_CONTEXT* context, size_t* size,
                          uint8_t* response, int32_t timeout) {
  if (context == nullptr || size == nullptr) {
    return TSS2_TCTI_RC_BAD_REFERENCE;
  }
  return Self(context).Receive(size, response, timeout);
}

TSS2_RC FdTcti::Transmit(std::span<const uint8_t> command) {
  response_.clear();
  complete_ = false;
  while (!command.empty()) {
    // send() would do for the socket only; SIGPIPE is avoided there.
    const ssize_t written =
        framing_ == Framing::kStream
            ? send(fd_.get(), command.data(), command.size(), MSG_NOSIGNAL)
            : write(fd_.get(), command.data(), command.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return TSS2_TCTI_RC_IO_ERROR;
    }
    command = command.subspan(static_cast<size_t>(written));
  }
  return TSS2_RC_SUCCESS;
}

// At most `wanted` octets, waiting at most `timeout` milliseconds.
TSS2_RC FdTcti::ReadSome(size_t wanted, int timeout) {
  pollfd poll_entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const int ready = poll(&poll_entry, 1, timeout);
  if (ready == 0 || (ready < 0 && errno == EINTR)) {
    return TSS2_TCTI_RC_TRY_AGAIN;
  }
  if (ready < 0) {
    return TSS2_TCTI_RC_IO_ERROR;
  }
  const size_t start = response_.size();
  response_.resize(start + wanted);
  const ssize_t got = read(fd_.get(), response_.data() + start, wanted);
  response_.resize(start + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
    return TSS2_TCTI_RC_TRY_AGAIN;
  }
  return got > 0 ? TSS2_RC_SUCCESS : TSS2_TCTI_RC_IO_ERROR;
}

// Reads until `response_` holds one whole answer.
TSS2_RC FdTcti::FillResponse(int32_t timeout) {
  const bool forever = timeout < 0;
  const int wait = forever ? kAnswerTimeoutMs : timeout;
  size_t wanted =
      framing_ == Framing::kWholeMessages ? kMaxMessageSize : kHeaderSize;
  while (!complete_) {
    const TSS2_RC rc = ReadSome(wanted - response_.size(), wait);
    if (rc != TSS2_RC_SUCCESS) {
      // Who waits for ever is told that the TPM is gone instead.
      return forever && rc == TSS2_TCTI_RC_TRY_AGAIN ? TSS2_TCTI_RC_IO_ERROR
                                                     : rc;
    }
    if (response_.size() >= kHeaderSize) {
      wanted = AnnouncedSize(response_);
      if (wanted < response_.size() || wanted > kMaxMessageSize) {
        return TSS2_TCTI_RC_MALFORMED_RESPONSE;
      }
      complete_ = response_.size() == wanted;
    }
    if (!complete_ && framing_ == Framing::kWholeMessages) {
      return TSS2_TCTI_RC_MALFORMED_RESPONSE;
    }
  }
  return TSS2_RC_SUCCESS;
}

TSS2_RC FdTcti::Receive(size_t* size, uint8_t* response, int32_t timeout) {
  const TSS2_RC rc = FillResponse(timeout);
  if (rc != TSS2_RC_SUCCESS) {
    return rc;
  }
  const size_t capacity = *size;
  *size = response_.size();
  if (response == nullptr) {  // asks for the size only
    return TSS2_RC_SUCCESS;
  }
  if (capacity < response_.size()) {
    return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
  }
  std::copy(response_.begin(), response_.end(), response);
  return TSS2_RC_SUCCESS;
}

}  // namespace constellation::attestation
