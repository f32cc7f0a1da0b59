// Beginning an upload: end-4 and end-11, a new upload, a blob in one request, or a mount.
#include <utility>

#include "http/oci_call.hpp"
#include "http/oci_upload_receiver.hpp"

namespace slipway {
namespace {

/// Repositories that are asked when a mount says no source.
constexpr std::size_t most_holders = 32;

Result<DigestAlgorithm> asked_algorithm(std::string_view query) {
  const auto name = query_parameter(query, "digest-algorithm");
  if (!name || *name == to_string(DigestAlgorithm::sha256)) return DigestAlgorithm::sha256;
  if (*name == to_string(DigestAlgorithm::sha512)) return DigestAlgorithm::sha512;
  return Error(ErrorCode::unsupported,
               "digest-algorithm \"" + name->substr(0, 64) + "\": use sha256 or sha512");
}

void begin(const OciParts& parts, const OciCall& call, DigestAlgorithm algorithm,
           HttpResponse& response) {
  response.status = 202;
  add_upload_fields(call.repository, parts.registry.begin_upload(call.repository, algorithm), 0,
                    response);
  parts.counters.uploads_begun.add();
}

/// Where a blob may be mounted from: only what the caller may read, so that a mount tells nobody
/// that a blob exists.
std::vector<RepositoryName> mount_sources(const OciParts& parts, const OciCall& call,
                                          const Digest& digest) {
  std::vector<std::string> names;
  if (const auto from = query_parameter(call.request.query(), "from")) {
    names.push_back(*from);
  } else if (auto holders = parts.registry.holders(digest, most_holders)) {
    names = std::move(*holders);
  }
  std::vector<RepositoryName> sources;
  for (const std::string& name : names)
    if (parts.policy.allows(call.identity, Action::pull, name))
      if (auto source = RepositoryName::parse(name)) sources.push_back(std::move(*source));
  return sources;
}

void mount(const OciParts& parts, const OciCall& call, const Digest& digest,
           HttpResponse& response) {
  for (const RepositoryName& source : mount_sources(parts, call, digest)) {
    const auto blob =
        parts.registry.mount_blob(call.repository, source, digest, call.identity.guard);
    if (blob) {
      parts.counters.blobs_mounted.add();
      return respond_blob_created(call.repository, digest, response);
    }
    if (blob.error().code != ErrorCode::not_found)
      return parts.fail(blob.error(), OciSubject::blob, response);
  }
  begin(parts, call, digest.algorithm(), response);
}

HttpAction answer_with_digest(const OciParts& parts, OciCall call, const std::string& text,
                              bool mounts, HttpResponse& response) {
  const auto digest = Digest::parse(text);
  if (!digest) {
    parts.fail(digest.error(), OciSubject::digest, response);
    return HttpDone();
  }
  if (!mounts) return receive_blob(parts, std::move(call), *digest);
  return HttpBlocking{
      [&parts, call = std::move(call), digest = *digest](HttpResponse& later) {
        mount(parts, call, digest, later);
      }};
}

}  // namespace

HttpAction answer_uploads(const OciParts& parts, OciCall call, HttpResponse& response) {
  const std::string_view query = call.request.query();
  if (const auto wanted = query_parameter(query, "mount"))
    return answer_with_digest(parts, std::move(call), *wanted, true, response);
  if (const auto wanted = query_parameter(query, "digest"))
    return answer_with_digest(parts, std::move(call), *wanted, false, response);
  const auto algorithm = asked_algorithm(query);
  if (algorithm)
    begin(parts, call, *algorithm, response);
  else
    parts.fail(algorithm.error(), OciSubject::digest, response);
  return HttpDone();
}

}  // namespace slipway
