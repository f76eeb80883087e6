// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TESTING_SHOWN_FIELDS_H_
#define CONSTELLATION_CLI_TESTING_SHOWN_FIELDS_H_

#include <string>
#include <string_view>

#include "cli/attestation/shown.h"

namespace constellation::cli::testing {

// The value of the first field `name`, in whichever part; "absent" if there is
// none.
inline std::string FieldOf(const Decoded& decoded, std::string_view name) {
  for (const ShownPart& part : decoded.parts) {
    for (const ShownField& field : part.fields()) {
      if (field.name == name) {
        return field.value;
      }
    }
  }
  return "absent";
}

}  // namespace constellation::cli::testing

#endif  // CONSTELLATION_CLI_TESTING_SHOWN_FIELDS_H_
