// SPDX-License-Identifier: Apache-2.0
#include "attestation/issuer/tsm_report_provider.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "common/files.h"
#include "common/log.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/unique_fd.h"
#include "crypto/random.h"

namespace constellation::attestation {
namespace {

constexpr size_t kMaxTextSize = 128;
constexpr size_t kMaxBlobSize = size_t{1} << 20U;
constexpr size_t kNameRandomSize = 8;
constexpr mode_t kEntryMode = 0700;
constexpr std::string_view kSnpProvider = "sev_guest";
constexpr std::string_view kTdxProvider = "tdx_guest";

class SystemTsmFiles final : public TsmFiles {
 public:
  absl::Status MakeEntry(const std::string& path) override {
    return mkdir(path.c_str(), kEntryMode) == 0
               ? absl::OkStatus()
               : ErrnoStatus(errno, "create", path);
  }

  absl::Status RemoveEntry(const std::string& path) override {
    return rmdir(path.c_str()) == 0 ? absl::OkStatus()
                                    : ErrnoStatus(errno, "remove", path);
  }

  absl::StatusOr<Bytes> Read(const std::string& path,
                             size_t max_size) override {
    ASSIGN_OR_RETURN(const std::string text, ReadFile(path, max_size));
    const std::span<const uint8_t> bytes = AsBytes(text);
    return Bytes(bytes.begin(), bytes.end());
  }

  absl::Status Write(const std::string& path,
                     std::span<const uint8_t> bytes) override {
    UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid()) {
      return ErrnoStatus(errno, "open", path);
    }
    const ssize_t written = write(fd.get(), bytes.data(), bytes.size());
    if (written < 0) {
      return ErrnoStatus(errno, "write", path);
    }
    // configfs hands binary data to the driver at close(2), and loses its
    // error: the generation tells.
    if (close(fd.Release()) != 0) {
      return ErrnoStatus(errno, "close", path);
    }
    return static_cast<size_t>(written) == bytes.size()
               ? absl::OkStatus()
               : Unavailable(fmt::format("{}: took {} of {} bytes", path,
                                         written, bytes.size()));
  }
};

// Attributes of configfs end with one.
std::string_view WithoutNewline(std::string_view text) {
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

TsmFiles& TsmFiles::System() {
  static SystemTsmFiles files;
  return files;
}

TsmReportProvider::TsmReportProvider(TsmReportOptions options, TsmFiles& files,
                                     Clock& clock)
    : options_(std::move(options)), files_(files), clock_(clock) {}

// Runs `action` with an entry of its own until it is not UNAVAILABLE. Nobody
// else knows the entry's name, so nobody disturbs it by accident.
template <typename Result, typename Action>
Result TsmReportProvider::WithEntry(Action action) {
  absl::Duration delay = options_.first_delay;
  for (int attempt = 1;; ++attempt) {
    const std::string entry =
        fmt::format("{}/constellation-{}", options_.folder,
                    HexEncode(crypto::RandomBytes(kNameRandomSize)));
    const auto run = [&]() -> Result {
      RETURN_IF_ERROR(files_.MakeEntry(entry));
      const absl::Cleanup remove = [&] {
        if (absl::Status removed = files_.RemoveEntry(entry); !removed.ok()) {
          spdlog::warn("event=tsm-entry-left reason=\"{}\"", Message(removed));
        }
      };
      return action(entry);
    };
    Result result = run();
    if (!absl::IsUnavailable(result.status()) || attempt >= options_.attempts) {
      return result;
    }
    clock_.Sleep(delay);
    delay *= 2;
  }
}

absl::StatusOr<HardwareReport> TsmReportProvider::Report(
    const ReportData& data) {
  return WithEntry<absl::StatusOr<HardwareReport>>(
      [&](const std::string& entry) { return ReportOnce(entry, data); });
}

absl::StatusOr<HardwareKind> TsmReportProvider::Kind() {
  return WithEntry<absl::StatusOr<HardwareKind>>(
      [&](const std::string& entry) { return ReadKind(entry); });
}

absl::StatusOr<HardwareKind> TsmReportProvider::ReadKind(
    const std::string& entry) {
  ASSIGN_OR_RETURN(const Bytes text,
                   files_.Read(entry + "/provider", kMaxTextSize));
  const std::string_view name = WithoutNewline(AsText(text));
  if (name == kSnpProvider) {
    return HardwareKind::kSnp;
  }
  if (name == kTdxProvider) {
    return HardwareKind::kTdx;
  }
  return InvalidArgument(fmt::format(
      "configfs-tsm: want provider {} or {}, got another of {} characters",
      kSnpProvider, kTdxProvider, name.size()));
}

absl::StatusOr<uint64_t> TsmReportProvider::ReadNumber(
    const std::string& path) {
  ASSIGN_OR_RETURN(const Bytes text, files_.Read(path, kMaxTextSize));
  const std::string_view digits = WithoutNewline(AsText(text));
  uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return InvalidArgument(fmt::format("{}: want a number", path));
  }
  return number;
}

absl::Status TsmReportProvider::ExpectGeneration(const std::string& entry,
                                                 uint64_t expected) {
  ASSIGN_OR_RETURN(const uint64_t generation,
                   ReadNumber(entry + "/generation"));
  if (generation != expected) {
    return Unavailable(fmt::format(
        "configfs-tsm: want generation {}, got {}: another program writes to "
        "our entry, or a write was lost",
        expected, generation));
  }
  return absl::OkStatus();
}

// Documentation/ABI/testing/configfs-tsm: the generation counts writes, so a
// change between ours and the reading shows.
absl::StatusOr<HardwareReport> TsmReportProvider::ReportOnce(
    const std::string& entry, const ReportData& data) {
  HardwareReport out;
  ASSIGN_OR_RETURN(out.kind, ReadKind(entry));
  ASSIGN_OR_RETURN(uint64_t generation, ReadNumber(entry + "/generation"));
  if (options_.privilege_level.has_value()) {
    const std::string level = fmt::format("{}\n", *options_.privilege_level);
    RETURN_IF_ERROR(files_.Write(entry + "/privlevel", AsBytes(level)));
    ++generation;
  }
  RETURN_IF_ERROR(files_.Write(entry + "/inblob", data));
  ++generation;
  RETURN_IF_ERROR(ExpectGeneration(entry, generation));
  ASSIGN_OR_RETURN(out.report, files_.Read(entry + "/outblob", kMaxBlobSize));
  absl::StatusOr<Bytes> certificates =
      files_.Read(entry + "/auxblob", kMaxBlobSize);
  if (certificates.ok()) {
    out.certificates = *std::move(certificates);
  } else if (!absl::IsNotFound(certificates.status())) {
    return certificates.status();
  }
  RETURN_IF_ERROR(ExpectGeneration(entry, generation));
  RETURN_IF_ERROR(CheckReportCarries(out, data));
  return out;
}

}  // namespace constellation::attestation
