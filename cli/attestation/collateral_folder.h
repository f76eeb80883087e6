// SPDX-License-Identifier: Apache-2.0
#ifndef CONSTELLATION_CLI_ATTESTATION_COLLATERAL_FOLDER_H_
#define CONSTELLATION_CLI_ATTESTATION_COLLATERAL_FOLDER_H_

#include <string>

namespace constellation::cli {

// Where this user keeps collateral: below $XDG_CACHE_HOME, else below
// $HOME/.cache. Need not exist.
// Without either variable it is below the current folder: a service without a
// home still works. Reads the environment, so not safe beside setenv().
std::string DefaultCollateralFolder();

}  // namespace constellation::cli

#endif  // CONSTELLATION_CLI_ATTESTATION_COLLATERAL_FOLDER_H_
