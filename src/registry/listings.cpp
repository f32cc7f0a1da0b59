#include "registry/listings.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include <slipway/image/manifest.hpp>

#include "registry/rows.hpp"
#include "storage/row_walk.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

using key_space::Key;

/// "An index of referrers should not exceed 4 MiB" is what clients expect of a manifest; this much
/// of it leaves room for the frame. One entry always fits.
constexpr std::size_t most_referrer_bytes = std::size_t{3} * 1024 * 1024;

struct Names {
  std::string prefix;              // of the keys
  std::size_t longest = 0;         // of the names
  std::string_view beginning = {};  // of the names that are wanted
};

/// The names (last text parts) after `last`, one more than `limit` when there are more.
Result<std::vector<std::string>> names_after(const ReadView& view, const Names& wanted,
                                             std::string_view last, std::size_t limit) {
  std::vector<std::string> names;
  const std::string& prefix = wanted.prefix;
  const std::string within = prefix + std::string(wanted.beginning);
  // No stored name is longer, so cutting `last` there (or at a zero byte, which no name has)
  // changes nothing of what is behind it, and keeps the key legal.
  const std::string_view cut = last.substr(0, std::min(last.find('\0'), wanted.longest));
  const std::string start = prefix + std::string(cut);
  const auto take = [&](const Cursor& cursor) -> Result<bool> {
    const std::string_view name = rows::last_text(cursor.key(), prefix);
    if (name > cut || last.empty()) names.emplace_back(name);
    return names.size() <= limit;
  };
  SLIPWAY_CHECK(each_row(view, within, start, take));
  return names;
}

/// True when there was one more than `limit`, which is then cut off.
template <class Entry>
bool cut_to(std::vector<Entry>& entries, std::size_t limit) {
  if (entries.size() <= limit) return false;
  entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(limit), entries.end());
  return true;
}

}  // namespace

Result<TagPage> list_tags(MetadataStore& metadata, const RepositoryName& repository,
                          std::string_view last, std::size_t limit) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  SLIPWAY_TRY(const auto known, view->get(rows::repository(repository.str())));
  if (!known)
    return Error(ErrorCode::not_found,
                 slipway::format("there is no repository {}", repository.str()));
  const Names all{Key(key_space::tag).text(repository.str()).str(), Tag::max_size};
  TagPage page;
  SLIPWAY_TRY(page.tags, names_after(*view, all, last, limit));
  page.more = cut_to(page.tags, limit);
  return page;
}

Result<RepositoryPage> list_repositories(MetadataStore& metadata, std::string_view prefix,
                                         std::string_view last, std::size_t limit) {
  RepositoryPage page;
  if (prefix.size() > RepositoryName::max_size) return page;
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  const Names wanted{std::string(key_space::repository), RepositoryName::max_size, prefix};
  SLIPWAY_TRY(page.repositories, names_after(*view, wanted, last, limit));
  page.more = cut_to(page.repositories, limit);
  return page;
}

Result<ReferrerPage> list_referrers(MetadataStore& metadata, const RepositoryName& repository,
                                    const Digest& subject, std::string_view artifact_type,
                                    const std::optional<Digest>& last, std::size_t limit) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  const std::string prefix =
      Key(key_space::referrer).text(repository.str()).digest(subject).str();
  const std::string after =
      last ? rows::referrer(repository, subject, *last).str() : std::string();
  ReferrerPage page;
  std::size_t bytes = 0;
  const auto take = [&](const Cursor& cursor) -> Result<bool> {
    if (cursor.key() == after) return true;
    SLIPWAY_TRY(Descriptor descriptor, parse_descriptor(cursor.value()));
    if (!artifact_type.empty() && descriptor.artifact_type != artifact_type) return true;
    const bool fits = page.referrers.empty() || bytes + cursor.value().size() <= most_referrer_bytes;
    if (page.referrers.size() == limit || !fits) {
      page.more = true;
      return false;
    }
    bytes += cursor.value().size();
    page.referrers.push_back(std::move(descriptor));
    return true;
  };
  SLIPWAY_CHECK(each_row(*view, prefix, after, take));
  return page;
}

Result<std::vector<std::string>> list_holders(MetadataStore& metadata, const Digest& content,
                                              std::size_t limit) {
  SLIPWAY_TRY(const auto view, metadata.snapshot());
  const Names all{Key(key_space::content_holder).digest(content).str(), RepositoryName::max_size};
  SLIPWAY_TRY(auto names, names_after(*view, all, {}, limit));
  cut_to(names, limit);
  return names;
}

}  // namespace slipway
