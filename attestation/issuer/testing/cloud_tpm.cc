// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/testing/cloud_tpm.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "attestation/byte_reader.h"
#include "common/files.h"
#include "crypto/hash.h"

namespace constellation::attestation::testing {
namespace {

constexpr size_t kHeaderSize = 10;
constexpr uint32_t kDefineSpace = 0x12a;
constexpr uint32_t kUndefineSpace = 0x122;
constexpr uint32_t kNvWrite = 0x137;
constexpr uint32_t kNvRead = 0x14e;
constexpr uint32_t kNvReadPublic = 0x169;
constexpr uint32_t kVendorNsm = 0x20000001;
constexpr uint32_t kRcCommandCode = 0x143;
constexpr uint32_t kRcNvDefined = 0x14c;
constexpr uint32_t kRcNvAuthorization = 0x149;
constexpr uint32_t kRcNvRange = 0x146;
constexpr uint32_t kOwner = 0x40000001;
constexpr uint32_t kOwnerWrite = 1U << 1U;
constexpr uint32_t kAuthWrite = 1U << 2U;
constexpr uint32_t kOwnerRead = 1U << 17U;
constexpr uint32_t kAuthRead = 1U << 18U;

void Append(Bytes& out, uint32_t number, size_t octets) {
  for (size_t i = octets; i-- > 0;) {
    out.push_back(static_cast<uint8_t>(number >> (8 * i)));
  }
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    std::abort();
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Bytes Error(uint32_t code) {
  Bytes out;
  Append(out, 0x8001, 2);
  Append(out, kHeaderSize, 4);
  Append(out, code, 4);
  return out;
}

// An answer to a command with one password session.
Bytes Success(const Bytes& parameters) {
  Bytes out;
  Append(out, 0x8002, 2);
  Append(out, static_cast<uint32_t>(kHeaderSize + 4 + parameters.size() + 5),
         4);
  Append(out, 0, 4);
  Append(out, static_cast<uint32_t>(parameters.size()), 4);
  out.insert(out.end(), parameters.begin(), parameters.end());
  Append(out, 0, 2);  // nonce
  Append(out, 1, 1);  // continueSession
  Append(out, 0, 2);  // acknowledgement
  return out;
}

// One command or answer: header with its size, then the rest.
bool ReadMessage(int fd, Bytes& message) {
  message.assign(kHeaderSize, 0);
  if (!ReadExactly(fd, message).ok()) {
    return false;
  }
  BigEndianReader reader(std::span<const uint8_t>(message).subspan(2));
  const uint32_t size = *reader.Read<uint32_t>("size");
  if (size < kHeaderSize || size > 65536) {
    return false;
  }
  message.resize(size);
  return ReadExactly(fd, std::span(message).subspan(kHeaderSize)).ok();
}

}  // namespace

Bytes ExtendCommand(uint32_t pcr) {
  Bytes out;
  Append(out, 0x8002, 2);
  Append(out, kHeaderSize + 4 + 4 + 9 + 4 + 2 + 32, 4);
  Append(out, 0x182, 4);
  Append(out, pcr, 4);
  Append(out, 9, 4);
  Append(out, 0x40000009, 4);  // password session, empty
  Append(out, 0, 3);
  Append(out, 0, 2);
  Append(out, 1, 4);
  Append(out, 0x000b, 2);
  out.insert(out.end(), 32, 0x77);
  return out;
}

CloudTpm::CloudTpm(std::string swtpm, const std::string& socket)
    : swtpm_(std::move(swtpm)),
      socket_(socket),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const sockaddr_un address = AddressOf(socket_);
  if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof(address)) != 0 ||
      listen(listener_.get(), 4) != 0) {
    std::abort();
  }
  thread_ = std::thread([this] { Run(); });
}

CloudTpm::~CloudTpm() {
  shutdown(listener_.get(), SHUT_RDWR);  // wakes accept
  {
    const absl::MutexLock lock(&mutex_);
    if (connection_ >= 0) {
      shutdown(connection_, SHUT_RDWR);
    }
  }
  thread_.join();
}

void CloudTpm::SetIndex(uint32_t index, Bytes contents, uint32_t attributes) {
  const absl::MutexLock lock(&mutex_);
  indices_[index] = {std::move(contents), attributes};
}

std::optional<Bytes> CloudTpm::index(uint32_t index) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = indices_.find(index);
  return found == indices_.end() ? std::nullopt
                                 : std::make_optional(found->second.contents);
}

size_t CloudTpm::index_count() const {
  const absl::MutexLock lock(&mutex_);
  return indices_.size();
}

void CloudTpm::Run() {
  while (true) {
    const UniqueFd client(
        accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client.valid()) {
      return;
    }
    const UniqueFd tpm(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = AddressOf(swtpm_);
    if (connect(tpm.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) != 0) {
      return;
    }
    {
      const absl::MutexLock lock(&mutex_);
      connection_ = client.get();
    }
    Serve(client.get(), tpm.get());
    const absl::MutexLock lock(&mutex_);
    connection_ = -1;
  }
}

void CloudTpm::Serve(int client, int tpm) {
  Bytes message;
  while (ReadMessage(client, message)) {
    std::optional<Bytes> answer = Answer(message);
    if (!answer.has_value()) {
      Bytes forwarded;
      BigEndianReader reader(std::span<const uint8_t>(message).subspan(6));
      const uint32_t code = *reader.Read<uint32_t>("code");
      for (const Bytes& command :
           inject ? inject(code) : std::vector<Bytes>()) {
        if (!WriteAll(tpm, command).ok() || !ReadMessage(tpm, forwarded)) {
          return;
        }
      }
      if (!WriteAll(tpm, message).ok() || !ReadMessage(tpm, forwarded)) {
        return;
      }
      answer = std::move(forwarded);
    }
    if (send(client, answer->data(), answer->size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(answer->size())) {
      return;
    }
  }
}

std::optional<Bytes> CloudTpm::Answer(std::span<const uint8_t> command) {
  BigEndianReader reader(command);
  const bool sessions = *reader.Read<uint16_t>("tag") == 0x8002;
  (void)reader.Read<uint32_t>("size");
  const uint32_t code = *reader.Read<uint32_t>("code");
  const uint32_t first = reader.Read<uint32_t>("handle").value_or(0);
  if (code == kNvReadPublic) {
    return ReadPublic(first);
  }
  const bool ours = code == kDefineSpace || code == kUndefineSpace ||
                    code == kNvWrite || code == kNvRead || code == kVendorNsm;
  if (!ours || !sessions) {
    return std::nullopt;
  }
  uint32_t second = 0;
  if (code != kDefineSpace) {
    second = *reader.Read<uint32_t>("handle");
  }
  (void)reader.TakeSized<uint32_t>(1024, "sessions");
  const auto parameters = *reader.Take(reader.remaining(), "parameters");
  return code == kDefineSpace ? Define(parameters)
                              : OnIndex(code, first, second, parameters);
}

std::optional<Bytes> CloudTpm::Define(std::span<const uint8_t> parameters) {
  BigEndianReader reader(parameters);
  (void)reader.TakeSized<uint16_t>(64, "password");
  (void)reader.Read<uint16_t>("size");
  const uint32_t index = *reader.Read<uint32_t>("index");
  (void)reader.Read<uint16_t>("name algorithm");
  const uint32_t attributes = *reader.Read<uint32_t>("attributes");
  (void)reader.TakeSized<uint16_t>(64, "policy");
  const uint16_t size = *reader.Read<uint16_t>("data size");
  const absl::MutexLock lock(&mutex_);
  if (!indices_.try_emplace(index, Index{Bytes(size, 0xff), attributes})
           .second) {
    return Error(kRcNvDefined);
  }
  return Success({});
}

std::optional<Bytes> CloudTpm::ReadPublic(uint32_t index) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = indices_.find(index);
  if (found == indices_.end()) {
    return std::nullopt;
  }
  Bytes area;
  Append(area, index, 4);
  Append(area, 0x000b, 2);
  Append(area, found->second.attributes | 1U << 29U, 4);  // written
  Append(area, 0, 2);
  Append(area, static_cast<uint32_t>(found->second.contents.size()), 2);
  const crypto::Sha256Digest digest = crypto::Sha256(area);
  Bytes out;
  Append(out, 0x8001, 2);
  Append(out, static_cast<uint32_t>(kHeaderSize + 2 + area.size() + 2 + 34), 4);
  Append(out, 0, 4);
  Append(out, static_cast<uint32_t>(area.size()), 2);
  out.insert(out.end(), area.begin(), area.end());
  Append(out, 34, 2);
  Append(out, 0x000b, 2);
  out.insert(out.end(), digest.begin(), digest.end());
  return out;
}

std::optional<Bytes> CloudTpm::OnIndex(uint32_t code, uint32_t authority,
                                       uint32_t index,
                                       std::span<const uint8_t> parameters) {
  if (code == kVendorNsm && !nsm) {
    return Error(kRcCommandCode);
  }
  Bytes answer;
  {
    const absl::MutexLock lock(&mutex_);
    const auto found = indices_.find(index);
    if (found == indices_.end()) {
      return std::nullopt;
    }
    Index& entry = found->second;
    const bool read = code == kNvRead;
    const uint32_t needed = authority == kOwner
                                ? (read ? kOwnerRead : kOwnerWrite)
                                : (read ? kAuthRead : kAuthWrite);
    if (code != kUndefineSpace && (entry.attributes & needed) == 0) {
      return Error(kRcNvAuthorization);
    }
    BigEndianReader reader(parameters);
    if (code == kUndefineSpace) {
      indices_.erase(found);
    } else if (code == kVendorNsm) {
      Bytes made = nsm(entry.contents);
      made.resize(entry.contents.size(), 0xff);
      entry.contents = std::move(made);
    } else if (code == kNvWrite) {
      const auto data = *reader.TakeSized<uint16_t>(2048, "data");
      const uint16_t offset = *reader.Read<uint16_t>("offset");
      if (offset + data.size() > entry.contents.size()) {
        return Error(kRcNvRange);
      }
      std::ranges::copy(data, entry.contents.begin() + offset);
    } else {
      const uint16_t size = *reader.Read<uint16_t>("size");
      const uint16_t offset = *reader.Read<uint16_t>("offset");
      if (size_t{offset} + size > entry.contents.size()) {
        return Error(kRcNvRange);
      }
      Append(answer, size, 2);
      const auto begin = entry.contents.begin() + offset;
      answer.insert(answer.end(), begin, begin + size);
    }
  }
  if (code == kNvWrite && on_write) {
    on_write(index);
  }
  return Success(answer);
}

}  // namespace constellation::attestation::testing
