// JSON (RFC 8259) that somebody else wrote: parsed with limits into a tree of views.
//
// RapidJSON parses (src/json is the only folder that includes it), iteratively, so that depth costs
// memory and not stack; UTF-8 is validated; an object with the same key twice is refused, because
// two readers would disagree on what it says.
//
// Thread safety: a Document that nobody moves may be read from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <slipway/core/result.hpp>

namespace slipway::json {

struct Limits {
  std::size_t max_bytes = std::size_t{4} * 1024 * 1024;
  unsigned max_depth = 64;
  std::size_t max_values = 200'000;
};

enum class Kind { missing, null, boolean, number, string, array, object };

/// A look at one value of a Document, valid as long as that. Cheap to copy.
class Value {
 public:
  Value() = default;  // missing

  [[nodiscard]] Kind kind() const noexcept;
  [[nodiscard]] bool is_object() const noexcept { return kind() == Kind::object; }
  [[nodiscard]] bool is_array() const noexcept { return kind() == Kind::array; }
  [[nodiscard]] bool is_string() const noexcept { return kind() == Kind::string; }
  /// Neither missing nor null.
  explicit operator bool() const noexcept;

  /// nullopt: of another kind, or a number that does not fit.
  [[nodiscard]] std::optional<std::string_view> as_string() const noexcept;
  [[nodiscard]] std::optional<bool> as_bool() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> as_uint64() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept;
  /// Within three units in its last place.
  [[nodiscard]] std::optional<double> as_double() const noexcept;

  /// The text of a string; empty for anything else.
  [[nodiscard]] std::string_view text() const noexcept { return as_string().value_or(""); }

  /// An object's member; missing when it is not there or this is no object.
  [[nodiscard]] Value find(std::string_view key) const noexcept;

  /// Of an array or object; 0 for anything else.
  [[nodiscard]] std::size_t size() const noexcept;

  /// An array's elements: `for (json::Value layer : layers.elements())`. Empty for anything else.
  class Elements;
  [[nodiscard]] Elements elements() const noexcept;

  /// An object's members in their order: `for (auto [key, value] : labels.members())`.
  class Members;
  [[nodiscard]] Members members() const noexcept;

 private:
  friend class Document;
  explicit Value(const void* node) noexcept : node_(node) {}

  const void* node_ = nullptr;
};

struct Member {
  std::string_view key;
  Value value;
};

class Value::Elements {
 public:
  class Iterator {
   public:
    Iterator(const Elements& range, std::size_t at) noexcept : range_(&range), at_(at) {}
    Value operator*() const noexcept { return (*range_)[at_]; }
    Iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.at_ == b.at_; }

   private:
    const Elements* range_;
    std::size_t at_;
  };

  explicit Elements(Value array) noexcept : array_(array), size_(array.is_array() ? array.size() : 0) {}
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// REQUIRES: at < size().
  Value operator[](std::size_t at) const noexcept;
  [[nodiscard]] Iterator begin() const noexcept { return {*this, 0}; }
  [[nodiscard]] Iterator end() const noexcept { return {*this, size_}; }

 private:
  Value array_;
  std::size_t size_;
};

class Value::Members {
 public:
  class Iterator {
   public:
    Iterator(const Members& range, std::size_t at) noexcept : range_(&range), at_(at) {}
    Member operator*() const noexcept { return (*range_)[at_]; }
    Iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.at_ == b.at_; }

   private:
    const Members* range_;
    std::size_t at_;
  };

  explicit Members(Value object) noexcept
      : object_(object), size_(object.is_object() ? object.size() : 0) {}
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// REQUIRES: at < size().
  Member operator[](std::size_t at) const noexcept;
  [[nodiscard]] Iterator begin() const noexcept { return {*this, 0}; }
  [[nodiscard]] Iterator end() const noexcept { return {*this, size_}; }

 private:
  Value object_;
  std::size_t size_;
};

class Document {
 public:
  /// Errors: invalid_argument (malformed; the message names the byte), too_large (a limit).
  static Result<Document> parse(std::string_view text, const Limits& limits = {});

  ~Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;

  [[nodiscard]] Value root() const noexcept;

 private:
  struct Tree;
  explicit Document(std::unique_ptr<Tree> tree) noexcept;

  std::unique_ptr<Tree> tree_;
};

}  // namespace slipway::json
