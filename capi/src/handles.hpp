// What the handles of slipway.h are, and the wall that no exception passes.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <slipway/build/build.hpp>
#include <slipway/core/result.hpp>

#include "serve/engine.hpp"
#include "serve/server.hpp"
#include "slipway.h"

struct slipway_error {
  slipway::Error error;
};

struct slipway_bytes {
  std::string data;
};

struct slipway_texts {
  std::vector<std::string> items;
};

struct slipway_store {
  std::unique_ptr<slipway::Engine> engine;
};

struct slipway_server {
  std::unique_ptr<slipway::Server> server;
};

struct slipway_build {
  slipway::Engine* engine;
  const std::string id;
  slipway::Build build;
  // Texts that the getters answer, made when the handle is brought up to date.
  std::string state;
  std::string digest;
  std::string failure;
  std::string json;
};

namespace slipway::capi {

/// The error that is there when there is no memory for one.
slipway_error* out_of_memory() noexcept;

slipway_error* make_error(Error error) noexcept;

/// Runs a function that answers Result<void>, and turns what it answers or throws into a C error.
template <class Function>
slipway_error* guarded(Function&& function) noexcept {
  try {
    const Result<void> result = std::forward<Function>(function)();
    return result ? nullptr : make_error(result.error());
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::exception& exception) {
    return make_error(Error(ErrorCode::internal, exception.what()));
  } catch (...) {
    return make_error(Error(ErrorCode::internal, "an unknown exception"));
  }
}

/// A required pointer. Errors: invalid_argument.
Result<void> require(const void* pointer, const char* name);

/// The options with defaults in the place of what the caller's older or shorter struct does not
/// have. Errors: invalid_argument (struct_size that no version has).
template <class Options>
Result<Options> complete(const Options* given, const char* name) {
  Options options{};
  if (given == nullptr) return options;
  if (given->struct_size < sizeof(std::size_t) || given->struct_size > sizeof(Options))
    return Error(ErrorCode::invalid_argument,
                 std::string(name) + ".struct_size: set it to sizeof(" + name + ")");
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  auto* out = reinterpret_cast<unsigned char*>(&options);
  for (std::size_t i = 0; i < given->struct_size; ++i) out[i] = bytes[i];
  return options;
}

/// Copies the digest's text into the caller's struct.
void fill(slipway_digest& out, const Digest& digest) noexcept;

}  // namespace slipway::capi
