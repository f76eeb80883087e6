// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_CONFIG_SYNTAX_H_
#define CONSTELLATION_CLI_CONFIG_SYNTAX_H_

#include <cstddef>
#include <string_view>

namespace constellation::cli {

// RFC 1123 label: lower-case letters, digits and inner hyphens, at most 63.
// All are pure and thread-safe, look at the text alone, and refuse the empty
// text.
bool IsDnsLabel(std::string_view text);
// RFC 1123 host name of labels and dots, at most 253 characters.
bool IsHostName(std::string_view text);
// Dotted IPv4 address, no leading zeros.
bool IsIpv4Address(std::string_view text);
// IPv4 network with prefix length 8 to 30 whose host bits are zero.
bool IsIpv4Cidr(std::string_view text);
// Any IPv4 network, "0.0.0.0/0" and "203.0.113.7/32" included; host bits zero.
bool IsIpv4Source(std::string_view text);
// Whether two networks that IsIpv4Cidr() accepts share an address.
bool CidrsOverlap(std::string_view a, std::string_view b);
// "v" and three numbers: v1.20.2
bool IsFullVersion(std::string_view text);
// 8-4-4-4-12 hex digits, either case.
bool IsUuid(std::string_view text);
// `digits` hex digits, either case.
bool IsHexOfLength(std::string_view text, size_t digits);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_CONFIG_SYNTAX_H_
