// Counters, gauges and histograms that are added to without a lock.
//
// Thread safety: every member from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <slipway/support/metrics.hpp>

namespace slipway {

class AtomicCounter final : public Counter {
 public:
  void add(double amount) noexcept override {
    if (amount > 0) value_.fetch_add(amount, std::memory_order_relaxed);
  }
  [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class AtomicGauge final : public Gauge {
 public:
  void set(double value) noexcept override { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) noexcept override {
    value_.fetch_add(amount, std::memory_order_relaxed);
  }
  [[nodiscard]] double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class AtomicHistogram final : public Histogram {
 public:
  explicit AtomicHistogram(std::span<const double> bounds)
      : bounds_(bounds.begin(), bounds.end()),
        counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

  void observe(double value) noexcept override {
    // A bucket holds what is at most its bound ("le").
    const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    counts_[static_cast<std::size_t>(bucket - bounds_.begin())].fetch_add(
        1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }

  [[nodiscard]] const std::vector<double>& bounds() const noexcept { return bounds_; }
  /// Of one bucket alone; the last, at bounds().size(), has no bound.
  [[nodiscard]] std::uint64_t count(std::size_t bucket) const noexcept {
    return counts_[bucket].load(std::memory_order_relaxed);
  }
  [[nodiscard]] double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

}  // namespace slipway
