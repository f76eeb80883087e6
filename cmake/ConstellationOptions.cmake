# constellation_options: the one target that carries language level, warnings and hardening.
add_library(constellation_options INTERFACE)
target_compile_features(constellation_options INTERFACE cxx_std_20)
target_include_directories(constellation_options INTERFACE
  ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR}/generated)
target_compile_options(constellation_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wthread-safety -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()
if(CONSTELLATION_SANITIZE)
  target_compile_options(constellation_options INTERFACE
    -fsanitize=${CONSTELLATION_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(constellation_options INTERFACE -fsanitize=${CONSTELLATION_SANITIZE})
else()
  target_compile_definitions(constellation_options INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
if(CONSTELLATION_SANITIZE STREQUAL "thread")
  # Debian's Abseil tells ThreadSanitizer nothing about its mutexes, so its calls are announced on the way.
  add_library(constellation_announced_mutex STATIC ${CMAKE_SOURCE_DIR}/cmake/announced_mutex.cc)
  target_compile_options(constellation_announced_mutex PRIVATE -std=c++20)
  target_link_libraries(constellation_options INTERFACE constellation_announced_mutex)
  file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/announced_mutex.cc wrapped REGEX "^ANNOUNCE_")
  foreach(line IN LISTS wrapped)
    string(REGEX REPLACE "^ANNOUNCE_[A-Z_]*\\(([A-Za-z0-9_]*).*" "\\1" symbol "${line}")
    target_link_options(constellation_options INTERFACE -Wl,--wrap=${symbol})
  endforeach()
endif()
if(CONSTELLATION_FUZZ)
  # libFuzzer follows the branches of libraries only if these count them; the program with main() comes with a target.
  target_compile_options(constellation_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
# lld links these programs in a fifth of the time of the default linker.
# Code that runs once at start is kept together, as the default linker does: 3 MB less of the cli become resident.
target_link_options(constellation_options INTERFACE -fuse-ld=lld -Wl,-z,keep-text-section-prefix)
target_link_options(constellation_options INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--gc-sections)
target_compile_options(constellation_options INTERFACE -ffunction-sections -fdata-sections)

# Test programs run for milliseconds and are compiled often: without optimisation they compile in less than half the time.
# What they test stays optimised. _FORTIFY_SOURCE needs optimisation.
function(constellation_unoptimised target)
  if(NOT CONSTELLATION_SANITIZE)
    target_compile_options(${target} PRIVATE -O0 -U_FORTIFY_SOURCE)
  endif()
endfunction()
