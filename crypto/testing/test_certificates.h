// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CRYPTO_TESTING_TEST_CERTIFICATES_H_
#define CONSTELLATION_CRYPTO_TESTING_TEST_CERTIFICATES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/hex.h"
#include "crypto/public_key.h"

// Keys, certificates and revocation lists made while a test runs, right or
// spoilt in any field. For tests only; the functions end the program on errors.
namespace constellation::crypto::testing {

// One DER element: `tag`, the length of `contents`, and these.
Bytes Der(uint8_t tag, std::span<const uint8_t> contents);
// All octets of `parts` in a row.
Bytes Join(const std::vector<Bytes>& parts);
// SEQUENCE of `parts`.
Bytes DerSequence(const std::vector<Bytes>& parts);
// A non-negative INTEGER.
Bytes DerNumber(uint64_t value);
// UTCTime until 2049, GeneralizedTime from 2050 on.
Bytes DerTimeOf(absl::Time time);
// A Name with O=Test and this common name.
Bytes DerName(std::string_view common_name);

// How a TestKey signs, and the AlgorithmIdentifier that says so.
enum class TestScheme {
  kEcdsaSha256,
  kEcdsaSha384,
  kEcdsaSha512,
  kPkcs1Sha1,
  kPkcs1Sha256,
  kPkcs1Sha384,
  kPssSha256,
  kPssSha384,
  kPssSha384WithTrailer,  // the default of DER written out, as AMD did
  kPssSha384ShortSalt,    // 32 octets of salt
};

// A private key. Copies share it; thread-safe.
class TestKey final {
 public:
  static TestKey GenerateEc(EcCurve curve);
  // Takes some tenths of a second. 4096 bits are the product of four primes,
  // which is much faster and looks the same to a verifier.
  static TestKey GenerateRsa(int bits = 2048);
  Bytes Spki() const;
  PublicKey Public() const;
  // DER for ECDSA.
  Bytes Sign(TestScheme scheme, std::span<const uint8_t> message) const;

 private:
  struct Key;
  explicit TestKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

// DER AlgorithmIdentifier of a scheme.
Bytes AlgorithmOf(TestScheme scheme);

// One extension: contents of its OID, flag, contents of its OCTET STRING.
struct TestExtension {
  Bytes oid;
  bool critical = false;
  Bytes value;
};

// Basic constraints CA:TRUE, critical.
TestExtension CaExtension();

// What a certificate says. Optional parts replace what would be made of the
// others.
struct TestCertificate {
  uint64_t version = 2;  // 0 leaves it out
  Bytes serial = {1};
  std::string issuer = "issuer";
  std::string subject = "subject";
  absl::Time not_before = absl::FromUnixSeconds(1577836800);  // 2020-01-01
  absl::Time not_after = absl::FromUnixSeconds(2524608000);   // 2050-01-01
  std::vector<TestExtension> extensions;
  std::optional<Bytes> spki;
  std::optional<Bytes> inner_algorithm;  // the signed one only
  std::optional<Bytes> algorithm;        // both, over what really signed
};

// A DER certificate over `spki` of `subject_key`, signed by `issuer_key`.
Bytes MakeCertificate(const TestCertificate& fields, const TestKey& subject_key,
                      const TestKey& issuer_key, TestScheme scheme);

// What a revocation list says.
struct TestCrl {
  std::string issuer = "issuer";
  absl::Time this_update = absl::FromUnixSeconds(1577836800);
  std::optional<absl::Time> next_update = absl::FromUnixSeconds(2524608000);
  std::vector<Bytes> revoked;  // contents of serial numbers
  std::optional<uint64_t> number = 1;
  std::vector<TestExtension> extensions;
  std::optional<Bytes> inner_algorithm;
  std::vector<TestExtension> entry_extensions = {};  // of each entry
};

// A DER revocation list signed by `issuer_key`.
Bytes MakeCrl(const TestCrl& fields, const TestKey& issuer_key,
              TestScheme scheme);

}  // namespace constellation::crypto::testing

#endif  // CONSTELLATION_CRYPTO_TESTING_TEST_CERTIFICATES_H_
