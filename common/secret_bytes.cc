// SPDX-License-Identifier: Apache-2.0
#include "common/secret_bytes.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace constellation {
namespace {

// Locking works on whole pages, so a secret shares its page with nothing.
size_t RoundUpToPage(size_t size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (size + page - 1) / page * page;
}

}  // namespace

void Wipe(std::span<uint8_t> bytes) {
  if (!bytes.empty()) {
    explicit_bzero(bytes.data(), bytes.size());
  }
}

void Wipe(std::string& text) {
  Wipe({reinterpret_cast<uint8_t*>(text.data()), text.size()});
}

SecretBytes::SecretBytes(size_t size) : size_(size) {
  if (size == 0) {
    return;
  }
  mapped_ = RoundUpToPage(size);
  void* memory = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::abort();  // out of memory: like a failed allocation elsewhere, not
                   // recoverable
  }
  // Both are best effort: RLIMIT_MEMLOCK may be small, and the secret is needed
  // all the same.
  (void)mlock(memory, mapped_);
  (void)madvise(memory, mapped_, MADV_DONTDUMP);
  data_ = static_cast<uint8_t*>(memory);
}

SecretBytes::SecretBytes(std::span<const uint8_t> bytes)
    : SecretBytes(bytes.size()) {
  std::copy(bytes.begin(), bytes.end(), data_);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    Release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

SecretBytes::~SecretBytes() {
  Release();
}

// Wiped before it is unmapped: the kernel may give the page to anybody.
void SecretBytes::Release() {
  if (data_ == nullptr) {
    return;
  }
  Wipe({data_, size_});
  munmap(data_, mapped_);
  data_ = nullptr;
  size_ = 0;
  mapped_ = 0;
}

// volatile keeps the compiler from stopping at the first difference.
bool SecretBytes::EqualsConstantTime(const SecretBytes& other) const {
  if (size_ != other.size_) {
    return false;
  }
  uint8_t difference = 0;
  for (size_t i = 0; i < size_; ++i) {
    const volatile uint8_t* mine = data_ + i;
    const volatile uint8_t* theirs = other.data_ + i;
    difference = static_cast<uint8_t>(difference | (*mine ^ *theirs));
  }
  return difference == 0;
}

}  // namespace constellation
