# The only ways to declare a target here. Sources are listed, never globbed.
include(GoogleTest)

# constellation_library(NAME n [UNITY] SRCS a.cc DEPS public... PRIVATE_DEPS private...)
# UNITY compiles its sources eight at a time: what they include is read once instead of eight times, a quarter of a cold
# build. Names in their unnamed namespaces must then differ. The preset "asan" compiles each source alone.
function(constellation_library)
  cmake_parse_arguments(L "UNITY" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  if(L_SRCS)
    add_library(${L_NAME} STATIC ${L_SRCS})
    set_target_properties(${L_NAME} PROPERTIES OUTPUT_NAME constellation_${L_NAME})  # "crypto" is taken
    target_link_libraries(${L_NAME} PUBLIC constellation_options ${L_DEPS} PRIVATE ${L_PRIVATE_DEPS})
    constellation_precompile(${L_NAME} library)
    if(L_UNITY AND CONSTELLATION_PRECOMPILE)
      set_target_properties(${L_NAME} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    endif()
  else()
    add_library(${L_NAME} INTERFACE)
    target_link_libraries(${L_NAME} INTERFACE constellation_options ${L_DEPS})
  endif()
  add_library(constellation::${L_NAME} ALIAS ${L_NAME})
endfunction()

# constellation_binary(NAME n SRCS main.cc DEPS ...): an executable called n in build/<preset>/bin.
function(constellation_binary)
  cmake_parse_arguments(B "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${B_NAME} ${B_SRCS})
  target_link_libraries(${B_NAME} PRIVATE constellation_options ${B_DEPS})
  target_link_options(${B_NAME} PRIVATE -static-libgcc -static-libstdc++)
  set_target_properties(${B_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# constellation_test(NAME n SRCS x_test.cc DEPS ... LABELS unit|integration|root|style TIMEOUT seconds)
# Label "unit" is the default. One CTest entry per program; GoogleTest counts inside.
function(constellation_test)
  cmake_parse_arguments(T "" "NAME;TIMEOUT" "SRCS;DEPS;LABELS" ${ARGN})
  if(NOT T_LABELS)
    set(T_LABELS unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  add_executable(${T_NAME} ${T_SRCS})
  target_link_libraries(${T_NAME} PRIVATE constellation_options ${T_DEPS}
    GTest::gmock GTest::gtest GTest::gtest_main)
  constellation_precompile(${T_NAME} test)
  add_test(NAME ${T_NAME} COMMAND ${T_NAME} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${T_NAME} PROPERTIES LABELS "${T_LABELS}" TIMEOUT ${T_TIMEOUT}
    ENVIRONMENT "CONSTELLATION_SOURCE_DIR=${CMAKE_SOURCE_DIR};CONSTELLATION_BINARY_DIR=${CMAKE_BINARY_DIR}")
endfunction()

# constellation_fuzz(NAME n SRCS x_fuzz.cc DEPS ...): a libFuzzer target, only with CONSTELLATION_FUZZ. The target
# "fuzzers" builds them all; scripts/fuzz runs them with seeds. The global property CONSTELLATION_FUZZ_TARGETS lists them
# in every preset, so that tests/fuzz can demand a seed for each.
function(constellation_fuzz)
  cmake_parse_arguments(F "" "NAME" "SRCS;DEPS" ${ARGN})
  set_property(GLOBAL APPEND PROPERTY CONSTELLATION_FUZZ_TARGETS ${F_NAME})
  if(NOT CONSTELLATION_FUZZ)
    return()
  endif()
  add_executable(${F_NAME} ${F_SRCS})
  target_compile_options(${F_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_options(${F_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${F_NAME} PRIVATE constellation_options ${F_DEPS})
  set_target_properties(${F_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  if(NOT TARGET fuzzers)
    add_custom_target(fuzzers)
  endif()
  add_dependencies(fuzzers ${F_NAME})
endfunction()

# constellation_bench(NAME n SRCS x_bench.cc DEPS ...): a Google Benchmark program, only with CONSTELLATION_BENCH.
function(constellation_bench)
  cmake_parse_arguments(B "" "NAME" "SRCS;DEPS" ${ARGN})
  if(NOT CONSTELLATION_BENCH)
    return()
  endif()
  add_executable(${B_NAME} ${B_SRCS})
  target_link_libraries(${B_NAME} PRIVATE constellation_options ${B_DEPS} benchmark::benchmark)
endfunction()

# constellation_proto(NAME n PROTOS a.proto ... [GRPC]): C++ (and gRPC) code generated below build/generated,
# compiled without our warnings. Include as "proto/a.pb.h".
function(constellation_proto)
  cmake_parse_arguments(P "GRPC" "NAME" "PROTOS" ${ARGN})
  set(out ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(proto IN LISTS P_PROTOS)
    file(RELATIVE_PATH relative ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${proto})
    string(REGEX REPLACE "\\.proto$" "" stem ${relative})
    set(generated ${out}/${stem}.pb.cc ${out}/${stem}.pb.h)
    set(plugin)
    if(P_GRPC)
      list(APPEND generated ${out}/${stem}.grpc.pb.cc ${out}/${stem}.grpc.pb.h)
      set(plugin --grpc_out=${out} --plugin=protoc-gen-grpc=${CONSTELLATION_GRPC_PLUGIN})
    endif()
    add_custom_command(OUTPUT ${generated}
      COMMAND ${CONSTELLATION_PROTOC} -I ${CMAKE_SOURCE_DIR} --cpp_out=${out} ${plugin} ${relative}
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      DEPENDS ${CMAKE_SOURCE_DIR}/${relative} VERBATIM)
    list(APPEND sources ${generated})
  endforeach()
  add_library(${P_NAME} STATIC ${sources})
  target_compile_features(${P_NAME} PUBLIC cxx_std_20)
  target_include_directories(${P_NAME} SYSTEM PUBLIC ${out})
  target_compile_options(${P_NAME} PRIVATE -w -ffunction-sections -fdata-sections)
  if(P_GRPC)
    target_link_libraries(${P_NAME} PUBLIC constellation_grpc)
  else()
    target_link_libraries(${P_NAME} PUBLIC constellation_protobuf)
  endif()
  add_library(constellation::${P_NAME} ALIAS ${P_NAME})
endfunction()
