// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_INTERNAL_OPENSSL_H_
#define CONSTELLATION_CRYPTO_INTERNAL_OPENSSL_H_

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "common/hex.h"

// Ownership of OpenSSL's handles, for crypto/ alone.
namespace constellation::crypto::internal {

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* handle) const {
    kFree(handle);
  }
};

using UniquePkey = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using UniquePkeyContext =
    std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using UniqueX509 = std::unique_ptr<X509, Deleter<X509_free>>;
using UniqueX509Req = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;
using UniqueBio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using UniqueDigestContext =
    std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using UniqueBignum = std::unique_ptr<BIGNUM, Deleter<BN_clear_free>>;
using UniqueSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

// Status with `what` and the text of OpenSSL's newest error; empties its queue.
absl::Status OpenSslError(absl::StatusCode code, std::string_view what);

// A read-only memory BIO over `octets`, which must outlive it.
UniqueBio ReadBio(std::span<const uint8_t> octets);
// Everything written to a memory BIO.
std::string BioText(BIO* bio);

// DER of anything for which OpenSSL has an i2d function; empty on failure.
template <typename T>
Bytes ToDer(int (*encode)(const T*, unsigned char**), const T* object) {
  const int size = encode(object, nullptr);
  if (size <= 0) {
    return {};
  }
  Bytes der(static_cast<size_t>(size));
  unsigned char* position = der.data();
  encode(object, &position);
  return der;
}

}  // namespace constellation::crypto::internal

#endif  // CONSTELLATION_CRYPTO_INTERNAL_OPENSSL_H_
