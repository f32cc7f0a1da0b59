# Other people's libraries, as imported targets. Each is linked by one folder of src/ (see layers.txt);
# dependencies.sh installs them all.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS url)                 # Boost::headers Boost::url, by way of slipway::boost
find_package(OpenSSL 3 REQUIRED)                                        # OpenSSL::Crypto OpenSSL::SSL
find_package(RapidJSON REQUIRED)                                        # slipway::rapidjson
find_package(LibArchive REQUIRED)                                       # LibArchive::LibArchive
find_package(yaml-cpp REQUIRED)                                         # yaml-cpp
find_package(CLI11 REQUIRED)                                            # CLI11::CLI11
find_package(fmt REQUIRED)                                              # fmt::fmt
find_package(spdlog REQUIRED)                                           # spdlog::spdlog
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)                   # PkgConfig::LMDB
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)                     # PkgConfig::RE2
# Not by its CMake package, which asks for the libraries of its HTTP server and client too.
pkg_check_modules(PROMETHEUS REQUIRED IMPORTED_TARGET prometheus-cpp-core)  # PkgConfig::PROMETHEUS

# Debian's package of RapidJSON names a folder and no target.
add_library(slipway_rapidjson INTERFACE)
add_library(slipway::rapidjson ALIAS slipway_rapidjson)
target_include_directories(slipway_rapidjson SYSTEM INTERFACE ${RAPIDJSON_INCLUDE_DIRS})

# Asio and Beast are compiled once here, instead of into every file that includes them.
add_library(slipway_boost STATIC cmake/boost.cpp)
add_library(slipway::boost ALIAS slipway_boost)
target_compile_definitions(slipway_boost PUBLIC BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(slipway_boost PUBLIC Boost::headers Boost::url OpenSSL::SSL Threads::Threads)
if(SLIPWAY_FUZZ)
  # A fuzzer is to follow the branches of Slipway's code, not an event loop's.
  target_compile_options(slipway_boost PRIVATE -fno-sanitize=all)
endif()

if(SLIPWAY_TESTS)
  find_package(GTest REQUIRED)                                          # GTest::gtest GTest::gmock_main
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  include(GoogleTest)
endif()
if(SLIPWAY_BENCHMARKS)
  find_package(benchmark REQUIRED)                                      # benchmark::benchmark_main
endif()
