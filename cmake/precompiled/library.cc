// SPDX-License-Identifier: Apache-2.0
// Carries the precompiled headers of libraries; see
// cmake/ConstellationPrecompiled.cmake.
