// SPDX-License-Identifier: Apache-2.0
#include "common/curl_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "common/status.h"

namespace constellation {
namespace {

constexpr char kLibraryName[] = "libcurl.so.4";

// Sets `*function` to the library's function of that name.
template <typename Function>
absl::Status Resolve(void* library, const char* name, Function* function) {
  // POSIX: what dlsym() returns may be converted to a function pointer.
  *function = reinterpret_cast<Function>(::dlsym(library, name));
  if (*function == nullptr) {
    return FailedPrecondition(fmt::format("{} lacks {}()", kLibraryName, name));
  }
  return absl::OkStatus();
}

// Not thread-safe itself: Get() runs it once.
absl::StatusOr<const CurlLibrary*> Load() {
  void* library = ::dlopen(kLibraryName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return FailedPrecondition(
        fmt::format("cannot load {}: {}", kLibraryName, ::dlerror()));
  }
  static CurlLibrary curl;
  for (const absl::Status& status :
       {Resolve(library, "curl_global_init", &curl.global_init),
        Resolve(library, "curl_easy_init", &curl.easy_init),
        Resolve(library, "curl_easy_cleanup", &curl.easy_cleanup),
        Resolve(library, "curl_easy_reset", &curl.easy_reset),
        Resolve(library, "curl_easy_setopt", &curl.easy_setopt),
        Resolve(library, "curl_easy_perform", &curl.easy_perform),
        Resolve(library, "curl_easy_getinfo", &curl.easy_getinfo),
        Resolve(library, "curl_easy_strerror", &curl.easy_strerror),
        Resolve(library, "curl_slist_append", &curl.slist_append),
        Resolve(library, "curl_slist_free_all", &curl.slist_free_all)}) {
    if (!status.ok()) return status;
  }
  if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    return FailedPrecondition("libcurl does not initialise");
  }
  return &curl;
}

}  // namespace

absl::StatusOr<const CurlLibrary*> CurlLibrary::Get() {
  static const absl::StatusOr<const CurlLibrary*> loaded = Load();
  return loaded;
}

}  // namespace constellation
