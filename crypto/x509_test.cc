// SPDX-License-Identifier: Apache-2.0
#include "crypto/x509.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/status_macros.h"
#include "common/testing/status_matchers.h"
#include "crypto/der.h"
#include "crypto/p256.h"
#include "crypto/testing/octets.h"
#include "crypto/testing/test_certificates.h"
#include "crypto/testing/vectors.h"

namespace constellation::crypto {
namespace {

using ::constellation::testing::IsOk;
using ::constellation::testing::StatusIs;
using ::testing::HasSubstr;
using testing::WithBitFlipped;

class CertificateTest : public ::testing::Test {
 protected:
  const Certificate root_ = Certificate::FromPem(testing::kRootPem).value();
  const Certificate leaf_ = Certificate::FromPem(testing::kLeafPem).value();
};

TEST_F(CertificateTest, FingerprintIsThatOfTheDer) {
  EXPECT_EQ(HexEncode(leaf_.Fingerprint()),
            "6fb25d7eb93446ad7ac2355ff34de1cc18ed8262ac1760eec2020dddd"
            "fba39e2");
  EXPECT_EQ(HexEncode(root_.Fingerprint()),
            "f449f3fe48c1c049685a94acf0331ed212285ec354b220b1a006cfa28"
            "e52fc5e");
}

TEST_F(CertificateTest, KeepsItsDer) {
  EXPECT_EQ(PemEncode("CERTIFICATE", leaf_.der()), testing::kLeafPem);
}

TEST_F(CertificateTest, GivesItsKey) {
  EXPECT_EQ(HexEncode(leaf_.Spki()), testing::kLeafSpkiHex);
  EXPECT_EQ(leaf_.Key().value().bits(), 256);
  EXPECT_EQ(root_.Key().value().bits(), 384);
}

TEST_F(CertificateTest, GivesItsSubject) {
  EXPECT_EQ(leaf_.Subject(), "CN=leaf,O=Test");
}

TEST_F(CertificateTest, GivesItsDates) {
  EXPECT_EQ(leaf_.NotBefore().value(),
            absl::FromCivil(absl::CivilSecond(2026, 11, 21, 5, 27, 6),
                            absl::UTCTimeZone()));
  EXPECT_EQ(leaf_.NotAfter().value(),
            absl::FromCivil(absl::CivilSecond(2036, 11, 18, 5, 27, 6),
                            absl::UTCTimeZone()));
}

TEST_F(CertificateTest, VerifiesItsIssuer) {
  EXPECT_THAT(leaf_.VerifySignedBy(root_), IsOk());
  EXPECT_THAT(root_.VerifySignedBy(root_), IsOk());
}

TEST_F(CertificateTest, RejectsAnotherIssuer) {
  EXPECT_THAT(leaf_.VerifySignedBy(leaf_),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("certificate: signature")));
  EXPECT_THAT(root_.VerifySignedBy(leaf_),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(CertificateTest, RejectsEveryFlippedOctet) {
  for (size_t i = 0; i < leaf_.der().size(); ++i) {
    const absl::StatusOr<Certificate> spoilt =
        Certificate::FromDer(WithBitFlipped(leaf_.der(), i));
    if (spoilt.ok()) {
      EXPECT_THAT(spoilt->VerifySignedBy(root_),
                  StatusIs(absl::StatusCode::kUnauthenticated))
          << i;
    } else {
      EXPECT_THAT(spoilt, StatusIs(absl::StatusCode::kInvalidArgument)) << i;
    }
  }
}

TEST_F(CertificateTest, RejectsEveryTruncation) {
  const Bytes& der = leaf_.der();
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_THAT(Certificate::FromDer(std::span(der).first(size)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
}

TEST_F(CertificateTest, RejectsTrailingOctets) {
  Bytes der = leaf_.der();
  der.push_back(0);
  EXPECT_THAT(Certificate::FromDer(der),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CertificateTest, RejectsMoreThanItsLimit) {
  EXPECT_THAT(Certificate::FromDer(Bytes(16385)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 16384 octets, got 16385")));
}

TEST_F(CertificateTest, RejectsPemThatHoldsSomethingElse) {
  EXPECT_THAT(Certificate::FromPem(testing::kLeafKeyPkcs8),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Certificate::FromPem(PemEncode("CERTIFICATE", Bytes{1, 2, 3})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(CertificateTest, CopiesShareTheirContents) {
  const Certificate copy = leaf_;
  EXPECT_EQ(copy.der(), leaf_.der());
  EXPECT_THAT(copy.VerifySignedBy(root_), IsOk());
}

TEST_F(CertificateTest, GivesItsFields) {
  EXPECT_EQ(HexEncode(leaf_.serial()), "07");
  EXPECT_EQ(HexEncode(leaf_.issuer_name()), HexEncode(root_.subject_name()));
  EXPECT_NE(HexEncode(leaf_.subject_name()), HexEncode(root_.subject_name()));
  EXPECT_EQ(leaf_.Issuer(), "CN=root,O=Test");
  EXPECT_EQ(leaf_.SubjectCommonName(), "leaf");
  EXPECT_EQ(leaf_.SpkiFingerprint(), Sha256(leaf_.Spki()));
  EXPECT_EQ(leaf_.tbs().data(), leaf_.der().data() + 4);
  EXPECT_EQ(leaf_.tbs().size(), 0xca + 3U);
}

TEST_F(CertificateTest, GivesExtensionsAndRoles) {
  EXPECT_TRUE(root_.is_ca());
  EXPECT_FALSE(leaf_.is_ca());
  EXPECT_EQ(leaf_.extensions().size(), 0U);
  ASSERT_EQ(root_.extensions().size(), 3U);
  EXPECT_FALSE(root_.extensions()[0].critical);
  EXPECT_TRUE(root_.extensions()[2].critical);
  const Bytes basic_constraints = {0x55, 0x1d, 0x13};
  const Certificate::Extension* const found =
      root_.FindExtension(basic_constraints);
  ASSERT_EQ(found, &root_.extensions()[2]);
  EXPECT_EQ(HexEncode(found->value), "30030101ff");
  EXPECT_EQ(root_.FindExtension(Bytes{0x55, 0x1d, 0x14}), nullptr);
  EXPECT_EQ(root_.path_length(), std::nullopt);
  EXPECT_EQ(root_.key_usage(), std::nullopt);
}

TEST_F(CertificateTest, IsValidBetweenItsDates) {
  EXPECT_THAT(leaf_.CheckValidAt(leaf_.NotBefore().value()), IsOk());
  EXPECT_THAT(leaf_.CheckValidAt(leaf_.NotAfter().value()), IsOk());
  EXPECT_THAT(
      leaf_.CheckValidAt(leaf_.NotBefore().value() - absl::Seconds(1)),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               HasSubstr("certificate CN=leaf,O=Test: not valid before "
                         "2026-11-21T05:27:06Z, now 2026-11-21T05:27:05Z")));
  EXPECT_THAT(leaf_.CheckValidAt(leaf_.NotAfter().value() + absl::Seconds(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("not valid after 2036-11-18T05:27:06Z")));
}

TEST_F(CertificateTest, ManyThreadsMayAskForTheKey) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      EXPECT_THAT(leaf_.VerifySignedBy(root_), IsOk());
      EXPECT_THAT(leaf_.Key(), IsOk());
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(CertificateTest, ListsEveryBlock) {
  std::string pem = "comment\n" + std::string(testing::kLeafPem) + "\n" +
                    std::string(testing::kRootPem);
  ASSERT_OK_AND_ASSIGN(const std::vector<Certificate> list,
                       Certificate::ListFromPem(pem, 2));
  ASSERT_EQ(list.size(), 2U);
  EXPECT_EQ(list[0].der(), leaf_.der());
  EXPECT_EQ(list[1].der(), root_.der());
  std::string crlf;
  for (const char c : pem) {
    crlf += c == '\n' ? "\r\n" : std::string(1, c);
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<Certificate> again,
                       Certificate::ListFromPem(crlf, 2));
  EXPECT_EQ(again[1].der(), root_.der());
}

TEST_F(CertificateTest, RejectsListsThatAreEmptyLongOrSpoilt) {
  const std::string pem =
      std::string(testing::kLeafPem) + std::string(testing::kRootPem);
  EXPECT_THAT(Certificate::ListFromPem(pem, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("at most 1 certificates")));
  EXPECT_THAT(
      Certificate::ListFromPem("", 3),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("found none")));
  EXPECT_THAT(Certificate::ListFromPem("no block in here at all", 3),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Certificate::ListFromPem(pem.substr(0, pem.size() - 30), 3),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

using testing::CaExtension;
using testing::Der;
using testing::DerNumber;
using testing::DerSequence;
using testing::MakeCertificate;
using testing::TestCertificate;
using testing::TestExtension;
using testing::TestKey;
using testing::TestScheme;

// Certificates made on the spot.
class MadeCertificateTest : public ::testing::Test {
 protected:
  static const TestKey& Rsa() {
    static const TestKey& key = *new TestKey(TestKey::GenerateRsa());
    return key;
  }
  static const TestKey& Ec() {
    static const TestKey& key =
        *new TestKey(TestKey::GenerateEc(EcCurve::kP384));
    return key;
  }
  static absl::StatusOr<Certificate> Make(
      const std::function<void(TestCertificate&)>& change) {
    TestCertificate fields;
    change(fields);
    return Certificate::FromDer(
        MakeCertificate(fields, Ec(), Ec(), TestScheme::kEcdsaSha384));
  }
  static absl::StatusOr<Certificate> WithExtension(uint8_t last, Bytes value) {
    return Make([&](TestCertificate& fields) {
      fields.extensions = {{.oid = {0x55, 0x1d, last},
                            .critical = false,
                            .value = std::move(value)}};
    });
  }
  static absl::Status VerifyWith(const TestKey& key, TestScheme scheme,
                                 const TestKey& checker) {
    ASSIGN_OR_RETURN(
        const Certificate certificate,
        Certificate::FromDer(MakeCertificate({}, Ec(), key, scheme)));
    return certificate.VerifySignedBy(checker.Public());
  }
};

TEST_F(MadeCertificateTest, VerifiesEverySchemeItKnows) {
  for (const TestScheme scheme :
       {TestScheme::kPkcs1Sha256, TestScheme::kPkcs1Sha384,
        TestScheme::kPssSha256, TestScheme::kPssSha384,
        TestScheme::kPssSha384WithTrailer}) {
    EXPECT_THAT(VerifyWith(Rsa(), scheme, Rsa()), IsOk())
        << static_cast<int>(scheme);
  }
  for (const TestScheme scheme :
       {TestScheme::kEcdsaSha256, TestScheme::kEcdsaSha384,
        TestScheme::kEcdsaSha512}) {
    EXPECT_THAT(VerifyWith(Ec(), scheme, Ec()), IsOk())
        << static_cast<int>(scheme);
  }
}

TEST_F(MadeCertificateTest, RefusesSha1) {
  EXPECT_THAT(VerifyWith(Rsa(), TestScheme::kPkcs1Sha1, Rsa()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("1.2.840.113549.1.1.5 is not supported")));
}

TEST_F(MadeCertificateTest, RefusesAnotherSalt) {
  EXPECT_THAT(VerifyWith(Rsa(), TestScheme::kPssSha384ShortSalt, Rsa()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("a salt of 32 octets is not supported")));
}

TEST_F(MadeCertificateTest, RefusesTheOtherKindOfKey) {
  EXPECT_THAT(VerifyWith(Rsa(), TestScheme::kPssSha384, Ec()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("not an RSA key")));
  EXPECT_THAT(
      VerifyWith(Ec(), TestScheme::kEcdsaSha384, Rsa()),
      StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("not an EC key")));
}

TEST_F(MadeCertificateTest, TheDeclaredSaltIsTheOneChecked) {
  // Signed with 32 octets of salt, declared to be 48.
  TestCertificate fields;
  fields.inner_algorithm = testing::AlgorithmOf(TestScheme::kPssSha384);
  Bytes der =
      MakeCertificate(fields, Ec(), Rsa(), TestScheme::kPssSha384ShortSalt);
  const Bytes from = testing::AlgorithmOf(TestScheme::kPssSha384ShortSalt);
  const Bytes to = testing::AlgorithmOf(TestScheme::kPssSha384);
  const auto at = std::search(der.begin(), der.end(), from.begin(), from.end());
  ASSERT_NE(at, der.end());
  std::copy(to.begin(), to.end(), at);
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       Certificate::FromDer(der));
  EXPECT_THAT(certificate.VerifySignedBy(Rsa().Public()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("does not verify")));
}

// RSASSA-PSS with parameters that are written otherwise than they must be, over
// a signature that would verify.
class PssParametersTest : public MadeCertificateTest {
 protected:
  static Bytes Oid(std::string_view hex) {
    return Der(kDerOid, testing::Hex(hex));
  }
  static Bytes Hash(std::string_view oid) {
    return DerSequence({Oid(oid), Der(kDerNull, {})});
  }
  static Bytes Mask(std::string_view oid, const Bytes& hash) {
    return DerSequence({Oid(oid), hash});
  }
  static absl::Status VerifyWithParameters(const std::vector<Bytes>& parts) {
    TestCertificate fields;
    fields.algorithm =
        DerSequence({Oid("2a864886f70d01010a"), DerSequence(parts)});
    ASSIGN_OR_RETURN(const Certificate certificate,
                     Certificate::FromDer(MakeCertificate(
                         fields, Ec(), Rsa(), TestScheme::kPssSha384)));
    return certificate.VerifySignedBy(Rsa().Public());
  }

  static constexpr std::string_view kSha256 = "608648016503040201";
  static constexpr std::string_view kSha384 = "608648016503040202";
  static constexpr std::string_view kSha512_224 = "608648016503040205";
  static constexpr std::string_view kMgf1 = "2a864886f70d010108";
  const Bytes hash_ = Der(kDerContext0, Hash(kSha384));
  const Bytes mask_ = Der(kDerContext1, Mask(kMgf1, Hash(kSha384)));
  const Bytes salt_ = Der(kDerContext2, DerNumber(48));
  const Bytes trailer_ = Der(kDerContext3, DerNumber(1));
};

TEST_F(PssParametersTest, BothFormsAreGood) {
  EXPECT_THAT(VerifyWithParameters({hash_, mask_, salt_}), IsOk());
  EXPECT_THAT(VerifyWithParameters({hash_, mask_, salt_, trailer_}), IsOk());
  // A hash's NULL may be left out, RFC 4055 section 2.1.
  const Bytes bare = DerSequence({Oid(kSha384)});
  EXPECT_THAT(
      VerifyWithParameters({Der(kDerContext0, bare),
                            Der(kDerContext1, Mask(kMgf1, bare)), salt_}),
      IsOk());
}

TEST_F(PssParametersTest, OthersAreRefused) {
  const std::vector<std::vector<Bytes>> bad = {
      {},
      {mask_, salt_},         // hash left out: SHA-1
      {hash_, salt_},         // mask left out: MGF1 with SHA-1
      {hash_, mask_},         // salt left out: 20
      {mask_, hash_, salt_},  // in another order
      {hash_, mask_, salt_, trailer_, trailer_},
      {hash_, mask_, salt_, Der(kDerContext3, DerNumber(2))},
      {hash_, mask_, Der(kDerContext2, DerNumber(49))},
      {hash_, mask_, Der(kDerContext2, DerNumber(0))},
      {Der(kDerContext0, Hash(kSha256)), mask_, salt_},
      {hash_, Der(kDerContext1, Mask(kMgf1, Hash(kSha256))), salt_},
      {hash_, Der(kDerContext1, Mask(kSha384, Hash(kSha384))), salt_},
      {Der(kDerContext0, Hash(kSha512_224)), mask_, salt_},
      {Der(kDerContext0, DerSequence({Oid(kSha384), DerNumber(1)})), mask_,
       salt_}};
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_THAT(VerifyWithParameters(bad[i]),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << i;
  }
}

TEST_F(MadeCertificateTest, ParametersOfEcdsaMustBeAbsent) {
  TestCertificate fields;
  fields.algorithm = testing::Hex("300c06082a8648ce3d0403030500");
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       Certificate::FromDer(MakeCertificate(
                           fields, Ec(), Ec(), TestScheme::kEcdsaSha384)));
  EXPECT_THAT(certificate.VerifySignedBy(Ec().Public()),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       HasSubstr("is not supported")));
}

TEST_F(MadeCertificateTest, RejectsTwoSignatureAlgorithms) {
  EXPECT_THAT(Make([](TestCertificate& fields) {
                fields.inner_algorithm =
                    testing::AlgorithmOf(TestScheme::kEcdsaSha256);
              }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("differs from the outer one")));
}

TEST_F(MadeCertificateTest, RejectsAnExtensionGivenTwice) {
  EXPECT_THAT(Make([](TestCertificate& fields) {
                fields.extensions = {CaExtension(), CaExtension()};
              }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("extension 2.5.29.19: occurs twice")));
}

TEST_F(MadeCertificateTest, RejectsMoreThan64Extensions) {
  const auto with = [](uint8_t count) {
    return [count](TestCertificate& fields) {
      for (uint8_t i = 0; i < count; ++i) {
        fields.extensions.push_back(
            {.oid = {0x2a, i}, .critical = true, .value = {}});
      }
    };
  };
  ASSERT_OK_AND_ASSIGN(const Certificate most, Make(with(64)));
  EXPECT_EQ(most.extensions().size(), 64U);
  EXPECT_TRUE(most.extensions()[63].critical);
  EXPECT_THAT(Make(with(65)), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("at most 64")));
}

TEST_F(MadeCertificateTest, RejectsExtensionsBelowVersion3) {
  for (const uint64_t version : {0U, 1U}) {
    EXPECT_THAT(
        Make([version](TestCertificate& fields) {
          fields.version = version;
          fields.extensions = {CaExtension()};
        }),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("signed part")))
        << version;
  }
}

TEST_F(MadeCertificateTest, KnowsThreeVersions) {
  for (const uint64_t version : {0U, 1U, 2U}) {
    EXPECT_THAT(
        Make([version](TestCertificate& fields) { fields.version = version; }),
        IsOk());
  }
  EXPECT_THAT(Make([](TestCertificate& fields) { fields.version = 3; }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("version: want 1 or 2 if given, got 3")));
}

TEST_F(MadeCertificateTest, ReadsBasicConstraints) {
  EXPECT_FALSE(WithExtension(0x13, DerSequence({}))->is_ca());
  EXPECT_FALSE(WithExtension(0x13, DerSequence({Der(1, Bytes{0})}))->is_ca());
  ASSERT_OK_AND_ASSIGN(
      const Certificate ca,
      WithExtension(0x13, DerSequence({Der(1, Bytes{0xff}), DerNumber(0)})));
  EXPECT_TRUE(ca.is_ca());
  EXPECT_EQ(ca.path_length(), 0U);
  for (const Bytes& bad :
       {Bytes(), Der(1, Bytes{0xff}), DerSequence({Der(1, Bytes{1})}),
        DerSequence({DerNumber(0), DerNumber(0)}),
        DerSequence({DerNumber(0), Der(1, Bytes{0xff})})}) {
    EXPECT_THAT(WithExtension(0x13, bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << HexEncode(bad);
  }
}

TEST_F(MadeCertificateTest, ReadsKeyUsage) {
  EXPECT_EQ(WithExtension(0x0f, Der(3, Bytes{1, 0x06}))->key_usage(),
            kKeyUsageCertSign | kKeyUsageCrlSign);
  EXPECT_EQ(WithExtension(0x0f, Der(3, Bytes{7, 0x80}))->key_usage(),
            kKeyUsageDigitalSignature);
  EXPECT_EQ(WithExtension(0x0f, Der(3, Bytes{7, 0, 0x80}))->key_usage(),
            1U << 8U);
  for (const Bytes& bad : {Bytes(), Der(3, Bytes{0}), Der(3, Bytes{8, 1}),
                           Der(4, Bytes{0, 1}), Der(3, Bytes{0, 1, 1, 1})}) {
    EXPECT_THAT(WithExtension(0x0f, bad),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << HexEncode(bad);
  }
}

TEST_F(MadeCertificateTest, ReadsGeneralizedTime) {
  const absl::Time far = absl::FromUnixSeconds(4102444800);  // 2100-01-01
  ASSERT_OK_AND_ASSIGN(
      const Certificate certificate,
      Make([far](TestCertificate& fields) { fields.not_after = far; }));
  EXPECT_EQ(certificate.NotAfter().value(), far);
}

TEST_F(MadeCertificateTest, RejectsSerialNumbersThatAreNotShort) {
  EXPECT_THAT(Make([](TestCertificate& f) {
                f.serial = {0, 1};
              }),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("serial: the integer is not in shortest")));
  EXPECT_THAT(Make([](TestCertificate& f) { f.serial = {}; }),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Make([](TestCertificate& f) { f.serial = {0}; })->serial().size(),
            1U);
}

TEST_F(MadeCertificateTest, AMalformedKeyIsFoundWhenItIsNeeded) {
  ASSERT_OK_AND_ASSIGN(const Certificate certificate,
                       Make([](TestCertificate& fields) {
                         Bytes spki = Ec().Spki();
                         spki.back() ^= 1U;
                         fields.spki = spki;
                       }));
  EXPECT_THAT(certificate.Key(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      certificate.VerifySignedBy(certificate),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("issuer's key")));
  EXPECT_THAT(certificate.VerifySignedBy(Ec().Public()), IsOk());
}

// Two certificates may share names and serial number: only keys tell.
TEST_F(MadeCertificateTest, EveryFlippedBitOfTheSignedPartIsNoticed) {
  TestCertificate fields;
  fields.extensions = {CaExtension()};
  const Bytes der =
      MakeCertificate(fields, Ec(), Rsa(), TestScheme::kPssSha384);
  const PublicKey key = Rsa().Public();
  for (size_t bit = 0; bit < der.size() * 8; ++bit) {
    Bytes spoilt = der;
    spoilt[bit / 8] = static_cast<uint8_t>(spoilt[bit / 8] ^ 1U << bit % 8);
    const absl::StatusOr<Certificate> certificate =
        Certificate::FromDer(spoilt);
    EXPECT_FALSE(certificate.ok() && certificate->VerifySignedBy(key).ok())
        << bit;
  }
}

}  // namespace
}  // namespace constellation::crypto
