find_package(Threads REQUIRED)
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

# --- LibTorch -----------------------------------------------------------------------------------------------------
# The wheel's own TorchConfig.cmake insists on a CUDA toolkit, so the two libraries are named here.
if(NOT TORCH_ROOT)
  message(FATAL_ERROR "TORCH_ROOT is not set. `./run --setup` installs LibTorch 2.11.0 and sets it; or give the folder "
                      "that holds include/torch and lib/libtorch_cpu.so: -DTORCH_ROOT=/path/to/libtorch")
endif()
foreach(needed include/ATen/ATen.h lib/libtorch_cpu.so lib/libc10.so)
  if(NOT EXISTS "${TORCH_ROOT}/${needed}")
    message(FATAL_ERROR "TORCH_ROOT=${TORCH_ROOT} holds no ${needed}: it must be the folder with LibTorch's include/ and lib/")
  endif()
endforeach()
# LibTorch carries a newer {fmt} among its headers, which would not match the system's library that we link: a folder
# with the system's one stands first.
get_target_property(fmt_includes fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
list(GET fmt_includes 0 fmt_include)
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/system_headers")
file(CREATE_LINK "${fmt_include}/fmt" "${CMAKE_BINARY_DIR}/system_headers/fmt" SYMBOLIC)
add_library(Vitrine::Torch INTERFACE IMPORTED)
set_target_properties(Vitrine::Torch PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${CMAKE_BINARY_DIR}/system_headers;${TORCH_ROOT}/include;${TORCH_ROOT}/include/torch/csrc/api/include"
  INTERFACE_LINK_LIBRARIES "${TORCH_ROOT}/lib/libtorch_cpu.so;${TORCH_ROOT}/lib/libc10.so")

# Every LibTorch file includes this header through the compiler; see cmake/torch_pch.h.
add_library(vitrine_torch_pch SHARED "${CMAKE_SOURCE_DIR}/cmake/torch_pch.cpp")
set_target_properties(vitrine_torch_pch PROPERTIES DEFINE_SYMBOL "")
target_include_directories(vitrine_torch_pch PUBLIC "${CMAKE_SOURCE_DIR}")
target_link_libraries(vitrine_torch_pch PUBLIC Vitrine::Torch PRIVATE vitrine_warnings)
target_precompile_headers(vitrine_torch_pch PRIVATE "${CMAKE_SOURCE_DIR}/cmake/torch_pch.h")

# --- CUDA ---------------------------------------------------------------------------------------------------------
set(VITRINE_HAS_CUDA OFF)
if(VITRINE_CUDA)
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit REQUIRED)
    set(VITRINE_HAS_CUDA ON)
  else()
    message(STATUS "No nvcc found: the CUDA kernels are not built; everything runs on the CPU")
  endif()
endif()

# --- Media and window ---------------------------------------------------------------------------------------------
if(VITRINE_MEDIA)
  find_package(OpenCV REQUIRED COMPONENTS core imgproc imgcodecs videoio)
endif()
if(VITRINE_GUI)
  find_package(Qt6 REQUIRED COMPONENTS Core Gui Widgets OpenGL OpenGLWidgets Svg PrintSupport Test)
  find_package(QCustomPlotQt6 REQUIRED)
  find_package(VTK REQUIRED COMPONENTS CommonCore CommonDataModel FiltersSources InteractionStyle RenderingCore
               RenderingOpenGL2)
  # Debian's library holds the OpenGL 3 back end; the headers include each other both as <imgui.h> and <imgui/imgui.h>.
  find_path(VITRINE_IMGUI_HEADERS imgui/imgui.h REQUIRED)
  find_library(VITRINE_IMGUI_LIBRARY imgui REQUIRED)
  find_library(VITRINE_STB_LIBRARY stb REQUIRED)
  add_library(Vitrine::ImGui INTERFACE IMPORTED)
  set_target_properties(Vitrine::ImGui PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${VITRINE_IMGUI_HEADERS};${VITRINE_IMGUI_HEADERS}/imgui"
    INTERFACE_LINK_LIBRARIES "${VITRINE_IMGUI_LIBRARY};${VITRINE_STB_LIBRARY};${CMAKE_DL_LIBS}")
endif()

# --- Tests --------------------------------------------------------------------------------------------------------
if(VITRINE_TESTS)
  find_package(GTest REQUIRED)
endif()
