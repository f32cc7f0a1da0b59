// Writes JSON (RFC 8259) into a string, value by value.
//
//   json::Writer json;
//   json.begin_object().key("tags").begin_array().string("latest").end_array().end_object();
//   send(json.str());
//
// Texts may hold any bytes: what is not UTF-8 becomes U+FFFD. Calling out of order (a value in an
// object without its key) is a defect of the caller and gives malformed JSON.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slipway::json {

class Writer {
 public:
  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  Writer& key(std::string_view name);

  Writer& string(std::string_view text);
  Writer& number(std::uint64_t value);
  Writer& number(std::int64_t value);
  Writer& number(unsigned value) { return number(std::uint64_t{value}); }
  Writer& number(int value) { return number(std::int64_t{value}); }
  Writer& boolean(bool value);
  Writer& null();
  /// A value that is JSON already.
  Writer& raw(std::string_view json);

  /// key and string in one; `member_if` leaves an empty text out.
  Writer& member(std::string_view name, std::string_view text) { return key(name).string(text); }
  Writer& member_if(std::string_view name, std::string_view text) {
    return text.empty() ? *this : member(name, text);
  }

  [[nodiscard]] const std::string& str() const noexcept { return out_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void separate();

  std::string out_;
  bool first_ = true;  // nothing stands before the next value in its array or object
};

}  // namespace slipway::json
