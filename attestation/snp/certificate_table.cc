// SPDX-License-Identifier: Apache-2.0
#include "attestation/snp/certificate_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/byte_reader.h"
#include "common/status.h"
#include "common/status_macros.h"

namespace constellation::attestation {
namespace {

using Octets = std::span<const uint8_t>;
using Table = SnpCertificateTableUnverified;

constexpr size_t kEntrySize = 24;

// One line of the table; the last one is all zero.
struct Entry {
  Octets guid;
  uint32_t offset = 0;
  uint32_t length = 0;

  bool is_end() const {
    return offset == 0 && length == 0 &&
           std::ranges::all_of(guid, [](uint8_t octet) { return octet == 0; });
  }
};

constexpr std::pair<const SnpTableGuid*, Octets Table::*> kKnown[] = {
    {&kSnpGuidVcek, &Table::vcek},
    {&kSnpGuidVlek, &Table::vlek},
    {&kSnpGuidAsk, &Table::ask},
    {&kSnpGuidArk, &Table::ark}};

// The host writes these numbers: every read is bounded by the table.
absl::StatusOr<Entry> ReadEntry(LittleEndianReader& reader) {
  Entry entry;
  ASSIGN_OR_RETURN(entry.guid, reader.Take(16, "SNP certificate table: GUID"));
  ASSIGN_OR_RETURN(entry.offset,
                   reader.Read<uint32_t>("SNP certificate table: offset"));
  ASSIGN_OR_RETURN(entry.length,
                   reader.Read<uint32_t>("SNP certificate table: length"));
  return entry;
}

// A GUID given twice is refused: two parsers could take different ones.
absl::Status Store(const Entry& entry, Octets contents, Table& result) {
  for (const auto& [guid, member] : kKnown) {
    if (!std::ranges::equal(*guid, entry.guid)) {
      continue;
    }
    if (!(result.*member).empty()) {
      return InvalidArgument(
          fmt::format("SNP certificate table: entry {} occurs twice",
                      HexEncode(entry.guid)));
    }
    result.*member = contents;
  }
  return absl::OkStatus();
}

void PutU32(Bytes& to, size_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    to.push_back(static_cast<uint8_t>(value >> shift));
  }
}

}  // namespace

// Two passes, because offsets may only be judged once the end of the entries is
// known.
absl::StatusOr<Table> Table::Parse(Octets table) {
  if (table.size() > kMaxSnpCertificateTableSize) {
    return InvalidArgument(
        fmt::format("SNP certificate table: want at most {} octets, got {}",
                    kMaxSnpCertificateTableSize, table.size()));
  }
  Table result;
  if (table.empty()) {
    return result;
  }
  // The entries' end first: contents must not overlap them.
  LittleEndianReader scan(table);
  while (true) {
    ASSIGN_OR_RETURN(const Entry entry, ReadEntry(scan));
    if (entry.is_end()) {
      break;
    }
  }
  const size_t header = scan.offset();
  LittleEndianReader reader(table);
  while (reader.offset() + kEntrySize < header) {
    ASSIGN_OR_RETURN(const Entry entry, ReadEntry(reader));
    if (entry.length == 0 || entry.offset < header ||
        entry.offset > table.size() ||
        entry.length > table.size() - entry.offset) {
      return InvalidArgument(fmt::format(
          "SNP certificate table: entry {}: want contents between {} and {}, "
          "got {} octets at {}",
          HexEncode(entry.guid), header, table.size(), entry.length,
          entry.offset));
    }
    RETURN_IF_ERROR(
        Store(entry, table.subspan(entry.offset, entry.length), result));
  }
  return result;
}

Bytes BuildSnpCertificateTable(const Table& entries) {
  size_t offset = kEntrySize;
  for (const auto& [guid, member] : kKnown) {
    offset += (entries.*member).empty() ? 0 : kEntrySize;
  }
  Bytes table;
  Bytes contents;
  for (const auto& [guid, member] : kKnown) {
    const Octets blob = entries.*member;
    if (blob.empty()) {
      continue;
    }
    table.insert(table.end(), guid->begin(), guid->end());
    PutU32(table, offset + contents.size());
    PutU32(table, blob.size());
    contents.insert(contents.end(), blob.begin(), blob.end());
  }
  table.resize(table.size() + kEntrySize);
  table.insert(table.end(), contents.begin(), contents.end());
  return table;
}

}  // namespace constellation::attestation
