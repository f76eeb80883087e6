// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_SNP_SIGNER_H_
#define CONSTELLATION_ATTESTATION_TESTING_SNP_SIGNER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "attestation/testing/byte_image.h"
#include "common/hex.h"
#include "crypto/hash.h"
#include "crypto/testing/test_certificates.h"

// SEV-SNP evidence made while a test runs, by a hierarchy of its own: right in
// every field until the test spoils one. For tests only.
namespace constellation::testing {

enum class SnpTestProduct { kMilan, kGenoa, kTurin };
// Who signs a report.
enum class SnpTestLeafKind { kVcek, kVlek };

// "Milan", "Genoa", "Turin".
std::string_view SnpTestProductName(SnpTestProduct product);

// Security patch levels, laid out for the product when they are written.
struct SnpTestTcb {
  uint8_t fmc = 0;  // Turin only
  uint8_t boot_loader = 4;
  uint8_t tee = 0;
  uint8_t snp = 24;
  uint8_t microcode = 219;  // above 127, so that DER needs a leading zero
};

// The 8 octets as reports hold them.
Bytes MarshalTcb(const SnpTestTcb& tcb, SnpTestProduct product);

// The fields of an ATTESTATION_REPORT (AMD 56860, table 23), good as they are.
// Optional ones are derived from the product or left zero.
struct SnpTestReport {
  uint32_t version = 3;
  uint32_t guest_svn = 0;
  uint64_t policy = 0x30000;  // SMT allowed, no debug
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t vmpl = 0;
  uint32_t signature_algorithm = 1;
  SnpTestTcb current_tcb = {};
  SnpTestTcb reported_tcb = {};
  SnpTestTcb committed_tcb = {};
  SnpTestTcb launch_tcb = {};
  uint64_t platform_info = 0x25;  // SMT, ECC, alias check done
  // Author key, masked chip key, signing key; by default what fits the signer.
  std::optional<uint32_t> key_info = {};
  std::array<uint8_t, 64> report_data{};
  crypto::Sha384Digest measurement{};
  std::array<uint8_t, 32> host_data{};
  crypto::Sha384Digest id_key_digest{};
  crypto::Sha384Digest author_key_digest{};
  std::array<uint8_t, 32> report_id{};
  // Family, model, stepping; by default the product's, zero in version 2.
  std::optional<std::array<uint8_t, 3>> cpuid = {};
  // By default the signer's chip, or zeros when a VLEK signs.
  std::optional<std::array<uint8_t, 64>> chip_id = {};
  std::array<uint8_t, 3> current_version = {21, 55, 1};  // build, minor, major
  std::array<uint8_t, 3> committed_version = {21, 55, 1};
  uint64_t launch_mitigations = 0;  // version 5
  uint64_t current_mitigations = 0;
  std::vector<Overlay> overlays = {};  // laid over all else, before signing
};

// A VCEK or VLEK. By default it fits a default report of its signer.
struct SnpTestLeaf {
  SnpTestLeafKind kind = SnpTestLeafKind::kVcek;
  SnpTestTcb tcb = {};
  std::optional<std::string> product_name = {};  // default e.g. "Milan-B0"
  std::optional<Bytes> hw_id = {};               // default the signer's chip
  bool wrap_hw_id = false;                       // as an OCTET STRING in itself
  std::string csp_id = "CN=insecure-test.example";            // VLEK only
  absl::Time not_before = absl::FromUnixSeconds(1577836800);  // 2020-01-01
  absl::Time not_after = absl::FromUnixSeconds(2524608000);   // 2050-01-01
  Bytes serial = {0};
  std::optional<std::string> subject = {};  // default "SEV-VCEK" or "SEV-VLEK"
  // Last arcs below 1.3.6.1.4.1.3704.1 to leave out, e.g. {3, 8} for microcode.
  std::vector<std::vector<uint32_t>> omitted = {};
  std::vector<crypto::testing::TestExtension> extra = {};
};

// Everything a verifier gets about one report.
struct SnpTestEvidence {
  Bytes report = {};        // 1184 octets
  Bytes leaf = {};          // DER
  Bytes intermediate = {};  // ASK or ASVK, DER
  Bytes ark = {};           // DER
  Bytes crl = {};           // DER, signed by the ARK, revokes nothing
};

// ARK, ASK, ASVK (RSA-4096, PSS with SHA-384) and leaf keys (P-384) of one
// product line. Names are the vendor's ("ARK-Milan") but for O=Test;
// authorities carry the comment "INSECURE TEST". Immutable; thread-safe.
class SnpSigner final {
 public:
  // The signer of `product`, made at its first use (about 0.3 s) and shared by
  // the process.
  static const SnpSigner& For(SnpTestProduct product);

  SnpTestProduct product() const { return product_; }
  // DER certificates; ASK for VCEKs, ASVK for VLEKs.
  const Bytes& ark() const { return ark_; }
  const Bytes& ask() const { return ask_; }
  const Bytes& asvk() const { return asvk_; }
  // PEM, intermediate first, as the vendor's service sends it.
  std::string ChainPem(SnpTestLeafKind kind) const;
  // What a policy pins to accept this root.
  crypto::Sha256Digest ArkSpkiSha256() const;
  const std::array<uint8_t, 64>& chip_id() const { return chip_id_; }

  // A DER certificate for the leaf key of that kind.
  Bytes MakeLeaf(const SnpTestLeaf& leaf) const;
  // A leaf that fits `report`: reported TCB, chip id of the signer.
  Bytes MakeLeafFor(const SnpTestReport& report, SnpTestLeafKind kind) const;
  // 1184 octets, signed.
  Bytes SignReport(const SnpTestReport& report,
                   SnpTestLeafKind kind = SnpTestLeafKind::kVcek) const;
  // Signs octets 0-0x29f of `report` anew, whatever they are; returns it.
  Bytes Resign(Bytes report,
               SnpTestLeafKind kind = SnpTestLeafKind::kVcek) const;
  // DER, issued by the ARK; `fields.issuer` is set here.
  Bytes MakeCrl(crypto::testing::TestCrl fields = {}) const;
  // All of it for one report.
  SnpTestEvidence Make(const SnpTestReport& report = {},
                       SnpTestLeafKind kind = SnpTestLeafKind::kVcek) const;

  const crypto::testing::TestKey& ark_key() const { return ark_key_; }
  const crypto::testing::TestKey& leaf_key(SnpTestLeafKind kind) const {
    return kind == SnpTestLeafKind::kVcek ? vcek_key_ : vlek_key_;
  }

 private:
  explicit SnpSigner(SnpTestProduct product);
  Bytes MakeAuthority(std::string_view subject, uint8_t serial,
                      const crypto::testing::TestKey& key) const;

  const SnpTestProduct product_;
  const crypto::testing::TestKey ark_key_;
  const crypto::testing::TestKey ask_key_;
  const crypto::testing::TestKey asvk_key_;
  const crypto::testing::TestKey vcek_key_;
  const crypto::testing::TestKey vlek_key_;
  std::array<uint8_t, 64> chip_id_{};
  Bytes ark_;
  Bytes ask_;
  Bytes asvk_;
};

// The certificate table of an extended report: {GUID text, DER} in order, with
// its zero entry at the end of the list.
Bytes SnpCertificateTable(
    const std::vector<std::pair<std::string, Bytes>>& entries);
inline constexpr char kSnpVcekGuid[] = "63da758d-e664-4564-adc5-f4b93be8accd";
inline constexpr char kSnpVlekGuid[] = "a8074bc2-a25a-483e-aae6-39c045a0b8a1";
inline constexpr char kSnpAskGuid[] = "4ab7b379-bbac-4fe4-a02f-05aef327c782";
inline constexpr char kSnpArkGuid[] = "c0b406a4-a803-4952-9743-3fb6014cd0ae";

// An ID block (AMD 56860, ID_BLOCK) and what signs it.
struct SnpTestIdBlock {
  crypto::Sha384Digest launch_digest{};
  std::array<uint8_t, 16> family_id{};
  std::array<uint8_t, 16> image_id{};
  uint32_t version = 1;
  uint32_t guest_svn = 0;
  uint64_t policy = 0x30000;
};
struct SnpTestIdEvidence {
  Bytes id_block = {};  // 96 octets
  Bytes id_auth = {};   // 4096 octets, with id and author key
  crypto::Sha384Digest id_key_digest{};
  crypto::Sha384Digest author_key_digest{};
};
// Signs `block` with a new id key, and this with a new author key.
SnpTestIdEvidence SignIdBlock(const SnpTestIdBlock& block);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_SNP_SIGNER_H_
