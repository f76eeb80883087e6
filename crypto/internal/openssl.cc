// SPDX-License-Identifier: Apache-2.0
#include "crypto/internal/openssl.h"

#include <fmt/format.h>
#include <openssl/err.h>

#include <array>

namespace constellation::crypto::internal {

// Empties the thread's error queue: what is left there would be taken for the
// next call's reason.
absl::Status OpenSslError(absl::StatusCode code, std::string_view what) {
  std::array<char, 256> text{"no detail"};
  const unsigned long error =
      ERR_peek_last_error();  // NOLINT(google-runtime-int): OpenSSL's type
  if (error != 0) {
    ERR_error_string_n(error, text.data(), text.size());
  }
  ERR_clear_error();
  return {code, fmt::format("{}: {}", what, text.data())};
}

UniqueBio ReadBio(std::span<const uint8_t> octets) {
  return UniqueBio(
      BIO_new_mem_buf(octets.data(), static_cast<int>(octets.size())));
}

// Copies: the BIO's memory goes away with it.
std::string BioText(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(
      bio, &data);  // NOLINT(google-runtime-int): OpenSSL's type
  return {data, static_cast<size_t>(size)};
}

}  // namespace constellation::crypto::internal
