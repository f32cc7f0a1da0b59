#include "transfer/registry_client.hpp"

#include <slipway/core/media_type.hpp>
#include <slipway/http/message.hpp>
#include <slipway/image/manifest.hpp>
#include <slipway/support/hasher.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>

#include "http/oci_errors.hpp"
#include "support/format.hpp"

namespace slipway {
namespace {

/// Counted anew with each piece of a body; the end of a large upload is flushed before its answer.
constexpr std::chrono::minutes upload_timeout{10};
/// What blob_source asks for at once.
constexpr std::uint64_t range_bytes = std::uint64_t{4} << 20U;

ErrorCode code_of(int status) {
  switch (status) {
    case 400: return ErrorCode::invalid_argument;
    case 401: return ErrorCode::unauthenticated;
    case 403: return ErrorCode::denied;
    case 404: return ErrorCode::not_found;
    case 413: return ErrorCode::too_large;
    case 415: return ErrorCode::unsupported;
    case 429:
    case 502:
    case 503:
    case 504: return ErrorCode::unavailable;
    default: return ErrorCode::io;
  }
}

Error refused(std::string_view what, const IncomingResponse& response) {
  const std::string text = oci_error_text(response.body);
  return Error(code_of(response.status),
               slipway::format("{}: the registry answered with status {}{}{}", what,
                               response.status, text.empty() ? "" : ": ", text));
}

Error mismatch(const Digest& expected, const Digest& got) {
  return Error(ErrorCode::digest_mismatch,
               slipway::format("blob {}: its bytes have the digest {}", expected.to_string(),
                               got.to_string()));
}

std::string accepted_types() {
  return slipway::format("{}, {}, {}, {}", media_type::oci_manifest, media_type::oci_index,
                         media_type::docker_manifest, media_type::docker_manifest_list);
}

bool is_ok(int status) { return status >= 200 && status < 300; }

std::string blob_path(const Digest& digest) { return "blobs/" + digest.to_string(); }
std::string manifest_path(const Reference& reference) {
  return "manifests/" + to_string(reference);
}

}  // namespace

std::string_view next_page(const IncomingResponse& response) noexcept {
  const std::string_view link = response.field("Link");
  const std::size_t end = link.find('>');
  if (!link.starts_with('<') || end == std::string_view::npos) return {};
  return link.find("rel=\"next\"", end) == std::string_view::npos ? std::string_view()
                                                                  : link.substr(1, end - 1);
}

RegistryClient::RegistryClient(HttpTransport& transport, std::string url, std::string token,
                               RepositoryName repository)
    : transport_(transport),
      url_(std::move(url)),
      token_(std::move(token)),
      repository_(std::move(repository)) {}

std::string RegistryClient::path(std::string_view below) const {
  return slipway::format("{}/v2/{}/{}", url_, repository_.str(), below);
}

OutgoingRequest RegistryClient::request(HttpMethod method, std::string url) const {
  OutgoingRequest made;
  made.method = method;
  made.url = std::move(url);
  if (!token_.empty()) made.fields.emplace_back("Authorization", "Bearer " + token_);
  return made;
}

Result<IncomingResponse> RegistryClient::send(const OutgoingRequest& request,
                                              const BodySink& sink) const {
  return transport_.send(request, sink);
}

// ---- manifests ----

Result<RegistryClient::Content> RegistryClient::read_manifest(const Reference& reference) const {
  OutgoingRequest get = request(HttpMethod::get, path(manifest_path(reference)));
  get.fields.emplace_back("Accept", accepted_types());
  SLIPWAY_TRY(IncomingResponse response, send(get));
  const std::string what = slipway::format("manifest {} of {}", to_string(reference),
                                           repository_.str());
  if (response.status != 200) return refused(what, response);
  if (response.body.size() > max_manifest_bytes)
    return Error(ErrorCode::too_large,
                 slipway::format("{}: it has more than {} bytes", what, max_manifest_bytes));
  const Digest* const wanted = std::get_if<Digest>(&reference);
  const Digest digest =
      digest_of(response.body, wanted != nullptr ? wanted->algorithm() : DigestAlgorithm::sha256);
  if (wanted != nullptr && digest != *wanted)
    return Error(ErrorCode::digest_mismatch,
                 slipway::format("{}: its bytes have the digest {}", what, digest.to_string()));
  std::string type(media_type::essence(response.field("Content-Type")));
  return Content{std::move(response.body), std::move(type), digest};
}

Result<Digest> RegistryClient::resolve(const Reference& reference) const {
  OutgoingRequest head = request(HttpMethod::head, path(manifest_path(reference)));
  head.fields.emplace_back("Accept", accepted_types());
  SLIPWAY_TRY(const IncomingResponse response, send(head));
  const std::string what = slipway::format("manifest {} of {}", to_string(reference),
                                           repository_.str());
  if (response.status == 404)
    return Error(ErrorCode::not_found, what + ": it is not there");
  if (response.status != 200) return refused(what, response);
  return Digest::parse(response.field("Docker-Content-Digest"));
}

Result<void> RegistryClient::put_manifest(const Reference& reference, std::string_view media_type,
                                          std::string_view bytes) const {
  OutgoingRequest put = request(HttpMethod::put, path(manifest_path(reference)));
  put.fields.emplace_back("Content-Type", media_type);
  put.body = bytes;
  SLIPWAY_TRY(const IncomingResponse response, send(put));
  if (response.status == 201) return {};
  return refused(slipway::format("manifest {}", to_string(reference)), response);
}

Result<void> RegistryClient::delete_manifest(const Reference& reference) const {
  SLIPWAY_TRY(const IncomingResponse response,
              send(request(HttpMethod::delete_, path(manifest_path(reference)))));
  if (is_ok(response.status)) return {};
  return refused(slipway::format("manifest {} of {}", to_string(reference), repository_.str()),
                 response);
}

Result<std::vector<Descriptor>> RegistryClient::referrers(const Digest& subject) const {
  constexpr int most_pages = 1000;
  std::vector<Descriptor> all;
  std::string url = path("referrers/" + subject.to_string());
  for (int page = 0; page < most_pages; ++page) {
    SLIPWAY_TRY(const IncomingResponse response, send(request(HttpMethod::get, url)));
    const std::string what = slipway::format("referrers of {}", subject.to_string());
    if (response.status != 200) return refused(what, response);
    auto index = parse_manifest(response.body, "");
    if (!index) return index.error().in(what);
    std::move(index->manifests.begin(), index->manifests.end(), std::back_inserter(all));
    const std::string_view next = next_page(response);
    if (next.empty()) return all;
    if (!next.starts_with('/'))
      return Error(ErrorCode::invalid_argument, what + ": the next page is on another server");
    url = url_ + std::string(next);
  }
  return Error(ErrorCode::too_large, "the list of referrers does not end");
}

// ---- pushing blobs ----

Result<std::string> RegistryClient::upload_location(const IncomingResponse& response) const {
  const std::string_view location = response.field("Location");
  if (location.starts_with('/')) return url_ + std::string(location);
  if (location.starts_with(url_ + "/")) return std::string(location);
  return Error(ErrorCode::invalid_argument,
               slipway::format("the registry wants an upload at \"{}\", which is not below {}",
                               location.substr(0, 200), url_));
}

Result<RegistryClient::Presence> RegistryClient::find_blob(const Digest& digest) {
  SLIPWAY_TRY(const IncomingResponse head,
              send(request(HttpMethod::head, path(blob_path(digest)))));
  if (head.status == 200) return Presence::present;
  if (head.status != 404) return refused("blob " + digest.to_string(), head);
  if (open_upload_) return Presence::absent;
  SLIPWAY_TRY(const IncomingResponse mount,
              send(request(HttpMethod::post,
                           path("blobs/uploads/?mount=" + percent_encode(digest.to_string(), ":")))));
  if (mount.status == 201) return Presence::mounted;
  if (mount.status != 202) return refused("an upload", mount);
  SLIPWAY_TRY(open_upload_, upload_location(mount));
  return Presence::absent;
}

Result<std::string> RegistryClient::begin_upload() {
  if (open_upload_) {
    std::string location = std::move(*open_upload_);
    open_upload_.reset();
    return location;
  }
  SLIPWAY_TRY(const IncomingResponse response,
              send(request(HttpMethod::post, path("blobs/uploads/"))));
  if (response.status != 202) return refused("an upload", response);
  return upload_location(response);
}

void RegistryClient::cancel_upload(const std::string& location) const {
  // What cannot be cancelled expires.
  static_cast<void>(send(request(HttpMethod::delete_, location)));
}

Result<void> RegistryClient::close_upload(OutgoingRequest put, const std::string& location) const {
  put.timeout = upload_timeout;
  auto response = send(put);
  if (response && response->status == 201) return {};
  cancel_upload(location);
  if (!response) return response.error();
  return refused("a blob", *response);
}

namespace {

std::string with_digest(const std::string& location, const Digest& digest) {
  return slipway::format("{}{}digest={}", location,
                         location.find('?') == std::string::npos ? '?' : '&', digest.to_string());
}

}  // namespace

Result<void> RegistryClient::push_blob(const Digest& digest, std::uint64_t size,
                                       const ByteSource& source) {
  SLIPWAY_TRY(const std::string location, begin_upload());
  OutgoingRequest put = request(HttpMethod::put, with_digest(location, digest));
  put.fields.emplace_back("Content-Type", media_type::octet_stream);
  put.body_size = size;
  Hasher hasher(digest.algorithm());
  std::uint64_t read = 0;
  // The last piece is held back until the digest is known to be right.
  put.body_source = [&](std::span<std::byte> out) -> Result<std::size_t> {
    SLIPWAY_TRY(const std::size_t got, source(out));
    read += got;
    if (read > size || (got == 0 && read < size))
      return Error(ErrorCode::invalid_argument,
                   slipway::format("blob {}: it has not the size of {} bytes that was said",
                                   digest.to_string(), size));
    hasher.update(out.first(got));
    if (read < size) return got;
    if (const Digest found = hasher.finish(); found != digest) return mismatch(digest, found);
    return got;
  };
  return close_upload(std::move(put), location);
}

Result<RegistryClient::Pushed> RegistryClient::push_blob(const ByteSource& source) {
  SLIPWAY_TRY(std::string location, begin_upload());
  OutgoingRequest patch = request(HttpMethod::patch, location);
  patch.fields.emplace_back("Content-Type", media_type::octet_stream);
  patch.timeout = upload_timeout;
  Hasher hasher;
  std::uint64_t size = 0;
  patch.body_source = [&](std::span<std::byte> out) -> Result<std::size_t> {
    SLIPWAY_TRY(const std::size_t got, source(out));
    hasher.update(out.first(got));
    size += got;
    return got;
  };
  auto sent = send(patch);
  if (!sent || sent->status != 202) {
    cancel_upload(location);
    return sent ? refused("a blob", *sent) : sent.error();
  }
  if (!sent->field("Location").empty()) {
    SLIPWAY_TRY(location, upload_location(*sent));
  }
  const Digest digest = hasher.finish();
  SLIPWAY_CHECK(close_upload(request(HttpMethod::put, with_digest(location, digest)), location));
  return Pushed{digest, size};
}

// ---- pulling blobs ----

Result<void> RegistryClient::read_blob(const Digest& digest, std::uint64_t size,
                                       const ByteSink& sink) const {
  Hasher hasher(digest.algorithm());
  std::uint64_t read = 0;
  const auto wrong_size = [&] {
    return Error(ErrorCode::invalid_argument,
                 slipway::format("blob {}: the manifest says {} bytes, and {} came",
                                 digest.to_string(), size, read));
  };
  OutgoingRequest get = request(HttpMethod::get, path(blob_path(digest)));
  SLIPWAY_TRY(const IncomingResponse response,
              send(get, [&](std::span<const std::byte> bytes) -> Result<void> {
                hasher.update(bytes);
                read += bytes.size();
                if (read > size) return wrong_size();
                return sink(bytes);
              }));
  if (response.status != 200) return refused("blob " + digest.to_string(), response);
  if (read != size) return wrong_size();
  if (const Digest found = hasher.finish(); found != digest) return mismatch(digest, found);
  return {};
}

ByteSource RegistryClient::blob_source(const Digest& digest) const {
  struct Reading {
    std::uint64_t offset = 0;
    std::string piece;
    std::size_t taken = 0;
    bool ended = false;
  };
  const auto reading = std::make_shared<Reading>();
  return [this, digest, reading](std::span<std::byte> out) -> Result<std::size_t> {
    if (reading->taken == reading->piece.size() && !reading->ended) {
      OutgoingRequest get = request(HttpMethod::get, path(blob_path(digest)));
      get.fields.emplace_back("Range", slipway::format("bytes={}-{}", reading->offset,
                                                       reading->offset + range_bytes - 1));
      reading->piece.clear();
      reading->taken = 0;
      SLIPWAY_TRY(IncomingResponse response, send(get));
      if (!is_ok(response.status) && response.status != 416)
        return refused("blob " + digest.to_string(), response);
      // 416 at the end of the bytes; 200 from a server without ranges, or for an empty blob.
      if (response.status != 416) reading->piece = std::move(response.body);
      reading->ended = response.status != 206 || reading->piece.size() < range_bytes;
      reading->offset += reading->piece.size();
    }
    const std::size_t count = std::min(out.size(), reading->piece.size() - reading->taken);
    std::memcpy(out.data(), reading->piece.data() + reading->taken, count);
    reading->taken += count;
    return count;
  };
}

}  // namespace slipway
