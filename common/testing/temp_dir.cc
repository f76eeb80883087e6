// SPDX-License-Identifier: Apache-2.0
#include "common/testing/temp_dir.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace constellation::testing {

TempDir::TempDir()
    : path_(
          (std::filesystem::temp_directory_path() / "constellation-test-XXXXXX")
              .string()) {
  if (mkdtemp(path_.data()) == nullptr) {
    std::abort();
  }
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace constellation::testing
