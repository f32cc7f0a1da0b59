// ObjectReader: takes the members of a JSON object into variables, with errors that name the field.
//
//   json::ObjectReader git(value, "source.git");
//   git.require("url", source.url);
//   git.read("ref", source.ref);
//   SLIPWAY_CHECK(git.finish());      // "source.git.url: expected a string, got a number"
//
// `read` leaves the variable as it is when the member is missing or null; `require` makes that an
// error. The first mistake wins; after it nothing more is read. Keys outlive the reader: literals do.
//
// Thread safety: none.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/core/timestamp.hpp>

#include "json/value.hpp"

namespace slipway::json {

/// `<path>: expected <what>, got a number`: invalid_argument.
Error mistake(std::string_view path, std::string_view expected, Value got);

/// "layers" and 2: "layers[2]".
std::string element_path(std::string_view path, std::size_t index);

class ObjectReader {
 public:
  /// The path is how the object is called in messages; empty for the document itself. A value that
  /// is no object is the first mistake.
  ObjectReader(Value object, std::string path);

  void read(std::string_view key, std::string& out);
  void read(std::string_view key, bool& out);
  void read(std::string_view key, std::uint64_t& out);
  void read(std::string_view key, std::int64_t& out);
  void read(std::string_view key, int& out);
  void read(std::string_view key, unsigned& out);
  void read(std::string_view key, std::vector<std::string>& out);
  void read(std::string_view key, std::map<std::string, std::string>& out);

  /// Anything else: what the function makes of a value and its path.
  using Read = std::function<Result<void>(Value, const std::string& path)>;
  void read(std::string_view key, const Read& read);
  /// The same for each element of an array.
  void read_each(std::string_view key, const Read& read);

  template <class Out>
  void require(std::string_view key, Out&& out) {
    if (expect(key)) read(key, std::forward<Out>(out));
  }

  [[nodiscard]] std::string path_of(std::string_view key) const;

  /// A mistake that a caller found. Kept unless there is one already.
  void fail(Error error);

  enum class Unknown { ignored, refused };
  /// The first mistake, if any. `refused`: a member that nobody asked for is one.
  Result<void> finish(Unknown unknown = Unknown::ignored);

 private:
  template <class Out, class Convert>
  void read_as(std::string_view key, std::string_view expected, Out& out, const Convert& convert);
  bool expect(std::string_view key);
  /// The member, noted as known; missing also after a mistake and for null.
  Value take(std::string_view key);

  Value object_;
  std::string path_;
  std::vector<std::string_view> known_;
  Result<void> state_;
};

/// Reads a time as RFC 3339 writes it.
ObjectReader::Read time_into(Timestamp& out);
ObjectReader::Read time_into(std::optional<Timestamp>& out);

}  // namespace slipway::json
