// BlockingPool: a bounded number of threads for what may block, and a bounded queue before them.
//
// Threads are started when there is work that no idle thread takes. Jobs start in the order they
// came in.
//
// Thread safety: every member from any thread; the destructor from none of the pool's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway::beast {

/// Work that its owner keeps alive until `run` returns, or destroys as the last thing `run` does.
/// One that is queued must not be submitted again.
class BlockingJob {
 public:
  virtual void run() noexcept = 0;

 protected:
  BlockingJob() = default;
  ~BlockingJob() = default;
  BlockingJob(const BlockingJob&) = delete;
  BlockingJob& operator=(const BlockingJob&) = delete;

 private:
  friend class BlockingPool;
  BlockingJob* next_ = nullptr;  // guarded by the pool's mutex_
};

class BlockingPool {
 public:
  enum class Admission {
    bounded,  // refused when the queue is full: new work
    always,   // the rest of work that was admitted before
  };

  BlockingPool(unsigned threads, std::size_t most_waiting);
  /// Runs what is queued, then ends the threads.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// False: refused, the job will not run.
  [[nodiscard]] bool submit(BlockingJob& job, Admission admission);

  /// Runs `last_act` some time, whatever the queue's length.
  void submit(std::function<void()> last_act);

 private:
  void work();
  void start_thread_if_needed();  // REQUIRES: mutex_ is held

  const unsigned most_threads_;
  const std::size_t most_waiting_;

  std::mutex mutex_;
  std::condition_variable work_came_;
  // Guarded by mutex_:
  BlockingJob* first_ = nullptr;
  BlockingJob* last_ = nullptr;
  std::size_t waiting_ = 0;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace slipway::beast
