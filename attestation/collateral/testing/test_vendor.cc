// SPDX-License-Identifier: Apache-2.0
#include "attestation/collateral/testing/test_vendor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "attestation/snp/snp_tcb.h"
#include "attestation/testing/intel_signer.h"
#include "attestation/testing/snp_signer.h"
#include "common/hex.h"

namespace constellation::attestation::testing {
namespace {

using constellation::testing::IntelSigner;
using constellation::testing::IntelTestEvidence;
using constellation::testing::SnpSigner;
using constellation::testing::SnpTestEvidence;
using constellation::testing::SnpTestLeafKind;
using constellation::testing::SnpTestProduct;
using constellation::testing::SnpTestTcb;

constexpr int kOk = 200;
constexpr int kNotFound = 404;

// As a header has it.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return out;
}

}  // namespace

TestVendor::TestVendor()
    : server_([this](const std::string& target, const std::string&) {
        return Answer(target);
      }) {
  PublishAmd();
  PublishIntel();
}

CollateralEndpoints TestVendor::endpoints() const {
  return {.amd_kds = server_.url(),
          .intel_pcs = server_.url(),
          .intel_root_crl = server_.url() + "/root.der"};
}

void TestVendor::set_status(int status) {
  const absl::MutexLock lock(&mutex_);
  status_ = status;
}

size_t TestVendor::RequestsFor(const std::string& part) const {
  const std::vector<std::string> requests = server_.requests();
  return static_cast<size_t>(
      std::ranges::count_if(requests, [&](const std::string& request) {
        return request.substr(0, request.find('\r')).find(part) !=
               std::string::npos;
      }));
}

ScriptedAnswer TestVendor::Answer(const std::string& target) const {
  const absl::MutexLock lock(&mutex_);
  if (status_ != kOk) {
    return {HttpAnswer(status_, "")};
  }
  const auto found = answers_.find(target);
  return found == answers_.end() ? ScriptedAnswer{HttpAnswer(kNotFound, "")}
                                 : found->second;
}

void TestVendor::Publish(const CollateralItem& item, std::string body,
                         std::string headers) {
  const absl::MutexLock lock(&mutex_);
  answers_[item.url.substr(server_.url().size())] = {
      HttpAnswer(kOk, body, headers)};
}

void TestVendor::PublishAmd() {
  const SnpSigner& signer = SnpSigner::For(SnpTestProduct::kMilan);
  const SnpTestEvidence made = signer.Make();
  const SnpTestTcb levels;
  const SnpTcb tcb{.fmc = std::nullopt,
                   .boot_loader = levels.boot_loader,
                   .tee = levels.tee,
                   .snp = levels.snp,
                   .microcode = levels.microcode};
  const auto vcek =
      VcekItem(endpoints(), SnpProduct::kMilan, signer.chip_id(), tcb);
  Publish(*vcek, std::string(AsText(made.leaf)));
  Publish(AmdCertChainItem(endpoints(), AmdKeyKind::kVcek, SnpProduct::kMilan),
          signer.ChainPem(SnpTestLeafKind::kVcek));
  Publish(AmdCrlItem(endpoints(), AmdKeyKind::kVcek, SnpProduct::kMilan),
          std::string(AsText(made.crl)));
}

void TestVendor::PublishIntel() {
  const IntelSigner& signer = IntelSigner::Get();
  const IntelTestEvidence made = signer.Make();
  const auto with_chain = [](const CollateralItem& item,
                             const std::string& pem) {
    return fmt::format("{}: {}\r\n", item.issuer_chain_header, Escaped(pem));
  };
  const constellation::testing::IntelTestTcbInfo info;
  const auto tcb_info = TcbInfoItem(endpoints(), IntelTee::kTdx, info.fmspc);
  Publish(*tcb_info, made.tcb_info,
          with_chain(*tcb_info, made.tcb_signing_chain));
  const CollateralItem identity = QeIdentityItem(endpoints(), IntelTee::kTdx);
  Publish(identity, made.qe_identity,
          with_chain(identity, made.tcb_signing_chain));
  const CollateralItem pck_crl = PckCrlItem(endpoints(), PckCa::kPlatform);
  Publish(pck_crl, std::string(AsText(made.pck_crl)),
          with_chain(pck_crl, made.pck_crl_chain));
  Publish(IntelRootCrlItem(endpoints()), std::string(AsText(made.root_crl)));
}

}  // namespace constellation::attestation::testing
