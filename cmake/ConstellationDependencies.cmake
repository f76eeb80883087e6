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
find_library(CONSTELLATION_LIBYAML_CPP libyaml-cpp.a REQUIRED)
set_target_properties(yaml-cpp PROPERTIES IMPORTED_LOCATION_NONE ${CONSTELLATION_LIBYAML_CPP})
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

# As imported targets with their needs, so that CMake puts every library behind those that need it.
foreach(name re2 cares gpr upb address_sorting grpc grpc++)
  find_library(CONSTELLATION_LIB_${name} lib${name}.a REQUIRED)
  add_library(constellation_archive_${name} STATIC IMPORTED)
  set_target_properties(constellation_archive_${name} PROPERTIES IMPORTED_LOCATION ${CONSTELLATION_LIB_${name}})
endforeach()
set(grpc_absl
  absl::base absl::bind_front absl::cleanup absl::cord absl::flat_hash_map absl::flat_hash_set
  absl::hash absl::inlined_vector absl::memory absl::optional absl::random_random absl::span
  absl::status absl::statusor absl::str_format absl::strings absl::synchronization absl::time
  absl::any_invocable absl::variant absl::utility)
target_link_libraries(constellation_archive_re2 INTERFACE Threads::Threads)
target_link_libraries(constellation_archive_gpr INTERFACE ${grpc_absl} Threads::Threads)
target_link_libraries(constellation_archive_grpc INTERFACE
  constellation_archive_upb constellation_archive_address_sorting constellation_archive_re2
  constellation_archive_cares constellation_archive_gpr OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB
  ${grpc_absl} Threads::Threads ${CMAKE_DL_LIBS})
target_link_libraries(constellation_archive_grpc++ INTERFACE
  constellation_archive_grpc constellation_protobuf ${grpc_absl})
add_library(constellation_grpc INTERFACE)
target_link_libraries(constellation_grpc INTERFACE constellation_archive_grpc++)

# Header in /usr/include; static, as programs that need no XML must not load it.
find_library(CONSTELLATION_LIBPUGIXML libpugixml.a REQUIRED)
add_library(constellation_xml INTERFACE)
target_link_libraries(constellation_xml INTERFACE ${CONSTELLATION_LIBPUGIXML})

# fmt and spdlog: Debian has shared libraries only, and those bring the shared libstdc++ along, 2 MB that programs with
# a static one do without. Their compiled parts are compiled here (common/fmt_archive.cc, common/spdlog_archive.cc).
add_library(constellation_log INTERFACE)
target_compile_definitions(constellation_log INTERFACE SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
target_link_libraries(constellation_log INTERFACE constellation_log_archive Threads::Threads)
