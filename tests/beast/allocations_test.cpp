// A connection that sends one request after the other allocates nothing, once it has what it keeps.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

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

namespace slipway::testing {
namespace {

/// Notes at each request how often its I/O thread has allocated until then.
class NotingHandler final : public HttpHandler {
 public:
  HttpAction handle(const HttpRequest& request, HttpResponse& response) override {
    noted.push_back(allocations);
    response.add("Content-Type", "application/octet-stream");
    if (request.method != HttpMethod::head) response.bytes().assign(4096, 'x');
    return HttpDone();
  }
  [[nodiscard]] std::string_view route_name(const HttpRequest&) const noexcept override {
    return "noting";
  }

  std::vector<std::size_t> noted;
};

TEST(AllocationsTest, ARequestOnAnOldConnectionAllocatesNothing) {
  constexpr std::size_t requests = 20;
  constexpr std::size_t first = 5;  // until then there are buffers and metrics to make
  NotingHandler handler;
  handler.noted.reserve(requests);
  {
    const auto server = start_http_server(handler, {}).value();
    RawClient client(server->port());
    for (std::size_t i = 0; i < requests; ++i) {
      client.send("GET /a HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nAuthorization: Bearer x\r\n\r\n");
      EXPECT_EQ(client.receive().status, 200);
    }
  }
  ASSERT_EQ(handler.noted.size(), requests);
  EXPECT_EQ(handler.noted.back() - handler.noted[first], 0U);
}

}  // namespace
}  // namespace slipway::testing
