// SPDX-License-Identifier: Apache-2.0
#include "attestation/tpm/testing/test_ca.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include <algorithm>
#include <utility>

#include "crypto/der.h"
#include "crypto/hash.h"

namespace constellation::testing {
namespace {

void Must(bool good, const char* what) {
  if (!good) {
    fprintf(stderr, "test CA: %s\n", what);
    abort();
  }
}

void AddRaw(X509* certificate, const std::string& oid, bool critical,
            const Bytes& value) {
  ASN1_OBJECT* object = OBJ_txt2obj(oid.c_str(), 1);
  ASN1_OCTET_STRING* octets = ASN1_OCTET_STRING_new();
  ASN1_OCTET_STRING_set(octets, value.data(), static_cast<int>(value.size()));
  X509_EXTENSION* extension =
      X509_EXTENSION_create_by_OBJ(nullptr, object, critical ? 1 : 0, octets);
  Must(X509_add_ext(certificate, extension, -1) == 1, "extension");
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(octets);
  ASN1_OBJECT_free(object);
}

void AddText(X509* certificate, int nid, const std::string& text) {
  X509_EXTENSION* extension =
      X509V3_EXT_conf_nid(nullptr, nullptr, nid, text.c_str());
  Must(extension != nullptr, text.c_str());
  Must(X509_add_ext(certificate, extension, -1) == 1, "extension");
  X509_EXTENSION_free(extension);
}

void SetName(X509_NAME* name, const std::string& text) {
  Must(
      X509_NAME_add_entry_by_txt(
          name, "CN", MBSTRING_ASC,
          reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0) == 1,
      "name");
}

// 20 octets that name a key.
Bytes KeyId(const Bytes& spki) {
  const crypto::Sha256Digest digest = crypto::Sha256(spki);
  return {digest.begin(), digest.begin() + 20};
}

Bytes Wrap(std::initializer_list<uint8_t> head, const Bytes& octets) {
  Bytes out(head);
  out.insert(out.end(), octets.begin(), octets.end());
  return out;
}

}  // namespace

struct TestKey::Handle {
  EVP_PKEY* key = nullptr;
  ~Handle() { EVP_PKEY_free(key); }
};

TestKey::TestKey(TestKeyType type) : handle_(std::make_unique<Handle>()) {
  handle_->key = type == TestKeyType::kRsa    ? EVP_RSA_gen(2048U)
                 : type == TestKeyType::kP256 ? EVP_EC_gen("P-256")
                                              : EVP_EC_gen("P-384");
  Must(handle_->key != nullptr, "generate");
}

TestKey::~TestKey() = default;

Bytes TestKey::Spki() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(handle_->key, &der);
  Must(size > 0, "spki");
  Bytes spki(der, der + size);
  OPENSSL_free(der);
  return spki;
}

Bytes TestKey::SignEs384(std::span<const uint8_t> message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  Bytes der(200);
  size_t size = der.size();
  Must(EVP_DigestSignInit(context, nullptr, EVP_sha384(), nullptr,
                          handle_->key) == 1 &&
           EVP_DigestSign(context, der.data(), &size, message.data(),
                          message.size()) == 1,
       "sign");
  EVP_MD_CTX_free(context);
  der.resize(size);
  const auto numbers = crypto::ParseEcdsaSignature(der);
  Must(numbers.ok(), "own signature");
  Bytes out(96);
  std::ranges::copy_backward(numbers->r, out.begin() + 48);
  std::ranges::copy_backward(numbers->s, out.end());
  return out;
}

CertificateSpec CaSpec(std::string name, std::string issuer,
                       std::optional<int> path_length) {
  CertificateSpec spec;
  spec.name = std::move(name);
  spec.issuer = std::move(issuer);
  spec.ca = true;
  spec.path_length = path_length;
  spec.key_usage = "keyCertSign,cRLSign";
  return spec;
}

Bytes MakeCertificate(const CertificateSpec& spec, const TestKey& subject,
                      const TestKey& issuer) {
  return MakeCertificate(spec, subject.Spki(), issuer);
}

Bytes MakeCertificate(const CertificateSpec& spec, const Bytes& subject_spki,
                      const TestKey& issuer) {
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), spec.serial);
  SetName(X509_get_subject_name(certificate), spec.name);
  SetName(X509_get_issuer_name(certificate), spec.issuer);
  ASN1_TIME_set(X509_getm_notBefore(certificate),
                absl::ToTimeT(spec.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(spec.not_after));
  const unsigned char* position = subject_spki.data();
  EVP_PKEY* subject =
      d2i_PUBKEY(nullptr, &position, static_cast<long>(subject_spki.size()));
  Must(subject != nullptr, "subject key");
  X509_set_pubkey(certificate, subject);
  EVP_PKEY_free(subject);
  std::string constraints = spec.ca ? "critical,CA:TRUE" : "critical,CA:FALSE";
  if (spec.path_length.has_value()) {
    constraints += fmt::format(",pathlen:{}", *spec.path_length);
  }
  AddText(certificate, NID_basic_constraints, constraints);
  if (!spec.key_usage.empty()) {
    AddText(certificate, NID_key_usage, "critical," + spec.key_usage);
  }
  if (spec.key_ids) {
    AddRaw(certificate, "2.5.29.14", false, Wrap({4, 20}, KeyId(subject_spki)));
    AddRaw(certificate, "2.5.29.35", false,
           Wrap({0x30, 22, 0x80, 20}, KeyId(issuer.Spki())));
  }
  for (const TestExtension& extension : spec.extensions) {
    AddRaw(certificate, extension.oid, extension.critical, extension.value);
  }
  const bool p384 = EVP_PKEY_get_bits(issuer.handle_->key) == 384;
  Must(X509_sign(certificate, issuer.handle_->key,
                 p384 ? EVP_sha384() : EVP_sha256()) > 0,
       "sign certificate");
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  Must(size > 0, "encode");
  Bytes out(der, der + size);
  OPENSSL_free(der);
  X509_free(certificate);
  return out;
}

TestExtension CrlPoint(std::string_view url) {
  Bytes value(AsBytes(url).begin(), AsBytes(url).end());
  // URI, fullName, distribution point's name, point, list of points.
  for (const uint8_t tag : Bytes{0x86, 0xa0, 0xa0, 0x30, 0x30}) {
    Must(value.size() < 0x80, "short URL");
    value.insert(value.begin(), {tag, static_cast<uint8_t>(value.size())});
  }
  return {.oid = "2.5.29.31", .critical = false, .value = std::move(value)};
}

Bytes MakeCrl(const CrlSpec& spec, const TestKey& issuer) {
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, X509_CRL_VERSION_2);
  X509_NAME* name = X509_NAME_new();
  SetName(name, spec.issuer);
  X509_CRL_set_issuer_name(list, name);
  X509_NAME_free(name);
  ASN1_TIME* time = ASN1_TIME_set(nullptr, absl::ToTimeT(spec.this_update));
  X509_CRL_set1_lastUpdate(list, time);
  ASN1_TIME_set(time, absl::ToTimeT(spec.next_update));
  X509_CRL_set1_nextUpdate(list, time);
  ASN1_INTEGER* serial = ASN1_INTEGER_new();
  for (const long number : spec.revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    ASN1_INTEGER_set(serial, number);
    X509_REVOKED_set_serialNumber(entry, serial);
    ASN1_TIME_set(time, absl::ToTimeT(spec.this_update));
    X509_REVOKED_set_revocationDate(entry, time);
    Must(X509_CRL_add0_revoked(list, entry) == 1, "revoked entry");
  }
  ASN1_INTEGER_free(serial);
  ASN1_TIME_free(time);
  const bool p384 = EVP_PKEY_get_bits(issuer.handle_->key) == 384;
  Must(X509_CRL_sign(list, issuer.handle_->key,
                     p384 ? EVP_sha384() : EVP_sha256()) > 0,
       "sign list");
  unsigned char* der = nullptr;
  const int size = i2d_X509_CRL(list, &der);
  Must(size > 0, "encode list");
  Bytes out(der, der + size);
  OPENSSL_free(der);
  X509_CRL_free(list);
  return out;
}

}  // namespace constellation::testing
