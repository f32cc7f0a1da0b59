#include <slipway/storage/memory_object_store.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <slipway/support/clock.hpp>

#include "storage/limits.hpp"
#include "support/format.hpp"

namespace slipway {

namespace {

std::size_t copy_from(std::string_view bytes, std::uint64_t offset, std::span<std::byte> out) {
  if (offset >= bytes.size()) return 0;
  const std::string_view rest = bytes.substr(static_cast<std::size_t>(offset));
  const std::size_t count = std::min(rest.size(), out.size());
  if (count > 0) std::memcpy(out.data(), rest.data(), count);
  return count;
}

class MemoryObject final : public Object {
 public:
  explicit MemoryObject(std::string bytes) : bytes_(std::move(bytes)) {}

  [[nodiscard]] std::uint64_t size() const noexcept override { return bytes_.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    return copy_from(bytes_, offset, out);
  }

 private:
  const std::string bytes_;
};

struct Staged {
  mutable std::mutex mutex;
  std::string bytes;     // guarded by mutex
  Timestamp modified{};  // guarded by mutex
};

struct Shelves {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Staged>, std::less<>> stages;         // guarded by mutex
  std::map<std::string, std::shared_ptr<const Object>, std::less<>> objects;  // guarded by mutex
  std::map<std::string, std::shared_ptr<const Object>, std::less<>> aside;    // guarded by mutex
};

class MemoryStage final : public Stage {
 public:
  MemoryStage(Shelves& shelves, std::string_view name, std::shared_ptr<Staged> staged)
      : shelves_(shelves), name_(name), staged_(std::move(staged)) {}

  [[nodiscard]] std::uint64_t size() const noexcept override {
    const std::lock_guard lock(staged_->mutex);
    return staged_->bytes.size();
  }

  Result<void> append(std::span<const std::byte> bytes) override {
    const std::lock_guard lock(staged_->mutex);
    staged_->bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    staged_->modified = Clock::system().now();
    return {};
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) const override {
    const std::lock_guard lock(staged_->mutex);
    return copy_from(staged_->bytes, offset, out);
  }

  Result<void> publish(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    const std::lock_guard lock(shelves_.mutex);
    const std::lock_guard stage_lock(staged_->mutex);
    shelves_.objects.insert_or_assign(std::string(key),
                                      std::make_shared<MemoryObject>(std::move(staged_->bytes)));
    staged_->bytes.clear();
    shelves_.stages.erase(name_);
    return {};
  }

  Result<void> discard() override {
    const std::lock_guard lock(shelves_.mutex);
    shelves_.stages.erase(name_);
    return {};
  }

 private:
  Shelves& shelves_;
  const std::string name_;
  const std::shared_ptr<Staged> staged_;
};

class MemoryObjectStore final : public ObjectStore {
 public:
  Result<std::unique_ptr<Stage>> begin_stage(std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    const std::lock_guard lock(shelves_.mutex);
    auto staged = std::make_shared<Staged>();
    staged->modified = Clock::system().now();
    if (!shelves_.stages.emplace(name, staged).second)
      return Error(ErrorCode::already_exists,
                   slipway::format("stage \"{}\" exists; open it or choose another name", name));
    return handle(name, std::move(staged));
  }

  Result<std::unique_ptr<Stage>> open_stage(std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    const std::lock_guard lock(shelves_.mutex);
    const auto found = shelves_.stages.find(name);
    if (found == shelves_.stages.end())
      return Error(ErrorCode::not_found, slipway::format("there is no stage \"{}\"", name));
    return handle(name, found->second);
  }

  Result<void> for_each_stage(const std::function<bool(const StageInfo&)>& visit) override {
    for (const StageInfo& stage : stages())
      if (!visit(stage)) break;
    return {};
  }

  Result<std::shared_ptr<const Object>> open(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    const std::lock_guard lock(shelves_.mutex);
    const auto found = shelves_.objects.find(key);
    if (found == shelves_.objects.end())
      return Error(ErrorCode::not_found, slipway::format("there is no object \"{}\"", key));
    return found->second;
  }

  Result<bool> remove(std::string_view key) override {
    SLIPWAY_CHECK(check_object_name(key));
    const std::lock_guard lock(shelves_.mutex);
    const auto found = shelves_.objects.find(key);
    if (found == shelves_.objects.end()) return false;
    shelves_.objects.erase(found);
    return true;
  }

  Result<void> set_aside(std::string_view key, std::string_view name) override {
    SLIPWAY_TRY(std::shared_ptr<const Object> object, open(key));
    return keep_aside(std::move(object), name);
  }

  Result<void> set_aside(std::span<const std::byte> bytes, std::string_view name) override {
    std::string copy(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return keep_aside(std::make_shared<MemoryObject>(std::move(copy)), name);
  }

  Result<std::shared_ptr<const Object>> open_aside(std::string_view name) override {
    SLIPWAY_CHECK(check_object_name(name));
    const std::lock_guard lock(shelves_.mutex);
    const auto found = shelves_.aside.find(name);
    if (found == shelves_.aside.end())
      return Error(ErrorCode::not_found, slipway::format("nothing was set aside as \"{}\"", name));
    return found->second;
  }

  Result<void> for_each(const std::function<bool(std::string_view key)>& visit) override {
    for (const std::string& key : keys())
      if (!visit(key)) break;
    return {};
  }

 private:
  Result<std::unique_ptr<Stage>> handle(std::string_view name, std::shared_ptr<Staged> staged) {
    return std::unique_ptr<Stage>(std::make_unique<MemoryStage>(shelves_, name, std::move(staged)));
  }

  Result<void> keep_aside(std::shared_ptr<const Object> object, std::string_view name) {
    SLIPWAY_CHECK(check_object_name(name));
    const std::lock_guard lock(shelves_.mutex);
    if (!shelves_.aside.emplace(name, std::move(object)).second)
      return Error(ErrorCode::already_exists,
                   slipway::format("something was set aside as \"{}\" before", name));
    return {};
  }

  /// Copies, so that `visit` may use the store.
  std::vector<StageInfo> stages() {
    const std::lock_guard lock(shelves_.mutex);
    std::vector<StageInfo> all;
    for (const auto& [name, staged] : shelves_.stages) {
      const std::lock_guard stage_lock(staged->mutex);
      all.push_back({name, staged->bytes.size(), staged->modified});
    }
    return all;
  }
  std::vector<std::string> keys() {
    const std::lock_guard lock(shelves_.mutex);
    std::vector<std::string> all;
    for (const auto& [key, object] : shelves_.objects) all.push_back(key);
    return all;
  }

  Shelves shelves_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_memory_object_store() {
  return std::make_unique<MemoryObjectStore>();
}

}  // namespace slipway
