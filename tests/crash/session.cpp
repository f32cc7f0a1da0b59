#include "tests/crash/session.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <slipway/registry/garbage_collector.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>

#include "registry/rows.hpp"
#include "tests/crash/effects.hpp"

namespace slipway::crash {

namespace {

using Kind = Fact::Kind;

/// What clients meet when another was faster.
bool expected(const Error& error) {
  return error.code == ErrorCode::not_found || error.code == ErrorCode::unavailable ||
         error.code == ErrorCode::conflict;
}

class Session {
 public:
  Session(World& world, Recorder& recorder, BlobStore& blobs, Registry& registry,
          GarbageCollector& collector)
      : world_(world),
        recorder_(recorder),
        blobs_(blobs),
        registry_(registry),
        collector_(collector) {}

  void work(std::uint64_t seed, unsigned actions) {
    std::mt19937_64 random(seed);
    for (unsigned i = 0; i < actions; ++i) act(random);
  }

 private:
  using Random = std::mt19937_64;

  template <class Item>
  static const Item& any(const std::vector<Item>& items, Random& random) {
    return items[random() % items.size()];
  }

  void act(Random& random) {
    const RepositoryName& repository = any(world_.repositories(), random);
    const Content& blob = any(world_.blobs(), random);
    switch (random() % 16) {
      case 0:
      case 1:
        return put_blob(repository, blob);
      case 2:
      case 3:
        return begin_upload(repository, random);
      case 4:
      case 5:
        return continue_upload(random);
      case 6:
      case 7:
      case 8:
        return push_image(repository, random);
      case 9:
        return mount(repository, any(world_.repositories(), random), blob);
      case 10:
        return delete_tag(repository, any(world_.tags(), random));
      case 11:
        return delete_manifest(repository, any(world_.images(), random));
      case 12:
        return delete_blob(repository, blob);
      case 13:
        world_.let_pass(std::chrono::minutes(random() % 90));
        return collect_one(random);
      case 14:
        world_.let_pass(std::chrono::minutes(random() % 90));
        return collect_all();
      default:
        return look(repository, blob, any(world_.tags(), random));
    }
  }

  /// True when it was done.
  template <class Call>
  bool perform(Action action, const Call& call) {
    const auto time = world_.hold_time();
    const std::string what = action.what;
    const std::uint64_t number = world_.add(std::move(action));
    return answer(number, what, call);
  }

  template <class Call>
  bool answer(std::uint64_t number, const std::string& what, const Call& call) {
    recorder_.begin(number);
    const auto result = call();
    if (result)
      recorder_.succeed(number);
    else
      recorder_.fail(number);
    if (!result && !expected(result.error()))
      world_.complain(what + ": " + result.error().message);
    return result.ok();
  }

  void put_blob(const RepositoryName& repository, const Content& blob) {
    perform({"put blob", effects_of_blob(repository, blob.digest)},
            [&] { return registry_.put_blob(repository, blob.digest, blob.bytes); });
  }

  void begin_upload(const RepositoryName& repository, Random& random) {
    go_on(open_upload(repository, random() % world_.blobs().size()), random);
  }

  Upload open_upload(const RepositoryName& repository, std::size_t blob) {
    const auto time = world_.hold_time();
    Upload upload{repository, registry_.begin_upload(repository), blob};
    upload.opened = world_.add({"open an upload"});
    upload.opened_at = world_.clock().now();
    recorder_.begin(upload.opened);
    recorder_.succeed(upload.opened);
    return upload;
  }

  void continue_upload(Random& random) {
    if (auto upload = world_.take_upload(random())) go_on(std::move(*upload), random);
  }

  /// A few turns; then it ends, or is left for another to go on with.
  void go_on(Upload upload, Random& random) {
    while (!upload.ended && random() % 4 != 0) {
      switch (random() % 5) {
        case 0:
          end_upload(upload);
          break;
        case 1:
          if (random() % 4 == 0) cancel_upload(upload);
          break;
        default:
          write_turn(upload, random);
      }
    }
    world_.put_upload(std::move(upload));
  }

  void write_turn(Upload& upload, Random& random) {
    const auto time = world_.hold_time();
    const std::string& all = world_.blobs()[upload.blob].bytes;
    Upload::Turn turn{world_.add({"append to upload " + upload.id}), 0};
    const auto call = [&]() -> Result<void> {
      SLIPWAY_TRY(const auto writer, registry_.write_upload(upload.repository, upload.id));
      for (std::uint64_t pieces = random() % 3 + 1; pieces > 0; --pieces) {
        const std::size_t left = all.size() - static_cast<std::size_t>(writer->size());
        const std::string_view piece = std::string_view(all).substr(
            static_cast<std::size_t>(writer->size()), left == 0 ? 0 : random() % left + 1);
        SLIPWAY_CHECK(writer->append(std::as_bytes(std::span(piece))));
      }
      SLIPWAY_TRY(turn.size, writer->suspend());
      return {};
    };
    if (answer(turn.action, "append to an upload", call)) upload.turns.push_back(turn);
  }

  void end_upload(Upload& upload) {
    const Content& blob = world_.blobs()[upload.blob];
    Action action{"end upload " + upload.id, effects_of_blob(upload.repository, blob.digest)};
    action.effects.push_back({{Kind::upload, upload.repository.str(), upload.id}, "blob"});
    upload.ended = perform(std::move(action), [&]() -> Result<BlobInfo> {
      SLIPWAY_TRY(const auto writer, registry_.write_upload(upload.repository, upload.id));
      const auto rest =
          std::string_view(blob.bytes).substr(static_cast<std::size_t>(writer->size()));
      SLIPWAY_CHECK(writer->append(std::as_bytes(std::span(rest))));
      return writer->commit(blob.digest);
    });
  }

  void cancel_upload(Upload& upload) {
    Action action{"cancel upload " + upload.id};
    action.effects.push_back({{Kind::upload, upload.repository.str(), upload.id}, "nothing"});
    upload.ended = perform(std::move(action), [&] {
      return registry_.cancel_upload(upload.repository, upload.id);
    });
  }

  void push_image(const RepositoryName& repository, Random& random) {
    const Image& image = any(world_.images(), random);
    for (const std::size_t blob : image.blobs) put_blob(repository, world_.blobs()[blob]);

    const Digest& digest = image.manifest.digest;
    const Reference reference =
        random() % 4 == 0 ? Reference(digest) : Reference(any(world_.tags(), random));
    std::vector<Tag> more;
    if (random() % 3 == 0) more.push_back(any(world_.tags(), random));
    Action action{"put manifest",
                  {{{Kind::repository, repository.str(), ""}, present},
                   {{Kind::manifest, repository.str(), digest.to_string()}, present},
                   {{Kind::content, "", digest.to_string()}, present}}};
    const auto tagged = [&](const Tag& tag) {
      action.effects.push_back({{Kind::tag, repository.str(), tag.str()}, digest.to_string()});
    };
    if (const auto* tag = std::get_if<Tag>(&reference)) tagged(*tag);
    for (const Tag& tag : more) tagged(tag);
    perform(std::move(action), [&] {
      return registry_.put_manifest(repository, reference, image.manifest.bytes, image_type, {},
                                    more);
    });
  }

  void mount(const RepositoryName& to, const RepositoryName& from, const Content& blob) {
    if (to == from) return;
    perform({"mount", effects_of_blob(to, blob.digest)},
            [&] { return registry_.mount_blob(to, from, blob.digest); });
  }

  void delete_tag(const RepositoryName& repository, const Tag& tag) {
    perform({"delete tag", {{{Kind::tag, repository.str(), tag.str()}}}},
            [&] { return registry_.delete_manifest(repository, tag); });
  }

  void delete_manifest(const RepositoryName& repository, const Image& image) {
    const std::string digest = image.manifest.digest.to_string();
    Action action{"delete manifest", {{{Kind::manifest, repository.str(), digest}}}};
    for (const Tag& tag : world_.tags())
      action.effects.push_back({{Kind::tag, repository.str(), tag.str()}, "", digest});
    perform(std::move(action),
            [&] { return registry_.delete_manifest(repository, image.manifest.digest); });
  }

  void delete_blob(const RepositoryName& repository, const Content& blob) {
    perform({"delete blob", {{{Kind::blob, repository.str(), blob.digest.to_string()}}}},
            [&] { return registry_.delete_blob(repository, blob.digest); });
  }

  /// Of one content: it goes when nobody holds it and its lease has run out. Unlike a pass of the
  /// collector it tells what it removed, and so shows that this stays away.
  void collect_one(Random& random) {
    const std::size_t all = world_.blobs().size() + world_.images().size();
    const std::size_t index = random() % all;
    const Digest& digest = index < world_.blobs().size()
                               ? world_.blobs()[index].digest
                               : world_.images()[index - world_.blobs().size()].manifest.digest;
    const auto may_go = [&](WriteTransaction& transaction, const BlobInfo&,
                            Timestamp renewed_at) -> Result<bool> {
      const std::string prefix = rows::Key(key_space::content_holder).digest(digest).str();
      SLIPWAY_TRY(const auto cursor, transaction.cursor());
      SLIPWAY_TRY(const bool found, cursor->seek(prefix));
      if (found && cursor->key().starts_with(prefix)) return false;
      return lease.has_run_out(renewed_at, world_.clock().now());
    };
    perform({"collect one", {{{Kind::content, "", digest.to_string()}}}}, [&]() -> Result<void> {
      SLIPWAY_TRY(const bool removed, blobs_.remove(digest, may_go));
      if (removed) return {};
      return Error(ErrorCode::not_found, "it stays");
    });
  }

  /// A pass of the garbage collector, as `slipway gc` asks for one.
  void collect_all() {
    perform({"collect", possible_removals(world_)}, [&]() -> Result<void> {
      SLIPWAY_TRY(const Collected collected, collector_.collect());
      if (collected.failures == 0) return {};
      return Error(ErrorCode::corrupt, "it passed over something");
    });
  }

  /// HEAD of a blob and of a tag: who asks may rely on the blob from then on.
  void look(const RepositoryName& repository, const Content& blob, const Tag& tag) {
    const Fact blob_fact{Kind::blob, repository.str(), blob.digest.to_string()};
    observe("HEAD blob", blob_fact, [&]() -> Result<Value> {
      SLIPWAY_TRY(const auto leased, registry_.lease_blob(repository, blob.digest));
      if (!leased) SLIPWAY_CHECK(registry_.renew_blob(repository, blob.digest));
      return present;
    });
    observe("HEAD tag", {Kind::tag, repository.str(), tag.str()}, [&]() -> Result<Value> {
      SLIPWAY_TRY(const ManifestInfo info, registry_.stat_manifest(repository, tag));
      return info.digest.to_string();
    });
  }

  template <class Call>
  void observe(const std::string& what, const Fact& fact, const Call& call) {
    const auto time = world_.hold_time();
    const std::uint64_t number = world_.add({what, {}, true});
    recorder_.begin(number);
    Result<Value> seen = call();
    if (!seen && !expected(seen.error())) {
      recorder_.fail(number);
      return world_.complain(what + ": " + seen.error().message);
    }
    world_.set_effects(number, {{fact, seen ? *seen : Value()}});
    recorder_.succeed(number);
  }

  World& world_;
  Recorder& recorder_;
  BlobStore& blobs_;
  Registry& registry_;
  GarbageCollector& collector_;
};

/// After kill -9 all that was acknowledged of an upload is there, unless it was about to end.
void find_uploads(World& world, Registry& registry) {
  for (Upload& upload : world.uploads()) {
    if (upload.ended) continue;
    const auto size = registry.upload_size(upload.repository, upload.id);
    const std::uint64_t acknowledged =
        upload.turns.empty() || upload.was_ending ? 0 : upload.turns.back().size;
    if (!size)
      upload.ended = true;  // it had just ended, nobody was told
    else if (*size < acknowledged)
      world.complain("upload " + upload.id + " has " + std::to_string(*size) + " of " +
                     std::to_string(acknowledged) + " bytes after kill -9");
  }
}

}  // namespace

void run_session(World& world, Recorder& recorder, const std::filesystem::path& data,
                 std::uint64_t seed, const SessionOptions& options) {
  auto time = world.hold_time();
  const std::uint64_t opening = world.add({"open the registry"});
  recorder.begin(opening);
  StoreOptions store_options;
  store_options.lmdb_map_size = std::uint64_t{8} << 20U;
  const auto stores = open_stores(data, store_options);
  if (!stores) return world.complain("open: " + stores.error().message);
  BlobStore blobs((*stores)->metadata(), (*stores)->objects(), world.clock(),
                  {.inline_limit = inline_limit});
  const auto registry = open_registry(blobs, world.clock(), registry_options());
  if (!registry) return world.complain("open: " + registry.error().message);
  recorder.succeed(opening);
  time.unlock();

  find_uploads(world, **registry);
  const auto collector = make_garbage_collector(blobs, **registry, world.clock(),
                                                {.retention = {retention_rule()}, .load = 100});
  Session session(world, recorder, blobs, **registry, *collector);
  std::vector<std::jthread> threads;
  for (unsigned i = 0; i < options.threads; ++i)
    threads.emplace_back([&, i] { session.work(seed + i, options.actions); });
}

}  // namespace slipway::crash
