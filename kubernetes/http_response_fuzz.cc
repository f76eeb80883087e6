// SPDX-License-Identifier: Apache-2.0
// Answers of a server: whole, then octet by octet. Where both are accepted,
// both must mean the same. (The parser notices some malformed heads and
// trailers only when they come in one piece.)
#include <algorithm>
#include <cstdint>
#include <string>

#include "kubernetes/internal/http_response_reader.h"

namespace {

using constellation::kubernetes::internal::HttpResponseReader;

constexpr char kFailed[] = "failed";

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
    if (!complete.ok()) return kFailed;
    if (*complete) return outcome + "/" + std::to_string(reader.status());
    octets.remove_prefix(std::min(piece_size, octets.size()));
  }
  return reader.Finish().ok() ? outcome + "/" + std::to_string(reader.status())
                              : kFailed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::string whole = Outcome(octets, octets.size() + 1);
  const std::string pieces = Outcome(octets, 1);
  if (whole != kFailed && pieces != kFailed && whole != pieces) {
    __builtin_trap();
  }
  return 0;
}
