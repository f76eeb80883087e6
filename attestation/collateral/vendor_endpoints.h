// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_ENDPOINTS_H_
#define CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_ENDPOINTS_H_

// The vendors' documented default endpoints. The only file that names them;
// all can be replaced by mirrors (CollateralEndpoints).
namespace constellation::attestation {

// AMD 57230, "VCEK Certificate and KDS Interface", 3.1.
inline constexpr char kAmdKdsEndpoint[] = "https://kdsintf.amd.com";
// Intel Provisioning Certification Service, API v4.
inline constexpr char kIntelPcsEndpoint[] =
    "https://api.trustedservices.intel.com";
// CRL distribution point in Intel's SGX root certificate.
inline constexpr char kIntelRootCrlUrl[] =
    "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
// Issuers that Google's AK certificates name (authority information access).
inline constexpr char kGoogleAiaPrivateCaSuffix[] = ".storage.googleapis.com";
inline constexpr char kGoogleAiaPkiHost[] = "pki.goog";
// Revocation lists that Amazon's Nitro certificates name: of the root, and, as
// "crl-<region>-aws-nitro-enclaves.s3.<region>.amazonaws.com", of a region.
inline constexpr char kAmazonRootCrlHost[] =
    "aws-nitro-enclaves-crl.s3.amazonaws.com";
inline constexpr char kAmazonCrlHostBegin[] = "crl-";
inline constexpr char kAmazonCrlHostMiddle[] = "-aws-nitro-enclaves.s3.";
inline constexpr char kAmazonCrlHostEnd[] = ".amazonaws.com";
// Azure's metadata service, link-local, inside the guest only.
inline constexpr char kAzureMetadataEndpoint[] = "http://169.254.169.254";

}  // namespace constellation::attestation

#endif  // CONSTELLATION_ATTESTATION_COLLATERAL_VENDOR_ENDPOINTS_H_
