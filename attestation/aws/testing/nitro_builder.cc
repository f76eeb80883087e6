// SPDX-License-Identifier: Apache-2.0
#include "attestation/aws/testing/nitro_builder.h"

#include <memory>

#include "attestation/aws/nitro_document.h"
#include "crypto/hash.h"

namespace constellation::testing {
namespace {

// Root, region, zone, instance, signer.
const TestKey& Key(size_t index) {
  static const auto& keys = *new std::vector<std::unique_ptr<TestKey>>([] {
    std::vector<std::unique_ptr<TestKey>> made;
    for (int i = 0; i < 6; ++i) {
      made.push_back(std::make_unique<TestKey>(TestKeyType::kP384));
    }
    return made;
  }());
  return *keys[index];
}

}  // namespace

CborWriter& CborWriter::Head(uint8_t major, uint64_t argument) {
  const auto top = static_cast<uint8_t>(major << 5U);
  if (argument < 24) {
    bytes_.push_back(static_cast<uint8_t>(top | argument));
    return *this;
  }
  const unsigned size = argument < 0x100           ? 1
                        : argument < 0x10000       ? 2
                        : argument < 0x100000000UL ? 4
                                                   : 8;
  const uint8_t info = size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27;
  bytes_.push_back(static_cast<uint8_t>(top | info));
  for (unsigned i = size; i > 0; --i) {
    bytes_.push_back(static_cast<uint8_t>(argument >> (8 * (i - 1))));
  }
  return *this;
}

CborWriter& CborWriter::Octets(const Bytes& octets) {
  return Head(2, octets.size()).Raw(octets);
}

CborWriter& CborWriter::Text(std::string_view text) {
  return Head(3, text.size()).Raw({text.begin(), text.end()});
}

CborWriter& CborWriter::Raw(const Bytes& octets) {
  bytes_.insert(bytes_.end(), octets.begin(), octets.end());
  return *this;
}

NitroBuilder::NitroBuilder() {
  specs = {CaSpec("root", "root"), CaSpec("region", "root", 2),
           CaSpec("zone", "region", 1), CaSpec("instance", "zone", 0)};
  CertificateSpec leaf;
  leaf.name = "module";
  leaf.issuer = "instance";
  leaf.not_before = timestamp - absl::Seconds(10);
  leaf.not_after = timestamp + absl::Hours(3);
  leaf.key_ids = false;
  specs.push_back(leaf);
  for (uint32_t i = 0; i < 16; ++i) {
    pcrs[i] = Bytes(48, i < 5 ? static_cast<uint8_t>(i + 1) : uint8_t{0});
  }
}

Bytes NitroBuilder::Certificate(size_t index) const {
  if (signer_spki.has_value() && index + 1 == specs.size()) {
    return MakeCertificate(specs[index], *signer_spki, Key(index - 1));
  }
  Bytes der = MakeCertificate(specs[index], Key(index),
                              Key(index == 0 ? 0 : index - 1));
  if (forged == index) {
    der.back() ^= 1U;
  }
  return der;
}

Bytes NitroBuilder::Payload() const {
  CborWriter writer;
  const auto optional = [&writer](std::string_view name,
                                  const std::optional<Bytes>& value) {
    writer.Text(name);
    value.has_value() ? writer.Octets(*value) : writer.Raw({0xf6});
  };
  indefinite ? writer.Raw({0xbf}) : writer.Map(9);
  writer.Text("module_id").Text(module_id).Text("digest").Text(digest);
  writer.Text("timestamp")
      .Unsigned(static_cast<uint64_t>(absl::ToUnixMillis(timestamp)));
  writer.Text(pcrs_name).Map(pcrs.size());
  for (const auto& [index, value] : pcrs) {
    writer.Unsigned(index).Octets(value);
  }
  writer.Text("certificate").Octets(Certificate(specs.size() - 1));
  writer.Text("cabundle").Array(specs.size() - 1);
  for (size_t i = 0; i + 1 < specs.size(); ++i) {
    writer.Octets(Certificate(i));
  }
  optional("public_key", public_key);
  optional("user_data", user_data);
  optional("nonce", nonce);
  if (indefinite) {
    writer.Raw({0xff});
  }
  return writer.Take();
}

Bytes NitroBuilder::Build() const {
  const Bytes header =
      CborWriter().Map(1).Unsigned(1).Negative(algorithm).Take();
  const Bytes payload = Payload();
  const attestation::CoseSign1Unverified message{.protected_header = header,
                                                 .algorithm = 0,
                                                 .payload = payload,
                                                 .signature = {}};
  CborWriter writer;
  if (tagged) {
    writer.Raw({0xd2});
  }
  return writer.Array(4)
      .Octets(header)
      .Raw(unprotected)
      .Octets(payload)
      .Octets(Key(sign_with).SignEs384(attestation::CoseSigStructure(message)))
      .Take();
}

attestation::NitroExpectation NitroBuilder::Expectation() const {
  attestation::NitroExpectation want;
  want.roots = {crypto::Sha256(Key(0).Spki())};
  want.now = timestamp;
  return want;
}

crypto::RevocationList NitroBuilder::Listed(size_t index, CrlSpec spec) const {
  spec.issuer = specs[index].name;
  return *crypto::RevocationList::FromDer(MakeCrl(spec, Key(index)));
}

}  // namespace constellation::testing
