// Builds: submitted, waited for, looked at.
#include <algorithm>
#include <chrono>
#include <string_view>

#include "build/build_json.hpp"
#include "handles.hpp"
#include "serve/embedded_builds.hpp"

namespace {

using namespace slipway;
using capi::guarded;
using capi::require;

std::string text_or(const char* text, std::string_view otherwise) {
  return text != nullptr ? std::string(text) : std::string(otherwise);
}

Result<BuildSource> source_of(Engine& engine, const slipway_build_request& given,
                              const RepositoryName& repository) {
  if ((given.git_url != nullptr) == (given.context != nullptr))
    return Error(ErrorCode::invalid_argument,
                 "slipway_build_request: set one of git_url and context");
  if (given.context != nullptr) {
    SLIPWAY_TRY(ContextSource context,
                store_context(engine, repository, given.context,
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
  auto handle = std::unique_ptr<slipway_build>(new slipway_build{&engine, build.id, build, {}, {}, {}, {}});
  bring_up_to_date(*handle, std::move(build));
  return handle.release();
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
    SLIPWAY_TRY(BuildSource source, source_of(*store->engine, given, repository));
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
    const std::chrono::milliseconds timeout(
        static_cast<std::int64_t>(std::min<std::uint64_t>(timeout_milliseconds, longest)));
    SLIPWAY_TRY(Build now, wait_for_build(*build->engine, build->id, timeout));
    bring_up_to_date(*build, std::move(now));
    if (is_final(build->build.state)) return {};
    return Error(ErrorCode::timed_out,
                 "build " + build->id + " has not ended; it is " + build->state);
  });
}

const char* slipway_build_get_id(const slipway_build* build) {
  return build != nullptr ? build->id.c_str() : nullptr;
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
    SLIPWAY_TRY(std::string bytes, read_whole_log(*build->engine, build->id, offset));
    *out_bytes = new slipway_bytes{std::move(bytes)};
    return {};
  });
}

void slipway_build_free(slipway_build* build) { delete build; }

}  // extern "C"
