// What bounds a server: timeouts, connections, descriptors; and how it ends.
#include <gtest/gtest.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <fstream>
#include <mutex>
#include <thread>
#include <vector>

#include "beast/response_head.hpp"
#include "tests/beast/raw_client.hpp"
#include "tests/beast/test_server.hpp"

namespace slipway {
namespace {

using namespace std::chrono_literals;
using testing::ByteCount;
using testing::Event;
using testing::RawClient;
using testing::TestServer;

const std::string hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

/// Answers how many bytes came, and counts them where a test can wait for them.
class CountingReceiver final : public BodyReceiver {
 public:
  explicit CountingReceiver(ByteCount& count) : count_(count) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    size_ += bytes.size();
    count_.add(bytes.size());
    return {};
  }
  void finish(HttpResponse& response) override { response.bytes() = std::to_string(size_); }
  void fail(const Error& error, HttpResponse& response) override {
    respond_with_problem(error, response);
  }

 private:
  ByteCount& count_;
  std::size_t size_ = 0;
};

class ClockedServer {
 public:
  ManualClock clock{Timestamp(1700000000000ms)};
  TestServer server{{}, {.clock = &clock}};

  /// Waits until the server has seen a time, which its Date field says. A connection that was made
  /// just before time leapt may be ended by the leap.
  void wait_for_date(std::string_view text) {
    for (;;) {
      try {
        RawClient client(server.port());
        client.send(hello);
        if (client.receive().has(text)) return;
      } catch (const std::runtime_error&) {
      }
    }
  }

  /// Waits until the server has seen the time that it is now.
  void catch_up() { wait_for_date(beast::http_date(clock.now())); }

  /// Moves time until the connection ends; the answer says by how much.
  std::chrono::nanoseconds time_until_closed(RawClient& client) {
    const auto start = clock.monotonic();
    while (!client.is_readable()) {
      clock.advance(1s);
      std::this_thread::yield();
    }
    return clock.monotonic() - start;
  }
};

TEST(TimeoutsTest, AnIdleConnectionIsClosed) {
  ClockedServer clocked;
  RawClient client(clocked.server.port());
  client.send(hello);
  client.receive();
  clocked.clock.advance(70s);  // below idle_timeout
  clocked.wait_for_date(" 22:14:30 GMT\r\n");  // 70 seconds after the start
  client.send(hello);
  EXPECT_EQ(client.receive().body, "hello");
  EXPECT_GE(clocked.time_until_closed(client), 75s);
  EXPECT_TRUE(client.is_closed());
}

TEST(TimeoutsTest, AHeadMustComeInTime) {
  ClockedServer clocked;
  RawClient client(clocked.server.port());
  client.send(hello + "GET /hello HTT");  // the first answer says that the rest was read, too
  client.receive();
  EXPECT_GE(clocked.time_until_closed(client), 10s);
  client.send("P/1.1\r\n");  // too late
  const auto answer = client.receive();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_NE(answer.body.find("limits.head_timeout"), std::string::npos);
  EXPECT_TRUE(client.is_closed());
}

TEST(TimeoutsTest, ABodyMustMove) {
  ClockedServer clocked;
  Event appended, gone;
  clocked.server.handler.on("/body", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    appended.set();
    const std::shared_ptr<void> end(nullptr, [&](void*) { gone.set(); });
    return HttpReceive{receive_whole_body(
        1'000'000, [end](std::string&&, HttpResponse&) {}, [](const Error&, HttpResponse&) {})};
  });
  RawClient client(clocked.server.port());
  client.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc");
  appended.wait();
  EXPECT_GE(clocked.time_until_closed(client), 30s);
  client.send("def");  // too late, and no reason to reset the connection under the answer
  const auto answer = client.receive();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_NE(answer.body.find("limits.stall_timeout"), std::string::npos);
  EXPECT_TRUE(client.is_closed());
  gone.wait();
}

TEST(TimeoutsTest, ASmallBodyMustMoveAndIsNoRequest) {
  ClockedServer clocked;
  RawClient client(clocked.server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n"
              "\r\n");
  EXPECT_EQ(client.receive().status, 100);
  client.send("abc");
  clocked.time_until_closed(client);
  client.send(std::string(97, 'x') + hello);
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_EQ(client.receive_all(), "") << "what comes behind is not served";
}

TEST(TimeoutsTest, ABodyThatNobodyWantsMustMoveToo) {
  ClockedServer clocked;
  RawClient client(clocked.server.port());
  client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
  EXPECT_EQ(client.receive().body, "hello");
  EXPECT_GE(clocked.time_until_closed(client), 30s);
  EXPECT_TRUE(client.is_closed());
}

TEST(TimeoutsTest, AnAnswerMustMove) {
  ClockedServer clocked;
  clocked.server.handler.on("/large", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.bytes().assign(50'000'000, 'x');
    return HttpDone();
  });
  RawClient client(clocked.server.port(), 4096);
  client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  client.take_until("\r\n\r\n");
  // It stays readable, so what tells of the end is that not all comes.
  for (int second = 0; second < 120; ++second) {
    clocked.clock.advance(1s);
    clocked.catch_up();
  }
  EXPECT_LT(client.receive_all().size(), 50'000'000U);
}

TEST(TimeoutsTest, AHandlerMayTakeItsTime) {
  ClockedServer clocked;
  Event running, go_on;
  clocked.server.handler.on("/long", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[&](HttpResponse& response) {
      running.set();
      go_on.wait();
      response.bytes() = "done";
    }};
  });
  RawClient client(clocked.server.port());
  client.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
  running.wait();
  for (int i = 0; i < 10; ++i) clocked.clock.advance(60s);
  clocked.wait_for_date(" 22:23:20 GMT\r\n");  // ten minutes after the start
  go_on.set();
  EXPECT_EQ(client.receive().body, "done");
}

TEST(TimeoutsTest, TheDateFollowsTheClock) {
  ClockedServer clocked;
  RawClient client(clocked.server.port());
  client.send(hello);
  // `date -u -d @1700000000`
  EXPECT_TRUE(client.receive().has("Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
  clocked.clock.advance(5s);
  for (;;) {  // as soon as the tick has come through
    client.send(hello);
    if (client.receive().has("Date: Tue, 14 Nov 2023 22:13:25 GMT\r\n")) break;
  }
}

TEST(TimeoutsTest, ABodyThatTricklesIsGivenUp) {
  ClockedServer clocked;
  RawClient client(clocked.server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
  // A byte each 29 seconds: no pause is as long as stall_timeout.
  const auto start = clocked.clock.monotonic();
  while (!client.is_readable()) {
    client.send("x");
    for (int second = 0; second < 29 && !client.is_readable(); ++second) {
      clocked.clock.advance(1s);
      clocked.catch_up();
    }
  }
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_TRUE(client.is_closed());
  EXPECT_GE(clocked.clock.monotonic() - start, 30s);
  EXPECT_LT(clocked.clock.monotonic() - start, 120s);
}

TEST(TimeoutsTest, ABodyThatIsSlowAndHonestIsTaken) {
  ClockedServer clocked;
  ByteCount arrived;
  clocked.server.handler.on("/slow", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpReceive{std::make_unique<CountingReceiver>(arrived)};
  });
  RawClient client(clocked.server.port());
  client.send("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 160000\r\n\r\n");
  // 1,600 bytes a second, with pauses of 20 seconds: 800 bytes a second in all.
  std::size_t sent = 0;
  for (int piece = 0; piece < 5; ++piece) {
    for (int second = 0; second < 20; ++second) {
      client.send(std::string(1600, 'x'));
      arrived.wait_for(sent += 1600);
      clocked.clock.advance(1s);
      clocked.catch_up();
    }
    clocked.clock.advance(20s);
    clocked.catch_up();
  }
  EXPECT_EQ(client.receive().body, "160000");
}

TEST(TimeoutsTest, AnAnswerThatIsReadInDribsIsGivenUp) {
  ClockedServer clocked;
  clocked.server.handler.on("/large", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.bytes().assign(50'000'000, 'x');
    return HttpDone();
  });
  RawClient client(clocked.server.port(), 4096);
  client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  client.take_until("\r\n\r\n");
  for (int second = 0; second < 300; ++second) {
    if (second % 29 == 0) {
      char byte = 0;
      ::recv(client.socket(), &byte, 1, 0);
    }
    clocked.clock.advance(1s);
    clocked.catch_up();
  }
  EXPECT_LT(client.receive_all().size(), 50'000'000U);
}

TEST(LimitsTest, ANewcomerTakesThePlaceOfWhoWaitedLongest) {
  HttpServerOptions options;
  options.max_connections = 2;
  TestServer server(options);
  RawClient first(server.port());
  first.send("GET /hello HTT");  // a slow head counts as waiting
  RawClient second(server.port());
  second.send(hello);
  EXPECT_EQ(second.receive().body, "hello");
  for (int i = 0; i < 20; ++i) {
    RawClient newcomer(server.port());
    newcomer.send(hello);
    EXPECT_EQ(newcomer.receive().body, "hello");
  }
  EXPECT_TRUE(first.is_closed());
}

TEST(LimitsTest, ConnectionsAboveTheLimitWaitWhenAllAreBusy) {
  HttpServerOptions options;
  options.max_connections = 2;
  TestServer server(options);
  std::atomic<int> running{0};
  Event all_run, go_on;
  server.handler.on("/block", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[&](HttpResponse& response) {
      if (++running == 2) all_run.set();
      go_on.wait();
      response.bytes() = "done";
    }};
  });
  RawClient first(server.port()), second(server.port());
  for (RawClient* client : {&first, &second})
    client->send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n");
  all_run.wait();
  RawClient third(server.port());
  third.send(hello);
  EXPECT_FALSE(third.is_readable());
  go_on.set();
  EXPECT_EQ(first.receive().body, "done");
  EXPECT_EQ(second.receive().body, "done");
  EXPECT_EQ(third.receive().body, "hello");
}

TEST(LimitsTest, OneClientMayHaveSoManyConnections) {
  HttpServerOptions options;
  options.max_connections_per_client = 3;
  TestServer server(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(hello);
    EXPECT_EQ(clients.back()->receive().body, "hello");
  }
  RawClient fourth(server.port());
  EXPECT_TRUE(fourth.receive_all().starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  clients.pop_back();
  for (bool again = true; again;) {  // as soon as the server knows that one has gone
    RawClient next(server.port());
    next.send(hello);
    try {
      again = next.receive().status != 200;
    } catch (const std::runtime_error&) {  // refused and reset, since it had sent something
    }
  }
}

TEST(LimitsTest, LargeBodiesThatAreKeptWholeShareTheirMemory) {
  HttpServerOptions options;
  options.max_body_memory = 1'000'000;
  TestServer server(options);
  ByteCount arrived;
  server.handler.on("/whole", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpReceive{std::make_unique<CountingReceiver>(arrived), 800'000, true};
  });
  const auto head = [](std::size_t size) {
    return "POST /whole HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
  };
  RawClient holder(server.port());
  holder.send(head(800'000) + std::string(799'999, 'x'));
  arrived.wait_for(799'999);
  RawClient refused(server.port());
  refused.send(head(300'000) + std::string(300'000, 'y'));
  const auto refusal = refused.receive();
  EXPECT_EQ(refusal.status, 503);
  EXPECT_NE(refusal.body.find("limits.max_body_memory"), std::string::npos);
  RawClient small(server.port());
  small.send(head(60'000) + std::string(60'000, 'z'));
  EXPECT_EQ(small.receive().body, "60000") << "small ones always find room";
  holder.send("x");
  EXPECT_EQ(holder.receive().body, "800000");
  RawClient second(server.port());
  second.send(head(300'000) + std::string(300'000, 'y'));
  EXPECT_EQ(second.receive().body, "300000") << "what was held was given back";
}

class CountingLog final : public Log {
 public:
  void write(LogLevel level, std::string_view event, std::span<const LogField>) noexcept override {
    const std::lock_guard lock(mutex_);
    if (level == LogLevel::warning && event == "connections are not accepted for now") ++count_;
  }
  int count() {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  int count_ = 0;
};

TEST(LimitsTest, WithoutDescriptorsItWaitsForSome) {
  CountingLog log;
  ManualClock clock{Timestamp(1700000000000ms)};
  TestServer server({}, {.clock = &clock}, log);
  Event runs, go_on;
  server.handler.on("/block", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[&](HttpResponse& response) {
      runs.set();
      go_on.wait();
      response.bytes() = "done";
    }};
  });
  RawClient served(server.port());
  served.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n");
  runs.wait();

  RawClient waiting(server.port());  // has its descriptor; the server's is still to come
  RawClient also_waiting(server.port());
  for (RawClient* client : {&waiting, &also_waiting}) {
    client->send(hello);
    client->receive();
  }
  // UBSan needs descriptors for the first look at an object of a type.
  log.warning("first");
  EXPECT_EQ(log.count(), 0);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  // The client's socket exists before the limit falls, and connects after.
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  while (log.count() == 0) std::this_thread::yield();
  go_on.set();
  EXPECT_EQ(served.receive().body, "done") << "those that are served go on";
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  ::send(socket, hello.data(), hello.size(), MSG_NOSIGNAL);
  clock.advance(2s);
  char byte = 0;
  EXPECT_EQ(::recv(socket, &byte, 1, 0), 1);
  ::close(socket);
  EXPECT_EQ(log.count(), 1) << "it spins";
}

TEST(LimitsTest, NoDescriptorIsInherited) {
  TestServer server;
  RawClient client(server.port());
  client.send(hello);
  client.receive();
  DIR* const folder = ::opendir("/proc/self/fd");
  int sockets = 0;
  while (const dirent* entry = ::readdir(folder)) {
    const int descriptor = std::atoi(entry->d_name);
    char target[256] = {};
    const std::string link = std::string("/proc/self/fd/") + entry->d_name;
    if (::readlink(link.c_str(), target, sizeof target - 1) <= 0) continue;
    const std::string name(target);
    const bool ours = name.starts_with("socket:") || name.starts_with("anon_inode:");
    if (!ours || descriptor <= 2) continue;
    ++sockets;
    EXPECT_NE(::fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0) << name;
  }
  ::closedir(folder);
  EXPECT_GE(sockets, 4);  // the listener, both ends of the connection, an event loop
}

TEST(StartTest, TellsWhyItCannotListen) {
  TestServer server;
  HttpServerOptions options;
  options.port = server.port();
  auto taken = start_http_server(server.handler, options);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code, ErrorCode::conflict);
  options.host = "no.such.host.invalid";
  auto unknown = start_http_server(server.handler, options);
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::invalid_argument);
  options.host = "192.0.2.1";  // RFC 5737: nobody's
  auto foreign = start_http_server(server.handler, options);
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, ErrorCode::invalid_argument);
}

TEST(StartTest, ServesIpV6) {
  HttpServerOptions options;
  options.host = "::1";
  TestServer server(options);
  EXPECT_GT(server.port(), 0);
}

TEST(DrainTest, IdleConnectionsAreClosedAndRunningRequestsEnd) {
  TestServer server;
  Event running, go_on;
  server.handler.on("/block", [&](const HttpRequest&, HttpResponse&) -> HttpAction {
    return HttpBlocking{[&](HttpResponse& response) {
      running.set();
      go_on.wait();
      response.bytes() = "done";
    }};
  });
  RawClient idle(server.port()), busy(server.port());
  idle.send(hello);
  idle.receive();
  busy.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n" + hello);
  running.wait();
  std::thread drain([&] { server->drain(1h); });
  EXPECT_TRUE(idle.is_closed());
  go_on.set();
  const auto response = busy.receive();
  EXPECT_EQ(response.body, "done");
  EXPECT_TRUE(response.has("Connection: close"));
  EXPECT_EQ(busy.receive_all(), "") << "no new request is taken";
  drain.join();
  EXPECT_THROW(RawClient(server.port()), std::runtime_error);
}

TEST(DrainTest, WhatIsLeftAfterTheGraceIsCut) {
  ManualClock clock{Timestamp(1700000000000ms)};
  TestServer server({}, {.clock = &clock});
  server.handler.on("/large", [](const HttpRequest&, HttpResponse& response) -> HttpAction {
    response.bytes().assign(50'000'000, 'x');
    return HttpDone();
  });
  RawClient client(server.port(), 4096);
  client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  client.take_until("\r\n\r\n");
  std::atomic<bool> done = false;
  std::thread drain([&] {
    server->drain(5s);
    done = true;
  });
  while (!done) {
    clock.advance(100ms);
    std::this_thread::yield();
  }
  drain.join();
  EXPECT_LT(client.receive_all().size(), 50'000'000U);
}

TEST(DrainTest, TwiceIsOnce) {
  TestServer server;
  server->drain(1s);
  server->drain(1s);
}

}  // namespace
}  // namespace slipway
