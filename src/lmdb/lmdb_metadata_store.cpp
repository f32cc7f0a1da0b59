#include "lmdb/lmdb_metadata_store.hpp"

#include <utility>

#include "lmdb/committer.hpp"
#include "lmdb/environment.hpp"
#include "lmdb/snapshot_pool.hpp"
#include "storage/topics.hpp"

namespace slipway {

namespace {

class LmdbStore final : public LmdbMetadataStore {
 public:
  LmdbStore(std::unique_ptr<lmdb::Environment> environment, const LmdbOptions& options)
      : environment_(std::move(environment)),
        sealer_(options.sealer ? options.sealer
                               : std::make_shared<const Sealer>(Sealer::ephemeral())),
        snapshots_(*environment_),
        committer_(*environment_, snapshots_, topics_,
                   std::chrono::microseconds(options.gather_microseconds)) {}

  Result<std::unique_ptr<ReadView>> snapshot() override {
    auto view = snapshots_.take();
    if (view || view.error().code != ErrorCode::io) return view;
    SLIPWAY_CHECK(committer_.repair());
    return snapshots_.take();
  }
  Result<void> write(const Write& closure) override { return committer_.write(closure); }
  void write_then(Write closure, Done done) override {
    committer_.write_then(std::move(closure), std::move(done));
  }

  std::unique_ptr<Subscription> subscribe(std::string_view topic,
                                          std::function<void()> callback) override {
    return topics_.subscribe(topic, std::move(callback));
  }

  Result<void> copy_to(const std::filesystem::path& file) override {
    SLIPWAY_TRY(const auto held, snapshot());  // so that nobody opens LMDB anew meanwhile
    return environment_->copy_to(file);
  }

  [[nodiscard]] bool reads_may_block() const noexcept override { return false; }
  [[nodiscard]] const Sealer& sealer() const noexcept override { return *sealer_; }
  [[nodiscard]] Counts counts() const noexcept override { return committer_.counts(); }

 private:
  const std::unique_ptr<lmdb::Environment> environment_;
  const std::shared_ptr<const Sealer> sealer_;
  Topics topics_;
  lmdb::SnapshotPool snapshots_;
  lmdb::Committer committer_;
};

}  // namespace

Result<std::unique_ptr<LmdbMetadataStore>> open_lmdb_metadata_store(
    const std::filesystem::path& folder, const LmdbOptions& options) {
  SLIPWAY_TRY(auto environment, lmdb::Environment::open(folder, options));
  return std::unique_ptr<LmdbMetadataStore>(
      std::make_unique<LmdbStore>(std::move(environment), options));
}

}  // namespace slipway
