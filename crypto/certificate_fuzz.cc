// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/p256.h"
#include "crypto/x509.h"

// Any octets give a value or a status, never a crash.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> octets(data, size);
  const auto certificate = constellation::crypto::Certificate::FromDer(octets);
  if (certificate.ok()) {
    (void)certificate->Subject();
    (void)certificate->Issuer();
    (void)certificate->SubjectCommonName();
    (void)certificate->CheckValidAt(absl::UnixEpoch());
    (void)certificate->Key();
    (void)certificate->VerifySignedBy(*certificate);
  }
  (void)constellation::crypto::PemDecode("CERTIFICATE",
                                         constellation::AsText(octets));
  return 0;
}
