# The libraries beside LibTorch out of the folder VITRINE_DEPENDENCIES that tools/pack_dependencies made, under the names
# that the system's packages give them; nothing of them is taken from the system. fmt and spdlog are header-only here.
set(folder "${VITRINE_DEPENDENCIES}")
set(remedy "Make the folder with tools/pack_dependencies DIR on a Debian or Ubuntu machine and copy it here (docs/gpu-server.md)")

# --- Is the folder whole and for this machine? ----------------------------------------------------------------------
if(NOT IS_DIRECTORY "${folder}")
  message(FATAL_ERROR "There is no folder VITRINE_DEPENDENCIES=${folder}. ${remedy}")
endif()
file(GLOB utf8proc_library "${folder}/lib/libutf8proc.so.[0-9]")  # the number differs between releases
set(missing "")
foreach(needed dependencies.json include/fmt/core.h include/spdlog/spdlog.h include/nlohmann/json.hpp include/CLI/CLI.hpp
        include/tl/expected.hpp include/sqlite3.h include/zlib.h include/zconf.h include/pcre2.h include/utf8proc.h
        lib/libsqlite3.so.0 lib/libz.so.1 lib/libpcre2-8.so.0 src/googletest/src/gtest-all.cc
        src/googlemock/src/gmock-all.cc)
  if(NOT EXISTS "${folder}/${needed}")
    list(APPEND missing "${needed}")
  endif()
endforeach()
if(NOT utf8proc_library)
  list(APPEND missing "lib/libutf8proc.so.N")
endif()
if(missing)
  list(JOIN missing ", " missing)
  message(FATAL_ERROR "VITRINE_DEPENDENCIES=${folder} holds no ${missing}. ${remedy}")
endif()

file(READ "${folder}/dependencies.json" description)
string(JSON packed_architecture GET "${description}" architecture)
string(JSON packed_glibc GET "${description}" glibc)
if(NOT packed_architecture STREQUAL CMAKE_SYSTEM_PROCESSOR)
  message(FATAL_ERROR "VITRINE_DEPENDENCIES=${folder} was packed on ${packed_architecture}, this machine is "
                      "${CMAKE_SYSTEM_PROCESSOR}: pack it on a machine of the same processor family")
endif()
execute_process(COMMAND getconf GNU_LIBC_VERSION OUTPUT_VARIABLE glibc ERROR_QUIET)
if(glibc MATCHES "([0-9]+\\.[0-9]+)" AND CMAKE_MATCH_1 VERSION_LESS packed_glibc)
  message(FATAL_ERROR "VITRINE_DEPENDENCIES=${folder} needs glibc ${packed_glibc}, this machine has ${CMAKE_MATCH_1}: "
                      "pack it on an older release (Debian 12 gives 2.34)")
endif()

# --- Headers --------------------------------------------------------------------------------------------------------
function(vitrine_bundled_headers target)
  add_library(${target} INTERFACE IMPORTED)
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${VITRINE_DEPENDENCIES}/include")
endfunction()

foreach(target fmt::fmt spdlog::spdlog nlohmann_json::nlohmann_json CLI11::CLI11 tl::expected)
  vitrine_bundled_headers(${target})
endforeach()
set_target_properties(fmt::fmt PROPERTIES INTERFACE_COMPILE_DEFINITIONS FMT_HEADER_ONLY=1)
set_target_properties(spdlog::spdlog PROPERTIES
  INTERFACE_COMPILE_DEFINITIONS SPDLOG_FMT_EXTERNAL INTERFACE_LINK_LIBRARIES "fmt::fmt;Threads::Threads")

# --- Shared libraries -----------------------------------------------------------------------------------------------
# Copied beside our own, so that the build folder finds them wherever it is moved to.
function(vitrine_bundled_library target file)
  get_filename_component(name "${file}" NAME)
  file(COPY "${file}" DESTINATION "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
  add_library(${target} SHARED IMPORTED)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/${name}" IMPORTED_SONAME "${name}"
    INTERFACE_INCLUDE_DIRECTORIES "${VITRINE_DEPENDENCIES}/include")
endfunction()

vitrine_bundled_library(SQLite::SQLite3 "${folder}/lib/libsqlite3.so.0")
vitrine_bundled_library(ZLIB::ZLIB "${folder}/lib/libz.so.1")
vitrine_bundled_library(Vitrine::Pcre2 "${folder}/lib/libpcre2-8.so.0")
vitrine_bundled_library(Vitrine::Utf8proc "${utf8proc_library}")

# --- GoogleTest, from its sources -----------------------------------------------------------------------------------
if(VITRINE_TESTS)
  foreach(part gtest:googletest gmock:googlemock)
    string(REGEX REPLACE ":.*" "" library "${part}")
    string(REGEX REPLACE ".*:" "" sources "${part}")
    add_library(vitrine_${library} STATIC EXCLUDE_FROM_ALL "${folder}/src/${sources}/src/${library}-all.cc")
    target_include_directories(vitrine_${library}
      SYSTEM PUBLIC "${folder}/src/${sources}/include" PRIVATE "${folder}/src/${sources}")
    add_library(GTest::${library} ALIAS vitrine_${library})
  endforeach()
  target_link_libraries(vitrine_gtest PUBLIC Threads::Threads)
  target_link_libraries(vitrine_gmock PUBLIC vitrine_gtest)
endif()
