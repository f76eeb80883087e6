// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_SHOW_H_
#define CONSTELLATION_CLI_ATTESTATION_SHOW_H_

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "cli/attestation/file_kind.h"
#include "cli/attestation/shown.h"

namespace constellation::cli {

// A file and what a decoder read in it.
struct ShownFile {
  // As the user wrote it; the size is in octets, before any unwrapping.
  std::string name;
  FileKind kind = FileKind::kUnknown;
  std::string_view wrapping;
  size_t size = 0;
  Decoded decoded;
};

// Recognises and decodes `bytes`. Verifies nothing. Pure, thread-safe; memory
// is bounded by the file's size and the limits of ShownPart.
ShownFile ShowFile(std::string_view name, std::span<const uint8_t> bytes);

// For people: begins and ends with the words that nothing was verified. Control
// characters of the file come out as '?'.
// Text, one table per part, cut at the limits of ShownPart.
std::string RenderShownTable(const ShownFile& file);
// For machines: {"verified": false, "file", "kind", "parts": [{"title",
// "fields": [{"name", "value"}]}], "problem"}.
// "version" is 1 and grows with incompatible changes. Control characters come
// out as '?' here, too.
std::string RenderShownJson(const ShownFile& file);

// OK if the file was recognised and read to its end, INVALID_ARGUMENT saying
// what is wrong otherwise.
absl::Status ToStatus(const ShownFile& file);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_SHOW_H_
