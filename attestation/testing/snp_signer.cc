// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/snp_signer.h"

#include <algorithm>

#include "attestation/testing/test_keys.h"
#include "crypto/der.h"

namespace constellation::testing {
namespace {

using crypto::EcCurve;
using crypto::testing::TestCertificate;
using crypto::testing::TestCrl;
using crypto::testing::TestExtension;
using crypto::testing::TestKey;
using crypto::testing::TestScheme;

constexpr size_t kReportSize = 1184;
constexpr size_t kSignedSize = 0x2a0;
constexpr size_t kNumberSize = 72;  // r, s and coordinates in AMD's structures
constexpr size_t kP384Size = 48;

// 1.3.6.1.4.1.3704.1
const Bytes& AmdArc() {
  static const Bytes& arc =
      *new Bytes{0x2b, 0x06, 0x01, 0x04, 0x01, 0x9c, 0x78, 0x01};
  return arc;
}

std::array<uint8_t, 3> CpuidOf(SnpTestProduct product) {
  switch (product) {
    case SnpTestProduct::kMilan:
      return {0x19, 0x01, 0x01};
    case SnpTestProduct::kGenoa:
      return {0x19, 0x11, 0x01};
    case SnpTestProduct::kTurin:
      return {0x1a, 0x02, 0x01};
  }
  return {};
}

size_t HwIdSize(SnpTestProduct product) {
  return product == SnpTestProduct::kTurin ? 8 : 64;
}

// Verifiers tell certificates apart by these names, so they are the vendor's.
std::string ArkName(SnpTestProduct product) {
  return "ARK-" + std::string(SnpTestProductName(product));
}

std::string IntermediateName(SnpTestProduct product, SnpTestLeafKind kind) {
  return (kind == SnpTestLeafKind::kVcek ? "SEV-" : "SEV-VLEK-") +
         std::string(SnpTestProductName(product));
}

// Collects the extensions of a leaf that are not to be left out.
class LeafExtensions final {
 public:
  explicit LeafExtensions(const SnpTestLeaf& leaf) : leaf_(leaf) {}

  void Add(const std::vector<uint32_t>& arcs, Bytes value) {
    if (std::find(leaf_.omitted.begin(), leaf_.omitted.end(), arcs) ==
        leaf_.omitted.end()) {
      list_.push_back({.oid = OidUnder(AmdArc(), arcs),
                       .critical = false,
                       .value = std::move(value)});
    }
  }
  void AddNumber(const std::vector<uint32_t>& arcs, uint64_t value) {
    Add(arcs, crypto::testing::DerNumber(value));
  }
  void AddText(const std::vector<uint32_t>& arcs, std::string_view text) {
    Add(arcs, crypto::testing::Der(crypto::kDerIa5String, AsBytes(text)));
  }
  std::vector<TestExtension> Take() {
    list_.insert(list_.end(), leaf_.extra.begin(), leaf_.extra.end());
    return std::move(list_);
  }

 private:
  const SnpTestLeaf& leaf_;
  std::vector<TestExtension> list_;
};

std::string ProductNameOf(const SnpTestLeaf& leaf, SnpTestProduct product) {
  if (leaf.product_name.has_value()) {
    return *leaf.product_name;
  }
  const bool stepping =
      leaf.kind == SnpTestLeafKind::kVcek && product == SnpTestProduct::kMilan;
  return std::string(SnpTestProductName(product)) + (stepping ? "-B0" : "");
}

void AddTcb(LeafExtensions& extensions, const SnpTestTcb& tcb, bool turin) {
  extensions.AddNumber({3, 1}, tcb.boot_loader);
  extensions.AddNumber({3, 2}, tcb.tee);
  if (!turin) {
    extensions.AddNumber({3, 4}, 0);
  }
  for (const uint32_t arc : {5U, 6U, 7U}) {
    extensions.AddNumber({3, arc}, 0);
  }
  extensions.AddNumber({3, 3}, tcb.snp);
  extensions.AddNumber({3, 8}, tcb.microcode);
  if (turin) {
    extensions.AddNumber({3, 9}, tcb.fmc);
  }
}

// Puts 12 to 0x1f0: what every version has.
void PutTcbs(const SnpTestReport& fields, SnpTestProduct product,
             ByteImage& report) {
  report.Put(0x038, MarshalTcb(fields.current_tcb, product))
      .Put(0x180, MarshalTcb(fields.reported_tcb, product))
      .Put(0x1e0, MarshalTcb(fields.committed_tcb, product))
      .Put(0x1e8, fields.current_version)
      .Put(0x1ec, fields.committed_version)
      .Put(0x1f0, MarshalTcb(fields.launch_tcb, product));
  if (fields.version >= 3) {
    report.Put(0x188, fields.cpuid.value_or(CpuidOf(product)));
  } else if (fields.cpuid.has_value()) {
    report.Put(0x188, *fields.cpuid);
  }
  report.PutLe(0x1f8, fields.launch_mitigations)
      .PutLe(0x200, fields.current_mitigations);
}

// GUID text to octets in the order of the text.
Bytes GuidOctets(std::string text) {
  std::erase(text, '-');
  return HexDecode(text).value();
}

// ECDSA_PUBKEY of AMD 56860: 0x404 octets.
Bytes AmdPublicKey(const TestKey& key) {
  const Bytes point = PointOf(key, kP384Size);
  const std::span<const uint8_t> both(point);
  return ByteImage(0x404)
      .PutLe<uint32_t>(0, 2)  // P-384
      .Put(4, ReversedPadded(both.first(kP384Size), kNumberSize))
      .Put(4 + kNumberSize, ReversedPadded(both.last(kP384Size), kNumberSize))
      .Take();
}

// 512 octets: r, s, zeros.
Bytes AmdSignature(const TestKey& key, std::span<const uint8_t> message) {
  const RawEcdsa raw =
      SignRaw(key, TestScheme::kEcdsaSha384, message, kP384Size);
  return ByteImage(512)
      .Put(0, ReversedPadded(raw.r, kNumberSize))
      .Put(kNumberSize, ReversedPadded(raw.s, kNumberSize))
      .Take();
}

}  // namespace

std::string_view SnpTestProductName(SnpTestProduct product) {
  switch (product) {
    case SnpTestProduct::kMilan:
      return "Milan";
    case SnpTestProduct::kGenoa:
      return "Genoa";
    case SnpTestProduct::kTurin:
      return "Turin";
  }
  return "";
}

Bytes MarshalTcb(const SnpTestTcb& tcb, SnpTestProduct product) {
  if (product == SnpTestProduct::kTurin) {
    return {tcb.fmc, tcb.boot_loader, tcb.tee, tcb.snp, 0, 0, 0, tcb.microcode};
  }
  return {tcb.boot_loader, tcb.tee, 0, 0, 0, 0, tcb.snp, tcb.microcode};
}

const SnpSigner& SnpSigner::For(SnpTestProduct product) {
  switch (product) {
    case SnpTestProduct::kMilan: {
      static const SnpSigner& milan = *new SnpSigner(SnpTestProduct::kMilan);
      return milan;
    }
    case SnpTestProduct::kGenoa: {
      static const SnpSigner& genoa = *new SnpSigner(SnpTestProduct::kGenoa);
      return genoa;
    }
    case SnpTestProduct::kTurin:
      break;
  }
  static const SnpSigner& turin = *new SnpSigner(SnpTestProduct::kTurin);
  return turin;
}

SnpSigner::SnpSigner(SnpTestProduct product)
    : product_(product),
      ark_key_(TestKey::GenerateRsa(4096)),
      ask_key_(TestKey::GenerateRsa(4096)),
      asvk_key_(TestKey::GenerateRsa(4096)),
      vcek_key_(TestKey::GenerateEc(EcCurve::kP384)),
      vlek_key_(TestKey::GenerateEc(EcCurve::kP384)) {
  for (size_t i = 0; i < HwIdSize(product); ++i) {
    chip_id_.at(i) = static_cast<uint8_t>(0xc0 + i);
  }
  ark_ = MakeAuthority(ArkName(product), 0, ark_key_);
  ask_ = MakeAuthority(IntermediateName(product, SnpTestLeafKind::kVcek), 1,
                       ask_key_);
  asvk_ = MakeAuthority(IntermediateName(product, SnpTestLeafKind::kVlek), 2,
                        asvk_key_);
}

// The vendor numbers 0x010000 (ARK), 0x010001 (ASK), ... by product.
Bytes SnpSigner::MakeAuthority(std::string_view subject, uint8_t serial,
                               const TestKey& key) const {
  const auto line = static_cast<uint8_t>(1 + static_cast<int>(product_));
  TestCertificate fields;
  fields.serial = {line, 0, serial};
  fields.issuer = ArkName(product_);
  fields.subject = std::string(subject);
  fields.extensions = {crypto::testing::CaExtension(), InsecureTestComment()};
  return crypto::testing::MakeCertificate(fields, key, ark_key_,
                                          TestScheme::kPssSha384WithTrailer);
}

std::string SnpSigner::ChainPem(SnpTestLeafKind kind) const {
  return PemOf(kind == SnpTestLeafKind::kVcek ? ask_ : asvk_) + PemOf(ark_);
}

crypto::Sha256Digest SnpSigner::ArkSpkiSha256() const {
  return crypto::Sha256(ark_key_.Spki());
}

Bytes SnpSigner::MakeLeaf(const SnpTestLeaf& leaf) const {
  const bool vcek = leaf.kind == SnpTestLeafKind::kVcek;
  const bool turin = product_ == SnpTestProduct::kTurin;
  LeafExtensions extensions(leaf);
  extensions.AddNumber({1}, turin ? 1 : 0);
  extensions.AddText({2}, ProductNameOf(leaf, product_));
  AddTcb(extensions, leaf.tcb, turin);
  if (vcek) {
    const Bytes hw_id = leaf.hw_id.value_or(
        Bytes(chip_id_.begin(),
              chip_id_.begin() + static_cast<ptrdiff_t>(HwIdSize(product_))));
    extensions.Add({4}, leaf.wrap_hw_id ? crypto::testing::Der(
                                              crypto::kDerOctetString, hw_id)
                                        : hw_id);
  } else {
    extensions.AddText({5}, leaf.csp_id);
  }
  TestCertificate fields;
  fields.serial = leaf.serial;
  fields.issuer = IntermediateName(product_, leaf.kind);
  fields.subject = leaf.subject.value_or(vcek ? "SEV-VCEK" : "SEV-VLEK");
  fields.not_before = leaf.not_before;
  fields.not_after = leaf.not_after;
  fields.extensions = extensions.Take();
  return crypto::testing::MakeCertificate(fields, leaf_key(leaf.kind),
                                          vcek ? ask_key_ : asvk_key_,
                                          TestScheme::kPssSha384);
}

Bytes SnpSigner::MakeLeafFor(const SnpTestReport& report,
                             SnpTestLeafKind kind) const {
  SnpTestLeaf leaf;
  leaf.kind = kind;
  leaf.tcb = report.reported_tcb;
  return MakeLeaf(leaf);
}

Bytes SnpSigner::SignReport(const SnpTestReport& fields,
                            SnpTestLeafKind kind) const {
  const bool vcek = kind == SnpTestLeafKind::kVcek;
  Bytes no_migration_agent(32, 0xff);
  ByteImage report(kReportSize);
  report.PutLe(0x000, fields.version)
      .PutLe(0x004, fields.guest_svn)
      .PutLe(0x008, fields.policy)
      .Put(0x010, fields.family_id)
      .Put(0x020, fields.image_id)
      .PutLe(0x030, fields.vmpl)
      .PutLe(0x034, fields.signature_algorithm)
      .PutLe(0x040, fields.platform_info)
      .PutLe(0x048, fields.key_info.value_or(vcek ? 0U : 1U << 2U))
      .Put(0x050, fields.report_data)
      .Put(0x090, fields.measurement)
      .Put(0x0c0, fields.host_data)
      .Put(0x0e0, fields.id_key_digest)
      .Put(0x110, fields.author_key_digest)
      .Put(0x140, fields.report_id)
      .Put(0x160, no_migration_agent)
      .Put(0x1a0, fields.chip_id.value_or(vcek ? chip_id_
                                               : std::array<uint8_t, 64>{}));
  PutTcbs(fields, product_, report);
  report.PutAll(fields.overlays);
  return Resign(report.Take(), kind);
}

Bytes SnpSigner::Resign(Bytes report, SnpTestLeafKind kind) const {
  const Bytes signature = AmdSignature(
      leaf_key(kind), std::span<const uint8_t>(report).first(kSignedSize));
  return ByteImage(std::move(report)).Put(kSignedSize, signature).Take();
}

Bytes SnpSigner::MakeCrl(TestCrl fields) const {
  fields.issuer = ArkName(product_);
  return crypto::testing::MakeCrl(fields, ark_key_, TestScheme::kPssSha384);
}

SnpTestEvidence SnpSigner::Make(const SnpTestReport& report,
                                SnpTestLeafKind kind) const {
  return {.report = SignReport(report, kind),
          .leaf = MakeLeafFor(report, kind),
          .intermediate = kind == SnpTestLeafKind::kVcek ? ask_ : asvk_,
          .ark = ark_,
          .crl = MakeCrl()};
}

Bytes SnpCertificateTable(
    const std::vector<std::pair<std::string, Bytes>>& entries) {
  constexpr size_t kEntry = 24;
  Bytes table;
  Bytes blobs;
  const size_t start = kEntry * (entries.size() + 1);
  for (const auto& [guid, der] : entries) {
    const Bytes entry = crypto::testing::Join(
        {GuidOctets(guid),
         LittleEndian(static_cast<uint32_t>(start + blobs.size())),
         LittleEndian(static_cast<uint32_t>(der.size()))});
    table.insert(table.end(), entry.begin(), entry.end());
    blobs.insert(blobs.end(), der.begin(), der.end());
  }
  return crypto::testing::Join({table, Bytes(kEntry), blobs});
}

SnpTestIdEvidence SignIdBlock(const SnpTestIdBlock& block) {
  const TestKey id_key = TestKey::GenerateEc(EcCurve::kP384);
  const TestKey author_key = TestKey::GenerateEc(EcCurve::kP384);
  const Bytes id_public = AmdPublicKey(id_key);
  const Bytes author_public = AmdPublicKey(author_key);
  SnpTestIdEvidence made;
  made.id_block = ByteImage(96)
                      .Put(0, block.launch_digest)
                      .Put(48, block.family_id)
                      .Put(64, block.image_id)
                      .PutLe(80, block.version)
                      .PutLe(84, block.guest_svn)
                      .PutLe(88, block.policy)
                      .Take();
  made.id_auth = ByteImage(4096)
                     .PutLe<uint32_t>(0, 1)  // ECDSA P-384 with SHA-384
                     .PutLe<uint32_t>(4, 1)
                     .Put(0x040, AmdSignature(id_key, made.id_block))
                     .Put(0x240, id_public)
                     .Put(0x680, AmdSignature(author_key, id_public))
                     .Put(0x880, author_public)
                     .Take();
  made.id_key_digest = crypto::Sha384(id_public);
  made.author_key_digest = crypto::Sha384(author_public);
  return made;
}

}  // namespace constellation::testing
