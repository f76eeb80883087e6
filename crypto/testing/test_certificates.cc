// SPDX-License-Identifier: Apache-2.0
#include "crypto/testing/test_certificates.h"

#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include <utility>

#include "crypto/der.h"
#include "crypto/internal/openssl.h"

namespace constellation::crypto::testing {
namespace {

void Must(bool good) {
  if (!good) {
    fprintf(stderr, "test certificates: %s\n",
            std::string(
                internal::OpenSslError(absl::StatusCode::kInternal, "OpenSSL")
                    .message())
                .c_str());
    abort();
  }
}

Bytes Constant(std::string_view hex) {
  return HexDecode(hex).value();
}

// The DER of AlgorithmIdentifiers.
constexpr std::string_view kSha384Id = "300d06096086480165030402020500";
constexpr std::string_view kSha256Id = "300d06096086480165030402010500";

Bytes PssAlgorithm(std::string_view hash, uint64_t salt, bool trailer) {
  const Bytes hash_id = Constant(hash);
  std::vector<Bytes> parameters = {
      Der(kDerContext0, hash_id),
      Der(kDerContext1,
          DerSequence({Constant("06092a864886f70d010108"), hash_id})),
      Der(kDerContext2, DerNumber(salt))};
  if (trailer) {
    parameters.push_back(Der(kDerContext3, DerNumber(1)));
  }
  return DerSequence(
      {Constant("06092a864886f70d01010a"), DerSequence(parameters)});
}

const EVP_MD* HashOf(TestScheme scheme) {
  switch (scheme) {
    case TestScheme::kEcdsaSha256:
    case TestScheme::kPkcs1Sha256:
    case TestScheme::kPssSha256:
      return EVP_sha256();
    case TestScheme::kEcdsaSha512:
      return EVP_sha512();
    case TestScheme::kPkcs1Sha1:
      return EVP_sha1();
    default:
      return EVP_sha384();
  }
}

// Salt length, or nothing for a scheme that is not PSS.
std::optional<int> SaltOf(TestScheme scheme) {
  switch (scheme) {
    case TestScheme::kPssSha256:
    case TestScheme::kPssSha384ShortSalt:
      return 32;
    case TestScheme::kPssSha384:
    case TestScheme::kPssSha384WithTrailer:
      return 48;
    default:
      return std::nullopt;
  }
}

Bytes DerExtensions(const std::vector<TestExtension>& extensions) {
  std::vector<Bytes> list;
  for (const TestExtension& extension : extensions) {
    list.push_back(DerSequence(
        {Der(kDerOid, extension.oid),
         extension.critical ? Der(kDerBoolean, Bytes{0xff}) : Bytes(),
         Der(kDerOctetString, extension.value)}));
  }
  return DerSequence(list);
}

Bytes SignedDer(const Bytes& tbs, const TestKey& key, TestScheme scheme,
                const Bytes& algorithm) {
  const Bytes signature = key.Sign(scheme, tbs);
  return DerSequence(
      {tbs, algorithm, Der(kDerBitString, Join({Bytes{0}, signature}))});
}

}  // namespace

Bytes Der(uint8_t tag, std::span<const uint8_t> contents) {
  Bytes der = {tag};
  const size_t size = contents.size();
  if (size < 0x80) {
    der.push_back(static_cast<uint8_t>(size));
  } else if (size < 0x100) {
    der.insert(der.end(), {0x81, static_cast<uint8_t>(size)});
  } else {
    der.insert(der.end(), {0x82, static_cast<uint8_t>(size >> 8U),
                           static_cast<uint8_t>(size)});
  }
  der.insert(der.end(), contents.begin(), contents.end());
  return der;
}

Bytes Join(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

Bytes DerSequence(const std::vector<Bytes>& parts) {
  return Der(kDerSequence, Join(parts));
}

Bytes DerNumber(uint64_t value) {
  Bytes contents;
  do {
    contents.insert(contents.begin(), static_cast<uint8_t>(value));
    value >>= 8U;
  } while (value != 0);
  if (contents[0] >= 0x80) {
    contents.insert(contents.begin(), 0);
  }
  return Der(kDerInteger, contents);
}

Bytes DerTimeOf(absl::Time time) {
  const bool utc = absl::ToCivilYear(time, absl::UTCTimeZone()).year() < 2050;
  const std::string text = absl::FormatTime(
      utc ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ", time, absl::UTCTimeZone());
  return Der(utc ? kDerUtcTime : kDerGeneralizedTime, AsBytes(text));
}

Bytes DerName(std::string_view common_name) {
  const auto attribute = [](uint8_t type, std::string_view value) {
    return Der(kDerSet, DerSequence({Der(kDerOid, Bytes{0x55, 0x04, type}),
                                     Der(kDerUtf8String, AsBytes(value))}));
  };
  return DerSequence({attribute(0x0a, "Test"), attribute(0x03, common_name)});
}

Bytes AlgorithmOf(TestScheme scheme) {
  switch (scheme) {
    case TestScheme::kEcdsaSha256:
      return Constant("300a06082a8648ce3d040302");
    case TestScheme::kEcdsaSha384:
      return Constant("300a06082a8648ce3d040303");
    case TestScheme::kEcdsaSha512:
      return Constant("300a06082a8648ce3d040304");
    case TestScheme::kPkcs1Sha1:
      return Constant("300d06092a864886f70d0101050500");
    case TestScheme::kPkcs1Sha256:
      return Constant("300d06092a864886f70d01010b0500");
    case TestScheme::kPkcs1Sha384:
      return Constant("300d06092a864886f70d01010c0500");
    case TestScheme::kPssSha256:
      return PssAlgorithm(kSha256Id, 32, false);
    case TestScheme::kPssSha384:
      return PssAlgorithm(kSha384Id, 48, false);
    case TestScheme::kPssSha384WithTrailer:
      return PssAlgorithm(kSha384Id, 48, true);
    case TestScheme::kPssSha384ShortSalt:
      return PssAlgorithm(kSha384Id, 32, false);
  }
  return {};
}

struct TestKey::Key {
  internal::UniquePkey handle;
};

TestKey TestKey::GenerateEc(EcCurve curve) {
  auto key = std::make_shared<Key>();
  key->handle.reset(EVP_EC_gen(curve == EcCurve::kP256 ? "P-256" : "P-384"));
  Must(key->handle != nullptr);
  return TestKey(std::move(key));
}

TestKey TestKey::GenerateRsa(int bits) {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* made = nullptr;
  Must(EVP_PKEY_keygen_init(context.get()) == 1 &&
       EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), bits) == 1 &&
       EVP_PKEY_CTX_set_rsa_keygen_primes(context.get(),
                                          bits >= 4096 ? 4 : 2) == 1 &&
       EVP_PKEY_generate(context.get(), &made) == 1);
  auto key = std::make_shared<Key>();
  key->handle.reset(made);
  return TestKey(std::move(key));
}

Bytes TestKey::Spki() const {
  return internal::ToDer(i2d_PUBKEY, key_->handle.get());
}

PublicKey TestKey::Public() const {
  return PublicKey::FromSpki(Spki()).value();
}

Bytes TestKey::Sign(TestScheme scheme, std::span<const uint8_t> message) const {
  const internal::UniqueDigestContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  Must(EVP_DigestSignInit(context.get(), &options, HashOf(scheme), nullptr,
                          key_->handle.get()) == 1);
  if (const std::optional<int> salt = SaltOf(scheme); salt.has_value()) {
    Must(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, *salt) == 1);
  }
  Bytes signature(1024);
  size_t size = signature.size();
  Must(EVP_DigestSign(context.get(), signature.data(), &size, message.data(),
                      message.size()) == 1);
  signature.resize(size);
  return signature;
}

TestExtension CaExtension() {
  return {.oid = {0x55, 0x1d, 0x13},
          .critical = true,
          .value = DerSequence({Der(kDerBoolean, Bytes{0xff})})};
}

Bytes MakeCertificate(const TestCertificate& fields, const TestKey& subject_key,
                      const TestKey& issuer_key, TestScheme scheme) {
  std::vector<Bytes> parts;
  if (fields.version != 0) {
    parts.push_back(Der(kDerContext0, DerNumber(fields.version)));
  }
  parts.push_back(Der(kDerInteger, fields.serial));
  const Bytes algorithm = fields.algorithm.value_or(AlgorithmOf(scheme));
  parts.push_back(fields.inner_algorithm.value_or(algorithm));
  parts.push_back(DerName(fields.issuer));
  parts.push_back(
      DerSequence({DerTimeOf(fields.not_before), DerTimeOf(fields.not_after)}));
  parts.push_back(DerName(fields.subject));
  parts.push_back(fields.spki.value_or(subject_key.Spki()));
  if (!fields.extensions.empty()) {
    parts.push_back(Der(kDerContext3, DerExtensions(fields.extensions)));
  }
  return SignedDer(DerSequence(parts), issuer_key, scheme, algorithm);
}

Bytes MakeCrl(const TestCrl& fields, const TestKey& issuer_key,
              TestScheme scheme) {
  std::vector<Bytes> parts = {
      DerNumber(1), fields.inner_algorithm.value_or(AlgorithmOf(scheme)),
      DerName(fields.issuer), DerTimeOf(fields.this_update)};
  if (fields.next_update.has_value()) {
    parts.push_back(DerTimeOf(*fields.next_update));
  }
  if (!fields.revoked.empty()) {
    std::vector<Bytes> entries;
    for (const Bytes& serial : fields.revoked) {
      entries.push_back(
          DerSequence({Der(kDerInteger, serial), DerTimeOf(fields.this_update),
                       fields.entry_extensions.empty()
                           ? Bytes()
                           : DerExtensions(fields.entry_extensions)}));
    }
    parts.push_back(DerSequence(entries));
  }
  std::vector<TestExtension> extensions = fields.extensions;
  if (fields.number.has_value()) {
    extensions.push_back({.oid = {0x55, 0x1d, 0x14},
                          .critical = false,
                          .value = DerNumber(*fields.number)});
  }
  if (!extensions.empty()) {
    parts.push_back(Der(kDerContext0, DerExtensions(extensions)));
  }
  return SignedDer(DerSequence(parts), issuer_key, scheme, AlgorithmOf(scheme));
}

}  // namespace constellation::crypto::testing
