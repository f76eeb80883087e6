// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_UNIQUE_FD_H_
#define CONSTELLATION_COMMON_UNIQUE_FD_H_

#include <utility>

namespace constellation {

// Owns a file descriptor and closes it. -1 means none.
class UniqueFd final {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Gives the descriptor up to the caller, who then has to close it.
  int Release() { return std::exchange(fd_, -1); }
  // Closes it, if there is one. Errors of close() are ignored: the descriptor
  // is gone either way.
  void Reset();

 private:
  int fd_ = -1;
};

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_UNIQUE_FD_H_
