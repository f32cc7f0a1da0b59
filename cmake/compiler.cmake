# How everything is compiled: the language, the warnings, where programs go, and the compiler's cache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_EXTENSIONS OFF)

# Every folder may end in the shared library of the C API, which exports nothing but its list.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
  endif()
endif()

# For Slipway's own code only; imported targets are system includes.
add_library(slipway_warnings INTERFACE)
target_compile_options(slipway_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${SLIPWAY_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 warns of overlapping copies inside std::string itself (GCC bug 105651).
  target_compile_options(slipway_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
endif()

# ccache: precompiled headers need its sloppiness; the base folder lets several build folders of one checkout share what they
# compiled with the same flags.
find_program(SLIPWAY_CCACHE ccache)
if(SLIPWAY_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(slipway_launcher env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=true
      CCACHE_SLOPPINESS=pch_defines,time_macros "${SLIPWAY_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${slipway_launcher}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${slipway_launcher}")
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
endif()
