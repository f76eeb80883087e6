// SPDX-License-Identifier: Apache-2.0
#include "common/startup_pages.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace constellation {
namespace {

// Only segments that are executable and not writable: those were mapped from a
// file and have no copies of their own. Relocated data must stay.
int ReleaseCode(dl_phdr_info* object, size_t /*size*/, void* /*data*/) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 ||
        (segment.p_flags & PF_W) != 0) {
      continue;
    }
    const uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    const uintptr_t first = (begin + page - 1) / page * page;
    const uintptr_t last = (begin + segment.p_memsz) / page * page;
    if (last > first) {
      (void)::madvise(reinterpret_cast<void*>(first), last - first,
                      MADV_DONTNEED);
    }
  }
  return 0;
}

}  // namespace

void ReleaseStartupPages() {
  ::dl_iterate_phdr(&ReleaseCode, nullptr);
}

}  // namespace constellation
