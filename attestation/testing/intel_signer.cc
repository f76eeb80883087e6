// SPDX-License-Identifier: Apache-2.0
#include "attestation/testing/intel_signer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/testing/test_keys.h"
#include "crypto/der.h"

namespace constellation::testing {
namespace {

using crypto::EcCurve;
using crypto::testing::Der;
using crypto::testing::DerNumber;
using crypto::testing::DerSequence;
using crypto::testing::Join;
using crypto::testing::TestCertificate;
using crypto::testing::TestCrl;
using crypto::testing::TestExtension;
using crypto::testing::TestKey;
using crypto::testing::TestScheme;

constexpr size_t kP256Size = 32;
constexpr size_t kHeaderSize = 48;
constexpr uint16_t kQeReportCertification = 6;

std::string RootName() {
  return "Intel SGX Root CA " + std::string(kInsecureTest);
}

std::string PckCaName(bool platform) {
  return platform ? "Intel SGX PCK Platform CA" : "Intel SGX PCK Processor CA";
}

// 1.2.840.113741.1.13.1
const Bytes& SgxArc() {
  static const Bytes& arc =
      *new Bytes{0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};
  return arc;
}

Bytes Member(const std::vector<uint32_t>& arcs, const Bytes& value) {
  return DerSequence({Der(crypto::kDerOid, OidUnder(SgxArc(), arcs)), value});
}

Bytes Octets(std::span<const uint8_t> octets) {
  return Der(crypto::kDerOctetString, octets);
}

Bytes TcbMembers(const IntelTestPck& pck) {
  std::vector<Bytes> parts;
  for (uint32_t i = 0; i < pck.components.size(); ++i) {
    parts.push_back(Member({2, i + 1}, DerNumber(pck.components.at(i))));
  }
  parts.push_back(Member({2, 17}, DerNumber(pck.pce_svn)));
  parts.push_back(
      Member({2, 18}, Octets(pck.cpu_svn.value_or(pck.components))));
  return DerSequence(parts);
}

// Intel SGX PCK Certificate and CRL Profile, section 1.3.5.
TestExtension SgxExtension(const IntelTestPck& pck) {
  const Bytes yes = Der(crypto::kDerBoolean, Bytes{0xff});
  const std::vector<std::pair<uint32_t, Bytes>> members = {
      {1, Octets(pck.ppid)},
      {2, TcbMembers(pck)},
      {3, Octets(pck.pce_id)},
      {4, Octets(pck.fmspc)},
      {5, Der(crypto::kDerEnumerated, Bytes{pck.sgx_type})},
      {6, Octets(Bytes(16, 0x06))},
      {7, DerSequence({Member({7, 1}, yes), Member({7, 2}, yes),
                       Member({7, 3}, yes)})}};
  std::vector<Bytes> parts;
  for (const auto& [arc, value] : members) {
    if (std::find(pck.omitted.begin(), pck.omitted.end(), arc) ==
        pck.omitted.end()) {
      parts.push_back(Member({arc}, value));
    }
  }
  return {.oid = SgxArc(), .critical = false, .value = DerSequence(parts)};
}

bool IsSgx(const IntelTestQuote& quote) {
  return quote.body == IntelTestBody::kSgx;
}

Bytes BodyOf(const IntelTestQuote& quote) {
  return IsSgx(quote)
             ? MarshalSgxReport(quote.sgx)
             : MarshalTdReport(quote.td, quote.body == IntelTestBody::kTd15);
}

// What the attestation key signs: header and body, from version 5 on with the
// type and size of the body between them.
Bytes SignedPart(const IntelTestQuote& quote) {
  ByteImage header(kHeaderSize);
  header.PutLe(0, quote.version)
      .PutLe(2, quote.key_type)
      .PutLe<uint32_t>(4, quote.tee_type.value_or(IsSgx(quote) ? 0 : 0x81))
      .Put(12, quote.qe_vendor_id);
  if (quote.version == 3) {
    header.PutLe<uint16_t>(8, 9).PutLe<uint16_t>(10, 11);  // QE SVN, PCE SVN
  }
  const Bytes body = BodyOf(quote);
  std::vector<Bytes> parts = {header.Take()};
  if (quote.version >= 5) {
    parts.push_back(
        LittleEndian(static_cast<uint16_t>(1 + static_cast<int>(quote.body))));
    parts.push_back(LittleEndian(static_cast<uint32_t>(body.size())));
  }
  parts.push_back(body);
  return ByteImage(Join(parts)).PutAll(quote.overlays).Take();
}

Bytes Sized32(const Bytes& octets) {
  return Join({LittleEndian(static_cast<uint32_t>(octets.size())), octets});
}

}  // namespace

Bytes MarshalSgxReport(const SgxTestReport& report) {
  return ByteImage(384)
      .Put(0, report.cpu_svn)
      .PutLe(16, report.misc_select)
      .Put(48, report.attributes)
      .Put(64, report.mr_enclave)
      .Put(128, report.mr_signer)
      .PutLe(256, report.isv_prod_id)
      .PutLe(258, report.isv_svn)
      .Put(320, report.report_data)
      .PutAll(report.overlays)
      .Take();
}

Bytes MarshalTdReport(const TdTestReport& report, bool version_1_5) {
  ByteImage body(version_1_5 ? 648 : 584);
  body.Put(0, report.tee_tcb_svn)
      .Put(16, report.mr_seam)
      .Put(64, report.mr_signer_seam)
      .PutLe(112, report.seam_attributes)
      .PutLe(120, report.td_attributes)
      .PutLe(128, report.xfam)
      .Put(136, report.mr_td)
      .Put(184, report.mr_config_id)
      .Put(232, report.mr_owner)
      .Put(280, report.mr_owner_config)
      .Put(520, report.report_data);
  for (size_t i = 0; i < report.rtmr.size(); ++i) {
    body.Put(328 + 48 * i, report.rtmr.at(i));
  }
  if (version_1_5) {
    body.Put(584, report.tee_tcb_svn_2).Put(600, report.mr_service_td);
  }
  return body.PutAll(report.overlays).Take();
}

SgxTestReport TestQeReport(std::string_view id) {
  const bool tdx = id == "TD_QE";
  SgxTestReport report;
  report.attributes = {0x11, 0, 0, 0, 0, 0, 0, 0, 0xe7};  // INIT, provisioning
  report.mr_signer = IntelTestIdentity{}.mr_signer;
  report.isv_prod_id = tdx ? 2 : 1;
  report.isv_svn = 4;
  return report;
}

const IntelSigner& IntelSigner::Get() {
  static const IntelSigner& signer = *new IntelSigner();
  return signer;
}

IntelSigner::IntelSigner()
    : root_key_(TestKey::GenerateEc(EcCurve::kP256)),
      platform_key_(TestKey::GenerateEc(EcCurve::kP256)),
      processor_key_(TestKey::GenerateEc(EcCurve::kP256)),
      pck_key_(TestKey::GenerateEc(EcCurve::kP256)),
      tcb_key_(TestKey::GenerateEc(EcCurve::kP256)),
      attestation_key_(TestKey::GenerateEc(EcCurve::kP256)),
      root_(MakeAuthority(RootName(), 1, true, root_key_)),
      platform_ca_(MakeAuthority(PckCaName(true), 2, true, platform_key_)),
      processor_ca_(MakeAuthority(PckCaName(false), 3, true, processor_key_)),
      tcb_signing_(MakeAuthority("Intel SGX TCB Signing", 4, false, tcb_key_)) {
}

Bytes IntelSigner::MakeAuthority(std::string_view subject, uint8_t serial,
                                 bool is_ca, const TestKey& key) const {
  TestCertificate fields;
  fields.serial = {serial};
  fields.issuer = RootName();
  fields.subject = std::string(subject);
  if (is_ca) {
    fields.extensions = {crypto::testing::CaExtension()};
  }
  return crypto::testing::MakeCertificate(fields, key, root_key_,
                                          TestScheme::kEcdsaSha256);
}

crypto::Sha256Digest IntelSigner::RootSpkiSha256() const {
  return crypto::Sha256(root_key_.Spki());
}

Bytes IntelSigner::MakePck(const IntelTestPck& pck) const {
  TestCertificate fields;
  fields.serial = pck.serial;
  fields.issuer = pck.issuer.value_or(PckCaName(pck.platform_ca));
  fields.subject = pck.subject;
  fields.not_before = pck.not_before;
  fields.not_after = pck.not_after;
  fields.extensions = {SgxExtension(pck)};
  fields.extensions.insert(fields.extensions.end(), pck.extra.begin(),
                           pck.extra.end());
  return crypto::testing::MakeCertificate(
      fields, pck_key_, pck.platform_ca ? platform_key_ : processor_key_,
      TestScheme::kEcdsaSha256);
}

std::string IntelSigner::PckChainPem(const IntelTestPck& pck) const {
  return PemOf(MakePck(pck)) + PemOf(pck_ca(pck.platform_ca)) + PemOf(root_);
}

Bytes IntelSigner::MakeRootCrl(TestCrl fields) const {
  fields.issuer = RootName();
  return crypto::testing::MakeCrl(fields, root_key_, TestScheme::kEcdsaSha256);
}

Bytes IntelSigner::MakePckCrl(bool platform, TestCrl fields) const {
  fields.issuer = PckCaName(platform);
  return crypto::testing::MakeCrl(fields,
                                  platform ? platform_key_ : processor_key_,
                                  TestScheme::kEcdsaSha256);
}

std::string IntelSigner::SignCollateral(std::string_view member,
                                        std::string_view inner) const {
  const Bytes signature = SignRawJoined(tcb_key_, TestScheme::kEcdsaSha256,
                                        AsBytes(inner), kP256Size);
  return fmt::format(R"({{"{}":{},"signature":"{}"}})", member, inner,
                     HexEncode(signature));
}

std::string IntelSigner::MakeTcbInfo(const IntelTestTcbInfo& info) const {
  return SignCollateral("tcbInfo", TcbInfoText(info));
}

std::string IntelSigner::MakeIdentity(const IntelTestIdentity& identity) const {
  return SignCollateral("enclaveIdentity", IdentityText(identity));
}

Bytes IntelSigner::SignatureSection(
    const IntelTestQuote& quote, const IntelTestPck& pck,
    std::span<const uint8_t> signed_part) const {
  const Bytes point = PointOf(attestation_key_, kP256Size);
  SgxTestReport qe =
      quote.qe_report.value_or(TestQeReport(IsSgx(quote) ? "QE" : "TD_QE"));
  if (quote.qe_report_data.has_value()) {
    qe.report_data = *quote.qe_report_data;
  } else {
    const auto binding = crypto::Sha256(Join({point, quote.auth_data}));
    std::copy(binding.begin(), binding.end(), qe.report_data.begin());
  }
  const Bytes qe_report = MarshalSgxReport(qe);
  const std::string chain = PckChainPem(pck);
  const Bytes certification =
      quote.certification_data.value_or(Bytes(chain.begin(), chain.end()));
  const Bytes inner = Join(
      {qe_report,
       SignRawJoined(pck_key_, TestScheme::kEcdsaSha256, qe_report, kP256Size),
       LittleEndian(static_cast<uint16_t>(quote.auth_data.size())),
       quote.auth_data, LittleEndian(quote.certification_type),
       Sized32(certification)});
  return Join({SignRawJoined(attestation_key_, TestScheme::kEcdsaSha256,
                             signed_part, kP256Size),
               point,
               quote.version == 3 ? inner
                                  : Join({LittleEndian(kQeReportCertification),
                                          Sized32(inner)})});
}

Bytes IntelSigner::MakeQuote(const IntelTestQuote& quote,
                             const IntelTestPck& pck) const {
  const Bytes signed_part = SignedPart(quote);
  return Join({signed_part, Sized32(SignatureSection(quote, pck, signed_part)),
               quote.trailing});
}

IntelTestEvidence IntelSigner::Make(const IntelTestQuote& quote,
                                    const IntelTestPck& pck) const {
  IntelTestTcbInfo info;
  info.fmspc = pck.fmspc;
  info.pce_id = pck.pce_id;
  IntelTestIdentity identity;
  if (IsSgx(quote)) {
    info.id = "SGX";
    identity.id = "QE";
    identity.isv_prod_id = 1;
  }
  return {.quote = MakeQuote(quote, pck),
          .tcb_info = MakeTcbInfo(info),
          .qe_identity = MakeIdentity(identity),
          .tcb_signing_chain = PemOf(tcb_signing_) + PemOf(root_),
          .pck_crl_chain = PemOf(pck_ca(pck.platform_ca)) + PemOf(root_),
          .pck_crl = MakePckCrl(pck.platform_ca),
          .root_crl = MakeRootCrl()};
}

}  // namespace constellation::testing
