# The libraries beside LibTorch as the system's packages install them.
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tl-expected REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)

# --- Tokenizers ---------------------------------------------------------------------------------------------------
foreach(library Pcre2:pcre2-8:pcre2.h:libpcre2-dev Utf8proc:utf8proc:utf8proc.h:libutf8proc-dev)
  string(REPLACE ":" ";" parts "${library}")
  list(GET parts 0 target)
  list(GET parts 1 file)
  list(GET parts 2 header)
  list(GET parts 3 package)
  find_library(VITRINE_${target}_LIBRARY ${file})
  find_path(VITRINE_${target}_INCLUDE ${header})
  if(NOT VITRINE_${target}_LIBRARY OR NOT VITRINE_${target}_INCLUDE)
    message(FATAL_ERROR "${file} was not found. `./run --setup` installs it; by hand: apt-get install ${package}")
  endif()
  add_library(Vitrine::${target} INTERFACE IMPORTED)
  set_target_properties(Vitrine::${target} PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${VITRINE_${target}_INCLUDE}" INTERFACE_LINK_LIBRARIES "${VITRINE_${target}_LIBRARY}")
endforeach()

if(VITRINE_TESTS)
  find_package(GTest REQUIRED)
endif()
