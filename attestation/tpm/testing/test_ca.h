// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TPM_TESTING_TEST_CA_H_
#define CONSTELLATION_ATTESTATION_TPM_TESTING_TEST_CA_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "common/hex.h"

namespace constellation::testing {

enum class TestKeyType { kP256, kP384, kRsa };

// A key pair of this process. Thread-safe once made.
class TestKey final {
 public:
  explicit TestKey(TestKeyType type);
  ~TestKey();

  // DER SubjectPublicKeyInfo.
  Bytes Spki() const;
  // ECDSA with SHA-384 as r || s of 48 octets each; P-384 only.
  Bytes SignEs384(std::span<const uint8_t> message) const;

 private:
  friend Bytes MakeCertificate(const struct CertificateSpec& spec,
                               const Bytes& subject_spki,
                               const TestKey& issuer);
  friend Bytes MakeCrl(const struct CrlSpec& spec, const TestKey& issuer);
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

// An extension as octets.
struct TestExtension {
  std::string oid;  // dotted
  bool critical = false;
  Bytes value;
};

// CRL distribution points with one URL, of at most 100 octets.
TestExtension CrlPoint(std::string_view url);

// What a certificate says, to be spoilt one by one.
struct CertificateSpec {
  std::string name = "leaf";    // the subject's common name
  std::string issuer = "root";  // the issuer's
  absl::Time not_before = absl::UnixEpoch();
  absl::Time not_after = absl::UnixEpoch() + absl::Hours(24 * 365 * 100);
  bool ca = false;
  std::optional<int> path_length;
  std::string key_usage = "digitalSignature";  // OpenSSL's words, or empty
  bool key_ids = true;  // SKI, and AKI of the issuer's key
  std::vector<TestExtension> extensions;
  long serial = 7;
};

// What a revocation list says.
struct CrlSpec {
  std::string issuer = "root";  // its common name
  absl::Time this_update = absl::UnixEpoch();
  absl::Time next_update = absl::UnixEpoch() + absl::Hours(24 * 365 * 100);
  std::vector<long> revoked = {};  // serial numbers
};

// The specification of a CA.
CertificateSpec CaSpec(std::string name, std::string issuer,
                       std::optional<int> path_length = std::nullopt);

// DER of a certificate for `subject`'s key, signed by `issuer`: with SHA-384 if
// it is of P-384, else SHA-256.
Bytes MakeCertificate(const CertificateSpec& spec, const TestKey& subject,
                      const TestKey& issuer);
// The same for the key in a SubjectPublicKeyInfo.
Bytes MakeCertificate(const CertificateSpec& spec, const Bytes& subject_spki,
                      const TestKey& issuer);

// DER of a revocation list, signed by `issuer`.
Bytes MakeCrl(const CrlSpec& spec, const TestKey& issuer);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TPM_TESTING_TEST_CA_H_
