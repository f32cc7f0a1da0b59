#include "tests/crash/state_check.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>

#include <slipway/registry/garbage_collector.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "tests/crash/row_check.hpp"

namespace slipway::crash {

namespace {

constexpr std::size_t all_there_are = 1000;
/// All leases have run out and all uploads expired, also those of another run in this process: ids
/// never go back in time.
constexpr std::chrono::days long_after{30};

/// An error in which `code` is an answer is nullopt.
template <class T>
Result<std::optional<T>> unless(ErrorCode code, Result<T> result) {
  if (result) return std::optional<T>(std::move(*result));
  if (result.error().code == code) return std::optional<T>();
  return std::move(result).error();
}

class StateCheck {
 public:
  StateCheck(World& world, const Expectation& expected, std::filesystem::path data)
      : world_(world),
        expected_(expected),
        data_(std::move(data)),
        clock_(world.clock().now()) {}

  Violations run() {
    read_stages();
    StoreOptions options;
    options.lmdb_map_size = std::uint64_t{8} << 20U;
    const auto stores = open_stores(data_, options);
    if (!stores) return broken(invariant::opens, stores.error());
    BlobStore blobs((*stores)->metadata(), (*stores)->objects(), clock_,
                    {.inline_limit = inline_limit});
    const auto registry = open_registry(blobs, clock_, registry_options());
    if (!registry) return broken(invariant::opens, registry.error());
    blobs_ = &blobs;
    registry_ = registry->get();

    check(invariant::links, check_rows(blobs, violations_));
    for (const auto& [fact, values] : expected_.allowed) check_fact(fact, values);
    check(invariant::acknowledged, check_lists());
    for (const Upload* upload : expected_.uploads)
      check(invariant::uploads, check_upload(*upload));
    check(invariant::goes_on, push());
    check(invariant::goes_on, collect());
    return std::move(violations_);
  }

 private:
  void violate(std::string_view what, std::string text) {
    violations_.push_back({std::string(what), std::move(text)});
  }
  Violations broken(std::string_view what, const Error& error) {
    violate(what, error.message);
    return std::move(violations_);
  }
  void check(std::string_view what, const Result<void>& result) {
    if (!result) violate(what, result.error().message);
  }

  void read_stages() {
    for (const Upload* upload : expected_.uploads) {
      std::ifstream file(data_ / "staging" / ("upload-" + upload->id), std::ios::binary);
      if (file.is_open())
        stages_[upload->id].assign(std::istreambuf_iterator<char>(file), {});
    }
  }

  Result<Value> value_of(const Fact& fact) {
    const auto repository = RepositoryName::parse(fact.repository);
    switch (fact.kind) {
      case Fact::Kind::repository: {
        SLIPWAY_TRY(const auto page, registry_->tags(*repository, "", 1));
        return page.tags.size() <= 1 ? present : Value();
      }
      case Fact::Kind::blob: {
        SLIPWAY_TRY(const Digest digest, Digest::parse(fact.name));
        SLIPWAY_CHECK(registry_->stat_blob(*repository, digest));
        SLIPWAY_CHECK(registry_->open_blob(*repository, digest));
        return present;
      }
      case Fact::Kind::manifest:
      case Fact::Kind::tag: {
        SLIPWAY_TRY(const Reference reference, parse_reference(fact.name));
        std::string bytes;
        SLIPWAY_TRY(const auto info, registry_->read_manifest(*repository, reference, bytes));
        if (digest_of(bytes) != info.digest) violate(invariant::digests, to_string(fact));
        return fact.kind == Fact::Kind::tag ? info.digest.to_string() : present;
      }
      case Fact::Kind::content: {
        SLIPWAY_TRY(const Digest digest, Digest::parse(fact.name));
        SLIPWAY_CHECK(blobs_->stat(digest));
        return present;
      }
      case Fact::Kind::upload: {
        if (registry_->check_upload(*repository, fact.name)) return Value();
        return Value(registry_->upload_result(*repository, fact.name) ? "blob" : "nothing");
      }
    }
    return Value();
  }

  void check_fact(const Fact& fact, const std::set<Value>& allowed) {
    const auto found = unless(ErrorCode::not_found, value_of(fact));
    if (!found) return violate(invariant::links, to_string(fact) + ": " + found.error().message);
    const Value value = found->value_or(Value());
    if (allowed.contains(value)) return;
    std::string text = to_string(fact) + " is \"" + value + "\", expected";
    for (const Value& one : allowed) text += " \"" + one + "\"";
    violate(invariant::acknowledged, std::move(text));
  }

  /// Lists show what look-ups find.
  Result<void> check_lists() {
    SLIPWAY_TRY(const auto page, registry_->repositories("", "", all_there_are));
    for (const RepositoryName& repository : world_.repositories()) {
      const bool listed = std::find(page.repositories.begin(), page.repositories.end(),
                                    repository.str()) != page.repositories.end();
      SLIPWAY_TRY(const auto tags,
                  unless(ErrorCode::not_found, registry_->tags(repository, "", all_there_are)));
      if (listed != tags.has_value())
        violate(invariant::links, "repository " + repository.str() + " and its listing");
      if (!tags) continue;
      for (const std::string& tag : tags->tags)
        if (!registry_->stat_manifest(repository, *parse_reference(tag)))
          violate(invariant::links, "the tag " + tag + " that " + repository.str() + " lists");
    }
    return {};
  }

  /// One whose bytes are right goes on to its end; one that lost some is found out and gone.
  Result<void> check_upload(const Upload& upload) {
    const std::set<Value>& ends =
        expected_.allowed.at({Fact::Kind::upload, upload.repository.str(), upload.id});
    if (!ends.contains(Value())) return {};
    if (ends.size() > 1 && !registry_->check_upload(upload.repository, upload.id))
      return {};  // it had just ended

    const Content& blob = world_.blobs()[upload.blob];
    const std::string& stage = stages_[upload.id];
    SLIPWAY_TRY(const std::uint64_t size, registry_->upload_size(upload.repository, upload.id));
    if (size != stage.size()) violate(invariant::uploads, upload.id + ": its size");
    SLIPWAY_TRY(const auto writer, registry_->write_upload(upload.repository, upload.id, size));
    if (size < blob.bytes.size()) {
      const auto rest = std::string_view(blob.bytes).substr(static_cast<std::size_t>(size));
      SLIPWAY_CHECK(writer->append(std::as_bytes(std::span(rest))));
    }
    const auto committed = writer->commit(blob.digest);
    if (blob.bytes.starts_with(stage)) {
      SLIPWAY_CHECK(committed);
      SLIPWAY_TRY(const std::string bytes, blobs_->read(blob.digest, max_value_size));
      if (bytes != blob.bytes) violate(invariant::digests, "what upload " + upload.id + " became");
      return {};
    }
    if (committed || committed.error().code != ErrorCode::digest_mismatch)
      violate(invariant::uploads, upload.id + " lost bytes and was taken");
    if (registry_->check_upload(upload.repository, upload.id))
      violate(invariant::uploads, upload.id + " lost bytes and goes on");
    return {};
  }

  Result<void> push() {
    const RepositoryName& repository = world_.repositories().front();
    std::vector<Content> blobs = {make_content(world_.seed() + 1, 100),
                                  make_content(world_.seed() + 2, 2 * inline_limit)};
    blobs.insert(blobs.end(), world_.blobs().begin(), world_.blobs().end());
    std::vector<std::size_t> used;
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      SLIPWAY_CHECK(registry_->put_blob(repository, blobs[i].digest, blobs[i].bytes));
      used.push_back(i);
    }
    const Image image = make_image(blobs, used, 1000, nullptr);
    SLIPWAY_CHECK(registry_->put_manifest(repository, world_.tags().front(), image.manifest.bytes,
                                          image_type));
    std::string manifest;
    SLIPWAY_CHECK(registry_->read_manifest(repository, world_.tags().front(), manifest));
    if (manifest != image.manifest.bytes) violate(invariant::goes_on, "another manifest");
    for (const Content& blob : blobs) {
      SLIPWAY_TRY(const std::string bytes, blobs_->read(blob.digest, max_value_size));
      if (bytes != blob.bytes)
        violate(invariant::digests, "blob " + blob.digest.to_string() + " that was pushed again");
    }
    return {};
  }

  /// Once all leases have run out a pass leaves what is referred to and nothing else, whatever the
  /// power cut had left.
  Result<void> collect() {
    const auto collector =
        make_garbage_collector(*blobs_, *registry_, clock_, {.retention = {}, .load = 100});
    clock_.advance(long_after);
    SLIPWAY_TRY(const Collected collected, collector->collect());
    if (collected.failures > 0) violate(invariant::goes_on, "a collection passed over something");
    SLIPWAY_CHECK(check_rows(*blobs_, violations_));
    std::string manifest;
    SLIPWAY_CHECK(registry_->read_manifest(world_.repositories().front(), world_.tags().front(),
                                           manifest));
    SLIPWAY_TRY(const auto view, blobs_->metadata().snapshot());
    Result<void> done;
    SLIPWAY_CHECK(blobs_->objects().for_each([&](std::string_view key) {
      const auto orphan = blobs_->is_orphan(*view, key);
      if (!orphan) done = orphan.error();
      if (orphan && *orphan)
        violate(invariant::goes_on, "a collection left the orphan " + std::string(key));
      return done.ok();
    }));
    SLIPWAY_CHECK(done);
    return blobs_->objects().for_each_stage([&](const ObjectStore::StageInfo& stage) {
      violate(invariant::goes_on, "a collection left the stage " + std::string(stage.name));
      return true;
    });
  }

  World& world_;
  const Expectation& expected_;
  const std::filesystem::path data_;
  ManualClock clock_;  // of this state alone
  std::map<std::string, std::string> stages_;
  BlobStore* blobs_ = nullptr;
  Registry* registry_ = nullptr;
  Violations violations_;
};

}  // namespace

Expectation expectation(const History& history, const std::vector<Upload>& uploads,
                        Timestamp now) {
  Expectation expected;
  for (const Fact& fact : history.facts())
    if (fact.kind != Fact::Kind::upload) expected.allowed[fact] = history.allowed(fact);
  for (const Upload& upload : uploads) {
    if (!history.acknowledged(upload.opened)) continue;  // nobody knows its id yet
    if (upload.opened_at + upload_lifetime <= now) continue;
    expected.uploads.push_back(&upload);
    const Fact end{Fact::Kind::upload, upload.repository.str(), upload.id};
    expected.allowed[end] = history.allowed(end);
  }
  return expected;
}

Violations check_state(World& world, const Expectation& expected,
                       const std::filesystem::path& data) {
  return StateCheck(world, expected, data).run();
}

}  // namespace slipway::crash
