// What tests of stores say often.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway::test {

inline testing::AssertionResult succeeded(const Result<void>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << to_string(result.error().code) << ": " << result.error().message;
}
template <class T>
testing::AssertionResult succeeded(const Result<T>& result) {
  return succeeded(result ? Result<void>() : Result<void>(result.error()));
}
template <class T>
testing::AssertionResult failed(const Result<T>& result, ErrorCode code) {
  if (result) return testing::AssertionFailure() << "it succeeded";
  if (result.error().code == code) return testing::AssertionSuccess();
  return succeeded(result);
}

inline std::optional<std::string> read(const ReadView& view, std::string_view key) {
  const auto value = view.get(key);
  EXPECT_TRUE(succeeded(value));
  if (!value || !*value) return std::nullopt;
  return std::string(**value);
}
inline std::optional<std::string> read(MetadataStore& store, std::string_view key) {
  const auto view = store.snapshot();
  EXPECT_TRUE(succeeded(view));
  return view ? read(**view, key) : std::nullopt;
}
inline Result<void> write(MetadataStore& store, std::string_view key, std::string_view value) {
  return store.write([&](WriteTransaction& transaction) { return transaction.put(key, value); });
}
inline std::vector<std::string> all_keys(const ReadView& view) {
  std::vector<std::string> keys;
  const auto cursor = view.cursor();
  EXPECT_TRUE(succeeded(cursor));
  for (auto more = (*cursor)->seek(""); more && *more; more = (*cursor)->next())
    keys.emplace_back((*cursor)->key());
  return keys;
}

/// Counts calls, and lets a test wait for them.
class Calls {
 public:
  void count() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }
  int now() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

}  // namespace slipway::test
