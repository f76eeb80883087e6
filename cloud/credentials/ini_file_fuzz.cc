// SPDX-License-Identifier: Apache-2.0
// Whatever the file: no crash, and every key of every section can be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "cloud/credentials/ini_file.h"
#include "common/hex.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file =
      constellation::cloud::IniFile::Parse(constellation::AsText({data, size}));
  if (file.ok()) {
    for (const auto& [section, keys] : file->sections()) {
      for (const auto& [key, value] : keys) {
        if (file->Get(section, key) != value) {
          std::abort();
        }
      }
    }
  }
  return 0;
}
