// SPDX-License-Identifier: Apache-2.0
#include "joinservice/printable.h"

namespace constellation::joinservice {

// ASCII only, so that a log line is one line in every encoding.
std::string Printable(std::string_view text, size_t max_length) {
  std::string printable(text.substr(0, max_length));
  for (char& c : printable) {
    if (c < ' ' || c > '~' || c == '"' || c == '\\') c = '?';
  }
  if (text.size() > max_length) printable += "...";
  return printable;
}

}  // namespace constellation::joinservice
