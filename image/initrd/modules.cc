// SPDX-License-Identifier: Apache-2.0
#include "image/initrd/modules.h"

#include <fmt/format.h>

namespace constellation::image::initrd {

std::vector<std::string> ModulePaths(std::string_view list) {
  std::vector<std::string> paths;
  while (!list.empty()) {
    const size_t end = list.find('\n');
    const std::string_view file = list.substr(0, end);
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    if (!file.empty()) {
      paths.push_back(fmt::format("/modules/{}", file));
    }
  }
  return paths;
}

}  // namespace constellation::image::initrd
