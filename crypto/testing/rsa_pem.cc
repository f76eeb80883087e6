// SPDX-License-Identifier: Apache-2.0
#include "crypto/testing/rsa_pem.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "crypto/internal/openssl.h"

namespace constellation::crypto::testing {
namespace {

using internal::UniqueBignum;
using internal::UniquePkey;
using UniqueBuilder =
    std::unique_ptr<OSSL_PARAM_BLD, internal::Deleter<OSSL_PARAM_BLD_free>>;
using UniqueParams =
    std::unique_ptr<OSSL_PARAM, internal::Deleter<OSSL_PARAM_free>>;

void Require(bool good) {
  if (!good) {
    std::abort();
  }
}

UniquePkey Generate(int bits) {
  UniquePkey key(EVP_RSA_gen(static_cast<size_t>(bits)));
  Require(key != nullptr);
  return key;
}

std::string Write(const EVP_PKEY* key, RsaPemForm form) {
  const internal::UniqueBio bio(BIO_new(BIO_s_mem()));
  std::string passphrase = "test";
  const bool encrypted = form == RsaPemForm::kEncryptedPkcs8 ||
                         form == RsaPemForm::kEncryptedPkcs1;
  const bool pkcs1 =
      form == RsaPemForm::kPkcs1 || form == RsaPemForm::kEncryptedPkcs1;
  const EVP_CIPHER* const cipher = encrypted ? EVP_aes_128_cbc() : nullptr;
  const int size = encrypted ? static_cast<int>(passphrase.size()) : 0;
  auto* const secret =
      encrypted ? reinterpret_cast<unsigned char*>(passphrase.data()) : nullptr;
  const int good =
      pkcs1 ? PEM_write_bio_PrivateKey_traditional(
                  bio.get(), key, cipher, secret, size, nullptr, nullptr)
            : PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher,
                                            reinterpret_cast<char*>(secret),
                                            size, nullptr, nullptr);
  Require(good == 1);
  return internal::BioText(bio.get());
}

}  // namespace

std::string MakeRsaPem(int bits, RsaPemForm form) {
  return Write(Generate(bits).get(), form);
}

std::string MakeInconsistentRsaPem() {
  const UniquePkey right = Generate(2048);
  const UniquePkey wrong = Generate(2048);
  const UniqueBuilder builder(OSSL_PARAM_BLD_new());
  std::array<UniqueBignum, 8> numbers;
  size_t index = 0;
  const auto push = [&](const EVP_PKEY* from, const char* name) {
    BIGNUM* number = nullptr;
    Require(EVP_PKEY_get_bn_param(from, name, &number) == 1);
    numbers.at(index).reset(number);
    Require(OSSL_PARAM_BLD_push_BN(builder.get(), name, number) == 1);
    ++index;
  };
  push(right.get(), OSSL_PKEY_PARAM_RSA_N);
  push(right.get(), OSSL_PKEY_PARAM_RSA_E);
  push(wrong.get(), OSSL_PKEY_PARAM_RSA_D);
  push(right.get(), OSSL_PKEY_PARAM_RSA_FACTOR1);
  push(right.get(), OSSL_PKEY_PARAM_RSA_FACTOR2);
  push(wrong.get(), OSSL_PKEY_PARAM_RSA_EXPONENT1);
  push(wrong.get(), OSSL_PKEY_PARAM_RSA_EXPONENT2);
  push(right.get(), OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
  const UniqueParams params(OSSL_PARAM_BLD_to_param(builder.get()));
  const internal::UniquePkeyContext context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  Require(EVP_PKEY_fromdata_init(context.get()) == 1 &&
          EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR,
                            params.get()) == 1);
  const UniquePkey owned(key);
  return Write(key, RsaPemForm::kPkcs1);
}

}  // namespace constellation::crypto::testing
