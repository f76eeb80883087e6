// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_TERMINAL_TABLE_H_
#define CONSTELLATION_CLI_TERMINAL_TABLE_H_

#include <string>
#include <string_view>
#include <vector>

namespace constellation::cli {

// Text in aligned columns for people. Cells may come from hostile machines:
// control characters are shown as '?', so that they cannot steer the terminal.
class Table final {
 public:
  explicit Table(std::vector<std::string> header);

  // Missing cells are empty; surplus ones are dropped.
  void AddRow(std::vector<std::string> cells);
  // The table; each line ends with a newline. Columns are separated by two
  // spaces, the last one is not padded.
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // rows_[0] is the header
};

// `text` without control characters (each becomes '?') and invalid UTF-8.
std::string Printable(std::string_view text);

// Printable(), with &, <, > and " as XML wants them (XML 1.0, section 2.4): for
// contents and for attributes in double quotes.
std::string XmlEscape(std::string_view text);

// `text`, or its first `columns` octets and two full stops if it is longer than
// they are together. May cut a character of several octets in two, so
// Printable() comes after it.
std::string Shorten(std::string_view text, size_t columns);

// Printable(), but line breaks stay; ends with one unless it is empty.
std::string PrintableLines(std::string_view text);

// How many columns `text` (UTF-8) takes, counting every code point as one.
size_t DisplayWidth(std::string_view text);

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_TERMINAL_TABLE_H_
