# Precompiled headers, one per kind of file: parsing JSON, formatting, Qt and GoogleTest takes longer than compiling what
# most files say. (The one of LibTorch stands in VitrineDependencies.cmake.) A target reuses the header of its kind, so it
# must be compiled with the same options: the window's code and the tests are optimised less than what computes.
function(vitrine_add_precompiled kind options)
  set(target vitrine_${kind}_pch)
  add_library(${target} OBJECT "${CMAKE_SOURCE_DIR}/cmake/pch.cpp")
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE vitrine_warnings fmt::fmt spdlog::spdlog nlohmann_json::nlohmann_json tl::expected
                        Threads::Threads ${ARGN})
  # GCC 12 warns falsely where strings are concatenated (its bug 105651).
  list(APPEND options $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
  target_compile_options(${target} PRIVATE ${options})
  # In brackets, not by its whole path: the header is then the same in every checkout, and so is what the compiler's cache
  # keeps of all that use it.
  target_precompile_headers(${target} PRIVATE <cmake/${kind}_pch.h>)
  set_target_properties(${target} PROPERTIES VITRINE_OPTIONS "${options}")
endfunction()

# vitrine_use_precompiled(TARGET KIND): KIND common, qt, test or torch_test.
function(vitrine_use_precompiled target kind)
  get_target_property(options vitrine_${kind}_pch VITRINE_OPTIONS)
  if(options)
    target_compile_options(${target} PRIVATE ${options})
  endif()
  target_precompile_headers(${target} REUSE_FROM vitrine_${kind}_pch)
endfunction()

vitrine_add_precompiled(common "")
if(VITRINE_TESTS)
  # GCC forgets in a precompiled header that GoogleTest's macros are a system's, and warns of what they make.
  set(test_options "$<$<CONFIG:Release>:-O1>" "$<$<CXX_COMPILER_ID:GNU>:-Wno-dangling-else>"
      "$<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>")
  vitrine_add_precompiled(test "${test_options}" GTest::gtest GTest::gmock)
  vitrine_add_precompiled(torch_test "${test_options}" Vitrine::Torch GTest::gtest GTest::gmock)
endif()
if(VITRINE_GUI)
  vitrine_add_precompiled(qt "$<$<CONFIG:Release>:-O2>" Qt6::Widgets)
endif()
