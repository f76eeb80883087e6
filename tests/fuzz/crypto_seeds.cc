// SPDX-License-Identifier: Apache-2.0
#include "crypto/crl.h"
#include "crypto/der.h"
#include "crypto/p256.h"
#include "crypto/public_key.h"
#include "crypto/testing/test_certificates.h"
#include "crypto/x509.h"
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {
namespace {

using namespace crypto::testing;  // NOLINT(build/namespaces): the builders
using crypto::EcCurve;
using NamedKey = std::pair<std::string_view, const TestKey*>;

void AddCertificates(std::vector<Seed>& seeds, const TestKey& ec,
                     const TestKey& rsa) {
  const auto add = [&](std::string_view name, const Bytes& der) {
    Add(seeds, "crypto_certificate_fuzz", name, der,
        crypto::Certificate::FromDer(der).status());
  };
  const Bytes der = MakeCertificate(
      {.issuer = "self", .subject = "self", .extensions = {CaExtension()}}, ec,
      ec, TestScheme::kEcdsaSha256);
  add("ecdsa_ca", der);
  add("rsa_pss", MakeCertificate({}, ec, rsa, TestScheme::kPssSha384));
  add("rsa_pkcs1", MakeCertificate({}, rsa, rsa, TestScheme::kPkcs1Sha256));
  add("version1",
      MakeCertificate({.version = 0}, ec, ec, TestScheme::kEcdsaSha384));
  const std::string pem = crypto::PemEncode("CERTIFICATE", der);
  Add(seeds, "crypto_certificate_fuzz", "pem", TextBytes(pem),
      crypto::PemDecode("CERTIFICATE", pem).status());

  for (const bool full : {false, true}) {
    const Bytes crl =
        MakeCrl({.revoked = full ? std::vector<Bytes>{{1}, {2, 3}}
                                 : std::vector<Bytes>{}},
                full ? rsa : ec,
                full ? TestScheme::kPkcs1Sha256 : TestScheme::kEcdsaSha256);
    Add(seeds, "crypto_crl_fuzz", full ? "two_revoked" : "empty", crl,
        crypto::RevocationList::FromDer(crl).status());
  }
}

// One element of each type that is read, one inside of the other.
Bytes Elements() {
  const Bytes oid{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01};
  return DerSequence(
      {DerNumber(0x1234), Der(crypto::kDerBoolean, Bytes{0xff}),
       Der(crypto::kDerOid, oid), DerTimeOf(absl::FromUnixSeconds(1700000000)),
       DerTimeOf(absl::FromUnixSeconds(4000000000)), DerName("name"),
       Der(crypto::kDerBitString,
           Join({Bytes{0}, DerSequence({DerNumber(1)})})),
       Der(crypto::kDerContext0, Der(crypto::kDerOctetString, Bytes(200, 1)))});
}

}  // namespace

void AddCryptoSeeds(std::vector<Seed>& seeds) {
  const TestKey ec = TestKey::GenerateEc(EcCurve::kP256);
  const TestKey p384 = TestKey::GenerateEc(EcCurve::kP384);
  const TestKey rsa = TestKey::GenerateRsa();
  AddCertificates(seeds, ec, rsa);

  const auto request_key = crypto::P256PrivateKey::Generate();
  const auto csr =
      crypto::CreateCsr(*request_key, "system:node:worker-1", "system:nodes");
  Add(seeds, "crypto_csr_fuzz", "node", csr.value_or(Bytes{}),
      crypto::VerifyCsr(csr.value_or(Bytes{})).status());

  const Bytes elements = Elements();
  Add(seeds, "crypto_der_fuzz", "elements", elements,
      crypto::DerReader(elements).Next().status());
  const Bytes signature = ec.Sign(TestScheme::kEcdsaSha256, AsBytes("text"));
  Add(seeds, "crypto_der_fuzz", "ecdsa_signature", signature,
      crypto::ParseEcdsaSignature(signature).status());
  for (const auto& [name, key] :
       {NamedKey{"p256", &ec}, NamedKey{"p384", &p384},
        NamedKey{"rsa", &rsa}}) {
    Add(seeds, "crypto_public_key_fuzz", name, key->Spki(),
        crypto::PublicKey::FromSpki(key->Spki()).status());
  }
}

}  // namespace constellation::fuzz
