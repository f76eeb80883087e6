// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_CURL_LIBRARY_H_
#define CONSTELLATION_COMMON_CURL_LIBRARY_H_

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "absl/status/statusor.h"

namespace constellation {

// The functions of libcurl that we call. Debian's libcurl brings thirty more
// libraries along; loading them when a program starts costs 6 ms even if it
// never sends a request, so they are loaded at the first use.
struct CurlLibrary {
  decltype(&::curl_global_init) global_init = nullptr;
  decltype(&::curl_easy_init) easy_init = nullptr;
  decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&::curl_easy_reset) easy_reset = nullptr;
  decltype(&::curl_easy_setopt) easy_setopt = nullptr;
  decltype(&::curl_easy_perform) easy_perform = nullptr;
  decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&::curl_easy_strerror) easy_strerror = nullptr;
  decltype(&::curl_slist_append) slist_append = nullptr;
  decltype(&::curl_slist_free_all) slist_free_all = nullptr;

  // Loads and initialises libcurl once per process; never unloaded.
  // FAILED_PRECONDITION if it is not installed or lacks a function.
  // Thread-safe.
  static absl::StatusOr<const CurlLibrary*> Get();
};

}  // namespace constellation

#endif  // CONSTELLATION_COMMON_CURL_LIBRARY_H_
