// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_SECRET_BYTES_H_
#define CONSTELLATION_COMMON_SECRET_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace constellation {

// Secret octets of a length fixed at construction. Lives in memory of its own,
// locked against swapping and left out of core dumps where the system allows,
// and is wiped when destroyed or moved from. Cannot be printed, copied silently
// or compared with ==. Not thread-safe for concurrent writes.
class SecretBytes final {
 public:
  SecretBytes() = default;
  // `size` zero octets.
  explicit SecretBytes(size_t size);
  // A copy of `bytes`. The caller still has to wipe the original.
  explicit SecretBytes(std::span<const uint8_t> bytes);
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  // An explicit copy: the only way to get one.
  SecretBytes Clone() const { return SecretBytes(Expose()); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // The octets. Named so that reviewers can search for every place where a
  // secret leaves its type.
  std::span<const uint8_t> Expose() const { return {data_, size_}; }
  std::span<uint8_t> ExposeMutable() { return {data_, size_}; }

  // Whether both hold the same octets; time depends on the lengths only.
  bool EqualsConstantTime(const SecretBytes& other) const;

 private:
  void Release();

  uint8_t* data_ = nullptr;  // an anonymous mapping of its own, or null
  size_t size_ = 0;
  size_t mapped_ = 0;
};

// Overwrites `bytes` with zeros in a way that the compiler keeps.
void Wipe(std::span<uint8_t> bytes);
// The same for a text that held a secret; it keeps its size. The text's former
// buffers, if it grew, are not reached.
void Wipe(std::string& text);

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_SECRET_BYTES_H_
