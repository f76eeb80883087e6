// SPDX-License-Identifier: Apache-2.0
#include "cloud/gcp/image_archive.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "common/files.h"
#include "common/hex.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "crypto/hash.h"

namespace constellation::cloud::gcp {
namespace {

constexpr uint64_t kGib = uint64_t{1} << 30U;
// The largest disk of Compute Engine.
constexpr uint64_t kMaxImage = uint64_t{64} << 40U;
// Octets that are read and compressed at a time.
constexpr size_t kBlock = size_t{1} << 20U;
constexpr size_t kTarBlock = 512;
constexpr uint64_t kOctalLimit = uint64_t{1} << 33U;  // 11 octal digits
// RFC 3720: polynomial 0x1edc6f41, bits reversed.
constexpr uint32_t kPolynomial = 0x82f63b78;

// The table of the bytewise algorithm, made by the compiler.
constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value >> 1U) ^ ((value & 1U) != 0 ? kPolynomial : 0);
    }
    table[i] = value;
  }
  return table;
}

// Compresses what is given to it into a file.
class Compressor final {
 public:
  Compressor() = default;
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() {
    if (open_) {
      deflateEnd(&stream_);
    }
  }

  absl::Status Open(const std::string& path) {
    file_ =
        UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                      kPrivateFileMode));
    if (!file_.valid()) {
      return ErrnoStatus(errno, "create", path);
    }
    // 16: a gzip header, in which zlib writes neither name nor time.
    if (deflateInit2(&stream_, 6, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
      return Internal("zlib does not start");
    }
    open_ = true;
    return absl::OkStatus();
  }

  // Writes what zlib gives out, and takes it into checksum and size. `last`
  // ends the stream.
  absl::Status Add(std::span<const uint8_t> octets, bool last = false) {
    // zlib reads only, its type says otherwise.
    stream_.next_in = const_cast<Bytef*>(octets.data());
    stream_.avail_in = static_cast<uInt>(octets.size());
    do {
      stream_.next_out = out_.data();
      stream_.avail_out = static_cast<uInt>(out_.size());
      if (deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR) {
        return Internal("zlib does not compress");
      }
      const std::span<const uint8_t> made(out_.data(),
                                          out_.size() - stream_.avail_out);
      RETURN_IF_ERROR(WriteAll(file_.get(), made));
      packed_.crc32c = Crc32c(packed_.crc32c, made);
      packed_.size += made.size();
    } while (stream_.avail_out == 0);
    return absl::OkStatus();
  }

  // On disk when it returns: a state file that names it must not outlive it.
  absl::StatusOr<PackedImage> Finish() {
    RETURN_IF_ERROR(Add({}, /*last=*/true));
    if (fsync(file_.get()) != 0) {
      return ErrnoStatus(errno, "write", "archive");
    }
    return packed_;
  }

 private:
  UniqueFd file_;
  z_stream stream_{};
  bool open_ = false;
  std::vector<uint8_t> out_ = std::vector<uint8_t>(kBlock);
  PackedImage packed_;
};

// The image is filled up to whole gibibytes, as Compute Engine demands.
absl::Status AddZeros(Compressor& compressor, uint64_t count) {
  const std::vector<uint8_t> zeros(kBlock);
  while (count > 0) {
    const auto part = static_cast<size_t>(std::min<uint64_t>(count, kBlock));
    RETURN_IF_ERROR(compressor.Add(std::span(zeros).first(part)));
    count -= part;
  }
  return absl::OkStatus();
}

}  // namespace

// The checksum that Cloud Storage reports (RFC 3720, appendix B.4). `crc` is
// that of what came before, 0 at the start.
uint32_t Crc32c(uint32_t crc, std::span<const uint8_t> octets) {
  static constexpr std::array<uint32_t, 256> kTable = MakeTable();
  crc = ~crc;
  for (const uint8_t octet : octets) {
    crc = (crc >> 8U) ^ kTable.at((crc ^ octet) & 0xffU);
  }
  return ~crc;
}

// One GNU header, the only form that Compute Engine documents. Nothing in it
// depends on time or user, so equal images make equal archives. Sizes of 8 GiB
// and more are in base 256.
std::string TarHeader(const std::string& name, uint64_t size) {
  std::string header(kTarBlock, '\0');
  const auto put = [&header](size_t at, std::string_view text) {
    header.replace(at, text.size(), text);
  };
  put(0, std::string_view(name).substr(0, 99));
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  if (size < kOctalLimit) {
    put(124, fmt::format("{:011o}", size));
  } else {
    header[124] = static_cast<char>(0x80);
    for (size_t i = 0; i < 8; ++i) {
      header[135 - i] = static_cast<char>(size >> (8 * i));
    }
  }
  put(136, "00000000000");
  put(148, "        ");
  header[156] = '0';
  put(257, "ustar  ");  // GNU's magic and version, one NUL behind them
  unsigned sum = 0;
  for (const char c : header) {
    sum += static_cast<unsigned char>(c);
  }
  put(148, fmt::format("{:06o}", sum));
  header[154] = '\0';
  return header;
}

// Reads, hashes and compresses in one pass; a file that shrinks meanwhile
// fails. The hash is of the image without its filling.
absl::StatusOr<PackedImage> PackImage(
    const std::string& image, const std::string& archive,
    const std::function<void(double)>& progress) {
  const UniqueFd file(open(image.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || fstat(file.get(), &status) != 0) {
    return ErrnoStatus(errno, "open", image);
  }
  const auto size = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
  if (size == 0 || size > kMaxImage) {
    return InvalidArgument(fmt::format(
        "{}: want an image of 1 octet to 64 TiB, got {} octets", image, size));
  }
  const uint64_t padded = (size + kGib - 1) / kGib * kGib;
  Compressor compressor;
  RETURN_IF_ERROR(compressor.Open(archive));
  RETURN_IF_ERROR(compressor.Add(AsBytes(TarHeader("disk.raw", padded))));
  crypto::Sha256Hasher hasher;
  std::vector<uint8_t> block(kBlock);
  for (uint64_t done = 0; done < size;) {
    const auto part =
        static_cast<size_t>(std::min<uint64_t>(size - done, kBlock));
    RETURN_IF_ERROR(ReadExactly(file.get(), std::span(block).first(part)));
    hasher.Update(std::span(block).first(part));
    RETURN_IF_ERROR(compressor.Add(std::span(block).first(part)));
    done += part;
    progress(static_cast<double>(done) / static_cast<double>(size));
  }
  // A tar ends with two blocks of zeros.
  RETURN_IF_ERROR(AddZeros(compressor, padded - size + 2 * kTarBlock));
  ASSIGN_OR_RETURN(PackedImage packed, compressor.Finish());
  packed.sha256 = HexEncode(hasher.Finish());
  return packed;
}

}  // namespace constellation::cloud::gcp
