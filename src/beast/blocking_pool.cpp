#include "beast/blocking_pool.hpp"

#include <memory>
#include <system_error>
#include <utility>

namespace slipway::beast {
namespace {

class OwnedJob final : public BlockingJob {
 public:
  explicit OwnedJob(std::function<void()> act) : act_(std::move(act)) {}

  void run() noexcept override {
    const std::unique_ptr<OwnedJob> self(this);
    act_();
  }

 private:
  std::function<void()> act_;
};

}  // namespace

BlockingPool::BlockingPool(unsigned threads, std::size_t most_waiting)
    : most_threads_(threads), most_waiting_(most_waiting) {}

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_came_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool BlockingPool::submit(BlockingJob& job, Admission admission) {
  std::unique_lock lock(mutex_);
  if (admission == Admission::bounded && waiting_ >= most_waiting_) return false;
  start_thread_if_needed();
  if (threads_.empty()) return false;
  job.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &job;
  last_ = &job;
  ++waiting_;
  lock.unlock();
  work_came_.notify_one();
  return true;
}

void BlockingPool::submit(std::function<void()> last_act) {
  auto job = std::make_unique<OwnedJob>(std::move(last_act));
  if (submit(*job, Admission::always))
    static_cast<void>(job.release());  // it deletes itself
  else
    job.release()->run();
}

void BlockingPool::start_thread_if_needed() {
  if (waiting_ < idle_ || threads_.size() >= most_threads_) return;
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // No more threads to be had: those that there are take the work, or submit refuses it.
  }
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    work_came_.wait(lock, [this] { return first_ != nullptr || stopping_; });
    --idle_;
    if (first_ == nullptr) return;
    BlockingJob* job = std::exchange(first_, first_->next_);
    if (first_ == nullptr) last_ = nullptr;
    --waiting_;
    lock.unlock();
    job->run();
    lock.lock();
  }
}

}  // namespace slipway::beast
