#include "json/object_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "support/format.hpp"

namespace slipway::json {
namespace {

std::string_view kind_name(Value value) {
  switch (value.kind()) {
    case Kind::missing: return "nothing";
    case Kind::null: return "null";
    case Kind::boolean: return "a boolean";
    case Kind::number: return "a number";
    case Kind::string: return "a string";
    case Kind::array: return "an array";
    case Kind::object: return "an object";
  }
  return "nothing";
}

/// nullopt too when the number does not fit.
template <class Narrow, class Wide>
std::optional<Narrow> narrowed(std::optional<Wide> number) {
  if (!number || !std::in_range<Narrow>(*number)) return std::nullopt;
  return static_cast<Narrow>(*number);
}

}  // namespace

Error mistake(std::string_view path, std::string_view expected, Value got) {
  const std::string_view name = path.empty() ? std::string_view("the document") : path;
  if (const auto text = got.as_string())
    return Error(ErrorCode::invalid_argument,
                 slipway::format("{}: expected {}, got \"{}\"", name, expected, text->substr(0, 100)));
  return Error(ErrorCode::invalid_argument,
               slipway::format("{}: expected {}, got {}", name, expected, kind_name(got)));
}

std::string element_path(std::string_view path, std::size_t index) {
  return slipway::format("{}[{}]", path, index);
}

ObjectReader::ObjectReader(Value object, std::string path)
    : object_(object), path_(std::move(path)) {
  if (!object.is_object()) state_ = mistake(path_, "an object", object);
}

std::string ObjectReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : slipway::format("{}.{}", path_, key);
}

void ObjectReader::fail(Error error) {
  if (state_) state_ = std::move(error);
}

Value ObjectReader::take(std::string_view key) {
  known_.push_back(key);
  if (!state_) return {};
  const Value value = object_.find(key);
  return value ? value : Value();
}

bool ObjectReader::expect(std::string_view key) {
  if (state_ && !object_.find(key)) {
    known_.push_back(key);
    state_ = Error(ErrorCode::invalid_argument, path_of(key) + ": is missing");
  }
  return state_.ok();
}

void ObjectReader::read(std::string_view key, const Read& read) {
  if (const Value value = take(key)) state_ = read(value, path_of(key));
}

void ObjectReader::read_each(std::string_view key, const Read& read) {
  this->read(key, [&read](Value array, const std::string& path) -> Result<void> {
    if (!array.is_array()) return mistake(path, "an array", array);
    for (std::size_t i = 0; i < array.size(); ++i)
      SLIPWAY_CHECK(read(array.elements()[i], element_path(path, i)));
    return {};
  });
}

template <class Out, class Convert>
void ObjectReader::read_as(std::string_view key, std::string_view expected, Out& out,
                           const Convert& convert) {
  const Value value = take(key);
  if (!value) return;
  if (const auto converted = convert(value))
    out = static_cast<Out>(*converted);
  else
    state_ = mistake(path_of(key), expected, value);
}

void ObjectReader::read(std::string_view key, std::string& out) {
  read_as(key, "a string", out, [](Value value) { return value.as_string(); });
}

void ObjectReader::read(std::string_view key, bool& out) {
  read_as(key, "true or false", out, [](Value value) { return value.as_bool(); });
}

void ObjectReader::read(std::string_view key, std::uint64_t& out) {
  read_as(key, "a whole number from 0", out, [](Value value) { return value.as_uint64(); });
}

void ObjectReader::read(std::string_view key, std::int64_t& out) {
  read_as(key, "a whole number", out, [](Value value) { return value.as_int64(); });
}

void ObjectReader::read(std::string_view key, int& out) {
  read_as(key, "a whole number of at most 31 bits", out,
          [](Value value) { return narrowed<int>(value.as_int64()); });
}

void ObjectReader::read(std::string_view key, unsigned& out) {
  read_as(key, "a whole number from 0, of at most 32 bits", out,
          [](Value value) { return narrowed<unsigned>(value.as_uint64()); });
}

void ObjectReader::read(std::string_view key, std::vector<std::string>& out) {
  std::vector<std::string> texts;
  read_each(key, [&texts](Value value, const std::string& path) -> Result<void> {
    if (!value.is_string()) return mistake(path, "a string", value);
    texts.emplace_back(value.text());
    return {};
  });
  if (state_ && object_.find(key)) out = std::move(texts);
}

void ObjectReader::read(std::string_view key, std::map<std::string, std::string>& out) {
  read(key, [&out](Value object, const std::string& path) -> Result<void> {
    if (!object.is_object()) return mistake(path, "an object", object);
    std::map<std::string, std::string> texts;
    for (const Member& member : object.members()) {
      if (!member.value.is_string())
        return mistake(slipway::format("{}.{}", path, member.key), "a string", member.value);
      texts.emplace(member.key, member.value.text());
    }
    out = std::move(texts);
    return {};
  });
}

Result<void> ObjectReader::finish(Unknown unknown) {
  if (!state_ || unknown == Unknown::ignored) return state_;
  for (const Member& member : object_.members())
    if (std::find(known_.begin(), known_.end(), member.key) == known_.end())
      return Error(ErrorCode::invalid_argument,
                   slipway::format("{}: is not known here; remove it, or check its spelling",
                                   path_of(member.key)));
  return {};
}

ObjectReader::Read time_into(std::optional<Timestamp>& out) {
  return [&out](Value value, const std::string& path) -> Result<void> {
    out = parse_rfc3339(value.text());
    if (!out) return mistake(path, "a time of RFC 3339", value);
    return {};
  };
}

ObjectReader::Read time_into(Timestamp& out) {
  return [&out](Value value, const std::string& path) -> Result<void> {
    std::optional<Timestamp> time;
    SLIPWAY_CHECK(time_into(time)(value, path));
    out = *time;
    return {};
  };
}

}  // namespace slipway::json
