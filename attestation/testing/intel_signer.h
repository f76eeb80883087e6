// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_TESTING_INTEL_SIGNER_H_
#define CONSTELLATION_ATTESTATION_TESTING_INTEL_SIGNER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "attestation/testing/byte_image.h"
#include "common/hex.h"
#include "crypto/hash.h"
#include "crypto/testing/test_certificates.h"

// TDX and SGX quotes with their collateral, made while a test runs by a
// hierarchy of its own: everything is UpToDate until the test spoils one field.
// For tests only.
namespace constellation::testing {

using Svns = std::array<uint8_t, 16>;

// All test collateral and certificates are valid from 2020-01-01 to 2050-01-01.
inline constexpr absl::Time kTestNotBefore = absl::FromUnixSeconds(1577836800);
inline constexpr absl::Time kTestNotAfter = absl::FromUnixSeconds(2524608000);

inline constexpr Svns kTestSgxSvns = {3, 3, 2, 2, 4, 1, 0, 5};
inline constexpr Svns kTestTdxSvns = {7, 0, 2};

// A PCK leaf with the extension 1.2.840.113741.1.13.1.
struct IntelTestPck {
  bool platform_ca = true;  // else the processor CA issues it
  std::array<uint8_t, 16> ppid{};
  Svns components = kTestSgxSvns;
  uint16_t pce_svn = 11;
  std::optional<Svns> cpu_svn = {};  // default: the components
  std::array<uint8_t, 2> pce_id{};
  std::array<uint8_t, 6> fmspc = {0x00, 0x60, 0x6a, 0, 0, 0};
  uint8_t sgx_type = 1;  // 0 standard, 1 scalable, 2 scalable with integrity
  std::string subject = "Intel SGX PCK Certificate";
  std::optional<std::string> issuer = {};  // default: the CA's name
  Bytes serial = {0x21, 0x43};
  absl::Time not_before = kTestNotBefore;
  absl::Time not_after = kTestNotAfter;
  std::vector<uint32_t> omitted =
      {};  // arcs below the extension's to leave out
  std::vector<crypto::testing::TestExtension> extra = {};
};

// A level of TCB info.
struct IntelTestTcbLevel {
  Svns sgx = kTestSgxSvns;
  uint16_t pce_svn = 11;
  Svns tdx = kTestTdxSvns;  // TDX only
  std::string status = "UpToDate";
  std::vector<std::string> advisories = {};
};
// A level of an enclave or of the TDX module.
struct IntelTestSvnLevel {
  uint16_t isv_svn = 0;
  std::string status = "UpToDate";
  std::vector<std::string> advisories = {};
};
struct IntelTestModule {
  std::string id = "TDX_01";
  crypto::Sha384Digest mr_signer{};
  std::vector<IntelTestSvnLevel> levels = {
      {.isv_svn = 7}, {.isv_svn = 3, .status = "OutOfDate"}};
};

// TCB info, version 3.
struct IntelTestTcbInfo {
  std::string id = "TDX";  // or SGX
  absl::Time issue_date = kTestNotBefore;
  absl::Time next_update = kTestNotAfter;
  std::array<uint8_t, 6> fmspc = {0x00, 0x60, 0x6a, 0, 0, 0};
  std::array<uint8_t, 2> pce_id{};
  uint32_t evaluation_number = 18;
  crypto::Sha384Digest module_mr_signer{};  // tdxModule
  std::vector<IntelTestModule> modules = {{}};
  // The second level matches hardware one step behind in component 0.
  std::vector<IntelTestTcbLevel> levels = {{},
                                           {.sgx = {2, 2, 2, 2, 3, 1, 0, 5},
                                            .pce_svn = 5,
                                            .tdx = {3, 0, 2},
                                            .status = "OutOfDate",
                                            .advisories = {"INTEL-SA-00837"}}};
};

// Identity of the quoting enclave, version 2.
struct IntelTestIdentity {
  std::string id = "TD_QE";  // QE for SGX
  absl::Time issue_date = kTestNotBefore;
  absl::Time next_update = kTestNotAfter;
  uint32_t evaluation_number = 18;
  std::string misc_select = "00000000";
  std::string misc_select_mask = "FFFFFFFF";
  std::string attributes = "11000000000000000000000000000000";
  std::string attributes_mask = "FBFFFFFFFFFFFFFF0000000000000000";
  crypto::Sha256Digest mr_signer = {0xdc, 0x9e, 0x2a, 0x7c};
  uint16_t isv_prod_id = 2;  // 1 for SGX
  std::vector<IntelTestSvnLevel> levels = {
      {.isv_svn = 4}, {.isv_svn = 2, .status = "OutOfDate"}};
};

// An enclave report: 384 octets.
struct SgxTestReport {
  Svns cpu_svn = kTestSgxSvns;
  uint32_t misc_select = 0;
  // INIT, MODE64BIT; octet 0 bit 1 is debug.
  std::array<uint8_t, 16> attributes = {0x05};
  crypto::Sha256Digest mr_enclave{};
  crypto::Sha256Digest mr_signer{};
  uint16_t isv_prod_id = 0;
  uint16_t isv_svn = 0;
  std::array<uint8_t, 64> report_data{};
  std::vector<Overlay> overlays = {};
};
Bytes MarshalSgxReport(const SgxTestReport& report);

// A TD report body: 584 octets, or 648 when a quote of version 5 says TD 1.5.
struct TdTestReport {
  Svns tee_tcb_svn = {7, 1, 2};
  crypto::Sha384Digest mr_seam{};
  crypto::Sha384Digest mr_signer_seam{};
  uint64_t seam_attributes = 0;
  uint64_t td_attributes = 0x10000000;  // SEPT_VE_DISABLE
  uint64_t xfam = 0xe7;
  crypto::Sha384Digest mr_td{};
  crypto::Sha384Digest mr_config_id{};
  crypto::Sha384Digest mr_owner{};
  crypto::Sha384Digest mr_owner_config{};
  std::array<crypto::Sha384Digest, 4> rtmr{};
  std::array<uint8_t, 64> report_data{};
  Svns tee_tcb_svn_2 = {7, 1, 2};  // 1.5
  crypto::Sha384Digest mr_service_td{};
  std::vector<Overlay> overlays = {};
};
Bytes MarshalTdReport(const TdTestReport& report, bool version_1_5);

// The good report of the quoting enclave of `id`, "TD_QE" or "QE", without
// report data.
SgxTestReport TestQeReport(std::string_view id);

enum class IntelTestBody { kSgx, kTd10, kTd15 };

// A quote. Optional parts replace what would be made of the others; everything
// is signed as it then stands.
struct IntelTestQuote {
  uint16_t version = 4;  // 3 (SGX), 4, 5
  IntelTestBody body = IntelTestBody::kTd10;
  uint16_t key_type = 2;  // ECDSA P-256
  std::optional<uint32_t> tee_type = {};
  std::array<uint8_t, 16> qe_vendor_id = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c,
                                          0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3,
                                          0x95, 0x7f, 0x06, 0x07};
  TdTestReport td = {};
  SgxTestReport sgx = {};
  std::optional<SgxTestReport> qe_report = {};
  // Replaces SHA-256(attestation key || auth data) and zeros.
  std::optional<std::array<uint8_t, 64>> qe_report_data = {};
  Bytes auth_data = Bytes(32, 0xa5);
  uint16_t certification_type = 5;
  std::optional<Bytes> certification_data = {};  // default: the PEM chain
  std::vector<Overlay> overlays = {};  // over header and body, before signing
  Bytes trailing = {};                 // behind the signature section
};

// A quote with all that its verification takes.
struct IntelTestEvidence {
  Bytes quote = {};
  std::string tcb_info = {};           // JSON with signature
  std::string qe_identity = {};        // JSON with signature
  std::string tcb_signing_chain = {};  // PEM: signing certificate, root
  std::string pck_crl_chain = {};      // PEM: issuing CA, root
  Bytes pck_crl = {};                  // DER
  Bytes root_crl = {};                 // DER
};

// Root, PCK CAs, PCK, TCB signing and attestation keys, all P-256. The root's
// CN is "Intel SGX Root CA INSECURE TEST". Immutable; thread-safe.
class IntelSigner final {
 public:
  // The signer shared by the process.
  static const IntelSigner& Get();
  // Another, which nobody trusts.
  IntelSigner();

  // DER certificates.
  const Bytes& root() const { return root_; }
  const Bytes& pck_ca(bool platform) const {
    return platform ? platform_ca_ : processor_ca_;
  }
  const Bytes& tcb_signing() const { return tcb_signing_; }
  // What a policy pins to accept this root.
  crypto::Sha256Digest RootSpkiSha256() const;

  Bytes MakePck(const IntelTestPck& pck = {}) const;
  // PEM: leaf, CA, root.
  std::string PckChainPem(const IntelTestPck& pck = {}) const;
  // DER; `fields.issuer` is set here.
  Bytes MakeRootCrl(crypto::testing::TestCrl fields = {}) const;
  Bytes MakePckCrl(bool platform = true,
                   crypto::testing::TestCrl fields = {}) const;

  // {"<member>":<inner>,"signature":"<hex>"}, signed over the text `inner`.
  std::string SignCollateral(std::string_view member,
                             std::string_view inner) const;
  std::string MakeTcbInfo(const IntelTestTcbInfo& info = {}) const;
  std::string MakeIdentity(const IntelTestIdentity& identity = {}) const;

  // A quote whose certification data is the chain of `pck`.
  Bytes MakeQuote(const IntelTestQuote& quote = {},
                  const IntelTestPck& pck = {}) const;
  // That quote with good collateral: SGX or TDX after its body.
  IntelTestEvidence Make(const IntelTestQuote& quote = {},
                         const IntelTestPck& pck = {}) const;

  const crypto::testing::TestKey& root_key() const { return root_key_; }
  const crypto::testing::TestKey& pck_key() const { return pck_key_; }

 private:
  Bytes MakeAuthority(std::string_view subject, uint8_t serial, bool is_ca,
                      const crypto::testing::TestKey& key) const;
  Bytes SignatureSection(const IntelTestQuote& quote, const IntelTestPck& pck,
                         std::span<const uint8_t> signed_part) const;

  const crypto::testing::TestKey root_key_;
  const crypto::testing::TestKey platform_key_;
  const crypto::testing::TestKey processor_key_;
  const crypto::testing::TestKey pck_key_;
  const crypto::testing::TestKey tcb_key_;
  const crypto::testing::TestKey attestation_key_;
  Bytes root_;
  Bytes platform_ca_;
  Bytes processor_ca_;
  Bytes tcb_signing_;
};

// The inner texts, to be changed by a test and given to SignCollateral() as
// "tcbInfo" and "enclaveIdentity".
std::string TcbInfoText(const IntelTestTcbInfo& info);
std::string IdentityText(const IntelTestIdentity& identity);

}  // namespace constellation::testing

#endif  // CONSTELLATION_ATTESTATION_TESTING_INTEL_SIGNER_H_
