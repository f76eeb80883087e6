# Every library comes from Debian 12 (docs/dependencies.md). gRPC, Protobuf and Abseil are linked statically:
# a program then starts in 3-5 ms instead of 18 and needs half the memory.
find_package(OpenSSL 3 REQUIRED)
find_package(absl REQUIRED)
# Debian's package describes the shared libraries; the archives lie beside them.
get_property(imported DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(target IN LISTS imported)
  get_target_property(location ${target} IMPORTED_LOCATION_NONE)
  if(target MATCHES "^absl::" AND location MATCHES "\\.so")
    string(REGEX REPLACE "\\.so.*$" ".a" archive ${location})
    set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_NONE ${archive})
  endif()
endforeach()
find_package(GTest REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
if(CONSTELLATION_BENCH)
  find_package(benchmark REQUIRED)
endif()
foreach(module tss2-esys tss2-mu tss2-rc tss2-tctildr devmapper libcurl)
  string(MAKE_C_IDENTIFIER ${module} id)
  pkg_check_modules(${id} REQUIRED IMPORTED_TARGET ${module})
endforeach()

find_program(CONSTELLATION_PROTOC protoc REQUIRED)
find_program(CONSTELLATION_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

# Named by what a source needs, so that CMake files do not repeat lists.
add_library(constellation_absl INTERFACE)
target_link_libraries(constellation_absl INTERFACE
  absl::status absl::statusor absl::time absl::synchronization absl::strings absl::cleanup)

find_library(CONSTELLATION_LIBPROTOBUF libprotobuf.a REQUIRED)
add_library(constellation_protobuf INTERFACE)
target_link_libraries(constellation_protobuf INTERFACE
  ${CONSTELLATION_LIBPROTOBUF} ZLIB::ZLIB Threads::Threads)

set(grpc_archives)
foreach(name grpc++ grpc gpr upb address_sorting re2 cares)
  find_library(CONSTELLATION_LIB_${name} lib${name}.a REQUIRED)
  list(APPEND grpc_archives ${CONSTELLATION_LIB_${name}})
endforeach()
add_library(constellation_grpc INTERFACE)
target_link_libraries(constellation_grpc INTERFACE
  ${grpc_archives} constellation_protobuf OpenSSL::SSL OpenSSL::Crypto
  absl::base absl::bind_front absl::cleanup absl::cord absl::flat_hash_map absl::flat_hash_set
  absl::hash absl::inlined_vector absl::memory absl::optional absl::random_random absl::span
  absl::status absl::statusor absl::str_format absl::strings absl::synchronization absl::time
  absl::any_invocable absl::variant absl::utility
  Threads::Threads ${CMAKE_DL_LIBS})

add_library(constellation_log INTERFACE)
target_link_libraries(constellation_log INTERFACE spdlog::spdlog)
