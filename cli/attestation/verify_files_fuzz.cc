// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "cli/attestation/verify_files.h"

// Files that nobody signed are never verified. The input is cut into two files
// at the place that its first octets name.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace constellation::cli;  // NOLINT(build/namespaces)
  if (size < 2) {
    return 0;
  }
  const std::span<const uint8_t> input(data + 2, size - 2);
  const size_t cut =
      input.empty() ? 0 : (size_t{data[0]} << 8U | data[1]) % size;
  EvidenceSet set;
  set.Add("a", input.first(cut < input.size() ? cut : input.size()), true);
  set.Add("b", input.subspan(cut < input.size() ? cut : input.size()), true);
  VerifyFilesOptions options;
  options.now = absl::FromUnixSeconds(1767225600);
  const FileReport report = VerifyFiles(set, options);
  if (ToStatus(report).ok()) {
    std::abort();
  }
  static_cast<void>(RenderJunit(report));
  return 0;
}
