# The functions that the short CMakeLists.txt of each folder call. All of them look for sources whenever a build starts, so that
# adding a file is all there is to adding a file, and a folder without sources yet is no error.

# slipway_library(<folder> [LINKS <imported target>...] [PRECOMPILE <header>...])
#
# The static library slipway::<folder> of the folder's *.cpp (main.cpp aside), linked with the folders that layers.txt allows it.
# LINKS are other people's libraries; whoever links this folder does not see their headers. PRECOMPILE are heavy headers that
# most of the folder's files include.
function(slipway_library folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS;PRECOMPILE")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")

  set(library slipway_${folder})
  if(sources)
    add_library(${library} STATIC ${sources})
    target_link_libraries(${library} PRIVATE slipway_warnings ${arg_LINKS})
    if(arg_PRECOMPILE)
      target_precompile_headers(${library} PRIVATE ${arg_PRECOMPILE})
    endif()
    set(scope PUBLIC)
  else()
    add_library(${library} INTERFACE)
    target_link_libraries(${library} INTERFACE ${arg_LINKS})
    set(scope INTERFACE)
  endif()
  add_library(slipway::${folder} ALIAS ${library})

  target_compile_features(${library} ${scope} cxx_std_20)
  target_include_directories(${library} ${scope} "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${library} ${scope} Threads::Threads)
  foreach(other IN LISTS SLIPWAY_MAY_INCLUDE_${folder})
    target_link_libraries(${library} ${scope} slipway_${other})
  endforeach()
endfunction()

# slipway::slipway, what a program that embeds Slipway links: everything below the command, and of headers the public ones only.
function(slipway_umbrella)
  add_library(slipway_umbrella INTERFACE)
  add_library(slipway::slipway ALIAS slipway_umbrella)
  target_compile_features(slipway_umbrella INTERFACE cxx_std_20)
  target_include_directories(slipway_umbrella INTERFACE "${PROJECT_SOURCE_DIR}/include")
  foreach(folder IN LISTS SLIPWAY_SRC_FOLDERS)
    if(NOT folder STREQUAL "program")
      target_link_libraries(slipway_umbrella INTERFACE $<LINK_ONLY:slipway_${folder}>)
    endif()
  endforeach()
endfunction()

# slipway_test(<folder> [DEPENDS <folder>...] [LINKS <imported target>...])
#
# The GoogleTest program <folder>_test of tests/<folder>/*_test.cpp, linked with slipway::<folder> and the folders of DEPENDS. Each
# of its tests is a test of ctest, "<folder>/<suite>.<test>". The files that a test reads are under SLIPWAY_TEST_FOLDER, its own
# source folder; helpers that tests of several folders share are included from the root: "tests/storage/contract.hpp".
function(slipway_test folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;LINKS")
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp")
  if(NOT sources)
    return()
  endif()

  set(program ${folder}_test)
  add_executable(${program} ${sources})
  # Relative, so that the compiler's cache serves every checkout: tests run in the project's root.
  target_compile_definitions(${program} PRIVATE "SLIPWAY_TEST_FOLDER=\"tests/${folder}\"")
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${program} PRIVATE slipway_warnings slipway_${folder} ${arg_LINKS} GTest::gmock_main)
  foreach(other IN LISTS arg_DEPENDS)
    target_link_libraries(${program} PRIVATE slipway_${other})
  endforeach()
  target_compile_options(${program} PRIVATE ${SLIPWAY_TEST_OPTIMIZATION})
  target_precompile_headers(${program} REUSE_FROM slipway_test_precompiled)

  gtest_discover_tests(${program}
    TEST_PREFIX "${folder}/"
    DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${SLIPWAY_TEST_TIMEOUT} LABELS ${folder} ENVIRONMENT "${SLIPWAY_TEST_ENVIRONMENT}")
endfunction()

# slipway_benchmark(<name> [LINKS <imported target>...])
#
# The Google Benchmark program <name>_bench of benchmarks/<name>_bench.cpp, linked with everything but the command.
function(slipway_benchmark name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINKS")
  set(program ${name}_bench)
  add_executable(${program} ${name}_bench.cpp)
  target_include_directories(${program} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${program} PRIVATE slipway_warnings slipway_umbrella ${arg_LINKS} benchmark::benchmark_main)
  add_dependencies(benchmarks ${program})
endfunction()
