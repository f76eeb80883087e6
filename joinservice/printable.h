// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_JOINSERVICE_PRINTABLE_H_
#define CONSTELLATION_JOINSERVICE_PRINTABLE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace constellation::joinservice {

// `text`, which a peer chose, for a log line or message: quotes, backslashes
// and everything outside of printable ASCII become '?', at most `max_length`
// characters stay.
std::string Printable(std::string_view text, size_t max_length);

}  // namespace constellation::joinservice

#endif  // CONSTELLATION_JOINSERVICE_PRINTABLE_H_
