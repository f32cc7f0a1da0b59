// What a soak saw: how often each thing was done, and what should not have happened.
//
// Thread safety: any thread.
#pragma once

#include <cstdint>
#include <iostream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace slipway::soak {

class Report {
 public:
  /// One operation that was answered.
  void count(const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++counts_[what];
    ++operations_;
  }
  /// Something that is no operation, but worth telling.
  void note(const std::string& what, std::uint64_t how_often = 1) {
    const std::lock_guard lock(mutex_);
    notes_[what] += how_often;
  }
  /// Something that must not happen.
  void violation(const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++violations_;
    if (violations_ <= most_shown) std::cerr << "VIOLATION: " << what << std::endl;
  }

  [[nodiscard]] std::uint64_t operations() const {
    const std::lock_guard lock(mutex_);
    return operations_;
  }
  [[nodiscard]] std::uint64_t violations() const {
    const std::lock_guard lock(mutex_);
    return violations_;
  }
  [[nodiscard]] std::uint64_t noted(const std::string& what) const {
    const std::lock_guard lock(mutex_);
    const auto found = notes_.find(what);
    return found == notes_.end() ? 0 : found->second;
  }
  void print() const {
    const std::lock_guard lock(mutex_);
    std::cout << operations_ << " operations\n";
    for (const auto& [what, count] : counts_) std::cout << "  " << what << ": " << count << "\n";
    for (const auto& [what, count] : notes_) std::cout << what << ": " << count << "\n";
    std::cout << "violations: " << violations_ << std::endl;
  }

 private:
  static constexpr std::uint64_t most_shown = 20;

  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;  // guarded by mutex_
  std::map<std::string, std::uint64_t> notes_;   // guarded by mutex_
  std::uint64_t operations_ = 0;                 // guarded by mutex_
  std::uint64_t violations_ = 0;                 // guarded by mutex_
};

}  // namespace slipway::soak
