// SPDX-License-Identifier: Apache-2.0
// Genuine evidence with one bit or field altered: none that differs in a signed
// or compared octet may be accepted, and none may crash.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "attestation/snp/snp_chain_cache.h"
#include "attestation/snp/verify_snp.h"
#include "attestation/testing/vectors.h"
#include "crypto/x509.h"

namespace constellation::attestation {
namespace {

using ::constellation::testing::ReadVector;

// A genuine report with its chain and revocation list.
struct Genuine {
  Bytes report;
  Bytes signer;
  Bytes intermediate;
  Bytes root;
  Bytes crl;
  std::shared_ptr<SnpChainCache> cache = std::make_shared<SnpChainCache>(4);
  absl::Time now = absl::FromUnixSeconds(1788220800);  // 2026-09-01

  SnpVerificationInput Input() const {
    return {.report = report,
            .endorsements = {.signer = signer,
                             .intermediate = intermediate,
                             .root = root,
                             .crl = crl},
            .options = {}};
  }
  // With a cache, as a verifier of many reports has one.
  bool Verifies() const {
    return CheckSnp(Input(), now, cache.get()).report.has_value();
  }
};

Bytes PemVector(const std::string& name) {
  const Bytes pem = ReadVector(name);
  return crypto::Certificate::FromPem(AsText(pem)).value().der();
}

Genuine MakeGenuine(const std::string& product, const std::string& report,
                    const std::string& signer) {
  Genuine genuine;
  genuine.report = ReadVector("snp/" + report);
  genuine.signer = ReadVector("snp/" + signer);
  genuine.intermediate = PemVector("snp/" + product + "-ask.pem");
  genuine.root = PemVector("snp/" + product + "-ark.pem");
  genuine.crl = ReadVector("snp/" + product + "-crl-2026-08.der");
  return genuine;
}

class SnpMutationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!constellation::testing::VectorsFolder().has_value()) {
      GTEST_SKIP() << constellation::testing::kNoVectors;
    }
    genuine_ = {
        MakeGenuine("milan", "milan-v3-aci-report.bin",
                    "milan-aci-vcek-issued-2025-12.der"),
        MakeGenuine("turin", "turin-v5-aci-report.bin", "turin-aci-vcek.der")};
  }

  // Every `step`-th bit; 9 takes one of each octet, each time another.
  static void ExpectNoBitAccepted(Genuine genuine, Bytes Genuine::*member,
                                  size_t step) {
    ASSERT_TRUE(genuine.Verifies());
    Bytes& octets = genuine.*member;
    for (size_t bit = 0; bit < octets.size() * 8; bit += step) {
      const auto mask = static_cast<uint8_t>(1U << bit % 8);
      octets[bit / 8] = static_cast<uint8_t>(octets[bit / 8] ^ mask);
      ASSERT_FALSE(genuine.Verifies()) << "bit " << bit;
      octets[bit / 8] = static_cast<uint8_t>(octets[bit / 8] ^ mask);
    }
    ASSERT_TRUE(genuine.Verifies());
  }
  static void ExpectNoLengthAccepted(Genuine genuine, Bytes Genuine::*member) {
    const Bytes whole = genuine.*member;
    for (size_t size = 0; size < whole.size(); size += 3) {
      (genuine.*member)
          .assign(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(genuine.Verifies(), size == 0 && member == &Genuine::crl)
          << size;
    }
    genuine.*member = whole;
    (genuine.*member).push_back(0);
    EXPECT_FALSE(genuine.Verifies());
  }

  std::vector<Genuine> genuine_;
};

TEST_F(SnpMutationTest, NoBitOfAReport) {
  ExpectNoBitAccepted(genuine_.at(0), &Genuine::report, 1);
}

TEST_F(SnpMutationTest, NoBitOfATurinReport) {
  ExpectNoBitAccepted(genuine_.at(1), &Genuine::report, 1);
}

TEST_F(SnpMutationTest, NoBitOfTheSignersCertificate) {
  ExpectNoBitAccepted(genuine_.at(0), &Genuine::signer, 1);
}

TEST_F(SnpMutationTest, NoBitOfTheIntermediateCertificate) {
  ExpectNoBitAccepted(genuine_.at(0), &Genuine::intermediate, 9);
}

TEST_F(SnpMutationTest, NoBitOfTheRootCertificate) {
  ExpectNoBitAccepted(genuine_.at(0), &Genuine::root, 9);
}

TEST_F(SnpMutationTest, NoBitOfTheRevocationList) {
  ExpectNoBitAccepted(genuine_.at(0), &Genuine::crl, 9);
}

TEST_F(SnpMutationTest, NoOtherLength) {
  for (const auto member :
       {&Genuine::report, &Genuine::signer, &Genuine::intermediate,
        &Genuine::root, &Genuine::crl}) {
    ExpectNoLengthAccepted(genuine_.at(0), member);
  }
}

// Parts of two products, exchanged in every way.
TEST_F(SnpMutationTest, NoMixtureOfTwoProducts) {
  for (unsigned mask = 1; mask < 31; ++mask) {
    Genuine mixed = genuine_.at(0);
    const Genuine& other = genuine_.at(1);
    unsigned bit = 0;
    for (const auto member :
         {&Genuine::report, &Genuine::signer, &Genuine::intermediate,
          &Genuine::root, &Genuine::crl}) {
      if ((mask >> bit++ & 1U) != 0) {
        mixed.*member = other.*member;
      }
    }
    EXPECT_FALSE(mixed.Verifies()) << mask;
  }
}

// The signature as (r, n - s) is as good as (r, s), for whoever knows ECDSA:
// the report's fields are the same. Nothing may identify a report by its
// signature's octets.
TEST_F(SnpMutationTest, SignaturesOfNothing) {
  Genuine genuine = genuine_.at(0);
  for (const int value : {0x00, 0x01, 0xff}) {
    std::fill_n(genuine.report.begin() + kSnpSignedSize, 48,
                static_cast<uint8_t>(value));
    std::fill_n(genuine.report.begin() + kSnpSignedSize + 72, 48,
                static_cast<uint8_t>(value));
    EXPECT_FALSE(genuine.Verifies()) << value;
  }
}

}  // namespace
}  // namespace constellation::attestation
