// The hot paths of /v2/ from a parsed head to a filled response, without a socket: reads over LMDB
// and a folder (made under TMPDIR); pushes of small blobs over the stores in memory, where no disk
// hides what the engine costs; a push of a large blob over the folder; and one GET over loopback.
#include <benchmark/benchmark.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <slipway/auth/token.hpp>
#include <slipway/core/media_type.hpp>
#include <slipway/http/oci_handler.hpp>
#include <slipway/http/server.hpp>
#include <slipway/image/manifest.hpp>
#include <slipway/registry/registry.hpp>
#include <slipway/storage/open_stores.hpp>
#include <slipway/support/hasher.hpp>

namespace slipway {
namespace {

constexpr std::string_view repository = "bench/image";

/// A registry behind its handler, with one image and many tags and repositories.
class World {
 public:
  explicit World(bool in_memory) {
    std::string pattern = std::filesystem::temp_directory_path() / "slipway-bench-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    folder_ = pattern;
    stores_ = in_memory ? make_memory_stores() : open_stores(folder_).value();
    blobs_ = std::make_unique<BlobStore>(stores_->metadata(), stores_->objects(), Clock::system());
    registry_ = open_registry(*blobs_, Clock::system()).value();
    tokens_ = std::make_unique<TokenStore>(stores_->metadata(), Clock::system());
    authenticator_ = std::make_unique<Authenticator>(
        std::vector<const CredentialVerifier*>{tokens_.get()});
    handler_ = make_oci_handler(*registry_, *authenticator_, policy_);
    authorization_ = "Bearer " + tokens_->create("bench", {Grant{"bench/**", Actions::all()}})->secret;
    push_image();
  }
  ~World() {
    handler_.reset();
    registry_.reset();
    blobs_.reset();
    stores_.reset();
    std::filesystem::remove_all(folder_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void add_tags(int count) {
    const RepositoryName name = RepositoryName::parse(repository).value();
    const bool written =
        stores_->metadata()
            .write([&](WriteTransaction& transaction) -> Result<void> {
              for (int i = 0; i < count; ++i)
                SLIPWAY_CHECK(registry_->put_tag(
                    transaction, name, Tag::parse("v" + std::to_string(1'000'000 + i)).value(),
                    *manifest_));
              return {};
            })
            .ok();
    if (!written) std::abort();
  }

  HttpHandler& handler() { return *handler_; }
  [[nodiscard]] const std::string& authorization() const { return authorization_; }
  [[nodiscard]] std::string layer_path() const {
    return "/v2/bench/image/blobs/" + layer_->to_string();
  }

 private:
  void push_image() {
    const RepositoryName name = RepositoryName::parse(repository).value();
    const std::string config = "{}";
    const std::string layer(4096, 'l');
    layer_ = digest_of(layer);
    Manifest manifest;
    manifest.media_type = media_type::oci_manifest;
    manifest.config = Descriptor{std::string(media_type::oci_config), digest_of(config), 2, "", {}, {}, {}};
    for (int i = 0; i < 5; ++i)
      manifest.layers.push_back({std::string(media_type::oci_layer_gzip), *layer_, 4096, "", {}, {}, {}});
    if (!registry_->put_blob(name, digest_of(config), config, {}) ||
        !registry_->put_blob(name, *layer_, layer, {}))
      std::abort();
    manifest_ = registry_
                    ->put_manifest(name, Tag::parse("latest").value(), to_json(manifest),
                                   media_type::oci_manifest, {}, {})
                    .value()
                    .manifest.digest;
  }

  std::filesystem::path folder_;
  const AccessPolicy policy_{AnonymousAccess::none};
  std::unique_ptr<Stores> stores_;
  std::unique_ptr<BlobStore> blobs_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<TokenStore> tokens_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<HttpHandler> handler_;
  std::string authorization_;
  std::optional<Digest> layer_;
  std::optional<Digest> manifest_;
};

/// Sends a request through the handler; the response keeps its memory, as on a connection.
class Sender {
 public:
  explicit Sender(World& world) : world_(world) {}

  const HttpResponse& send(std::string_view method, std::string_view target,
                           std::string_view body = {}) {
    const std::array fields{HttpField{"Host", "bench"},
                            HttpField{"Authorization", world_.authorization()}};
    HttpRequest request;
    request.method = parse_http_method(method);
    request.method_text = method;
    request.target = target;
    request.fields = fields;
    request.has_body = !body.empty();
    if (request.has_body) request.content_length = body.size();
    request.peer = "127.0.0.1:1";
    response_.clear();
    serve_inline(world_.handler(), request, body, response_);
    return response_;
  }

 private:
  World& world_;
  HttpResponse response_;
};

void repeat(benchmark::State& state, World& world, std::string_view method, const std::string& target) {
  Sender sender(world);
  for (auto _ : state)
    if (sender.send(method, target).status != 200) return state.SkipWithError("not 200");
  state.SetItemsProcessed(state.iterations());
}

void manifest_by_tag(benchmark::State& state) {
  World world(false);
  repeat(state, world, "GET", "/v2/bench/image/manifests/latest");
}
BENCHMARK(manifest_by_tag);

void head_of_blob(benchmark::State& state) {
  World world(false);
  repeat(state, world, "HEAD", world.layer_path());
}
BENCHMARK(head_of_blob);

void small_blob(benchmark::State& state) {
  World world(false);
  repeat(state, world, "GET", world.layer_path());
}
BENCHMARK(small_blob);

/// A page of 1,000 out of so many tags.
void tags_page(benchmark::State& state) {
  World world(false);
  world.add_tags(static_cast<int>(state.range(0)));
  repeat(state, world, "GET", "/v2/bench/image/tags/list?n=1000&last=v1000000");
}
BENCHMARK(tags_page)->Arg(2'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

void push_blob(benchmark::State& state, bool in_memory) {
  World world(in_memory);
  Sender sender(world);
  std::string bytes(static_cast<std::size_t>(state.range(0)), 'x');
  std::uint64_t unique = 0;
  for (auto _ : state) {
    state.PauseTiming();
    ++unique;
    std::memcpy(bytes.data(), &unique, sizeof unique);
    const std::string digest = digest_of(bytes).to_string();
    state.ResumeTiming();
    const std::string location(
        sender.send("POST", "/v2/bench/image/blobs/uploads/").field("Location"));
    if (sender.send("PUT", location + "?digest=" + digest, bytes).status != 201)
      return state.SkipWithError("not 201");
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(push_blob, memory, true)->Arg(4096);
BENCHMARK_CAPTURE(push_blob, folder, false)->Arg(4096)->UseRealTime();
BENCHMARK_CAPTURE(push_blob, folder, false)
    ->Arg(100'000'000)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// The whole way: one connection over loopback, a GET of the manifest after the other.
void manifest_over_loopback(benchmark::State& state) {
  World world(false);
  const auto server = start_http_server(world.handler(), {}).value();
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) std::abort();
  const std::string request = "GET /v2/bench/image/manifests/latest HTTP/1.1\r\nHost: b\r\nAuthorization: " +
                              world.authorization() + "\r\n\r\n";
  std::array<char, 65536> answer;
  for (auto _ : state) {
    if (::send(socket, request.data(), request.size(), 0) < 0) std::abort();
    if (::recv(socket, answer.data(), answer.size(), 0) < 500) return state.SkipWithError("short");
  }
  ::close(socket);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(manifest_over_loopback)->UseRealTime();

}  // namespace
}  // namespace slipway
