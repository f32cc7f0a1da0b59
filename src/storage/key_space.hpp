// The key space: every kind of row in the metadata store, in one place.
//
// A key is a two-letter prefix and parts. A part is a text that contains no zero byte and is ended
// by one, a digest in its binary form (one byte of algorithm, then the hash), or a number of eight
// bytes, the most significant first; so keys sort by their parts in turn. Numbers in values have
// the same form. Times are milliseconds since 1970 in UTC.
//
//   prefix  parts         value                                                     written by
//   bl      digest        size (8), place (1: value, 2: object), renewed at (8)     BlobStore
//   bl      digest, "c"   the blob's bytes, when its place is "value"               BlobStore
//   bq      digest        a blob that was damaged and is not there: its size (8),   BlobStore
//                         when that was found (8), the name of its bytes in the
//                         quarantine (its size (8), text), what was wrong
//   bs      (nothing)     the background scrub: when it last ended (8; 0: never),   Scrub
//                         the digest it has come to, when it has not ended
//   ct      kind          how many there are (8), their bytes (8); see totals.hpp   BlobStore, Registry
//
//   qb      build                  the build as JSON (docs/builds.md)                BuildQueue
//   qs      state, build           empty: builds by state                            BuildQueue
//   qr      repository, build      empty: builds by repository                       BuildQueue
//   qt      repository, state,     empty: builds by both                             BuildQueue
//           build
//   qv      repository, rank,      platform, the backend to avoid: may start; rank   BuildQueue
//           build                  is 2^63 - priority: the highest comes first
//   qd      tenant, time, build    empty: may start from that time on                BuildQueue
//   qa      build                  epoch (8), registration token's SHA-256 (32),     BuildQueue
//                                  repository, the worker's nonce: while leased
//   qk      build                  what its worker gets that nobody else may see:    BuildQueue
//                                  JSON, sealed; until the build has ended
//   qp      repository             queued (8), leased (8)                            BuildQueue
//   qe      backend                leased (8)                                        BuildQueue
//   qx      trigger, delivery,     the build that it made                            BuildQueue
//           ref
//   qn      number                 the build whose latest change this is             BuildQueue
//   qm      build                  the number of its latest change (8)               BuildQueue
//   ql      (nothing)              the number of the latest change of all (8)        BuildQueue
//   qz      trigger, ref           the latest build that it made                     BuildQueue
//   lc      build, offset          bytes of the build's log                          LogStore
//   ls      build                  the log's size (8)                                LogStore
//   la      build                  a finished log that is compressed: its size (8),  LogStore
//                                  members (8), where each begins in the blob (8)
//                                  and where the last ends (8), the blob's digest
//   lb      digest, build          empty: the blob is the log of a build             LogStore
//   tg      trigger                the trigger as JSON, with its secret; sealed      TriggerStore
//   tr      repository, trigger    empty: triggers by repository                     TriggerStore
//   tf      trigger                user failures in a row (8), since when it is      BuildQueue,
//                                  paused (8; 0: it is not)                          TriggerStore
//   td      trigger, delivery      a webhook that came, as JSON, without its body    DeliveryStore
//   tb      trigger, delivery,     bytes of its body                                 DeliveryStore
//           offset
//   ts      trigger                its provider is told of its builds' states: the   TriggerStore
//                                  host and port that is asked
//   ob      build or notification  something that is still to be sent: revision      Outbox
//                                  (8), failed tries (8), when next (8), its kind
//                                  ("s": a build's state, "n": a notification),
//                                  the host and port that it goes to
//   oi      host and port, when    empty: the same by destination                    Outbox
//           next, id
//   ns      notification           what somebody subscribed to, as JSON, with the    NotificationStore
//                                  secret; sealed
//   nf      notification           the same without what is secret: events (8; a     NotificationStore
//                                  bit each), the host and port that it goes to
//                                  (text, 0), the pattern of repositories
//   nd      delivery               a notification that was or is to be sent, as      NotificationStore,
//                                  JSON, without its body                            Outbox
//   nb      delivery               its body                                          NotificationStore
//   nl      notification,          empty: deliveries by notification                 NotificationStore
//           delivery
//   tn      trigger                how many deliveries it has (8), their bytes (8)   DeliveryStore
//
//   rp      repository             when it was made (8)                              Registry
//   rb      repository, digest     a blob of it: size (8), renewed at (8)            Registry
//   rh      digest, repository     empty: who holds this content, blob or manifest   Registry
//   rm      repository, digest     a manifest of it: size (8, its top bit says that  Registry
//                                  the next follows), renewed at (8), media type
//                                  (its size (8), text), subject (0, or 1 and
//                                  digest), each digest that it names
//   rn      repository, named,     empty: which manifests name a blob or manifest    Registry
//           manifest
//   rk      repository, digest,    empty: a build keeps a blob, its context          BuildQueue
//           build
//   rt      repository, tag        the manifest's digest                             Registry
//   rg      repository, manifest,  the tags of a manifest, when each was pushed (8)  Registry
//           tag
//   rr      repository, subject,   the referrer's descriptor as JSON                 Registry
//           manifest
//   ru      upload                 its result when it ended: digest, size (8);       Registry
//                                  empty when it was cancelled or failed
//   gp      (nothing)              where a collection that was stopped goes on       GarbageCollector
//   sk      name                   a random key of 32 bytes, sealed: "uploads"       Registry,
//                                  signs upload ids, "workers" worker tokens,        WorkerTokens,
//                                  "bearers" bearer tokens                           BearerTokens
//   se                             "slipway", sealed: proves that the key fits       open_stores
//   th      SHA-256 (a digest)     a token as JSON                                   TokenStore
//   ti      token                  its SHA-256 (a digest)                            TokenStore
//
// "Sealed" is encrypted under the store's key, for this row alone (sealed_rows.hpp).
// The two rows of a blob lie side by side, so that writing both touches one leaf of a B-tree.
// An object's key in the ObjectStore is "<algorithm>-<hex>".
//
// Thread safety: plain values.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <slipway/core/digest.hpp>
#include <slipway/storage/metadata_store.hpp>

namespace slipway::key_space {

inline constexpr std::string_view blob = "bl";
inline constexpr std::string_view blob_content = "c";  // behind the digest
inline constexpr std::string_view quarantined_blob = "bq";
inline constexpr std::string_view scrub_position = "bs";
inline constexpr std::string_view total = "ct";

inline constexpr std::string_view build = "qb";
inline constexpr std::string_view build_by_state = "qs";
inline constexpr std::string_view build_by_repository = "qr";
inline constexpr std::string_view build_by_repository_and_state = "qt";
inline constexpr std::string_view build_waiting = "qv";
inline constexpr std::string_view build_delayed = "qd";
inline constexpr std::string_view build_attempt = "qa";
inline constexpr std::string_view build_secrets = "qk";
inline constexpr std::string_view repository_counts = "qp";
inline constexpr std::string_view backend_counts = "qe";
inline constexpr std::string_view delivery = "qx";
inline constexpr std::string_view latest_of_trigger = "qz";
inline constexpr std::string_view feed_entry = "qn";
inline constexpr std::string_view feed_number = "qm";
inline constexpr std::string_view feed_end = "ql";
inline constexpr std::string_view log_chunk = "lc";
inline constexpr std::string_view log_size = "ls";
inline constexpr std::string_view log_archived = "la";
inline constexpr std::string_view log_blob = "lb";
inline constexpr std::string_view trigger = "tg";
inline constexpr std::string_view trigger_by_repository = "tr";
inline constexpr std::string_view trigger_health = "tf";
inline constexpr std::string_view status_wanted = "ts";
inline constexpr std::string_view outbox = "ob";
inline constexpr std::string_view outbox_by_destination = "oi";
inline constexpr std::string_view notification = "ns";
inline constexpr std::string_view notification_filter = "nf";
inline constexpr std::string_view notice = "nd";
inline constexpr std::string_view notice_body = "nb";
inline constexpr std::string_view notice_by_notification = "nl";
inline constexpr std::string_view delivery_record = "td";
inline constexpr std::string_view delivery_body = "tb";
inline constexpr std::string_view delivery_totals = "tn";

inline constexpr std::string_view repository = "rp";
inline constexpr std::string_view blob_link = "rb";
inline constexpr std::string_view content_holder = "rh";
inline constexpr std::string_view manifest = "rm";
inline constexpr std::string_view named_by = "rn";
inline constexpr std::string_view kept_by = "rk";
inline constexpr std::string_view tag = "rt";
inline constexpr std::string_view tag_of_manifest = "rg";
inline constexpr std::string_view referrer = "rr";
inline constexpr std::string_view ended_upload = "ru";
inline constexpr std::string_view collection_position = "gp";
inline constexpr std::string_view secret_key = "sk";
inline constexpr std::string_view seal_lock = "se";

inline constexpr std::string_view token_by_hash = "th";
inline constexpr std::string_view token_hash = "ti";

inline void append_number(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(
        static_cast<char>(static_cast<std::uint8_t>(value >> static_cast<unsigned>(shift))));
}

/// REQUIRES: bytes has eight bytes from `at` on.
inline std::uint64_t read_number(std::string_view bytes, std::size_t at = 0) {
  std::uint64_t value = 0;
  for (char c : bytes.substr(at, 8)) value = (value << 8U) | static_cast<std::uint8_t>(c);
  return value;
}

/// A part of a key that is text, from `at` on.
inline std::string_view text_part(std::string_view key, std::size_t at) {
  return key.substr(at, key.find('\0', at) - at);
}

/// Builds one key, in memory of its own, so that a look-up allocates nothing:
///
///   const Key key = Key(blob).digest(digest);
///   view.get(key);
///
/// What is longer than any key may be is cut to a size that every store refuses.
class Key {
 public:
  explicit Key(std::string_view prefix) noexcept { append(prefix); }
  Key(const Key& other) noexcept { append(other); }
  Key& operator=(const Key& other) noexcept {
    if (this == &other) return *this;
    size_ = 0;
    append(other);
    return *this;
  }
  ~Key() = default;

  /// REQUIRES: no zero byte within.
  Key& text(std::string_view part) noexcept {
    append(part);
    append({"", 1});
    return *this;
  }
  Key& digest(const Digest& part) noexcept {
    const auto algorithm = static_cast<char>(part.algorithm());
    append({&algorithm, 1});
    append({reinterpret_cast<const char*>(part.hash().data()), part.hash().size()});
    return *this;
  }
  Key& number(std::uint64_t part) noexcept {
    std::array<char, 8> bytes{};
    for (std::size_t i = bytes.size(); i-- > 0; part >>= 8U)
      bytes[i] = static_cast<char>(static_cast<std::uint8_t>(part));
    append({bytes.data(), bytes.size()});
    return *this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string str() const { return std::string(std::string_view(*this)); }
  operator std::string_view() const noexcept { return {bytes_.data(), size_}; }  // NOLINT: it is its bytes

 private:
  static constexpr std::size_t capacity = max_key_size + 1;

  void append(std::string_view part) noexcept {
    const std::size_t taken = std::min(part.size(), capacity - size_);
    std::memcpy(bytes_.data() + size_, part.data(), taken);
    size_ += taken;
  }

  std::array<char, capacity> bytes_;  // [0, size_) is the key
  std::size_t size_ = 0;
};

}  // namespace slipway::key_space
