// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_COMMON_TESTING_TEMP_DIR_H_
#define CONSTELLATION_COMMON_TESTING_TEMP_DIR_H_

#include <string>

namespace constellation::testing {

// A new folder that goes away with its contents.
class TempDir final {
 public:
  TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();

  const std::string& path() const { return path_; }
  std::string Join(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace constellation::testing

#endif  // CONSTELLATION_COMMON_TESTING_TEMP_DIR_H_
