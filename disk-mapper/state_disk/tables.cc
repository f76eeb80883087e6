// SPDX-License-Identifier: Apache-2.0
#include "disk-mapper/state_disk/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "disk-mapper/state_disk/integrity_superblock.h"
#include "disk-mapper/state_disk/layout.h"

namespace constellation::disk_mapper {
namespace {

constexpr std::string_view kMac = "hmac(sha256)";
constexpr std::string_view kCipher = "aes-xts-plain64";
constexpr size_t kEncryptionKeySize = 64;
constexpr size_t kMacKeySize = 32;

// Text with secrets in it, written front to back into wiped memory.
// std::string would leave copies of the keys wherever it grows.
class SecretText final {
 public:
  SecretText() : buffer_(kCapacity) {}

  void Append(std::string_view text) {
    for (const char c : text) {
      Push(static_cast<uint8_t>(c));
    }
  }

  void AppendHex(const SecretBytes& secret) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const uint8_t octet : secret.Expose()) {
      Push(static_cast<uint8_t>(kDigits[octet >> 4U]));
      Push(static_cast<uint8_t>(kDigits[octet & 0xFU]));
    }
  }

  SecretBytes Finish() const {
    return SecretBytes(buffer_.Expose().first(size_));
  }

 private:
  static constexpr size_t kCapacity = 2048;  // longest table: about 450

  void Push(uint8_t octet) {
    if (size_ < kCapacity) {
      buffer_.ExposeMutable()[size_++] = octet;
    }
  }

  SecretBytes buffer_;
  size_t size_ = 0;
};

// A space in a path would begin the next argument of the table.
absl::Status CheckDevice(std::string_view device) {
  const bool plain = std::all_of(device.begin(), device.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '/' || c == '-' || c == '_' ||
           c == '.' || c == ':';
  });
  if (!plain || !device.starts_with("/dev/") || device.size() > 255) {
    return InvalidArgument(
        fmt::format("device: want a plain path below /dev, got {} characters",
                    device.size()));
  }
  return absl::OkStatus();
}

// The message names sizes only.
absl::Status CheckKey(const SecretBytes& key, size_t size,
                      std::string_view name) {
  if (key.size() != size) {
    return InvalidArgument(
        fmt::format("{} key: want {} bytes, got {}", name, size, key.size()));
  }
  return absl::OkStatus();
}

// Arguments of the integrity target that hold no secret.
std::string PlainIntegrityArguments() {
  return fmt::format(
      "block_size:{} journal_sectors:{} interleave_sectors:{} fix_padding "
      "fix_hmac",
      kBlockSize, kJournalSectors, kInterleaveSectors);
}
constexpr int kIntegrityArguments = 7;  // those and the two with keys

constexpr std::string_view kCryptArguments =
    "3 sector_size:4096 no_read_workqueue no_write_workqueue";

// Whole words: "recalculate" must not be found in "legacy_recalculate".
bool HasWord(std::string_view text, std::string_view word) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (text.substr(at, end - at) == word) {
      return true;
    }
    at = end + 1;
  }
  return false;
}

}  // namespace

// "J": journalled, so that data and its tag are never of two different moments
// (dm-integrity.rst). "fix_hmac" makes the MACs cover the superblock.
absl::StatusOr<DmTarget> IntegrityTarget(std::string_view device,
                                         uint64_t sectors,
                                         const DiskKeys& keys) {
  RETURN_IF_ERROR(CheckDevice(device));
  RETURN_IF_ERROR(CheckKey(keys.integrity, kMacKeySize, "integrity"));
  RETURN_IF_ERROR(CheckKey(keys.journal_mac, kMacKeySize, "journal"));
  SecretText text;
  text.Append(fmt::format("{} {} {} J {} {} internal_hash:{}:", device,
                          kDataStartSector, kTagSize, kIntegrityArguments,
                          PlainIntegrityArguments(), kMac));
  text.AppendHex(keys.integrity);
  text.Append(fmt::format(" journal_mac:{}:", kMac));
  text.AppendHex(keys.journal_mac);
  return DmTarget{"integrity", sectors, text.Finish()};
}

// Encryption alone does not notice changes; the layer below does that.
absl::StatusOr<DmTarget> CryptTarget(std::string_view device, uint64_t sectors,
                                     const DiskKeys& keys) {
  RETURN_IF_ERROR(CheckDevice(device));
  RETURN_IF_ERROR(CheckKey(keys.encryption, kEncryptionKeySize, "encryption"));
  SecretText text;
  text.Append(fmt::format("{} ", kCipher));
  text.AppendHex(keys.encryption);
  text.Append(fmt::format(" 0 {} 0 {}", device, kCryptArguments));
  return DmTarget{"crypt", sectors, text.Finish()};
}

// Whoever holds the disk may change the superblock between our look and the
// kernel's. "recalculate" would make the kernel compute tags for altered data.
absl::Status CheckActiveIntegrityTable(const SecretBytes& table) {
  const std::string_view text = AsText(table.Expose());
  const std::array<std::string, 5> wanted = {
      fmt::format("block_size:{}", kBlockSize),
      fmt::format("journal_sectors:{}", kUsedJournalSectors),
      fmt::format("interleave_sectors:{}", kInterleaveSectors),
      "fix_padding",
      "fix_hmac",
  };
  for (const std::string& word : wanted) {
    if (!HasWord(text, word)) {
      return DataLoss(fmt::format(
          "state disk damaged: the kernel found no '{}' in its superblock",
          word));
    }
  }
  for (const std::string_view word :
       {"recalculate", "reset_recalculate", "legacy_recalculate"}) {
    if (HasWord(text, word)) {
      return DataLoss(fmt::format(
          "state disk damaged: its superblock asks for '{}'", word));
    }
  }
  return absl::OkStatus();
}

std::string DescribeParameters() {
  return fmt::format("integrity {} {} J {} {}; crypt {} {} {}",
                     kDataStartSector, kTagSize, PlainIntegrityArguments(),
                     kMac, kCipher, kEncryptionKeySize * 8, "sector_size:4096");
}

}  // namespace constellation::disk_mapper
