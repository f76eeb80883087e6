// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_END_SIGNALS_H_
#define CONSTELLATION_COMMON_END_SIGNALS_H_

#include <csignal>

namespace constellation {

// SIGTERM and SIGINT of a service: kept from all threads, so that nothing is
// interrupted, until somebody waits for them. Construct it before any other
// thread exists; those inherit what it does. It is never undone.
class EndSignals final {
 public:
  EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  // Blocks until one of them comes, or has come; returns it.
  int Wait() const;

 private:
  sigset_t signals_{};
};

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_END_SIGNALS_H_
