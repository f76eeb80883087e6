// SPDX-License-Identifier: Apache-2.0
#include "attestation/policy/advice.h"

namespace constellation::attestation {

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

}  // namespace constellation::attestation
