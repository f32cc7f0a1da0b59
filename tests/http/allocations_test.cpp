// How often the hot paths of /v2/ allocate, in the steady state: exact numbers, so that nobody adds
// one without knowing. The folder's stores are used as the server uses them; LMDB's own memory is
// not counted.
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "tests/http/oci_fixture.hpp"

namespace {

thread_local std::size_t allocations = 0;

}  // namespace

// Not inlined: g++ would see malloc behind new, and free behind delete, and call them mismatched.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}

namespace slipway::test {
namespace {

/// A request that is made once and sent often, with a response that keeps its memory, as on a
/// connection.
class Repeated {
 public:
  Repeated(std::string_view method, std::string target, Fields fields, std::string body = {})
      : target_(std::move(target)), fields_(std::move(fields)), body_(std::move(body)) {
    for (const auto& [name, value] : fields_) views_.push_back({name, value});
    request_.method = parse_http_method(method);
    request_.method_text = method;
    request_.fields = views_;
    request_.has_body = !body_.empty();
    if (request_.has_body) request_.content_length = body_.size();
    request_.peer = "127.0.0.1:40112";
  }

  /// How often it allocated.
  std::size_t send(HttpHandler& handler) {
    request_.target = target_;
    response_.clear();
    const std::size_t before = allocations;
    serve_inline(handler, request_, body_, response_);
    return allocations - before;
  }
  [[nodiscard]] const HttpResponse& response() const noexcept { return response_; }

 private:
  const std::string target_;
  const Fields fields_;
  const std::string body_;
  std::vector<HttpField> views_;
  HttpRequest request_;
  HttpResponse response_;
};

class Allocations : public ::testing::Test {
 protected:
  Allocations() {
    const auto token = world_.tokens().create("continuous integration",
                                              {Grant{"team/**", {Action::pull, Action::push}}});
    secret_ = token.value().secret;
    push("a layer");
    layer_digest_ = push(layer_);
    const std::string config_digest = push("{}");
    Repeated manifest("PUT", base_ + "manifests/latest",
                      {bearer(), {"Content-Type", oci_manifest_type}}, image_json("{}", {layer_}));
    manifest.send(world_.handler());
    EXPECT_EQ(manifest.response().status, 201) << manifest.response().text();
  }

  [[nodiscard]] std::pair<std::string, std::string> bearer() const {
    return {"Authorization", "Bearer " + secret_};
  }

  std::string push(const std::string& bytes) {
    upload(bytes);
    return digest_text(bytes);
  }

  /// How often POST and PUT of an upload allocated.
  std::pair<std::size_t, std::size_t> upload(const std::string& bytes) {
    Repeated post("POST", base_ + "blobs/uploads/", {bearer()});
    const std::size_t posts = post.send(world_.handler());
    EXPECT_EQ(post.response().status, 202);
    const std::string location(post.response().field("Location"));
    Repeated put("PUT", location + "?digest=" + digest_text(bytes), {bearer()}, bytes);
    const std::size_t puts = put.send(world_.handler());
    EXPECT_EQ(put.response().status, 201) << put.response().text();
    return {posts, puts};
  }

  /// In the steady state: the first times make what is kept.
  std::size_t repeated(std::string_view method, const std::string& target) {
    Repeated request(method, target, {bearer()});
    for (int i = 0; i < 3; ++i) request.send(world_.handler());
    const std::size_t count = request.send(world_.handler());
    EXPECT_EQ(request.response().status, 200) << request.response().text();
    return count;
  }

  OciWorld world_{StoreKind::folder, AnonymousAccess::none};
  const std::string base_ = "/v2/team/an-image-with-a-long-name/";
  const std::string layer_ = std::string(4096, 'l');
  std::string secret_;
  std::string layer_digest_;
};

TEST_F(Allocations, ManifestByTagWithAToken) {
  EXPECT_EQ(repeated("GET", base_ + "manifests/latest"), 3U);
}

TEST_F(Allocations, HeadOfABlob) {
  EXPECT_EQ(repeated("HEAD", base_ + "blobs/" + layer_digest_), 2U);
}

TEST_F(Allocations, SmallBlob) {
  EXPECT_EQ(repeated("GET", base_ + "blobs/" + layer_digest_), 2U);
}

TEST_F(Allocations, UploadOfASmallBlob) {
  for (int i = 0; i < 3; ++i) upload(std::string(4096, static_cast<char>('a' + i)));
  const auto [posts, puts] = upload(std::string(4096, 'x'));
  EXPECT_EQ(posts, 15U);
  EXPECT_EQ(puts, 57U);
}

}  // namespace
}  // namespace slipway::test
