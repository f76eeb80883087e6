// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/collateral_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "absl/time/civil_time.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr std::string_view kTimeShape = "dddd-dd-ddTdd:dd:ddZ";
// Short names would cost more memory than text.
constexpr size_t kMinAdvisorySize = 8;
constexpr size_t kMaxAdvisorySize = 32;

// Intel writes both cases.
int HexValue(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Into fixed arrays: no allocation for the thousands of small fields.
absl::Status DecodeHex(std::string_view text, std::span<uint8_t> to) {
  if (text.size() != 2 * to.size()) {
    return InvalidArgument(fmt::format("want {} hex digits, got {} characters",
                                       2 * to.size(), text.size()));
  }
  for (size_t i = 0; i < to.size(); ++i) {
    const int high = HexValue(text[2 * i]);
    const int low = HexValue(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return InvalidArgument("want hex digits, got something else");
    }
    to[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return absl::OkStatus();
}

// The number in `count` characters that are known to be digits.
int Digits(std::string_view text, size_t offset, size_t count) {
  int value = 0;
  for (const char c : text.substr(offset, count)) {
    value = value * 10 + (c - '0');
  }
  return value;
}

bool HasTimeShape(std::string_view text) {
  return text.size() == kTimeShape.size() &&
         std::equal(text.begin(), text.end(), kTimeShape.begin(),
                    [](char c, char wanted) {
                      return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted;
                    });
}

// One level of a module or an enclave; date and status must be there.
absl::StatusOr<IsvSvnLevel> ReadIsvSvnLevel(JsonScanner& scanner) {
  static constexpr std::string_view kNames[] = {"tcb", "tcbDate", "tcbStatus",
                                                "advisoryIDs"};
  FieldSet fields(kNames);
  IsvSvnLevel level;
  bool has_svn = false;
  const auto read_tcb = [&](std::string_view key) -> absl::Status {
    if (key != "isvsvn") {
      return scanner.Skip();
    }
    has_svn = true;
    ASSIGN_OR_RETURN(const uint64_t svn, scanner.ReadNumber(UINT16_MAX));
    level.isv_svn = static_cast<uint16_t>(svn);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(scanner.ReadObject([&](std::string_view key) -> absl::Status {
    switch (fields.See(key)) {
      case 0:
        return scanner.ReadObject(read_tcb);
      case 1: {
        ASSIGN_OR_RETURN(level.tcb_date, ReadTime(scanner));
        return absl::OkStatus();
      }
      case 2: {
        ASSIGN_OR_RETURN(level.status, ReadTcbStatus(scanner));
        return absl::OkStatus();
      }
      case 3: {
        ASSIGN_OR_RETURN(level.advisories, ReadAdvisories(scanner));
        return absl::OkStatus();
      }
      default:
        return scanner.Skip();
    }
  }));
  RETURN_IF_ERROR(fields.RequireFirst(3, "level"));
  if (!has_svn) {
    return InvalidArgument("level: isvsvn is missing");
  }
  return level;
}

}  // namespace

absl::StatusOr<SignedJsonUnverified> ParseSignedJsonUnverified(
    std::string_view text, std::string_view name) {
  return ParseSignedJsonUnverified(
      text, name, [](JsonScanner& scanner) { return scanner.Skip(); });
}

absl::StatusOr<SignedJsonUnverified> ParseSignedJsonUnverified(
    std::string_view text, std::string_view name,
    absl::FunctionRef<absl::Status(JsonScanner&)> read_body) {
  if (text.size() > kMaxCollateralJsonSize) {
    return InvalidArgument(fmt::format("{}: want at most {} bytes, got {}",
                                       name, kMaxCollateralJsonSize,
                                       text.size()));
  }
  JsonScanner scanner(text);
  SignedJsonUnverified document;
  bool has_signature = false;
  const absl::Status status =
      scanner.ReadObject([&](std::string_view key) -> absl::Status {
        if (key == "signature") {
          has_signature = true;
          return Annotate(ReadHex(scanner, document.signature), key);
        }
        if (key != name) {
          return InvalidArgument(fmt::format("unknown key \"{}\"", key));
        }
        const size_t start = scanner.ValueOffset();
        RETURN_IF_ERROR(read_body(scanner));
        document.body = text.substr(start, scanner.offset() - start);
        return absl::OkStatus();
      });
  RETURN_IF_ERROR(Annotate(status, name));
  RETURN_IF_ERROR(Annotate(scanner.ExpectEnd(), name));
  if (document.body.empty() || !has_signature) {
    return InvalidArgument(
        fmt::format("{}: {} is missing", name,
                    has_signature ? name : std::string_view("signature")));
  }
  return document;
}

// Own parser: absl::ParseTime() is many times slower and takes other forms.
absl::StatusOr<absl::Time> ParseCollateralTime(std::string_view text) {
  if (!HasTimeShape(text)) {
    return InvalidArgument("want a time such as 2025-02-26T10:37:20Z");
  }
  const absl::CivilSecond second(Digits(text, 0, 4), Digits(text, 5, 2),
                                 Digits(text, 8, 2), Digits(text, 11, 2),
                                 Digits(text, 14, 2), Digits(text, 17, 2));
  // Abseil turns the 32nd of a month into the next month's first.
  if (second.month() != Digits(text, 5, 2) ||
      second.day() != Digits(text, 8, 2) ||
      second.hour() != Digits(text, 11, 2) ||
      second.minute() != Digits(text, 14, 2) ||
      second.second() != Digits(text, 17, 2)) {
    return InvalidArgument("want a time that exists");
  }
  return absl::FromCivil(second, absl::UTCTimeZone());
}

absl::Status ReadHex(JsonScanner& scanner, std::span<uint8_t> to) {
  ASSIGN_OR_RETURN(const std::string_view text, scanner.ReadString());
  return DecodeHex(text, to);
}

absl::StatusOr<absl::Time> ReadTime(JsonScanner& scanner) {
  ASSIGN_OR_RETURN(const std::string_view text, scanner.ReadString());
  return ParseCollateralTime(text);
}

// Statuses that only evaluation gives (TDRelaunchAdvised, NotSupported) are no
// words of a document.
absl::StatusOr<TcbStatus> ReadTcbStatus(JsonScanner& scanner) {
  ASSIGN_OR_RETURN(const std::string_view word, scanner.ReadString());
  const std::optional<TcbStatus> status = TcbStatusFromString(word);
  if (!status.has_value() || !IsStatedByCollateral(*status)) {
    return InvalidArgument(
        fmt::format("\"{}\" is no TCB status", word.substr(0, 40)));
  }
  return *status;
}

// "INTEL-SA-00615" and the like; absent is the same as none.
absl::StatusOr<std::vector<std::string>> ReadAdvisories(JsonScanner& scanner) {
  std::vector<std::string> advisories;
  RETURN_IF_ERROR(scanner.ReadArray(kMaxAdvisories, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const std::string_view name, scanner.ReadString());
    if (name.size() < kMinAdvisorySize || name.size() > kMaxAdvisorySize) {
      return InvalidArgument(
          fmt::format("advisory: want {} to {} characters, got {}",
                      kMinAdvisorySize, kMaxAdvisorySize, name.size()));
    }
    advisories.emplace_back(name);
    return absl::OkStatus();
  }));
  return advisories;
}

absl::StatusOr<std::vector<IsvSvnLevel>> ReadIsvSvnLevels(
    JsonScanner& scanner) {
  std::vector<IsvSvnLevel> levels;
  RETURN_IF_ERROR(scanner.ReadArray(kMaxTcbLevels, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(IsvSvnLevel level, ReadIsvSvnLevel(scanner));
    levels.push_back(std::move(level));
    return absl::OkStatus();
  }));
  return levels;
}

// Levels are listed highest first.
const IsvSvnLevel* FindIsvSvnLevel(const std::vector<IsvSvnLevel>& levels,
                                   uint16_t isv_svn) {
  for (const IsvSvnLevel& level : levels) {
    if (isv_svn >= level.isv_svn) {
      return &level;
    }
  }
  return nullptr;
}

// The number of names for a key that is none of them: such keys are skipped,
// for Intel adds new ones.
size_t FieldSet::See(std::string_view key) {
  const auto found = std::ranges::find(names_, key);
  const auto index = static_cast<size_t>(found - names_.begin());
  if (index < names_.size()) {
    seen_ |= 1U << index;
  }
  return index;
}

absl::Status FieldSet::RequireFirst(size_t count,
                                    std::string_view object) const {
  for (size_t i = 0; i < count; ++i) {
    if (!Has(i)) {
      return InvalidArgument(
          fmt::format("{}: {} is missing", object, names_[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace constellation::attestation
