#include "json/object_reader.hpp"

#include <algorithm>
#include <limits>

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
  known_.emplace_back(key);
  if (!state_) return {};
  const Value value = object_.find(key);
  return value ? value : Value();
}

bool ObjectReader::expect(std::string_view key) {
  if (state_ && !object_.find(key)) {
    known_.emplace_back(key);
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

void ObjectReader::read(std::string_view key, std::string& out) {
  read(key, [&out](Value value, const std::string& path) -> Result<void> {
    if (!value.is_string()) return mistake(path, "a string", value);
    out = value.text();
    return {};
  });
}

void ObjectReader::read(std::string_view key, bool& out) {
  read(key, [&out](Value value, const std::string& path) -> Result<void> {
    if (!value.as_bool()) return mistake(path, "true or false", value);
    out = *value.as_bool();
    return {};
  });
}

void ObjectReader::read(std::string_view key, std::uint64_t& out) {
  read(key, [&out](Value value, const std::string& path) -> Result<void> {
    if (!value.as_uint64()) return mistake(path, "a whole number from 0", value);
    out = *value.as_uint64();
    return {};
  });
}

void ObjectReader::read(std::string_view key, std::int64_t& out) {
  read(key, [&out](Value value, const std::string& path) -> Result<void> {
    if (!value.as_int64()) return mistake(path, "a whole number", value);
    out = *value.as_int64();
    return {};
  });
}

void ObjectReader::read(std::string_view key, int& out) {
  read(key, [&out](Value value, const std::string& path) -> Result<void> {
    const auto number = value.as_int64();
    if (!number || *number < std::numeric_limits<int>::min() ||
        *number > std::numeric_limits<int>::max())
      return mistake(path, "a whole number of at most 31 bits", value);
    out = static_cast<int>(*number);
    return {};
  });
}

void ObjectReader::read(std::string_view key, unsigned& out) {
  read(key, [&out](Value value, const std::string& path) -> Result<void> {
    const auto number = value.as_uint64();
    if (!number || *number > std::numeric_limits<unsigned>::max())
      return mistake(path, "a whole number from 0, of at most 32 bits", value);
    out = static_cast<unsigned>(*number);
    return {};
  });
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

}  // namespace slipway::json
