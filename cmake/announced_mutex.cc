// SPDX-License-Identifier: Apache-2.0
//
// Preset "tsan" only. Abseil as Debian builds it does not tell ThreadSanitizer
// that its mutexes order memory: all that they guard would be reported as
// races. The linker sends calls of these functions here (--wrap, for each name
// in a line below that begins with ANNOUNCE), where they are announced.
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);

namespace {

// Abseil evaluates conditions of waiting threads where another gives the lock
// back, which is under the lock but behind its announcement: what is read there
// is not looked at.
class InsideAbseil {
 public:
  InsideAbseil() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~InsideAbseil() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

}  // namespace

// A lock is taken: whatever came before its last release has happened.
#define ANNOUNCE_TAKEN(symbol)                          \
  extern "C" void __real_##symbol(absl::Mutex* mutex);  \
  extern "C" void __wrap_##symbol(absl::Mutex* mutex) { \
    __real_##symbol(mutex);                             \
    __tsan_acquire(mutex);                              \
  }

// A lock is given back.
#define ANNOUNCE_GIVEN(symbol)                          \
  extern "C" void __real_##symbol(absl::Mutex* mutex);  \
  extern "C" void __wrap_##symbol(absl::Mutex* mutex) { \
    __tsan_release(mutex);                              \
    const InsideAbseil inside;                          \
    __real_##symbol(mutex);                             \
  }

// A lock is given back, and taken again once `condition` holds.
#define ANNOUNCE_AWAIT(symbol)                                        \
  extern "C" void __real_##symbol(absl::Mutex* mutex,                 \
                                  const absl::Condition& condition);  \
  extern "C" void __wrap_##symbol(absl::Mutex* mutex,                 \
                                  const absl::Condition& condition) { \
    __tsan_release(mutex);                                            \
    const InsideAbseil inside;                                        \
    __real_##symbol(mutex, condition);                                \
    __tsan_acquire(mutex);                                            \
  }

// The same for as long as `limit` says.
#define ANNOUNCE_LIMITED_AWAIT(symbol, limit_type)                             \
  extern "C" bool __real_##symbol(                                             \
      absl::Mutex* mutex, const absl::Condition& condition, limit_type limit); \
  extern "C" bool __wrap_##symbol(absl::Mutex* mutex,                          \
                                  const absl::Condition& condition,            \
                                  limit_type limit) {                          \
    __tsan_release(mutex);                                                     \
    const InsideAbseil inside;                                                 \
    const bool holds = __real_##symbol(mutex, condition, limit);               \
    __tsan_acquire(mutex);                                                     \
    return holds;                                                              \
  }

// One name in each line, as the build reads them.
// clang-format off
ANNOUNCE_TAKEN(_ZN4absl7debian35Mutex4LockEv)
ANNOUNCE_TAKEN(_ZN4absl7debian35Mutex10ReaderLockEv)
ANNOUNCE_GIVEN(_ZN4absl7debian35Mutex6UnlockEv)
ANNOUNCE_GIVEN(_ZN4absl7debian35Mutex12ReaderUnlockEv)
ANNOUNCE_AWAIT(_ZN4absl7debian35Mutex5AwaitERKNS0_9ConditionE)
ANNOUNCE_LIMITED_AWAIT(_ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE, absl::Duration)
ANNOUNCE_LIMITED_AWAIT(_ZN4absl7debian35Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE, absl::Time)
// clang-format on
