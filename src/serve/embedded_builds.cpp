#include "serve/embedded_builds.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <span>
#include <vector>

#include <slipway/support/hasher.hpp>

#include "archive/context_source.hpp"

namespace slipway {
namespace {

/// Counts what a subscription tells, for one thread that waits.
struct Changes {
  std::mutex mutex;
  std::condition_variable condition;
  std::uint64_t count = 0;  // guarded by mutex
};

}  // namespace

Result<ContextSource> store_context(Engine& engine, const RepositoryName& repository,
                                    const std::filesystem::path& path,
                                    const std::string& dockerfile) {
  SLIPWAY_TRY(const auto reader, open_context(path, dockerfile));
  Registry& registry = engine.registry();
  SLIPWAY_TRY(const auto writer,
              registry.write_upload(repository, registry.begin_upload(repository)));
  Hasher hasher;
  std::vector<std::byte> piece(std::size_t{256} * 1024);
  while (true) {
    SLIPWAY_TRY(const std::size_t size, reader->read(piece));
    if (size == 0) break;
    const auto bytes = std::span(piece).first(size);
    hasher.update(bytes);
    SLIPWAY_CHECK(writer->append(bytes));
  }
  SLIPWAY_TRY(const BlobInfo blob, writer->commit(hasher.finish()));
  return ContextSource{blob.digest, reader->media_type()};
}

Result<Build> wait_for_build(Engine& engine, std::string_view id,
                             std::chrono::milliseconds timeout) {
  Changes changes;
  const auto subscription =
      engine.metadata().subscribe("build/" + std::string(id), [&changes] {
        const std::lock_guard guard(changes.mutex);
        ++changes.count;
        changes.condition.notify_all();
      });
  Clock& clock = engine.clock();
  const MonotonicTime deadline = clock.monotonic() + timeout;
  std::uint64_t seen = 0;
  while (true) {
    SLIPWAY_TRY(Build build, engine.queue().find(id));
    if (is_final(build.state) || clock.monotonic() >= deadline) return build;
    std::unique_lock lock(changes.mutex);
    while (changes.count == seen && clock.monotonic() < deadline)
      clock.wait_until(changes.condition, lock, deadline);
    seen = changes.count;
  }
}

Result<std::string> read_whole_log(Engine& engine, std::string_view id, std::uint64_t offset) {
  std::string bytes;
  while (true) {
    SLIPWAY_TRY(const std::size_t read,
                engine.logs().read(id, offset + bytes.size(), max_log_chunk, bytes));
    if (read == 0) return bytes;
  }
}

Result<std::string> read_whole_blob(const Blob& blob) {
  if (const auto* small = std::get_if<std::string>(&blob.content)) return *small;
  const Object& object = *std::get<std::shared_ptr<const Object>>(blob.content);
  std::string bytes(object.size(), '\0');
  SLIPWAY_TRY(const std::size_t read,
              object.read_at(0, std::as_writable_bytes(std::span(bytes.data(), bytes.size()))));
  if (read != bytes.size())
    return Error(ErrorCode::corrupt, "blob " + blob.info.digest.to_string() + ": is cut short");
  return bytes;
}

}  // namespace slipway
