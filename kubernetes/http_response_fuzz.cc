// SPDX-License-Identifier: Apache-2.0
// Answers of a server: whole, then octet by octet; both must end the same way.
#include <cstdint>
#include <string>

#include "kubernetes/internal/http_response_reader.h"

namespace {

using constellation::kubernetes::internal::HttpResponseReader;

std::string Outcome(std::string_view octets, size_t piece_size) {
  std::string outcome;
  HttpResponseReader reader(
      [&outcome](int, std::string_view piece) {
        outcome += piece;
        return true;
      },
      /*answers_head=*/false);
  while (!octets.empty()) {
    const auto complete = reader.Read(octets.substr(0, piece_size));
    if (!complete.ok()) return "refused";
    if (*complete) return outcome + "/" + std::to_string(reader.status());
    octets.remove_prefix(std::min(piece_size, octets.size()));
  }
  return reader.Finish().ok() ? outcome + "/" + std::to_string(reader.status())
                              : "cut";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::string whole = Outcome(octets, octets.size() + 1);
  // A head that is too long may be noticed later when it comes in pieces.
  if (size < 4096 && whole != Outcome(octets, 1)) __builtin_trap();
  return 0;
}
