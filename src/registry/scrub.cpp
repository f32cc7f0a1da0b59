#include <slipway/registry/scrub.hpp>

#include <algorithm>
#include <utility>

#include <slipway/core/quantity.hpp>

#include "json/object_reader.hpp"
#include "json/writer.hpp"
#include "registry/listings.hpp"
#include "registry/pace.hpp"
#include "registry/row_check.hpp"
#include "registry/scrub_position.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

constexpr std::size_t digests_at_once = 256;
constexpr std::size_t rows_at_once = 512;
constexpr std::size_t repositories_listed = 10;
constexpr std::uint64_t bytes_of_a_row = 256;  // what a row costs against the pace, about
constexpr std::uint64_t bytes_between_positions = std::uint64_t{1} << 30U;

class Scrub {
 public:
  Scrub(const ScrubParts& parts, const ScrubOptions& options, OperationRun& run)
      : parts_(parts),
        options_(options),
        run_(run),
        pace_(parts.clock, run, options.bytes_per_second),
        blobs_read_(parts.metrics.counter("slipway_scrub_blobs_total", "Blobs that scrubs read.")),
        bytes_read_(
            parts.metrics.counter("slipway_scrub_bytes_total", "Bytes of blobs that scrubs read.")),
        damaged_(parts.metrics.counter("slipway_scrub_damaged_blobs_total",
                                       "Blobs that scrubs found damaged or unreadable.")) {}

  Result<ScrubReport> go() {
    const Result<void> done = walk();
    if (options_.resumes)
      SLIPWAY_CHECK(done ? end_scrub(parts_.blobs.metadata(), parts_.clock.now())
                         : keep_position(parts_.blobs.metadata(), last_));
    if (!done) return done.error();
    parts_.metrics
        .gauge("slipway_scrub_broken_rows", "Rows that led nowhere when a scrub last looked.")
        .set(static_cast<double>(report_.broken_rows));
    parts_.metrics
        .gauge("slipway_scrub_finished_timestamp_seconds", "When a scrub last came to its end.")
        .set(static_cast<double>(parts_.clock.now().time_since_epoch().count()) / 1000);
    return std::move(report_);
  }

 private:
  Result<void> walk() {
    SLIPWAY_CHECK(read_blobs());
    return compare_rows();
  }

  Result<void> read_blobs() {
    if (options_.resumes) {
      SLIPWAY_TRY(last_, kept_position(parts_.blobs.metadata()));
    }
    std::uint64_t kept_at = 0;
    while (true) {
      SLIPWAY_TRY(const std::vector<Digest> digests, parts_.blobs.digests(last_, digests_at_once));
      if (digests.empty()) return {};
      for (const Digest& digest : digests) {
        SLIPWAY_CHECK(read_blob(digest));
        last_ = digest;
      }
      if (options_.resumes && report_.bytes - kept_at > bytes_between_positions) {
        SLIPWAY_CHECK(keep_position(parts_.blobs.metadata(), last_));
        kept_at = report_.bytes;
      }
    }
  }

  Result<void> read_blob(const Digest& digest) {
    const auto count_read = [this](std::uint64_t bytes) -> Result<void> {
      report_.bytes += bytes;
      bytes_read_.add(static_cast<double>(bytes));
      run_.count("bytes", report_.bytes);
      return pace_.take(bytes);
    };
    SLIPWAY_TRY(const BlobCheck check, parts_.blobs.check(digest, count_read));
    ++report_.blobs;
    blobs_read_.add();
    run_.count("blobs", report_.blobs);
    if (check.state == BlobCheck::State::damaged) return quarantine(digest, check);
    if (check.state == BlobCheck::State::unreadable) return tell_unreadable(digest, check);
    return {};
  }

  Result<void> quarantine(const Digest& digest, const BlobCheck& check) {
    const auto quarantined = parts_.blobs.quarantine(digest);
    if (!quarantined)  // there is no room for its bytes, say
      return tell_unreadable(digest, {BlobCheck::State::unreadable, check.size,
                                      slipway::format("{}; it could not go into quarantine: {}",
                                                      check.why, quarantined.error().message)});
    if (!*quarantined) return {};  // it was replaced or removed while it was read
    const QuarantinedBlob& blob = **quarantined;
    ++report_.quarantined;
    SLIPWAY_TRY(std::vector<std::string> repositories, holders_of(digest));
    parts_.log.error("blob quarantined", {{"digest", digest.to_string()},
                                          {"why", blob.why},
                                          {"kept_as", blob.kept_as},
                                          {"repositories", listed(repositories)}});
    add({digest, blob.size, blob.why, blob.kept_as, std::move(repositories)});
    return {};
  }

  Result<void> tell_unreadable(const Digest& digest, const BlobCheck& check) {
    ++report_.unreadable;
    SLIPWAY_TRY(std::vector<std::string> repositories, holders_of(digest));
    parts_.log.error("blob unreadable", {{"digest", digest.to_string()},
                                         {"why", check.why},
                                         {"repositories", listed(repositories)}});
    add({digest, check.size, check.why, {}, std::move(repositories)});
    return {};
  }

  void add(DamagedBlob blob) {
    damaged_.add();
    run_.count("damaged", report_.quarantined + report_.unreadable);
    if (report_.damaged_blobs.size() < ScrubReport::most_listed)
      report_.damaged_blobs.push_back(std::move(blob));
  }

  Result<std::vector<std::string>> holders_of(const Digest& digest) {
    return list_holders(parts_.blobs.metadata(), digest, repositories_listed);
  }

  static std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text.append(text.empty() ? "" : " ").append(name);
    return text;
  }

  Result<void> compare_rows() {
    for (const std::string_view kind : checked_rows) {
      std::string next(kind);
      while (!next.empty()) {
        SLIPWAY_TRY(const std::uint64_t rows, compare_some_rows(kind, next));
        report_.rows += rows;
        run_.count("rows", report_.rows);
        SLIPWAY_CHECK(pace_.take(rows * bytes_of_a_row));
      }
    }
    return {};
  }

  /// From `next` on, which becomes the key behind them; empty when there are no more of the kind.
  Result<std::uint64_t> compare_some_rows(std::string_view kind, std::string& next) {
    std::uint64_t rows = 0;
    SLIPWAY_TRY(const auto view, parts_.blobs.metadata().snapshot());
    SLIPWAY_TRY(const auto cursor, view->cursor());
    SLIPWAY_TRY(bool found, cursor->seek(next));
    for (next.clear(); found && cursor->key().starts_with(kind); ++rows) {
      if (rows == rows_at_once) {
        next = cursor->key();
        break;
      }
      SLIPWAY_TRY(auto finding, check_row(*view, cursor->key(), cursor->value()));
      if (finding) tell_broken(std::move(*finding));
      SLIPWAY_TRY(found, cursor->next());
    }
    return rows;
  }

  void tell_broken(std::string finding) {
    ++report_.broken_rows;
    parts_.log.error("broken row", {{"why", finding}});
    if (report_.broken.size() < ScrubReport::most_listed)
      report_.broken.push_back(std::move(finding));
  }

  const ScrubParts& parts_;
  const ScrubOptions& options_;
  OperationRun& run_;
  Pace pace_;
  Counter& blobs_read_;
  Counter& bytes_read_;
  Counter& damaged_;
  std::optional<Digest> last_;  // that was read
  ScrubReport report_;
};

Result<ScrubOptions> parse_options(std::string_view text) {
  SLIPWAY_TRY(const json::Document document, json::Document::parse(text));
  ScrubOptions options;
  json::ObjectReader object(document.root(), "");
  object.read("rate", [&](json::Value value, const std::string& path) -> Result<void> {
    const auto rate = parse_byte_size(value.text());
    if (!rate) return json::mistake(path, "bytes a second such as \"20MiB\"", value);
    options.bytes_per_second = *rate;
    return {};
  });
  SLIPWAY_CHECK(object.finish(json::ObjectReader::Unknown::refused));
  return options;
}

}  // namespace

Result<ScrubReport> scrub(const ScrubParts& parts, const ScrubOptions& options,
                          OperationRun& run) {
  return Scrub(parts, options, run).go();
}

std::string to_json(const ScrubReport& report) {
  json::Writer json;
  json.begin_object();
  json.key("blobs").number(report.blobs).key("bytes").number(report.bytes);
  json.key("rows").number(report.rows).key("quarantined").number(report.quarantined);
  json.key("unreadable").number(report.unreadable);
  json.key("broken_rows").number(report.broken_rows);
  json.key("damaged").begin_array();
  for (const DamagedBlob& blob : report.damaged_blobs) {
    json.begin_object().member("digest", blob.digest.to_string()).key("size").number(blob.size);
    json.member("why", blob.why).member_if("kept_as", blob.kept_as);
    json.key("repositories").begin_array();
    for (const std::string& repository : blob.repositories) json.string(repository);
    json.end_array().end_object();
  }
  json.end_array().key("broken").begin_array();
  for (const std::string& row : report.broken) json.string(row);
  json.end_array().end_object();
  return json.take();
}

OperationMaker scrub_operation(const ScrubParts& parts, bool resumes) {
  return [parts, resumes](std::string_view text) -> Result<OperationWork> {
    SLIPWAY_TRY(ScrubOptions options, parse_options(text));
    options.resumes = resumes;
    return OperationWork([parts, options](OperationRun& run) -> Result<std::string> {
      SLIPWAY_TRY(const ScrubReport report, scrub(parts, options, run));
      return to_json(report);
    });
  };
}

std::unique_ptr<Subscription> watch_quarantine(const ScrubParts& parts) {
  const auto count = [parts] {
    const auto blobs = parts.blobs.quarantined();
    if (!blobs) return;
    parts.metrics.gauge("slipway_blobs_quarantined", "Damaged blobs that wait to be pushed again.")
        .set(static_cast<double>(blobs->size()));
  };
  auto subscription = parts.blobs.metadata().subscribe(quarantine_topic, count);
  count();
  return subscription;
}

}  // namespace slipway
