// fill_registry: a data folder with many manifests, repositories and tags, for compare.sh.
//
//   fill_registry DATA --manifests N --repositories R --tags T
//
// N manifests, each with a tag, are spread over R repositories (bench/r0000000 and on); T tags of
// one manifest are in bench/tags, and 1,000 in bench/few-tags. Rows are those that pushes write,
// written in the order of their keys, so that a million take seconds and not an hour. The blobs
// that the manifests name are not there (an operator's registry.sparse_images allows that too).
#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/core/media_type.hpp>
#include <slipway/image/manifest.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "registry/rows.hpp"

namespace slipway {
namespace {

constexpr std::size_t rows_in_a_commit = 20'000;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "fill_registry: %s\n", what.c_str());
  std::exit(1);
}

struct Counts {
  std::size_t manifests = 1000;
  std::size_t repositories = 100;
  std::size_t tags = 1000;
};

/// A number in a name: as many digits for each, so that names sort as numbers do.
std::string digits(std::size_t number) {
  std::string text = std::to_string(number);
  return text.insert(0, 7 - std::min<std::size_t>(7, text.size()), '0');
}

class Filler {
 public:
  Filler(Stores& stores, const Counts& counts)
      : metadata_(stores.metadata()),
        blobs_(stores.metadata(), stores.objects(), Clock::system()),
        counts_(counts) {
    for (std::size_t i = 0; i < counts.repositories; ++i)
      repositories_.push_back(RepositoryName::parse("bench/r" + digits(i)).value());
    for (std::size_t i = 0; i < counts.manifests; ++i) digests_.push_back(digest_of(content(i)));
  }

  void fill() {
    each(repositories_.size(), [&](WriteTransaction& transaction, std::size_t i) {
      return rows::add_repository(transaction, repositories_[i], now_);
    });
    fill_manifests();
    fill_tags("bench/tags", counts_.tags);
    fill_tags("bench/few-tags", 1000);
  }

 private:
  using Put = std::function<Result<void>(WriteTransaction&, std::size_t)>;

  static Descriptor config() {
    return {std::string(media_type::oci_config), digest_of("config"), 6, "", {}, {}, {}};
  }

  static std::string content(std::size_t number) {
    Manifest manifest;
    manifest.media_type = media_type::oci_manifest;
    manifest.config = config();
    manifest.annotations = {{"org.opencontainers.image.version", std::to_string(number)}};
    return to_json(manifest);
  }

  /// Manifests go round over the repositories.
  const RepositoryName& repository(std::size_t manifest) const {
    return repositories_[manifest % repositories_.size()];
  }

  /// Calls `put` for 0 to count - 1, many in a transaction.
  void each(std::size_t count, const Put& put) {
    for (std::size_t begin = 0; begin < count; begin += rows_in_a_commit) {
      const std::size_t end = std::min(count, begin + rows_in_a_commit);
      const auto written = metadata_.write([&](WriteTransaction& transaction) -> Result<void> {
        for (std::size_t i = begin; i < end; ++i) SLIPWAY_CHECK(put(transaction, i));
        return {};
      });
      if (!written) fail(written.error().message);
    }
  }

  void fill_manifests() {
    std::vector<std::size_t> order(counts_.manifests);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return digests_[a] < digests_[b]; });
    each(order.size(), [&](WriteTransaction& transaction, std::size_t i) {
      return blobs_.put(transaction, digests_[order[i]], content(order[i]));
    });
    each(order.size(), [&](WriteTransaction& transaction, std::size_t i) {
      const Digest& digest = digests_[order[i]];
      return transaction.put(rows::content_holder(digest, repository(order[i]).str()), {});
    });

    const std::size_t step = repositories_.size();
    std::stable_sort(order.begin(), order.end(),
                     [step](std::size_t a, std::size_t b) { return a % step < b % step; });
    each(order.size(), [&](WriteTransaction& transaction, std::size_t i) {
      const std::size_t size = content(order[i]).size();
      const std::string row =
          rows::encode({size, media_type::oci_manifest, std::nullopt, {config().digest}, now_});
      return transaction.put(rows::manifest(repository(order[i]), digests_[order[i]]), row);
    });
    each(order.size(), [&](WriteTransaction& transaction, std::size_t i) {
      return transaction.put(
          rows::named_by(repository(order[i]), config().digest, digests_[order[i]]), {});
    });
    each(order.size(), [&](WriteTransaction& transaction, std::size_t i) {
      return rows::move_tag(transaction, repository(order[i]), "v" + digits(order[i]),
                            digests_[order[i]], LeaseTerms(), now_);
    });
  }

  void fill_tags(const std::string& name, std::size_t count) {
    const RepositoryName repository = RepositoryName::parse(name).value();
    const std::string bytes = content(0);
    const Digest digest = digest_of(bytes);
    each(1, [&](WriteTransaction& transaction, std::size_t) -> Result<void> {
      SLIPWAY_CHECK(rows::add_repository(transaction, repository, now_));
      SLIPWAY_CHECK(blobs_.put(transaction, digest, bytes));
      SLIPWAY_CHECK(transaction.put(rows::content_holder(digest, name), {}));
      SLIPWAY_CHECK(transaction.put(rows::named_by(repository, config().digest, digest), {}));
      return transaction.put(rows::manifest(repository, digest),
                             rows::encode({bytes.size(), media_type::oci_manifest, std::nullopt,
                                           {config().digest}, now_}));
    });
    each(count, [&](WriteTransaction& transaction, std::size_t i) {
      return rows::move_tag(transaction, repository, "v" + digits(i), digest, LeaseTerms(), now_);
    });
  }

  MetadataStore& metadata_;
  BlobStore blobs_;
  const Counts counts_;
  const Timestamp now_ = Clock::system().now();
  std::vector<RepositoryName> repositories_;
  std::vector<Digest> digests_;
};

Counts parse_counts(int argc, char** argv) {
  Counts counts;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    std::size_t* const into = name == "--manifests"      ? &counts.manifests
                              : name == "--repositories" ? &counts.repositories
                              : name == "--tags"         ? &counts.tags
                                                         : nullptr;
    if (into == nullptr) fail(std::string(name) + ": unknown option");
    const std::string_view text = argv[i + 1];
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), *into);
    if (error != std::errc() || stop != text.data() + text.size() || *into == 0)
      fail(std::string(name) + ": expected a whole number above 0");
  }
  return counts;
}

}  // namespace
}  // namespace slipway

int main(int argc, char** argv) {
  using namespace slipway;
  if (argc < 2 || argc % 2 != 0) {
    std::fputs("usage: fill_registry DATA --manifests N --repositories R --tags T\n", stderr);
    return 2;
  }
  const auto stores = open_stores(argv[1]);
  if (!stores) fail(stores.error().message);
  Filler(**stores, parse_counts(argc, argv)).fill();
  return 0;
}
