// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_ITEMS_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_ITEMS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "attestation/collateral/collateral.h"
#include "attestation/collateral/vendor_endpoints.h"
#include "attestation/intel/quote.h"
#include "attestation/snp/snp_tcb.h"

// What AMD, Intel and Google publish, and under which URL. Pure; nothing here
// opens a connection. Keys do not depend on the endpoint.
namespace constellation::attestation {

// Where to fetch from: the vendors, or mirrors of them (a PCCS has Intel's
// paths). Base URLs without a slash at the end.
struct CollateralEndpoints {
  std::string amd_kds = kAmdKdsEndpoint;
  std::string intel_pcs = kIntelPcsEndpoint;
  std::string intel_root_crl = kIntelRootCrlUrl;  // a whole URL
};

// AMD's kinds of signing keys: of one chip, or of a cloud provider.
enum class AmdKeyKind { kVcek, kVlek };

// The VCEK (DER) of one chip at one TCB (REPORTED_TCB of a report).
// `hardware_id` is the chip ID of the report: 64 octets; for Turin 8, or 64 of
// which the last 56 are zero. AMD hands out about one in ten seconds per
// address: paced. INVALID_ARGUMENT if `hardware_id` or `tcb.fmc` does not fit
// the product, or the ID is all zero (masked).
absl::StatusOr<CollateralItem> VcekItem(const CollateralEndpoints& endpoints,
                                        SnpProduct product,
                                        std::span<const uint8_t> hardware_id,
                                        const SnpTcb& tcb);

// ASK or ASVK, then ARK (PEM).
CollateralItem AmdCertChainItem(const CollateralEndpoints& endpoints,
                                AmdKeyKind kind, SnpProduct product);

// Revocation list of the ARK.
CollateralItem AmdCrlItem(const CollateralEndpoints& endpoints, AmdKeyKind kind,
                          SnpProduct product);

// TCB information (JSON) of the platforms called `fmspc` (6 octets, else
// INVALID_ARGUMENT), with the signer's chain.
absl::StatusOr<CollateralItem> TcbInfoItem(const CollateralEndpoints& endpoints,
                                           IntelTee tee,
                                           std::span<const uint8_t> fmspc);

// Identity (JSON) of the quoting enclave, with the signer's chain.
CollateralItem QeIdentityItem(const CollateralEndpoints& endpoints,
                              IntelTee tee);

// Intel's authorities that issue PCK certificates.
enum class PckCa { kPlatform, kProcessor };

// Revocation list of a PCK authority, with that authority's chain.
CollateralItem PckCrlItem(const CollateralEndpoints& endpoints, PckCa ca);

// Which TCB evaluation data numbers Intel serves collateral for (JSON), with
// the signer's chain.
CollateralItem EvaluationNumbersItem(const CollateralEndpoints& endpoints,
                                     IntelTee tee);

// Revocation list of Intel's SGX root.
CollateralItem IntelRootCrlItem(const CollateralEndpoints& endpoints);

// How the keys of GoogleChainItem() begin.
inline constexpr std::string_view kGoogleChainPrefix = "gcp/ak-chain/";

// The issuer's certificate (DER) at `url`, which a certificate names
// (authority information access, RFC 5280 4.2.2.1). The URL is hostile: it must
// be http or https, without user or port, printable ASCII, and its host must be
// one of `hosts`, or end in one that begins with a dot. PERMISSION_DENIED
// otherwise.
absl::StatusOr<CollateralItem> IssuerItem(
    std::string_view url, std::span<const std::string_view> hosts);

// All certificates above an attestation key's of Google's (PEM, nearest first)
// whose issuer is published at `url`: what is kept of them once they were
// fetched one by one. There is no URL for the whole.
CollateralItem GoogleChainItem(std::string_view url);

// Clouds whose authorities publish revocation lists.
enum class CloudAuthority { kGoogle, kAmazon };

// How the keys of CloudCrlItem() begin: "gcp/crl/", "aws/crl/".
std::string_view CloudCrlPrefix(CloudAuthority authority);

// The revocation list at `url`, which a certificate below the root of
// `authority` names (CrlUrlsOfUnverified()). As IssuerItem(): http or https, no
// user, no port, printable ASCII, a host that is known to be of that cloud; and
// no redirect is followed. PERMISSION_DENIED otherwise.
absl::StatusOr<CollateralItem> CloudCrlItem(CloudAuthority authority,
                                            std::string_view url);

// The hosts of Google's issuers.
std::vector<std::string_view> GoogleIssuerHosts();

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_ITEMS_H_
