// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <pugixml.hpp>
#include <utility>

#include "common/status.h"

namespace constellation::cloud::aws {
namespace {

// As much as a transport takes by default.
constexpr size_t kMaxSize = size_t{16} << 20U;
// AWS's answers nest about ten deep.
constexpr int kMaxDepth = 32;

// Walks without recursion: depth is what is being checked.
bool IsShallow(const pugi::xml_node& root) {
  int depth = 0;
  for (pugi::xml_node node = root; node;) {
    if (node.first_child()) {
      if (++depth > kMaxDepth) {
        return false;
      }
      node = node.first_child();
      continue;
    }
    while (node && node != root && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    node = node == root ? pugi::xml_node() : node.next_sibling();
  }
  return true;
}

std::string_view NameOf(const pugi::xml_node& node) {
  return node.name();
}

}  // namespace

std::string_view XmlElement::Name() const {
  return NameOf(pugi::xml_node(node_));
}

// The first of several elements with that name.
XmlElement XmlElement::At(std::string_view path) const {
  pugi::xml_node node(node_);
  while (node && !path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    node = node.find_child(
        [&](const pugi::xml_node& child) { return NameOf(child) == name; });
  }
  return XmlElement(node.internal_object());
}

// Text of sections and children is not joined: AWS writes one text.
std::string XmlElement::Text(std::string_view path) const {
  return pugi::xml_node(At(path).node_).child_value();
}

// All of the text must be digits; a sign or blank is refused.
uint64_t XmlElement::Number(std::string_view path, uint64_t fallback) const {
  const std::string text = Text(path);
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && !text.empty() &&
                 end == text.data() + text.size()
             ? value
             : fallback;
}

// Other elements in between (comments, other names) are passed over.
std::vector<XmlElement> XmlElement::List(std::string_view path) const {
  std::vector<XmlElement> elements;
  for (const pugi::xml_node& child : pugi::xml_node(At(path).node_)) {
    if (NameOf(child) == "item" || NameOf(child) == "member") {
      elements.emplace_back(child.internal_object());
    }
  }
  return elements;
}

XmlElement XmlElement::ChildEndingIn(std::string_view suffix) const {
  return XmlElement(pugi::xml_node(node_)
                        .find_child([&](const pugi::xml_node& child) {
                          return NameOf(child).ends_with(suffix);
                        })
                        .internal_object());
}

XmlDocument::XmlDocument(std::unique_ptr<pugi::xml_document> document)
    : document_(std::move(document)) {}
XmlDocument::XmlDocument(XmlDocument&& other) noexcept = default;
XmlDocument& XmlDocument::operator=(XmlDocument&& other) noexcept = default;
XmlDocument::~XmlDocument() = default;

// parse_default resolves the predefined entities and skips document types;
// ws_pcdata_single keeps blanks that are all that their element has. An empty
// text is an error, as it has no root.
absl::StatusOr<XmlDocument> XmlDocument::Parse(std::string_view text) {
  if (text.size() > kMaxSize) {
    return InvalidArgument(fmt::format("XML: want at most {} octets, got {}",
                                       kMaxSize, text.size()));
  }
  auto document = std::make_unique<pugi::xml_document>();
  const pugi::xml_parse_result parsed = document->load_buffer(
      text.data(), text.size(),
      pugi::parse_default | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
  if (!parsed) {
    return InvalidArgument(fmt::format("XML: {} at octet {}",
                                       parsed.description(), parsed.offset));
  }
  if (!IsShallow(*document)) {
    return InvalidArgument(
        fmt::format("XML: want at most {} levels", kMaxDepth));
  }
  return XmlDocument(std::move(document));
}

XmlElement XmlDocument::root() const {
  return XmlElement(document_->document_element().internal_object());
}

// So that callers need not know which kind of service answered.
XmlElement XmlDocument::result() const {
  const XmlElement result = root().ChildEndingIn("Result");
  return result ? result : root();
}

}  // namespace constellation::cloud::aws
