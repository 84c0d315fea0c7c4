find_package(Threads REQUIRED)

set(VITRINE_DEPENDENCIES "" CACHE PATH
    "Folder made by tools/pack_dependencies: fmt, SQLite, GoogleTest and the others come from it instead of from the system")
if(VITRINE_DEPENDENCIES)
  include(VitrineBundledDependencies)
else()
  include(VitrineSystemDependencies)
endif()

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
set(torch_version "")
set(version_header "${TORCH_ROOT}/include/torch/headeronly/version.h")
if(EXISTS "${version_header}")
  file(STRINGS "${version_header}" torch_version REGEX "TORCH_VERSION_(MAJOR|MINOR) +[0-9]+")
  string(REGEX REPLACE "[^;]* ([0-9]+)" "\\1" torch_version "${torch_version}")
  list(JOIN torch_version "." torch_version)
endif()
if(NOT torch_version STREQUAL "2.11")
  message(WARNING "The LibTorch in ${TORCH_ROOT} is not 2.11, which Vitrine is written for and tested with: ${torch_version}")
endif()
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
# LibTorch's header-only at::parallel_for is a plain loop in files that are compiled without OpenMP.
set_property(TARGET Vitrine::Torch PROPERTY INTERFACE_COMPILE_OPTIONS $<$<COMPILE_LANGUAGE:CXX>:-fopenmp>)
set_property(TARGET Vitrine::Torch PROPERTY INTERFACE_LINK_OPTIONS -fopenmp)
if(VITRINE_DEPENDENCIES)
  # Every file of LibTorch must see these two as their precompiled header does.
  set_property(TARGET Vitrine::Torch APPEND PROPERTY INTERFACE_LINK_LIBRARIES fmt::fmt nlohmann_json::nlohmann_json)
endif()

# Every LibTorch file includes this header through the compiler; see cmake/torch_pch.h.
add_library(vitrine_torch_pch SHARED "${CMAKE_SOURCE_DIR}/cmake/pch.cpp")
set_target_properties(vitrine_torch_pch PROPERTIES DEFINE_SYMBOL "")
target_include_directories(vitrine_torch_pch PUBLIC "${CMAKE_SOURCE_DIR}")
target_link_libraries(vitrine_torch_pch PUBLIC Vitrine::Torch PRIVATE vitrine_warnings)
target_precompile_headers(vitrine_torch_pch PRIVATE <cmake/torch_pch.h>)

# --- CUDA ---------------------------------------------------------------------------------------------------------
set(VITRINE_HAS_CUDA OFF)
if(VITRINE_CUDA)
  # The toolkit's folder is often not on the path.
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(VITRINE_NVCC nvcc PATHS ENV CUDA_HOME ENV CUDA_PATH /usr/local/cuda PATH_SUFFIXES bin)
    if(VITRINE_NVCC)
      set(CMAKE_CUDA_COMPILER "${VITRINE_NVCC}" CACHE FILEPATH "CUDA compiler")
    endif()
  endif()
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
