// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_STARTUP_PAGES_H_
#define CONSTELLATION_COMMON_STARTUP_PAGES_H_

namespace constellation {

// Gives back the pages of code that this process has touched so far, of the
// program and its libraries; what is still needed comes back by itself, from
// the page cache, when it runs next. For services that have started and will
// wait: the code that registers messages and reads options never runs again,
// and is more than half of what would stay resident. Code is never written to,
// so nothing can be lost. Does nothing where the kernel refuses. Thread-safe.
void ReleaseStartupPages();

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_STARTUP_PAGES_H_
