// SPDX-License-Identifier: Apache-2.0
#include "attestation/intel/tcb_info.h"

#include <fmt/format.h>

#include <utility>

#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

constexpr uint64_t kMaxNumber = UINT32_MAX;

// 16 bits: components have 8, PCESVN 16.
absl::Status ReadSvn(JsonScanner& scanner, uint16_t& to) {
  ASSIGN_OR_RETURN(const uint64_t svn, scanner.ReadNumber(UINT16_MAX));
  to = static_cast<uint16_t>(svn);
  return absl::OkStatus();
}

// "sgxtcbcomp01svn" to "sgxtcbcomp16svn" give 0 to 15, everything else 16.
size_t ComponentOf(std::string_view key) {
  constexpr std::string_view kStart = "sgxtcbcomp";
  if (key.size() != 15 || !key.starts_with(kStart) || !key.ends_with("svn")) {
    return 16;
  }
  for (size_t i = 0; i < 16; ++i) {
    const size_t number = i + 1;
    if (key[10] == static_cast<char>('0' + number / 10) &&
        key[11] == static_cast<char>('0' + number % 10)) {
      return i;
    }
  }
  return 16;
}

// [{"svn":N,"category":...,"type":...} x 16]
absl::Status ReadComponents(JsonScanner& scanner,
                            std::array<uint16_t, 16>& to) {
  size_t count = 0;
  bool has_svn = false;
  const auto read_field = [&](std::string_view key) -> absl::Status {
    if (key != "svn") {
      return scanner.Skip();
    }
    has_svn = true;
    return ReadSvn(scanner, to.at(count));
  };
  const auto read_component = [&]() -> absl::Status {
    has_svn = false;
    RETURN_IF_ERROR(scanner.ReadObject(read_field));
    ++count;
    return has_svn ? absl::OkStatus() : InvalidArgument("svn is missing");
  };
  RETURN_IF_ERROR(scanner.ReadArray(to.size(), read_component));
  return count == to.size()
             ? absl::OkStatus()
             : InvalidArgument(
                   fmt::format("want {} components, got {}", to.size(), count));
}

// What a level's "tcb" must have depends on version and TEE, which may come
// later in the text: so it is noted here and judged at the end.
struct LevelShape {
  bool sgx_list = false;     // version 3
  uint32_t sgx_numbers = 0;  // version 2: bit i for component i
  bool tdx_list = false;
  bool pce_svn = false;
};

absl::Status ReadTcb(JsonScanner& scanner, TcbLevel& level, LevelShape& shape) {
  return scanner.ReadObject([&](std::string_view key) -> absl::Status {
    if (key == "pcesvn") {
      shape.pce_svn = true;
      return Annotate(ReadSvn(scanner, level.pce_svn), key);
    }
    if (key == "sgxtcbcomponents") {
      shape.sgx_list = true;
      return Annotate(ReadComponents(scanner, level.sgx_svns), key);
    }
    if (key == "tdxtcbcomponents") {
      shape.tdx_list = true;
      return Annotate(ReadComponents(scanner, level.tdx_svns), key);
    }
    const size_t component = ComponentOf(key);
    if (component == 16) {
      return scanner.Skip();
    }
    shape.sgx_numbers |= 1U << component;
    return Annotate(ReadSvn(scanner, level.sgx_svns.at(component)), key);
  });
}

// One entry of "tcbLevels".
absl::Status ReadLevel(JsonScanner& scanner, TcbLevel& level,
                       LevelShape& shape) {
  static constexpr std::string_view kNames[] = {"tcb", "tcbDate", "tcbStatus",
                                                "advisoryIDs"};
  FieldSet fields(kNames);
  RETURN_IF_ERROR(scanner.ReadObject([&](std::string_view key) -> absl::Status {
    switch (fields.See(key)) {
      case 0:
        return Annotate(ReadTcb(scanner, level, shape), key);
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
  return fields.RequireFirst(3, "level");
}

// Version 2 numbers its components, version 3 lists them; TDX has a second
// list.
absl::Status CheckShape(const LevelShape& shape, const TcbInfo& info,
                        size_t number) {
  const bool sgx_fits = info.version == 2
                            ? shape.sgx_numbers == 0xffff && !shape.sgx_list
                            : shape.sgx_list && shape.sgx_numbers == 0;
  const bool tdx_fits = shape.tdx_list == (info.tee == IntelTee::kTdx);
  if (sgx_fits && tdx_fits && shape.pce_svn) {
    return absl::OkStatus();
  }
  return InvalidArgument(fmt::format(
      "tcbLevels[{}].tcb: want pcesvn and {} for version {}, {}", number,
      info.version == 2            ? "sgxtcbcomp01svn to sgxtcbcomp16svn"
      : info.tee == IntelTee::kTdx ? "sgxtcbcomponents and tdxtcbcomponents"
                                   : "sgxtcbcomponents",
      info.version, ToString(info.tee)));
}

// Reads one key of a module's description; false if it is none.
absl::StatusOr<bool> ReadModuleField(JsonScanner& scanner, size_t field,
                                     TdxModule& module) {
  switch (field) {
    case 0:
      RETURN_IF_ERROR(ReadHex(scanner, module.mr_signer));
      return true;
    case 1:
      RETURN_IF_ERROR(ReadHex(scanner, module.attributes));
      return true;
    case 2:
      RETURN_IF_ERROR(ReadHex(scanner, module.attributes_mask));
      return true;
    default:
      return false;
  }
}

constexpr std::string_view kModuleNames[] = {
    "mrsigner", "attributes", "attributesMask", "id", "tcbLevels"};

// "tdxModule": the module of version 0.
absl::StatusOr<TdxModule> ReadModule(JsonScanner& scanner) {
  FieldSet fields(kModuleNames);
  TdxModule module;
  RETURN_IF_ERROR(scanner.ReadObject([&](std::string_view key) -> absl::Status {
    ASSIGN_OR_RETURN(const bool known,
                     ReadModuleField(scanner, fields.See(key), module));
    return known ? absl::OkStatus() : scanner.Skip();
  }));
  RETURN_IF_ERROR(fields.RequireFirst(3, "module"));
  return module;
}

// One entry of "tdxModuleIdentities": a module of a later version.
absl::StatusOr<TdxModuleIdentity> ReadModuleIdentity(JsonScanner& scanner) {
  FieldSet fields(kModuleNames);
  TdxModuleIdentity identity;
  RETURN_IF_ERROR(scanner.ReadObject([&](std::string_view key) -> absl::Status {
    const size_t field = fields.See(key);
    if (field == 3) {
      ASSIGN_OR_RETURN(const std::string_view id, scanner.ReadString());
      identity.id = std::string(id.substr(0, 16));
      return absl::OkStatus();
    }
    if (field == 4) {
      ASSIGN_OR_RETURN(identity.levels, ReadIsvSvnLevels(scanner));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const bool known,
                     ReadModuleField(scanner, field, identity.module));
    return known ? absl::OkStatus() : scanner.Skip();
  }));
  RETURN_IF_ERROR(fields.RequireFirst(5, "module identity"));
  return identity;
}

absl::StatusOr<std::vector<TdxModuleIdentity>> ReadModuleIdentities(
    JsonScanner& scanner) {
  std::vector<TdxModuleIdentity> identities;
  RETURN_IF_ERROR(
      scanner.ReadArray(kMaxModuleIdentities, [&]() -> absl::Status {
        ASSIGN_OR_RETURN(TdxModuleIdentity identity,
                         ReadModuleIdentity(scanner));
        for (const TdxModuleIdentity& other : identities) {
          if (other.id == identity.id) {
            return InvalidArgument(
                fmt::format("module {} is listed twice", identity.id));
          }
        }
        identities.push_back(std::move(identity));
        return absl::OkStatus();
      }));
  return identities;
}

// Version 3 only.
absl::StatusOr<IntelTee> ReadId(JsonScanner& scanner) {
  ASSIGN_OR_RETURN(const std::string_view id, scanner.ReadString());
  if (id == "SGX") {
    return IntelTee::kSgx;
  }
  if (id == "TDX") {
    return IntelTee::kTdx;
  }
  return InvalidArgument(
      fmt::format("want \"SGX\" or \"TDX\", got \"{}\"", id.substr(0, 16)));
}

// Reads a whole TCB info; holds what is only judged at its end.
class TcbInfoReader final {
 public:
  explicit TcbInfoReader(JsonScanner& scanner) : scanner_(scanner) {}

  absl::StatusOr<TcbInfo> Read() {
    RETURN_IF_ERROR(scanner_.ReadObject([this](std::string_view key) {
      return Annotate(ReadField(key), key);
    }));
    RETURN_IF_ERROR(fields_.RequireFirst(kRequired, "TCB info"));
    RETURN_IF_ERROR(CheckVersion());
    for (size_t i = 0; i < info_.levels.size(); ++i) {
      RETURN_IF_ERROR(CheckShape(shapes_[i], info_, i));
    }
    return std::move(info_);
  }

 private:
  static constexpr size_t kRequired = 8;
  static constexpr std::string_view kNames[] = {
      "version", "issueDate", "nextUpdate", "fmspc", "pceId", "tcbType",
      "tcbEvaluationDataNumber", "tcbLevels",
      // not in every version
      "id", "tdxModule", "tdxModuleIdentities"};

  absl::Status ReadField(std::string_view key) {
    switch (fields_.See(key)) {
      case 0: {
        ASSIGN_OR_RETURN(const uint64_t version,
                         scanner_.ReadNumber(kMaxNumber));
        info_.version = static_cast<uint32_t>(version);
        return absl::OkStatus();
      }
      case 1: {
        ASSIGN_OR_RETURN(info_.issue_date, ReadTime(scanner_));
        return absl::OkStatus();
      }
      case 2: {
        ASSIGN_OR_RETURN(info_.next_update, ReadTime(scanner_));
        return absl::OkStatus();
      }
      case 3:
        return ReadHex(scanner_, info_.fmspc);
      case 4:
        return ReadHex(scanner_, info_.pce_id);
      case 5:
        // Only type 0 compares component by component.
        return scanner_.ReadNumber(0).status();
      case 6: {
        ASSIGN_OR_RETURN(const uint64_t number,
                         scanner_.ReadNumber(kMaxNumber));
        info_.evaluation_data_number = static_cast<uint32_t>(number);
        return absl::OkStatus();
      }
      default:
        return ReadMore(key);
    }
  }

  // The rest of ReadField(), which would be too long.
  absl::Status ReadMore(std::string_view key) {
    switch (fields_.See(key)) {
      case 7:
        return scanner_.ReadArray(kMaxTcbLevels, [this] {
          return ReadLevel(scanner_, info_.levels.emplace_back(),
                           shapes_.emplace_back());
        });
      case 8: {
        ASSIGN_OR_RETURN(info_.tee, ReadId(scanner_));
        return absl::OkStatus();
      }
      case 9: {
        ASSIGN_OR_RETURN(info_.tdx_module, ReadModule(scanner_));
        return absl::OkStatus();
      }
      case 10: {
        ASSIGN_OR_RETURN(info_.tdx_module_identities,
                         ReadModuleIdentities(scanner_));
        return absl::OkStatus();
      }
      default:
        return scanner_.Skip();
    }
  }

  // What belongs together: version 3 has an id, TDX describes its module.
  absl::Status CheckVersion() const {
    if (info_.version != 2 && info_.version != 3) {
      return InvalidArgument(
          fmt::format("version: want 2 or 3, got {}", info_.version));
    }
    // Version 2 is SGX's and has no id.
    if (fields_.Has(8) != (info_.version == 3)) {
      return InvalidArgument(fmt::format(
          "id: version {} {}", info_.version,
          info_.version == 3 ? "must have one" : "must not have one"));
    }
    if (info_.tdx_module.has_value() != (info_.tee == IntelTee::kTdx)) {
      return InvalidArgument(
          fmt::format("tdxModule: does not fit id {}", ToString(info_.tee)));
    }
    return absl::OkStatus();
  }

  JsonScanner& scanner_;
  FieldSet fields_{kNames};
  TcbInfo info_;
  std::vector<LevelShape> shapes_;
};

}  // namespace

// For a body that stands alone: nothing may follow.
absl::StatusOr<TcbInfo> ParseTcbInfoUnverified(std::string_view body) {
  JsonScanner scanner(body);
  ASSIGN_OR_RETURN(TcbInfo parsed, ReadTcbInfoUnverified(scanner));
  RETURN_IF_ERROR(scanner.ExpectEnd());
  return parsed;
}

absl::StatusOr<TcbInfo> ReadTcbInfoUnverified(JsonScanner& scanner) {
  return TcbInfoReader(scanner).Read();
}

}  // namespace constellation::attestation
