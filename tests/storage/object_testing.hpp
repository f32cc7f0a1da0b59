// What tests of object stores say often.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/storage/object_store.hpp>

#include "tests/storage/store_testing.hpp"

namespace slipway::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
/// All bytes of a Stage or an Object, read in small pieces.
template <class Source>
std::string content_of(const Source& source) {
  std::string all;
  std::string piece(7, '\0');
  while (true) {
    const auto count = source.read_at(all.size(), std::as_writable_bytes(std::span(piece)));
    EXPECT_TRUE(succeeded(count));
    if (!count || *count == 0) return all;
    all.append(piece, 0, *count);
  }
}
inline std::string content_of(ObjectStore& store, std::string_view key) {
  const auto object = store.open(key);
  EXPECT_TRUE(succeeded(object));
  return object ? content_of(**object) : std::string();
}
inline std::unique_ptr<Stage> staged(ObjectStore& store, std::string_view name,
                                     std::string_view bytes) {
  auto stage = store.begin_stage(name);
  EXPECT_TRUE(succeeded(stage));
  EXPECT_TRUE(succeeded((*stage)->append(bytes_of(bytes))));
  return std::move(stage).value();
}
inline std::vector<std::string> all_objects(ObjectStore& store) {
  std::vector<std::string> keys;
  EXPECT_TRUE(succeeded(store.for_each([&](std::string_view key) {
    keys.emplace_back(key);
    return true;
  })));
  return keys;
}
inline std::vector<std::string> all_stages(ObjectStore& store) {
  std::vector<std::string> names;
  EXPECT_TRUE(succeeded(store.for_each_stage([&](const ObjectStore::StageInfo& stage) {
    names.push_back(stage.name);
    return true;
  })));
  return names;
}

}  // namespace slipway::test
