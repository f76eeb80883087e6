// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/seeds.h"

namespace constellation::fuzz {

std::vector<Seed> AllSeeds() {
  std::vector<Seed> seeds;
  AddCpuSeeds(seeds);
  AddTpmSeeds(seeds);
  AddCloudEvidenceSeeds(seeds);
  AddPolicySeeds(seeds);
  AddCryptoSeeds(seeds);
  AddDiskSeeds(seeds);
  AddCloudSeeds(seeds);
  AddKubernetesSeeds(seeds);
  return seeds;
}

}  // namespace constellation::fuzz
