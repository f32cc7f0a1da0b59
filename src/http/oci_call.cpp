#include "http/oci_call.hpp"

#include <array>

namespace slipway {
namespace {

constexpr std::string_view uploads_help = "Uploads by what became of them";
constexpr std::string_view pulls_help = "Blobs and manifests that were sent";

/// "sha256:…" of a digest, in memory of its own.
class DigestText {
 public:
  explicit DigestText(const Digest& digest) noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const char c : to_string(digest.algorithm())) push(c);
    push(':');
    for (const std::uint8_t byte : digest.hash()) {
      push(digits[byte >> 4U]);
      push(digits[byte & 0xFU]);
    }
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  void push(char c) noexcept { text_[size_++] = c; }

  std::array<char, 7 + 2 * Digest::max_size> text_{};
  std::size_t size_ = 0;
};

/// What a client is told of what only the operator can mend; empty: the error's own message. Paths
/// of the server are for its log.
std::string_view server_failure(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::quota_exceeded:
      return "the server's storage is full: nothing of this was kept; send it again once its "
             "operator has made room";
    case ErrorCode::io:
      return "the server's storage failed: nothing of this was kept; send it again later, the "
             "server's log says what failed";
    case ErrorCode::corrupt:
      return "what the server stored of this is damaged; the server's log says what";
    case ErrorCode::internal:
    case ErrorCode::already_exists:
    case ErrorCode::cancelled:
    case ErrorCode::timed_out: return "the server failed; its log says how";
    default: return {};
  }
}

std::string_view unquoted(std::string_view tag) noexcept {
  if (tag.starts_with("W/")) tag.remove_prefix(2);  // RFC 9110 section 13.1.2: compared weakly
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"') return tag.substr(1, tag.size() - 2);
  return {};
}

}  // namespace

OciCounters::OciCounters(Metrics& metrics)
    : uploads_active(metrics.gauge("slipway_uploads_open", "Uploads whose bytes arrive now")),
      uploads_begun(
          metrics.counter("slipway_uploads_total", uploads_help, {{"outcome", "begun"}})),
      uploads_cancelled(
          metrics.counter("slipway_uploads_total", uploads_help, {{"outcome", "cancelled"}})),
      blobs_pushed(
          metrics.counter("slipway_uploads_total", uploads_help, {{"outcome", "committed"}})),
      blob_bytes_pushed(
          metrics.counter("slipway_blob_pushed_bytes_total", "Bytes of blobs that were pushed")),
      blobs_mounted(metrics.counter("slipway_blobs_mounted_total",
                                    "Blobs that were mounted from another repository")),
      manifests_pushed(
          metrics.counter("slipway_manifests_pushed_total", "Manifests that were pushed")),
      blobs_pulled(metrics.counter("slipway_pulls_total", pulls_help, {{"kind", "blob"}})),
      manifests_pulled(metrics.counter("slipway_pulls_total", pulls_help, {{"kind", "manifest"}})) {
}

void OciParts::fail(const Error& error, OciSubject subject, HttpResponse& response) const {
  const OciError answer = oci_error(error.code, subject);
  const std::string_view ours = server_failure(error.code);
  if (ours.empty()) return respond_with_oci_error(answer, error.message, response);
  log.error("request failed",
            {{"code", std::string(to_string(error.code))}, {"error", error.message}});
  respond_with_oci_error(answer, ours, response);
}

std::string oci_path(const RepositoryName& repository, std::string_view path,
                     std::string_view reference) {
  std::string text("/v2/");
  return text.append(repository.str()).append(path).append(reference);
}

void add_digest_fields(const Digest& digest, HttpResponse& response) {
  const DigestText text(digest);
  response.add("Docker-Content-Digest", text.view());
  std::array<char, 2 + 7 + 2 * Digest::max_size> quoted{};
  quoted[0] = '"';
  text.view().copy(quoted.data() + 1, text.view().size());
  quoted[text.view().size() + 1] = '"';
  response.add("ETag", std::string_view(quoted.data(), text.view().size() + 2));
}

bool answer_not_modified(const HttpRequest& request, const Digest& digest,
                         HttpResponse& response) {
  std::string_view wanted = request.field("If-None-Match");
  if (wanted.empty()) return false;
  const DigestText text(digest);
  while (!wanted.empty()) {
    const std::size_t comma = wanted.find(',');
    const std::string_view tag = detail::trimmed(wanted.substr(0, comma));
    wanted.remove_prefix(comma == std::string_view::npos ? wanted.size() : comma + 1);
    if (tag != "*" && unquoted(tag) != text.view()) continue;
    response.status = 304;
    add_digest_fields(digest, response);
    response.bytes().clear();
    return true;
  }
  return false;
}

void drop_body(HttpResponse& response) {
  response.content_length = response.text().size();
  response.bytes().clear();
}

}  // namespace slipway
