// SPDX-License-Identifier: Apache-2.0
// Carries the precompiled headers of tests; see
// cmake/ConstellationPrecompiled.cmake.
int main() {
  return 0;
}
