// Stores, blobs, manifests and tags.
#include <string_view>

#include <slipway/core/reference.hpp>
#include <slipway/support/hasher.hpp>

#include "handles.hpp"
#include "serve/embedded_builds.hpp"

namespace {

using namespace slipway;
using capi::guarded;
using capi::require;

std::string_view view_of(const void* data, std::size_t size) {
  return {static_cast<const char*>(data), size};
}

}  // namespace

extern "C" {

slipway_error* slipway_store_open(const char* folder, slipway_store** out_store) {
  if (out_store != nullptr) *out_store = nullptr;
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(folder, "folder"));
    SLIPWAY_CHECK(require(out_store, "out_store"));
    SLIPWAY_TRY(auto engine, Engine::open(folder));
    *out_store = new slipway_store{std::move(engine)};
    return {};
  });
}

void slipway_store_close(slipway_store* store) { delete store; }

slipway_error* slipway_blob_put(slipway_store* store, const char* repository, const void* data,
                                size_t size, slipway_digest* out_digest) {
  if (out_digest != nullptr) *out_digest = {};
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(store, "store"));
    SLIPWAY_CHECK(require(repository, "repository"));
    if (size > 0) SLIPWAY_CHECK(require(data, "data"));
    SLIPWAY_CHECK(require(out_digest, "out_digest"));
    SLIPWAY_TRY(const RepositoryName name, RepositoryName::parse(repository));
    const std::string_view bytes = view_of(data, size);
    SLIPWAY_TRY(const BlobInfo blob,
                store->engine->registry().put_blob(name, digest_of(bytes), bytes));
    capi::fill(*out_digest, blob.digest);
    return {};
  });
}

slipway_error* slipway_blob_get(slipway_store* store, const char* repository, const char* digest,
                                slipway_bytes** out_bytes) {
  if (out_bytes != nullptr) *out_bytes = nullptr;
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(store, "store"));
    SLIPWAY_CHECK(require(repository, "repository"));
    SLIPWAY_CHECK(require(digest, "digest"));
    SLIPWAY_CHECK(require(out_bytes, "out_bytes"));
    SLIPWAY_TRY(const RepositoryName name, RepositoryName::parse(repository));
    SLIPWAY_TRY(const Digest wanted, Digest::parse(digest));
    SLIPWAY_TRY(const Blob blob, store->engine->registry().open_blob(name, wanted));
    SLIPWAY_TRY(std::string bytes, read_whole_blob(blob));
    *out_bytes = new slipway_bytes{std::move(bytes)};
    return {};
  });
}

slipway_error* slipway_manifest_put(slipway_store* store, const char* repository,
                                    const char* reference, const char* media_type,
                                    const void* data, size_t size, slipway_digest* out_digest) {
  if (out_digest != nullptr) *out_digest = {};
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(store, "store"));
    SLIPWAY_CHECK(require(repository, "repository"));
    SLIPWAY_CHECK(require(reference, "reference"));
    SLIPWAY_CHECK(require(data, "data"));
    SLIPWAY_CHECK(require(out_digest, "out_digest"));
    SLIPWAY_TRY(const RepositoryName name, RepositoryName::parse(repository));
    SLIPWAY_TRY(const Reference wanted, parse_reference(reference));
    SLIPWAY_TRY(const Registry::PutManifest put,
                store->engine->registry().put_manifest(name, wanted, view_of(data, size),
                                                       media_type != nullptr ? media_type : ""));
    capi::fill(*out_digest, put.manifest.digest);
    return {};
  });
}

slipway_error* slipway_manifest_get(slipway_store* store, const char* repository,
                                    const char* reference, slipway_digest* out_digest,
                                    slipway_bytes** out_bytes) {
  if (out_digest != nullptr) *out_digest = {};
  if (out_bytes != nullptr) *out_bytes = nullptr;
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(store, "store"));
    SLIPWAY_CHECK(require(repository, "repository"));
    SLIPWAY_CHECK(require(reference, "reference"));
    SLIPWAY_CHECK(require(out_bytes, "out_bytes"));
    SLIPWAY_TRY(const RepositoryName name, RepositoryName::parse(repository));
    SLIPWAY_TRY(const Reference wanted, parse_reference(reference));
    auto bytes = std::make_unique<slipway_bytes>();
    SLIPWAY_TRY(const ManifestInfo manifest,
                store->engine->registry().read_manifest(name, wanted, bytes->data));
    if (out_digest != nullptr) capi::fill(*out_digest, manifest.digest);
    *out_bytes = bytes.release();
    return {};
  });
}

slipway_error* slipway_tag_list(slipway_store* store, const char* repository, const char* last,
                                size_t limit, slipway_texts** out_tags) {
  if (out_tags != nullptr) *out_tags = nullptr;
  return guarded([&]() -> Result<void> {
    SLIPWAY_CHECK(require(store, "store"));
    SLIPWAY_CHECK(require(repository, "repository"));
    SLIPWAY_CHECK(require(out_tags, "out_tags"));
    SLIPWAY_TRY(const RepositoryName name, RepositoryName::parse(repository));
    SLIPWAY_TRY(TagPage page,
                store->engine->registry().tags(name, last != nullptr ? last : "", limit));
    *out_tags = new slipway_texts{std::move(page.tags)};
    return {};
  });
}

}  // extern "C"
