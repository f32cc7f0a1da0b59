// Builds: submitted, waited for, looked at.
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string_view>

#include <slipway/support/hasher.hpp>

#include "archive/context_source.hpp"
#include "build/build_json.hpp"
#include "handles.hpp"

namespace {

using namespace slipway;
using capi::guarded;
using capi::require;

/// Packs a folder into a blob of the repository.
Result<ContextSource> store_context(Registry& registry, const RepositoryName& repository,
                                    const char* folder, const std::string& dockerfile) {
  SLIPWAY_TRY(const auto reader, open_context(folder, dockerfile));
  const std::string upload = registry.begin_upload(repository);
  SLIPWAY_TRY(const auto writer, registry.write_upload(repository, upload));
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

std::string text_or(const char* text, std::string_view otherwise) {
  return text != nullptr ? std::string(text) : std::string(otherwise);
}

Result<BuildSource> source_of(const slipway_build_request& given, const RepositoryName& repository,
                              Registry& registry) {
  if ((given.git_url != nullptr) == (given.context != nullptr))
    return Error(ErrorCode::invalid_argument,
                 "slipway_build_request: set one of git_url and context");
  if (given.context != nullptr) {
    SLIPWAY_TRY(ContextSource context,
                store_context(registry, repository, given.context,
                              text_or(given.dockerfile, "Dockerfile")));
    return BuildSource(std::move(context));
  }
  const bool named = given.git_ref != nullptr || given.git_commit != nullptr;
  return BuildSource(GitSource{given.git_url, text_or(given.git_ref, named ? "" : "HEAD"),
                               text_or(given.git_commit, "")});
}

Result<void> read_args(const char* const* given, std::map<std::string, std::string>& out) {
  for (; given != nullptr && *given != nullptr; ++given) {
    const std::string_view text = *given;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return Error(ErrorCode::invalid_argument,
                   "slipway_build_request.args: expected KEY=value, got \"" + std::string(text) +
                       "\"");
    out.insert_or_assign(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  }
  return {};
}

void bring_up_to_date(slipway_build& handle, Build build) {
  handle.build = std::move(build);
  handle.state = to_string(handle.build.state);
  handle.digest = handle.build.digest ? handle.build.digest->to_string() : "";
  handle.failure = handle.build.failure ? handle.build.failure->message : "";
  handle.json = to_json(handle.build);
}

slipway_build* make_handle(Engine& engine, Build build) {
  auto handle = std::unique_ptr<slipway_build>(new slipway_build{&engine, build, {}, {}, {}, {}});
  bring_up_to_date(*handle, std::move(build));
  return handle.release();
}

/// Wakes whoever waits for a build.
struct Changes {
  std::mutex mutex;
  std::condition_variable condition;
  std::uint64_t count = 0;  // guarded by mutex
};

Result<void> wait_until_final(slipway_build& handle, std::chrono::milliseconds timeout) {
  Changes changes;
  const auto subscription =
      handle.engine->metadata().subscribe("build/" + handle.build.id, [&changes] {
        const std::lock_guard guard(changes.mutex);
        ++changes.count;
        changes.condition.notify_all();
      });
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::uint64_t seen = 0;
  while (true) {
    SLIPWAY_TRY(Build build, handle.engine->queue().find(handle.build.id));
    bring_up_to_date(handle, std::move(build));
    if (is_final(handle.build.state)) return {};
    std::unique_lock lock(changes.mutex);
    if (!changes.condition.wait_until(lock, deadline, [&] { return changes.count != seen; }))
      return Error(ErrorCode::timed_out,
                   "build " + handle.build.id + " has not ended; it is " + handle.state);
    seen = changes.count;
  }
}

const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

}  // namespace

extern "C" {

slipway_error* slipway_build_submit(slipway_store* store, const slipway_build_request* request,
                                    slipway_build** out_build) {
  if (out_build != nullptr) *out_build = nullptr;
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(store, "store"));
    SLIPWAY_CHECK(require(request, "request"));
    SLIPWAY_CHECK(require(out_build, "out_build"));
    SLIPWAY_TRY(const slipway_build_request given,
                capi::complete(request, "slipway_build_request"));
    SLIPWAY_CHECK(require(given.repository, "slipway_build_request.repository"));
    SLIPWAY_TRY(const RepositoryName repository, RepositoryName::parse(given.repository));
    SLIPWAY_TRY(BuildSource source,
                source_of(given, repository, store->engine->registry()));
    BuildRequest wanted(repository, std::move(source));
    wanted.dockerfile = text_or(given.dockerfile, wanted.dockerfile);
    wanted.target = text_or(given.target, "");
    for (const char* const* tag = given.tags; tag != nullptr && *tag != nullptr; ++tag)
      wanted.tags.emplace_back(*tag);
    SLIPWAY_CHECK(read_args(given.args, wanted.args));
    SLIPWAY_CHECK(check_build_request(wanted));
    SLIPWAY_TRY(Build build, store->engine->queue().submit(wanted));
    *out_build = make_handle(*store->engine, std::move(build));
    return {};
  });
}

slipway_error* slipway_build_find(slipway_store* store, const char* id, slipway_build** out_build) {
  if (out_build != nullptr) *out_build = nullptr;
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(store, "store"));
    SLIPWAY_CHECK(require(id, "id"));
    SLIPWAY_CHECK(require(out_build, "out_build"));
    SLIPWAY_TRY(Build build, store->engine->queue().find(id));
    *out_build = make_handle(*store->engine, std::move(build));
    return {};
  });
}

slipway_error* slipway_build_wait(slipway_build* build, uint64_t timeout_milliseconds) {
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(build, "build"));
    constexpr std::uint64_t longest = 1000ULL * 60 * 60 * 24 * 365;
    return wait_until_final(*build, std::chrono::milliseconds(static_cast<std::int64_t>(
                                        std::min<std::uint64_t>(timeout_milliseconds, longest))));
  });
}

const char* slipway_build_get_id(const slipway_build* build) {
  return build != nullptr ? build->build.id.c_str() : nullptr;
}

const char* slipway_build_get_state(const slipway_build* build) {
  return build != nullptr ? build->state.c_str() : nullptr;
}

const char* slipway_build_get_digest(const slipway_build* build) {
  return build != nullptr ? text_or_null(build->digest) : nullptr;
}

const char* slipway_build_get_failure(const slipway_build* build) {
  return build != nullptr ? text_or_null(build->failure) : nullptr;
}

const char* slipway_build_get_json(const slipway_build* build) {
  return build != nullptr ? build->json.c_str() : nullptr;
}

slipway_error* slipway_build_read_log(slipway_build* build, uint64_t offset,
                                      slipway_bytes** out_bytes) {
  if (out_bytes != nullptr) *out_bytes = nullptr;
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(build, "build"));
    SLIPWAY_CHECK(require(out_bytes, "out_bytes"));
    auto bytes = std::make_unique<slipway_bytes>();
    LogStore& logs = build->engine->logs();
    while (true) {
      SLIPWAY_TRY(const std::size_t read, logs.read(build->build.id, offset + bytes->data.size(),
                                                    max_log_chunk, bytes->data));
      if (read == 0) break;
    }
    *out_bytes = bytes.release();
    return {};
  });
}

void slipway_build_free(slipway_build* build) { delete build; }

}  // extern "C"
