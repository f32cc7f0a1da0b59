// A registry behind the OCI handler, without a socket, over each kind of store.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <slipway/auth/token.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

#include "json/value.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::test {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct OciAnswer {
  int status = 0;
  std::string body;
  HttpResponse response;

  [[nodiscard]] std::string field(std::string_view name) const {
    return std::string(response.field(name));
  }
  /// What Content-Length will say.
  [[nodiscard]] std::uint64_t length() const {
    return response.content_length.value_or(body.size());
  }
  [[nodiscard]] json::Document json() const {
    auto document = json::Document::parse(body);
    EXPECT_TRUE(document.ok()) << body;
    return document ? std::move(*document) : *json::Document::parse("{}");
  }
  /// The specification's code; empty when the answer is no error of that form.
  [[nodiscard]] std::string code() const {
    if (body.empty() || field("Content-Type") != "application/json") return "";
    const json::Document document = json();
    for (const json::Value error : document.root().find("errors").elements())
      return std::string(error.find("code").text());
    return "";
  }
  /// The texts of a list: "tags", "repositories".
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const {
    std::vector<std::string> texts;
    const json::Document document = json();
    for (const json::Value text : document.root().find(name).elements())
      texts.emplace_back(text.text());
    return texts;
  }
};

inline std::string object_bytes(const Object& object, const ByteRange& range) {
  std::string bytes(static_cast<std::size_t>(range.length), '\0');
  const auto count = object.read_at(range.offset, std::as_writable_bytes(std::span(bytes)));
  EXPECT_TRUE(count.ok() && *count == bytes.size());
  return bytes;
}

/// The body as it would go out.
inline std::string body_bytes(const HttpResponse& response) {
  if (const auto* body = std::get_if<ObjectBody>(&response.body()))
    return object_bytes(*body->object, body->range);
  if (const auto* body = std::get_if<ObjectPartsBody>(&response.body())) {
    std::string bytes;
    for (const auto& [text, range] : body->parts)
      bytes.append(text).append(object_bytes(*body->object, range));
    EXPECT_EQ(body->size(), bytes.size());
    return bytes;
  }
  return std::string(response.text());
}

struct Exchange {
  bool chunked = false;  // the body comes without Content-Length
};

inline OciAnswer exchange(HttpHandler& handler, std::string_view method, std::string_view target,
                          const Fields& fields = {}, std::string_view body = {},
                          Exchange how = {}) {
  std::vector<HttpField> views;
  for (const auto& [name, value] : fields) views.push_back({name, value});
  HttpRequest request;
  request.method = parse_http_method(method);
  request.method_text = method;
  request.target = target;
  request.fields = views;
  request.has_body = !body.empty() || how.chunked;
  if (!how.chunked && !body.empty()) request.content_length = body.size();
  request.peer = "127.0.0.1:40112";
  OciAnswer answer;
  serve_inline(handler, request, body, answer.response);
  answer.status = answer.response.status;
  answer.body = body_bytes(answer.response);
  return answer;
}

enum class StoreKind { memory, folder };

/// The engine over one kind of store; reopen is what a restart does.
class OciWorld {
 public:
  explicit OciWorld(StoreKind kind, AnonymousAccess anonymous = AnonymousAccess::push,
                    RegistryOptions options = {}, std::size_t page_size = 1000)
      : kind_(kind), policy_(anonymous), options_(options), page_size_(page_size) {
    open();
  }

  void reopen() {
    handler_.reset();
    authenticator_.reset();
    tokens_.reset();
    registry_.reset();
    blobs_.reset();
    if (kind_ == StoreKind::folder) stores_.reset();
    open();
  }

  HttpHandler& handler() { return *handler_; }
  Registry& registry() { return *registry_; }
  BlobStore& blobs() { return *blobs_; }
  TokenStore& tokens() { return *tokens_; }
  ManualClock& clock() { return clock_; }
  MetadataStore& metadata() { return stores_->metadata(); }

 private:
  void open() {
    if (!stores_)
      stores_ = kind_ == StoreKind::memory ? make_memory_stores() : *open_stores(folder_.path());
    blobs_ = std::make_unique<BlobStore>(stores_->metadata(), stores_->objects(), clock_);
    registry_ = *open_registry(*blobs_, clock_, options_);
    tokens_ = std::make_unique<TokenStore>(stores_->metadata(), clock_);
    authenticator_ = std::make_unique<Authenticator>(
        std::vector<const CredentialVerifier*>{tokens_.get()});
    OciHandlerOptions options;
    options.page_size = page_size_;
    handler_ = make_oci_handler(*registry_, *authenticator_, policy_, options);
  }

  /// ULIDs of a process ascend whatever its clock does, so each world begins later than those before.
  static Timestamp next_start() {
    static Timestamp start = *parse_rfc3339("2026-11-24T09:05:03.007Z");
    return start += std::chrono::days(30);
  }

  const StoreKind kind_;
  const AccessPolicy policy_;
  const RegistryOptions options_;
  const std::size_t page_size_;
  TemporaryFolder folder_;
  ManualClock clock_{next_start()};
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<HttpHandler> handler_;
};

inline std::string digest_text(std::string_view bytes,
                               DigestAlgorithm algorithm = DigestAlgorithm::sha256) {
  return digest_of(bytes, algorithm).to_string();
}

inline std::string descriptor_json(std::string_view type, std::string_view bytes,
                                   std::string_view more = "") {
  return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" + digest_text(bytes) +
         "\",\"size\":" + std::to_string(bytes.size()) + std::string(more) + "}";
}

inline const std::string oci_manifest_type = "application/vnd.oci.image.manifest.v1+json";
inline const std::string oci_index_type = "application/vnd.oci.image.index.v1+json";
inline const std::string oci_config_type = "application/vnd.oci.image.config.v1+json";
inline const std::string oci_layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";

/// An image manifest of this config and these layers; `more` are further members.
inline std::string image_json(std::string_view config, const std::vector<std::string>& layers,
                              std::string_view more = "") {
  std::string json = "{\"schemaVersion\":2,\"mediaType\":\"" + oci_manifest_type +
                     "\",\"config\":" + descriptor_json(oci_config_type, config) + ",\"layers\":[";
  for (std::size_t i = 0; i < layers.size(); ++i)
    json += (i == 0 ? "" : ",") + descriptor_json(oci_layer_type, layers[i]);
  return json + "]" + std::string(more) + "}";
}

/// Tests that run over each kind of store.
class OciTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  OciAnswer get(std::string_view target, const Fields& fields = {}) {
    return exchange(world_.handler(), "GET", target, fields);
  }
  OciAnswer head(std::string_view target, const Fields& fields = {}) {
    return exchange(world_.handler(), "HEAD", target, fields);
  }
  OciAnswer post(std::string_view target, std::string_view body = {}) {
    return exchange(world_.handler(), "POST", target, {}, body);
  }
  OciAnswer patch(std::string_view target, std::string_view body, std::string_view range = {}) {
    return exchange(world_.handler(), "PATCH", target, content_range(range), body);
  }
  OciAnswer put(std::string_view target, std::string_view body = {}, std::string_view range = {}) {
    return exchange(world_.handler(), "PUT", target, content_range(range), body);
  }
  OciAnswer remove(std::string_view target) {
    return exchange(world_.handler(), "DELETE", target);
  }

  static Fields content_range(std::string_view range) {
    return range.empty() ? Fields() : Fields{{"Content-Range", std::string(range)}};
  }

  std::string begin(std::string_view repository) {
    const OciAnswer answer = post("/v2/" + std::string(repository) + "/blobs/uploads/");
    EXPECT_EQ(answer.status, 202);
    return answer.field("Location");
  }

  std::string push_blob(std::string_view repository, std::string_view bytes) {
    const std::string digest = digest_text(bytes);
    EXPECT_EQ(put(begin(repository) + "?digest=" + digest, bytes).status, 201);
    return digest;
  }

  OciAnswer put_manifest(std::string_view repository, std::string_view reference,
                         std::string_view json, const std::string& type = oci_manifest_type) {
    return exchange(world_.handler(), "PUT",
                    "/v2/" + std::string(repository) + "/manifests/" + std::string(reference),
                    {{"Content-Type", type}}, json);
  }

  /// Pushes the blobs and a manifest of them; answers its JSON.
  std::string push_image(std::string_view repository, std::string_view reference,
                         std::string_view layer = "a layer", std::string_view more = "") {
    push_blob(repository, "{}");
    push_blob(repository, layer);
    std::string json = image_json("{}", {std::string(layer)}, more);
    EXPECT_EQ(put_manifest(repository, reference, json).status, 201);
    return json;
  }

  OciWorld world_{GetParam()};
};

inline std::string store_name(const ::testing::TestParamInfo<StoreKind>& info) {
  return info.param == StoreKind::memory ? "Memory" : "Folder";
}

}  // namespace slipway::test
