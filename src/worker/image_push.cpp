#include "worker/image_push.hpp"

#include <slipway/core/media_type.hpp>
#include <slipway/support/hasher.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "http/oci_errors.hpp"
#include "json/value.hpp"
#include "json/writer.hpp"

namespace slipway {
namespace {

namespace fs = std::filesystem;

/// A failed step, on its way out.
using Failure = std::variant<BuildFailure, Stopped>;
using MaybeFailure = std::optional<Failure>;

struct Blob {
  Digest digest;
  std::uint64_t size = 0;
  fs::path file;

  friend bool operator<(const Blob& a, const Blob& b) { return a.digest < b.digest; }
};

struct Manifest {
  std::string bytes;
  std::string media_type;
  Digest digest;
  std::vector<Blob> blobs;
};

BuildFailure unreadable(const fs::path& file, std::string_view why) {
  return infrastructure_failure("image_unreadable",
                                "the built image " + file.string() + ": " + std::string(why));
}

std::variant<Manifest, BuildFailure> read_manifest(const fs::path& folder) {
  const fs::path file = folder / "manifest.json";
  std::ifstream stream(file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const auto document = json::Document::parse(bytes);
  if (!document) return unreadable(file, document.error().message);

  std::vector<json::Value> descriptors{document->root().find("config")};
  for (json::Value layer : document->root().find("layers").elements()) descriptors.push_back(layer);
  std::vector<Blob> blobs;
  for (json::Value descriptor : descriptors) {
    const auto digest = Digest::parse(descriptor.find("digest").text());
    const auto size = descriptor.find("size").as_uint64();
    if (!digest || !size) return unreadable(file, "a descriptor is malformed");
    fs::path blob = folder / digest->hex();
    std::error_code error;
    if (fs::file_size(blob, error) != *size || error)
      return unreadable(blob, "its size is not what the manifest says");
    blobs.push_back({*digest, *size, std::move(blob)});
  }
  std::string type(document->root().find("mediaType").text());
  if (type.empty()) type = media_type::oci_manifest;
  const Digest digest = digest_of(bytes);
  return Manifest{std::move(bytes), std::move(type), digest, std::move(blobs)};
}

/// OCI image index, for several platforms.
std::string index_of(const std::vector<Manifest>& manifests,
                     const std::vector<BuiltImage>& images) {
  const bool docker = manifests.front().media_type == media_type::docker_manifest;
  json::Writer json;
  json.begin_object().key("schemaVersion").number(2);
  json.member("mediaType", docker ? media_type::docker_manifest_list : media_type::oci_index);
  json.key("manifests").begin_array();
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    const std::string_view platform = images[i].platform;
    const std::size_t slash = std::min(platform.find('/'), platform.size());
    const std::string_view rest = platform.substr(std::min(slash + 1, platform.size()));
    const std::size_t second = std::min(rest.find('/'), rest.size());
    json.begin_object().member("mediaType", manifests[i].media_type);
    json.key("size").number(std::uint64_t{manifests[i].bytes.size()});
    json.member("digest", manifests[i].digest.to_string());
    json.key("platform").begin_object();
    json.member("architecture", rest.substr(0, second)).member("os", platform.substr(0, slash));
    json.member_if("variant", rest.substr(std::min(second + 1, rest.size())));
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return json.take();
}

class Push {
 public:
  Push(const PushTarget& target, ServerLink& link, const BuildLog& log, std::stop_token stop)
      : target_(target),
        link_(link),
        log_(log),
        outer_stop_(std::move(stop)),
        base_((target.secure ? "https://" : "http://") + target.registry + "/v2/" +
              target.repository + "/") {}

  MaybeFailure push_blobs(const std::set<Blob>& blobs);
  MaybeFailure push_manifest(const std::string& bytes, std::string_view type, const Digest& digest);

 private:
  MaybeFailure push_blob(const Blob& blob);
  MaybeFailure upload(const Blob& blob, const std::string& location);
  OutgoingRequest request(HttpMethod method, std::string url) const;
  std::variant<IncomingResponse, Failure> send(const ServerLink::MakeRequest& make);
  static Failure refusal(std::string_view what, const IncomingResponse& response);
  [[nodiscard]] std::string absolute(std::string_view location) const;

  const PushTarget& target_;
  ServerLink& link_;
  const BuildLog& log_;
  const std::stop_token outer_stop_;
  const std::string base_;
  std::mutex log_mutex_;
  std::stop_source stop_;  // also when one of several uploads failed
};

OutgoingRequest Push::request(HttpMethod method, std::string url) const {
  OutgoingRequest made;
  made.method = method;
  made.url = std::move(url);
  made.fields = {{"Authorization", "Bearer " + target_.token}};
  return made;
}

std::variant<IncomingResponse, Failure> Push::send(const ServerLink::MakeRequest& make) {
  auto response = link_.send(make, target_.patience, stop_.get_token());
  if (response) return *std::move(response);
  if (stop_.stop_requested()) return Failure(Stopped{});
  return Failure(infrastructure_failure(
      "registry_unreachable", "push to " + target_.registry + ": " + response.error().message));
}

Failure Push::refusal(std::string_view what, const IncomingResponse& response) {
  const std::string text = oci_error_text(response.body);
  const std::string message = std::string("the registry refused ")
                                  .append(what)
                                  .append(" with status ")
                                  .append(std::to_string(response.status))
                                  .append(text.empty() ? "" : ": ")
                                  .append(text);
  if (response.status == 413) return user_failure("quota_exceeded", message);
  if (response.status == 507) return infrastructure_failure("no_space", message);
  if (response.status == 401 || response.status == 403)
    return infrastructure_failure("push_denied", message);
  if (response.status == 400 || response.status == 415 || response.status == 422)
    return user_failure("push_rejected", message);
  return infrastructure_failure("push_failed", message);
}

std::string Push::absolute(std::string_view location) const {
  if (location.starts_with("http://") || location.starts_with("https://"))
    return std::string(location);
  return (target_.secure ? "https://" : "http://") + target_.registry + std::string(location);
}

MaybeFailure Push::push_blob(const Blob& blob) {
  const std::string digest = blob.digest.to_string();
  // A lost answer to the PUT looks like an upload that is not known any more; the next HEAD tells.
  constexpr int most_tries = 10;
  std::chrono::milliseconds delay{200};
  for (int attempt = 1;; ++attempt) {
    auto head = send([&] { return request(HttpMethod::head, base_ + "blobs/" + digest); });
    if (auto* failure = std::get_if<Failure>(&head)) return std::move(*failure);
    const auto& known = std::get<IncomingResponse>(head);
    if (known.status == 200) return std::nullopt;
    if (known.status != 404) return refusal("to say whether it has a blob", known);

    auto begun = send([&] { return request(HttpMethod::post, base_ + "blobs/uploads/"); });
    if (auto* failure = std::get_if<Failure>(&begun)) return std::move(*failure);
    const auto& upload_there = std::get<IncomingResponse>(begun);
    const std::string location = absolute(upload_there.field("Location"));
    if (upload_there.status != 202) return refusal("an upload", upload_there);
    auto failure = upload(blob, location);
    if (!failure || attempt == most_tries) return failure;
    const auto* known_failure = std::get_if<BuildFailure>(&*failure);
    if (known_failure == nullptr || known_failure->reason != "push_failed") return failure;
    if (!link_.wait_until(link_.clock().monotonic() + delay, stop_.get_token())) return Stopped{};
    delay *= 2;
  }
}

MaybeFailure Push::upload(const Blob& blob, const std::string& location) {
  const std::string url = location + (location.find('?') == std::string::npos ? "?" : "&") +
                          "digest=" + blob.digest.to_string();
  OutgoingRequest put = request(HttpMethod::put, url);
  put.fields.emplace_back("Content-Type", "application/octet-stream");
  put.body_size = blob.size;
  const auto file = std::make_shared<std::ifstream>(blob.file, std::ios::binary);
  put.body_source = [file, path = blob.file](std::span<std::byte> into) -> Result<std::size_t> {
    file->read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    if (file->bad()) return Error(ErrorCode::corrupt, path.string() + ": cannot be read");
    return static_cast<std::size_t>(file->gcount());
  };
  // Once: what the server has of it after a broken connection, a new HEAD and upload find out.
  auto response = link_.send_once(put, stop_.get_token());
  if (stop_.stop_requested()) return Stopped{};
  if (!response) return infrastructure_failure("push_failed", response.error().message);
  if (response->status == 201) return std::nullopt;
  return refusal("blob " + blob.digest.to_string(), *response);
}

MaybeFailure Push::push_blobs(const std::set<Blob>& blobs) {
  const std::stop_callback pass_on(outer_stop_, [this] { stop_.request_stop(); });
  const std::vector<Blob> list(blobs.begin(), blobs.end());
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  MaybeFailure first;
  const auto work = [&] {
    for (std::size_t at = next++; at < list.size(); at = next++) {
      if (stop_.stop_requested()) return;
      auto failure = push_blob(list[at]);
      const std::lock_guard lock(mutex);
      if (failure) {
        // The first failure is the cause; what it stopped is not.
        if (!first) first = std::move(failure);
        stop_.request_stop();
        return;
      }
      const std::lock_guard log_lock(log_mutex_);
      log_("Pushed " + list[at].digest.to_string() + " (" + std::to_string(list[at].size) +
           " bytes)\n");
    }
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < target_.parallel && i < list.size(); ++i) others.emplace_back(work);
  work();
  others.clear();
  if (outer_stop_.stop_requested()) return Stopped{};
  return first;
}

MaybeFailure Push::push_manifest(const std::string& bytes, std::string_view type,
                                 const Digest& digest) {
  const std::stop_callback pass_on(outer_stop_, [this] { stop_.request_stop(); });
  auto sent = send([&] {
    OutgoingRequest put = request(HttpMethod::put, base_ + "manifests/" + digest.to_string());
    put.fields.emplace_back("Content-Type", type);
    put.body = bytes;
    return put;
  });
  if (auto* failure = std::get_if<Failure>(&sent)) return std::move(*failure);
  const auto& response = std::get<IncomingResponse>(sent);
  if (response.status == 201) return std::nullopt;
  return refusal("the manifest", response);
}

Step<Digest> as_step(Failure failure) {
  if (auto* known = std::get_if<BuildFailure>(&failure)) return std::move(*known);
  return Stopped{};
}

}  // namespace

Step<Digest> push_images(const std::vector<BuiltImage>& images, const PushTarget& target,
                         ServerLink& link, const BuildLog& log, std::stop_token stop) {
  if (images.empty())
    return infrastructure_failure("image_unreadable", "there is no image to push");
  std::vector<Manifest> manifests;
  std::set<Blob> blobs;
  for (const BuiltImage& image : images) {
    auto manifest = read_manifest(image.folder);
    if (auto* failure = std::get_if<BuildFailure>(&manifest)) return std::move(*failure);
    manifests.push_back(std::get<Manifest>(std::move(manifest)));
    blobs.insert(manifests.back().blobs.begin(), manifests.back().blobs.end());
  }

  Push push(target, link, log, std::move(stop));
  if (auto failure = push.push_blobs(blobs)) return as_step(std::move(*failure));
  for (const Manifest& manifest : manifests)
    if (auto failure = push.push_manifest(manifest.bytes, manifest.media_type, manifest.digest))
      return as_step(std::move(*failure));
  Digest digest = manifests.front().digest;
  if (manifests.size() > 1) {
    const std::string index = index_of(manifests, images);
    const bool docker = manifests.front().media_type == media_type::docker_manifest;
    digest = digest_of(index);
    if (auto failure = push.push_manifest(
            index, docker ? media_type::docker_manifest_list : media_type::oci_index, digest))
      return as_step(std::move(*failure));
  }
  log("Pushed " + target.repository + "@" + digest.to_string() + "\n");
  return digest;
}

}  // namespace slipway
