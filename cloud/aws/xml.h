// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLOUD_AWS_XML_H_
#define CONSTELLATION_CLOUD_AWS_XML_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace pugi {
class xml_document;
struct xml_node_struct;
}  // namespace pugi

namespace constellation::cloud::aws {

// One element of an answer, or none: everything asked of "none" is empty.
// A view, valid as long as its document. Namespaces are ignored (AWS declares
// one and uses no prefixes).
class XmlElement final {
 public:
  XmlElement() = default;
  explicit XmlElement(pugi::xml_node_struct* node) : node_(node) {}

  explicit operator bool() const { return node_ != nullptr; }
  std::string_view Name() const;
  // The first element at `path` ("state/code") below this one.
  XmlElement At(std::string_view path) const;
  // Text of the element at `path`, of this one for an empty path; "" without.
  std::string Text(std::string_view path = {}) const;
  // A decimal number without sign; `fallback` for anything else.
  uint64_t Number(std::string_view path, uint64_t fallback = 0) const;
  bool IsTrue(std::string_view path) const { return Text(path) == "true"; }
  // Elements called "item" or "member" in the element at `path`.
  std::vector<XmlElement> List(std::string_view path) const;
  // The first child element whose name ends in `suffix`.
  XmlElement ChildEndingIn(std::string_view suffix) const;

 private:
  pugi::xml_node_struct* node_ = nullptr;
};

// A parsed answer. Immutable, thread-safe for readers.
class XmlDocument final {
 public:
  XmlDocument(XmlDocument&& other) noexcept;
  XmlDocument& operator=(XmlDocument&& other) noexcept;
  ~XmlDocument();

  // Well-formed XML of at most 16 MiB that nests at most 32 deep.
  // INVALID_ARGUMENT otherwise. Document types are skipped: no entity but the
  // five predefined ones and character references exists, nothing is fetched.
  static absl::StatusOr<XmlDocument> Parse(std::string_view text);

  XmlElement root() const;
  // What an action returned: the child "...Result" (query services), else the
  // root (EC2).
  XmlElement result() const;

 private:
  explicit XmlDocument(std::unique_ptr<pugi::xml_document> document);

  std::unique_ptr<pugi::xml_document> document_;
};

}  // namespace constellation::cloud::aws

#endif  // CONSTELLATION_CLOUD_AWS_XML_H_
