// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_TESTING_RSA_PEM_H_
#define CONSTELLATION_CRYPTO_TESTING_RSA_PEM_H_

#include <string>

namespace constellation::crypto::testing {

// How a key is written down.
enum class RsaPemForm { kPkcs8, kPkcs1, kEncryptedPkcs8, kEncryptedPkcs1 };

// A new RSA key as PEM; passphrase "test" where encrypted. Dies on failure.
std::string MakeRsaPem(int bits = 2048, RsaPemForm form = RsaPemForm::kPkcs8);
// A PKCS #1 key in which `d`, `dp` and `dq` are another key's: well-formed, and
// of no use.
std::string MakeInconsistentRsaPem();

}  // namespace constellation::crypto::testing

#endif  // CONSTELLATION_CRYPTO_TESTING_RSA_PEM_H_
