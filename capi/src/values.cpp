// Errors, bytes, texts and digests.
#include <cstring>

#include "handles.hpp"

namespace {

// The enumerations are written side by side; a code that one of them lacks fails here.
static_assert(static_cast<int>(slipway::ErrorCode::invalid_argument) + 1 == SLIPWAY_INVALID_ARGUMENT);
static_assert(static_cast<int>(slipway::ErrorCode::digest_mismatch) + 1 == SLIPWAY_DIGEST_MISMATCH);
static_assert(static_cast<int>(slipway::ErrorCode::timed_out) + 1 == SLIPWAY_TIMED_OUT);
static_assert(static_cast<int>(slipway::ErrorCode::internal) + 1 == SLIPWAY_INTERNAL);

}  // namespace

namespace slipway::capi {

slipway_error* out_of_memory() noexcept {
  static slipway_error error{Error(ErrorCode::internal, "out of memory")};
  return &error;
}

slipway_error* make_error(Error error) noexcept {
  auto* made = new (std::nothrow) slipway_error{std::move(error)};
  return made != nullptr ? made : out_of_memory();
}

Result<void> require(const void* pointer, const char* name) {
  if (pointer != nullptr) return {};
  return Error(ErrorCode::invalid_argument, std::string(name) + ": must not be NULL");
}

void fill(slipway_digest& out, const Digest& digest) noexcept {
  const std::string text = digest.to_string();
  std::memcpy(out.text, text.c_str(), text.size() + 1);
}

}  // namespace slipway::capi

extern "C" {

slipway_error_code slipway_error_get_code(const slipway_error* error) {
  return error != nullptr
             ? static_cast<slipway_error_code>(static_cast<int>(error->error.code) + 1)
             : SLIPWAY_INVALID_ARGUMENT;
}

const char* slipway_error_get_code_name(const slipway_error* error) {
  return error != nullptr ? slipway::to_string(error->error.code).data() : "invalid_argument";
}

const char* slipway_error_get_message(const slipway_error* error) {
  return error != nullptr ? error->error.message.c_str() : "no error: the pointer is NULL";
}

void slipway_error_free(slipway_error* error) {
  if (error != slipway::capi::out_of_memory()) delete error;
}

const char* slipway_version(void) { return SLIPWAY_VERSION; }

const void* slipway_bytes_get_data(const slipway_bytes* bytes) {
  return bytes != nullptr ? bytes->data.data() : nullptr;
}

size_t slipway_bytes_get_size(const slipway_bytes* bytes) {
  return bytes != nullptr ? bytes->data.size() : 0;
}

void slipway_bytes_free(slipway_bytes* bytes) { delete bytes; }

size_t slipway_texts_get_count(const slipway_texts* texts) {
  return texts != nullptr ? texts->items.size() : 0;
}

const char* slipway_texts_get(const slipway_texts* texts, size_t index) {
  return texts != nullptr && index < texts->items.size() ? texts->items[index].c_str() : nullptr;
}

void slipway_texts_free(slipway_texts* texts) { delete texts; }

}  // extern "C"
