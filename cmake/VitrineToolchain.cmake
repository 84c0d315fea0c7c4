# Compiler, linker and cache settings for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_BUILD_RPATH_USE_ORIGIN ON)
set(CMAKE_INSTALL_RPATH "$ORIGIN/../lib")

# Programs and libraries share one precompiled header, which works only if all are compiled with the same -fPIC.
add_compile_options(-fPIC)

find_program(VITRINE_CCACHE ccache)
if(VITRINE_CCACHE)
  # Precompiled headers and ccache agree only with these sloppiness settings (ccache manual, "Precompiled headers").
  # The base folder makes two checkouts side by side share their results.
  get_filename_component(vitrine_parent "${CMAKE_SOURCE_DIR}" DIRECTORY)
  set(vitrine_launcher ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_MAXSIZE=10G ${VITRINE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${vitrine_launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${vitrine_launcher})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${vitrine_launcher})
  add_compile_options(-fpch-preprocess)
endif()

find_program(VITRINE_MOLD mold)
if(VITRINE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,--as-needed)

add_library(vitrine_warnings INTERFACE)
# A function that ends without its value is undefined behaviour, never only a warning.
target_compile_options(vitrine_warnings INTERFACE -Wall -Wextra -Wno-unused-parameter -Werror=return-type)

if(VITRINE_SANITIZE)
  # What the second one finds ends the program too: a report that nobody reads is no failed test.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
