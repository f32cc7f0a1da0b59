// Scrub: reads all that a store has and compares it with what it should be.
//
// Each blob's bytes are hashed and its size is compared; a blob that is damaged goes into quarantine
// (BlobStore::quarantine), so that nobody is given its bytes and its next push heals it. Each row of
// the registry must lead to rows and blobs that are there; one that does not is only told.
//
// It works beside pushes, deletes and garbage collection, keeps no snapshot while it reads an object,
// and holds about 1 MiB. What is suspicious is looked at again under the digest's lock before it
// counts, and rows are compared within one snapshot, so that changes cause no false alarms. Objects
// are read past the page cache; values are part of the metadata and stay in memory.
//
// Thread safety: any thread; several scrubs may run at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <slipway/core/result.hpp>
#include <slipway/registry/maintenance.hpp>
#include <slipway/storage/blob_store.hpp>
#include <slipway/support/clock.hpp>
#include <slipway/support/log.hpp>
#include <slipway/support/metrics.hpp>

namespace slipway {

struct ScrubParts {
  BlobStore& blobs;
  Clock& clock;
  Log& log;
  Metrics& metrics;
};

struct ScrubOptions {
  /// Reads no faster; 0: as fast as it goes.
  std::uint64_t bytes_per_second = 0;
  /// One that is stopped goes on where it was when it is started again with this, also after a
  /// restart: for scrubs that take days.
  bool resumes = false;
};

/// A blob that could not be found sound.
struct DamagedBlob {
  Digest digest;
  std::uint64_t size = 0;                 // bytes, as they should be
  std::string why;
  std::string kept_as;                    // in the quarantine; empty: it is not there
  std::vector<std::string> repositories;  // that hold it, at most a few
};

struct ScrubReport {
  /// More are counted, but not listed.
  static constexpr std::size_t most_listed = 100;

  std::uint64_t blobs = 0;        // that were read
  std::uint64_t bytes = 0;        // of them
  std::uint64_t rows = 0;         // that were compared
  std::uint64_t quarantined = 0;  // damaged, and in quarantine now
  std::uint64_t unreadable = 0;   // the system refused to read them: they stay as they are
  std::uint64_t broken_rows = 0;  // that lead nowhere
  std::vector<DamagedBlob> damaged_blobs;
  std::vector<std::string> broken;  // rows, in words

  [[nodiscard]] bool clean() const noexcept {
    return quarantined == 0 && unreadable == 0 && broken_rows == 0;
  }
};

/// Errors: cancelled, io, corrupt (of the metadata store as a whole).
Result<ScrubReport> scrub(const ScrubParts& parts, const ScrubOptions& options, OperationRun& run);

/// As JSON, the result of an operation (docs/http.md).
std::string to_json(const ScrubReport& report);

/// The kind of operation. Options: {"rate": "20MiB"}, bytes a second, without one no limit. What
/// `parts` name must outlive it.
OperationMaker scrub_operation(const ScrubParts& parts, bool resumes = false);

/// When a scrub that resumes is next due: what is left of `interval` since the last one ended, or in a
/// few minutes when there was none or it was stopped on its way. Errors: io, corrupt.
Result<std::chrono::milliseconds> scrub_due_in(MetadataStore& metadata, Clock& clock,
                                               std::chrono::milliseconds interval);

/// Keeps the gauge of blobs in quarantine right while it lives. The parts must outlive it.
std::unique_ptr<Subscription> watch_quarantine(const ScrubParts& parts);

}  // namespace slipway
