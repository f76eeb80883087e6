// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_SNP_TESTING_TEST_PLATFORM_H_
#define CONSTELLATION_ATTESTATION_SNP_TESTING_TEST_PLATFORM_H_

#include <functional>
#include <string>
#include <vector>

#include "attestation/snp/snp_report.h"
#include "attestation/snp/verify_snp.h"
#include "common/hex.h"
#include "crypto/testing/test_certificates.h"

// Makes SNP evidence below a root of its own: right, or spoilt in any field.
// Verifiers refuse it unless the root is named to them. For tests only.
namespace constellation::attestation::testing {

// Keys of a whole chain. Made once per process and shared.
struct TestSnpKeys {
  crypto::testing::TestKey root;
  crypto::testing::TestKey intermediate;
  crypto::testing::TestKey signer;
  static const TestSnpKeys& Shared();
};

// What a test platform's certificates say; change it before Evidence().
struct TestSnpPlatform {
  SnpProduct product = SnpProduct::kMilan;
  SnpSigningKey kind = SnpSigningKey::kVcek;
  SnpRawTcb tcb{};    // in the certificate
  Bytes hardware_id;  // likewise; of a VLEK none
  crypto::testing::TestCertificate root;
  crypto::testing::TestCertificate intermediate;
  crypto::testing::TestCertificate signer;
  crypto::testing::TestCrl crl;
  crypto::testing::TestScheme scheme = crypto::testing::TestScheme::kPssSha384;
  // Fields of its report; `Evidence()` writes them down and signs.
  SnpReportUnverified report;

  // A platform of `product` whose evidence verifies.
  static TestSnpPlatform Create(SnpProduct product,
                                SnpSigningKey kind = SnpSigningKey::kVcek);
};

// Finished octets. Copyable.
struct TestSnpEvidence {
  Bytes report;
  Bytes signer;
  Bytes intermediate;
  Bytes root;
  Bytes crl;
  std::vector<SnpRoot> roots;  // names the test root

  // Points into this value.
  SnpVerificationInput Input() const;
};

// The certificates, revocation list and signed report of `platform`.
TestSnpEvidence MakeEvidence(const TestSnpPlatform& platform);

// AMD's extensions as `platform` wants them in its signer's certificate.
std::vector<crypto::testing::TestExtension> SignerExtensions(
    const TestSnpPlatform& platform);

// The 1184 octets of a report, without a signature; and with one by `key`.
Bytes EncodeReport(const SnpReportUnverified& report);
Bytes SignReport(Bytes report, const crypto::testing::TestKey& key);

}  // namespace constellation::attestation::testing

#endif  // CONSTELLATION_ATTESTATION_SNP_TESTING_TEST_PLATFORM_H_
