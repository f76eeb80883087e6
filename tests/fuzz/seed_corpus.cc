// SPDX-License-Identifier: Apache-2.0
// seed_corpus FOLDER: writes FOLDER/<fuzz target>/<seed> for every target.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/fuzz/seeds.h"

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  if (argc != 2) {
    std::fputs("usage: seed_corpus FOLDER\n", stderr);
    return 2;
  }
  for (const constellation::fuzz::Seed& seed :
       constellation::fuzz::AllSeeds()) {
    const fs::path folder = fs::path(argv[1]) / seed.target;
    std::error_code error;
    fs::create_directories(folder, error);
    std::ofstream file(folder / seed.name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.bytes.data()),
               static_cast<std::streamsize>(seed.bytes.size()));
    if (!file.flush()) {
      std::fprintf(stderr, "seed_corpus: cannot write %s\n",
                   (folder / seed.name).c_str());
      return 1;
    }
  }
  return 0;
}
