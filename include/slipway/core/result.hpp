// Result<T>: a value or an Error. What std::expected (C++23) will be to later compilers.
//
//   Result<Digest> digest = Digest::parse(text);
//   if (!digest) return digest.error();
//   use(*digest);
//
// or, in a function that itself returns a Result:
//
//   SLIPWAY_TRY(Digest digest, Digest::parse(text));   // returns the error to the caller
//   SLIPWAY_CHECK(file.flush());                       // the same for Result<void>
//
// Reading the value of a failed result (or the error of a good one) is a defect of the caller and
// ends the program; it never yields garbage. Thread safety: as T's.
#pragma once

#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <slipway/core/error.hpp>

namespace slipway {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return error;` are the point.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  template <class U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  // NOLINTEND

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & { return *checked(std::get_if<0>(&state_)); }
  const T& value() const& { return *checked(std::get_if<0>(&state_)); }
  T&& value() && { return std::move(*checked(std::get_if<0>(&state_))); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  template <class U>
  T value_or(U&& other) const& {
    return ok() ? value() : static_cast<T>(std::forward<U>(other));
  }

  const Error& error() const& { return *checked(std::get_if<1>(&state_)); }
  Error&& error() && { return std::move(*checked(std::get_if<1>(&state_))); }

 private:
  template <class P>
  static P* checked(P* pointer) {
    if (pointer == nullptr) std::abort();
    return pointer;
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }

  const Error& error() const& {
    if (!error_) std::abort();
    return *error_;
  }
  Error&& error() && {
    if (!error_) std::abort();
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace slipway

#define SLIPWAY_DETAIL_JOIN2(a, b) a##b
#define SLIPWAY_DETAIL_JOIN(a, b) SLIPWAY_DETAIL_JOIN2(a, b)

/// SLIPWAY_TRY(declaration, expression): evaluates a Result<T>; on failure returns its error from
/// the enclosing function, else initialises the declaration with the moved value.
#define SLIPWAY_TRY(declaration, ...) \
  SLIPWAY_DETAIL_TRY(SLIPWAY_DETAIL_JOIN(slipway_result_, __LINE__), declaration, __VA_ARGS__)
#define SLIPWAY_DETAIL_TRY(result, declaration, ...)       \
  auto result = (__VA_ARGS__);                             \
  if (!result.ok()) return std::move(result).error();      \
  declaration = std::move(result).value() /* NOLINT(bugprone-macro-parentheses) */

/// SLIPWAY_CHECK(expression): the same for a Result whose value is not wanted.
#define SLIPWAY_CHECK(...)                                                            \
  do {                                                                                \
    auto slipway_checked = (__VA_ARGS__);                                             \
    if (!slipway_checked.ok()) return std::move(slipway_checked).error();             \
  } while (false)
