// SPDX-License-Identifier: Apache-2.0
#include "cli/yaml/yaml_value.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>

namespace constellation::cli {
namespace {

// A config has five levels and some hundred values; the limits keep a hostile
// file from using up stack or memory.
constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxNodes = 20000;

// Ends the parse early; yaml-cpp offers no other way out of its callbacks.
struct StopParsing {
  int line;
  const char* message;
};

// For messages only.
bool LooksLikeNumber(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("+-.0123456789") == std::string_view::npos;
}

// Builds a YamlValue from yaml-cpp's events. Working on events instead of its
// node graph lets us see duplicate keys, aliases and depth before anything is
// expanded.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  YamlValue Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    YamlValue value;
    value.line = mark.line + 1;
    Place(std::move(value));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    throw StopParsing{mark.line + 1, "aliases (*name) are not supported"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag,
                YAML::anchor_t anchor, const std::string& text) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    YamlValue value;
    value.kind = YamlValue::Kind::kScalar;
    value.text = text;
    value.quoted = tag == "!";
    value.line = mark.line + 1;
    if (!value.quoted && (text == "~" || text == "null")) {
      value.kind = YamlValue::Kind::kNull;
    }
    Place(std::move(value));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    Open(YamlValue::Kind::kList, mark);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag,
                  YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    Open(YamlValue::Kind::kMap, mark);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Level {
    YamlValue value;
    std::optional<YamlValue::Entry> pending;  // a key that waits for its value
  };

  static void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) {
      throw StopParsing{mark.line + 1, "anchors (&name) are not supported"};
    }
  }

  // "?" and "!" are what yaml-cpp says of plain and quoted values.
  static void RefuseTag(const YAML::Mark& mark, const std::string& tag) {
    if (tag != "?" && tag != "!") {
      throw StopParsing{mark.line + 1, "tags (!name) are not supported"};
    }
  }

  // Begins a map or list. Maps and lists cannot be keys here.
  void Open(YamlValue::Kind kind, const YAML::Mark& mark) {
    if (levels_.size() >= kMaxDepth) {
      throw StopParsing{mark.line + 1, "nested too deeply"};
    }
    if (!levels_.empty() &&
        levels_.back().value.kind == YamlValue::Kind::kMap &&
        !levels_.back().pending) {
      throw StopParsing{mark.line + 1, "a key must be plain text"};
    }
    Level level;
    level.value.kind = kind;
    level.value.line = mark.line + 1;
    levels_.push_back(std::move(level));
  }

  // Ends the innermost one and puts it where it belongs.
  void Close() {
    YamlValue value = std::move(levels_.back().value);
    levels_.pop_back();
    Place(std::move(value));
  }

  // A finished value: document, item of a list, key or value of a map. The
  // first of two equal keys stays, the second is reported.
  void Place(YamlValue value) {
    if (++nodes_ > kMaxNodes) {
      throw StopParsing{value.line, "too many values"};
    }
    if (levels_.empty()) {
      root_ = std::move(value);
      return;
    }
    Level& level = levels_.back();
    if (level.value.kind == YamlValue::Kind::kList) {
      level.value.items.push_back(std::move(value));
      return;
    }
    if (!level.pending) {
      if (value.kind != YamlValue::Kind::kScalar) {
        throw StopParsing{value.line, "a key must be plain text"};
      }
      level.pending = YamlValue::Entry{value.text, value.line, {}};
      return;
    }
    YamlValue::Entry entry = *std::move(level.pending);
    level.pending.reset();
    entry.value = std::move(value);
    for (const YamlValue::Entry& earlier : level.value.entries) {
      if (earlier.key == entry.key) {
        problems_.Add(entry.line,
                      fmt::format("key \"{}\" is there twice, first in line {}",
                                  entry.key, earlier.line));
        return;
      }
    }
    level.value.entries.push_back(std::move(entry));
  }

  Problems& problems_;
  YamlValue root_;
  std::vector<Level> levels_;
  size_t nodes_ = 0;
};

// In doubt yes: quotes never change a text. Covers what YAML 1.1 and 1.2 read
// as another type.
bool NeedsQuotes(std::string_view text) {
  static constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-";
  if (text.empty() ||
      text.find_first_not_of(kPlain) != std::string_view::npos) {
    return true;
  }
  // What could be read as a number, a truth value, null or a list item.
  if (text.front() == '-' || text.front() == '.' ||
      (text.front() >= '0' && text.front() <= '9')) {
    return true;
  }
  return text == "true" || text == "false" || text == "null" || text == "yes" ||
         text == "no" || text == "on" || text == "off";
}

}  // namespace

// Long values are cut: they may be secrets or whole files.
std::string DescribeKind(const YamlValue& value) {
  switch (value.kind) {
    case YamlValue::Kind::kNull:
      return "nothing";
    case YamlValue::Kind::kMap:
      return "a map";
    case YamlValue::Kind::kList:
      return "a list";
    case YamlValue::Kind::kScalar:
      break;
  }
  const std::string shown =
      value.text.size() > 40 ? value.text.substr(0, 40) + "..." : value.text;
  if (value.quoted) {
    return fmt::format("the text \"{}\"", shown);
  }
  if (LooksLikeNumber(value.text)) {
    return fmt::format("the number {}", shown);
  }
  return fmt::format("\"{}\"", shown);
}

// yaml-cpp throws; nothing of that leaves this function.
YamlValue ParseYaml(std::string_view text, Problems& problems) {
  if (text.find('\0') != std::string_view::npos) {
    problems.Add(0, "not a YAML file: it holds zero bytes");
    return {};
  }
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(problems);
  try {
    // At most two documents are looked at, so a text on which the parser does
    // not move on cannot hold us up.
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    TreeBuilder more(problems);
    if (parser.HandleNextDocument(more)) {
      problems.Add(0, "more than one YAML document");
    }
  } catch (const StopParsing& stop) {
    problems.Add(stop.line, stop.message);
  } catch (const YAML::Exception& e) {
    problems.Add(e.mark.line + 1, fmt::format("not valid YAML: {}", e.msg));
  }
  return builder.Take();
}

// Double quotes with the escapes that YAML shares with JSON, and \xNN for
// control characters (YAML 1.2 section 5.7).
std::string QuoteYaml(std::string_view text) {
  if (!NeedsQuotes(text)) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace constellation::cli
