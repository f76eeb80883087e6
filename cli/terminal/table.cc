// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal/table.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace constellation::cli {
namespace {

// Whether the second byte is one that RFC 3629 (section 4) allows after `lead`:
// no overlong form, no surrogate, nothing above U+10FFFF. A lenient terminal
// would find control characters in those.
bool IsStrict(uint8_t lead, uint8_t second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second < 0xA0;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second < 0x90;
    default:
      return true;
  }
}

// Length of the UTF-8 sequence at the start of `text`; 0 if it is not one.
size_t SequenceLength(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  size_t length = 0;
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead < 0xE0) {
    length = 2;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    length = 3;
  } else if (lead >= 0xF0 && lead < 0xF5) {
    length = 4;
  }
  if (length == 0 || length > text.size()) {
    return 0;
  }
  for (size_t i = 1; i < length; ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xC0U) != 0x80) {
      return 0;
    }
  }
  return IsStrict(lead, static_cast<uint8_t>(text[1])) ? length : 0;
}

// C0, DEL, and the C1 controls (U+0080 to U+009F), which some terminals obey;
// U+FFFE and U+FFFF, which XML must not hold (XML 1.0, section 2.2).
bool IsControl(std::string_view sequence) {
  const auto lead = static_cast<uint8_t>(sequence[0]);
  if (sequence.size() == 1) {
    return lead < 0x20 || lead == 0x7F;
  }
  if (sequence == "\xEF\xBF\xBE" || sequence == "\xEF\xBF\xBF") {
    return true;
  }
  return sequence.size() == 2 && lead == 0xC2 &&
         static_cast<uint8_t>(sequence[1]) < 0xA0;
}

}  // namespace

// One '?' for each sequence or stray octet, so that the text's length still
// tells something.
std::string Printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0 || IsControl(text.substr(0, length))) {
      result += '?';
      text.remove_prefix(std::max<size_t>(length, 1));
      continue;
    }
    result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result;
}

std::string XmlEscape(std::string_view text) {
  std::string escaped;
  for (const char c : Printable(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Shorten(std::string_view text, size_t columns) {
  constexpr std::string_view kCut = "..";
  return text.size() <= columns + kCut.size()
             ? std::string(text)
             : std::string(text.substr(0, columns)) + std::string(kCut);
}

// A text without a line feed at its end gets one.
std::string PrintableLines(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines += Printable(text.substr(0, end)) + "\n";
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// Octets that begin no sequence are not counted; wide characters count as one,
// which misaligns a column and harms nobody.
size_t DisplayWidth(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<uint8_t>(c) & 0xC0U) != 0x80; }));
}

Table::Table(std::vector<std::string> header) {
  rows_.push_back(std::move(header));
}

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(rows_[0].size());
  for (std::string& cell : cells) {
    cell = Printable(cell);
  }
  rows_.push_back(std::move(cells));
}

std::string Table::Render() const {
  std::vector<size_t> widths(rows_[0].size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - DisplayWidth(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace constellation::cli
