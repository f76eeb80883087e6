// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/advice.h"

namespace constellation::attestation {

// The registers as systemd-stub and shim use them (UAPI group, Linux TPM PCR
// registry): the owner needs to know which part of the image differs, not which
// number.
std::string_view PcrAdvice(uint32_t index) {
  switch (index) {
    case 4:
      return "the boot loader or kernel image is another one: is the node's "
             "image the one the policy was made for?";
    case 9:
      return "the initrd is another one";
    case 11:
      return "the unified kernel image (kernel, initrd, command line) is "
             "another one";
    case 8:
    case 12:
      return "a command line, credential or add-on was given at boot that the "
             "image does not contain";
    default:
      return "something was measured that the profile does not know";
  }
}

// A failed binding and a failed signature look alike to an owner but are not:
// the first is a replay or a wrong caller, the second a forgery.
std::string_view QuoteAdvice(QuoteCheckId id) {
  switch (id) {
    case QuoteCheckId::kQualifyingData:
      return "the evidence was made for another connection, nonce or purpose: "
             "replayed, relayed or mixed up";
    case QuoteCheckId::kSignature:
      return "the quote was changed or comes from another key";
    case QuoteCheckId::kPcrList:
    case QuoteCheckId::kPcrDigest:
      return "the values sent are not those that the TPM quoted";
    default:
      return "the evidence was not made by a TPM in the agreed way";
  }
}

// Tells apart what the owner can mend (collateral, clocks, policy) from what he
// cannot (a forged chain). Checks of the report's own octets share the last
// answer: no honest firmware fails them.
std::string_view SnpAdvice(SnpCheckId id) {
  switch (id) {
    case SnpCheckId::kRootCertificate:
    case SnpCheckId::kIntermediateCertificate:
    case SnpCheckId::kSignerCertificate:
      return "AMD's certificates are missing or damaged: fetch them "
             "(constellation collateral fetch) or give a bundle";
    case SnpCheckId::kRootPinned:
    case SnpCheckId::kRootSigned:
    case SnpCheckId::kIntermediateSigned:
    case SnpCheckId::kSignerSigned:
    case SnpCheckId::kChainProduct:
      return "the chain is not AMD's: the hardware is not genuine, or "
             "certificates of different chips are mixed up";
    case SnpCheckId::kCertificateDates:
      return "a certificate is not valid now: fetch newer ones, or check this "
             "machine's clock";
    case SnpCheckId::kRevocationList:
      return "fetch AMD's current revocation list, or drop "
             "`requireRevocationList`";
    case SnpCheckId::kNotRevoked:
      return "AMD has revoked the chain: move the VM to another host";
    case SnpCheckId::kTcb:
    case SnpCheckId::kChipId:
      return "the certificate is of another chip or firmware level: fetch the "
             "one for this report";
    default:
      return "the report was changed, or made by something else than SEV-SNP "
             "firmware";
  }
}

}  // namespace constellation::attestation
