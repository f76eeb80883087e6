# Headers that nearly every source reads, precompiled once for libraries and once for tests (which are not optimised and
# need GoogleTest): a third of the time of a cold build. No source may rely on them: the preset "asan" builds without.
option(CONSTELLATION_PRECOMPILE "Precompile common headers" ON)

set(CONSTELLATION_PRECOMPILED_HEADERS
  <algorithm> <array> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span>
  <string> <string_view> <thread> <utility> <variant> <vector>
  <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>
  <absl/status/status.h> <absl/status/statusor.h> <absl/synchronization/mutex.h> <absl/time/clock.h> <absl/time/time.h>)

if(CONSTELLATION_PRECOMPILE)
  set(precompiled ${CMAKE_CURRENT_LIST_DIR}/precompiled)
  add_library(constellation_precompiled OBJECT ${precompiled}/library.cc)
  target_link_libraries(constellation_precompiled PRIVATE constellation_options constellation_absl constellation_log)
  target_precompile_headers(constellation_precompiled PRIVATE ${CONSTELLATION_PRECOMPILED_HEADERS})

  add_executable(constellation_precompiled_test ${precompiled}/program.cc)
  target_link_libraries(constellation_precompiled_test PRIVATE
    constellation_options constellation_absl constellation_log GTest::gmock GTest::gtest)
  constellation_unoptimised(constellation_precompiled_test)
  target_precompile_headers(constellation_precompiled_test PRIVATE
    ${CONSTELLATION_PRECOMPILED_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
  # GCC 12 finds faults in its own std::string where that comes from a precompiled header: what follows the flow of data
  # is left to clang and the sanitizers (preset "asan").
  target_compile_options(constellation_options INTERFACE
    # ccache compares precompiled headers by content.
    $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread>)
endif()

# constellation_precompile(TARGET library|test)
function(constellation_precompile target kind)
  if(kind STREQUAL "test")
    constellation_unoptimised(${target})
  endif()
  if(NOT CONSTELLATION_PRECOMPILE)
    return()
  endif()
  if(kind STREQUAL "test")
    target_precompile_headers(${target} REUSE_FROM constellation_precompiled_test)
  else()
    target_precompile_headers(${target} REUSE_FROM constellation_precompiled)
  endif()
endfunction()
