// The soak of the registry: many writers push, mount, ask before they name, retag, delete and read
// over HTTP against a real `slipway serve`, while its garbage collection runs without pause and with
// a short lease. Everything that was acknowledged is checked, and once the writers have deleted what
// was theirs, storage has to be as it was at the start: rows, objects, stages, LMDB's pages.
//
//   registry_soak [--operations N] [--seconds N] [--writers N]
//
// It ends when there were so many operations and so much time has passed. The program under test is
// SLIPWAY_PROGRAM; the seed is printed, and SLIPWAY_TEST_SEED sets it.
#include <lmdb.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <slipway/storage/open_stores.hpp>

#include "json/value.hpp"
#include "storage/key_space.hpp"
#include "tests/program/harness.hpp"
#include "tests/soak/writer.hpp"
#include "tests/storage/object_testing.hpp"
#include "tests/storage/random_seed.hpp"

namespace slipway::soak {
namespace {

using namespace std::chrono_literals;
using testing_program::ServeProcess;
using Steady = std::chrono::steady_clock;

/// Long enough that a commit on a busy disk is short beside it, short enough that what nobody names
/// is collected many times in a run.
constexpr std::chrono::milliseconds lease = 4s;
constexpr std::chrono::milliseconds upload_lifetime = 20s;
constexpr std::string_view configuration = R"(
registry:
  upload_lifetime: 20s
  gc: {interval: off, lease: 4s, load: 100}
)";

struct Options {
  std::uint64_t operations = 5'000;
  std::uint64_t seconds = 10;
  std::uint64_t writers = 32;
};

Options parse_options(int count, char** words) {
  Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    const std::string_view text = words[i + 1];
    std::uint64_t* value = name == "--operations" ? &options.operations
                           : name == "--seconds"  ? &options.seconds
                           : name == "--writers"  ? &options.writers
                                                  : nullptr;
    const char* end = text.data() + text.size();
    if (value == nullptr || std::from_chars(text.data(), end, *value).ptr != end)
      throw std::runtime_error("use --operations, --seconds and --writers, each with a number");
  }
  return options;
}

/// What a data folder holds.
struct Contained {
  std::set<std::string> keys;
  std::set<std::string> objects;
  std::set<std::string> stages;
  std::size_t pages = 0;  // of LMDB's tree, those in use
};

std::size_t pages_in_use(const std::filesystem::path& folder) {
  MDB_env* env = nullptr;
  MDB_txn* transaction = nullptr;
  MDB_stat stat{};
  MDB_dbi database = 0;
  const bool read = mdb_env_create(&env) == 0 &&
                    mdb_env_open(env, folder.c_str(), MDB_RDONLY, 0600) == 0 &&
                    mdb_txn_begin(env, nullptr, MDB_RDONLY, &transaction) == 0 &&
                    mdb_dbi_open(transaction, nullptr, 0, &database) == 0 &&
                    mdb_stat(transaction, database, &stat) == 0;
  mdb_txn_abort(transaction);
  mdb_env_close(env);
  if (!read) throw std::runtime_error("LMDB's pages cannot be counted");
  return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

Contained look_into(const std::filesystem::path& folder) {
  Contained contained;
  {
    const auto stores = open_stores(folder);
    if (!stores) throw std::runtime_error(stores.error().message);
    const auto keys = test::all_keys(**(*stores)->metadata().snapshot());
    const auto objects = test::all_objects((*stores)->objects());
    const auto stages = test::all_stages((*stores)->objects());
    contained.keys = {keys.begin(), keys.end()};
    contained.objects = {objects.begin(), objects.end()};
    contained.stages = {stages.begin(), stages.end()};
  }
  contained.pages = pages_in_use(folder / "metadata");
  return contained;
}

/// Starts a collection, follows it to its end and notes what it did.
void collect_once(Client& client, Report& report) {
  const auto started = client.send(HttpMethod::post, "/api/v1/admin/gc", "{}", "application/json");
  if (started.status != 202)
    return report.violation("gc: " + std::to_string(started.status) + " " + started.body);
  const auto operation = json::Document::parse(started.body);
  const std::string id(operation->root().find("id").text());
  const auto followed =
      client.send(HttpMethod::get, "/api/v1/admin/operations/" + id + "?follow=true");
  const std::string_view lines = followed.body;
  const std::size_t end = lines.find_last_not_of('\n') + 1;
  const std::size_t begin = lines.substr(0, end).rfind('\n') + 1;
  const auto last = json::Document::parse(lines.substr(begin, end - begin));
  if (!last || last->root().find("state").text() != "succeeded")
    return report.violation("gc ended otherwise: " + followed.body);
  report.note("gc passes");
  const json::Value result = last->root().find("result");
  for (const std::string name : {"blobs_unlinked", "blobs_removed", "bytes_removed",
                                 "repositories_removed", "uploads_removed", "orphans_removed"})
    report.note("gc " + name, result.find(name).as_uint64().value_or(0));
  if (result.find("failures").as_uint64() != 0) report.violation("gc: failures " + followed.body);
}

/// A thread whose exceptions are violations.
template <class Work>
std::jthread run_guarded(Report& report, Work work) {
  return std::jthread([&report, work = std::move(work)](const std::stop_token& stop) {
    try {
      work(stop);
    } catch (const std::exception& exception) {
      report.violation(exception.what());
    }
  });
}

void soak(const Plan& plan, const Options& options, std::uint64_t seed, Report& report) {
  const Contents contents(seed, 1000);
  const auto end = Steady::now() + std::chrono::seconds(options.seconds);
  std::vector<std::jthread> writers;
  for (std::uint64_t number = 0; number < options.writers; ++number)
    writers.push_back(run_guarded(report, [&, number](const std::stop_token&) {
      Writer writer(plan, contents, report, number, seed + 1 + number);
      while (Steady::now() < end || report.operations() < options.operations) writer.step();
      writer.finish();
    }));
  const auto collecting = run_guarded(report, [&](const std::stop_token& stop) {
    Client client(plan.url, plan.token);
    while (!stop.stop_requested()) collect_once(client, report);
  });
  for (std::jthread& writer : writers) writer.join();
}

/// Until every lease and every upload's time has run out.
void collect_the_rest(const Plan& plan, Report& report) {
  Client client(plan.url, plan.token);
  const auto end = Steady::now() + std::max(2 * plan.lease, plan.upload_lifetime) + 1s;
  do {
    std::this_thread::sleep_for(500ms);
    collect_once(client, report);
  } while (Steady::now() < end);
  collect_once(client, report);
  const auto metrics = client.send(HttpMethod::get, "/metrics");
  for (const std::string line : {"\nslipway_blobs 0\n", "\nslipway_stored_bytes 0\n", "\nslipway_tags 0\n",
                                 "\nslipway_manifests 0\n", "\nslipway_repositories 0\n"})
    if (metrics.body.find(line) == std::string::npos)
      report.violation("metrics lack:" + line.substr(0, line.size() - 1));
}

void compare(const Contained& before, const Contained& after, Report& report) {
  const auto tell = [&](const std::set<std::string>& was, const std::set<std::string>& is,
                        const std::string& what) {
    std::size_t differ = 0;
    for (const std::string& one : is)
      if (!was.contains(one) && ++differ <= 3)
        report.violation("left behind, " + what + ": " + one.substr(0, 80));
    for (const std::string& one : was)
      if (!is.contains(one)) report.violation("lost, " + what + ": " + one.substr(0, 80));
    std::cout << what << ": " << was.size() << " at the start, " << is.size() << " at the end\n";
  };
  tell(before.keys, after.keys, "rows");
  tell(before.objects, after.objects, "objects");
  tell(before.stages, after.stages, "stages");
  std::cout << "pages in use: " << before.pages << " at the start, " << after.pages
            << " at the end\n";
  if (after.pages > before.pages + 2) report.violation("LMDB's pages did not come back");
}

bool run(const Options& options) {
  const std::uint64_t seed = test::random_seed();
  const testing_program::TemporaryFolder folder;
  testing_program::write_file(folder / "config.yaml", configuration);
  const std::filesystem::path data = folder / "data";
  const std::vector<std::string> more{"--config", (folder / "config.yaml").string()};
  const auto stop = [](ServeProcess& server) {
    if (server.stop() != 0) throw std::runtime_error("serve: " + server.child().errors().all());
  };
  {
    ServeProcess first(data, more);
    stop(first);
  }
  const Contained before = look_into(data);
  Report report;
  {
    ServeProcess server(data, more);
    const Plan plan{server.url(), server.token(), lease, upload_lifetime};
    soak(plan, options, seed, report);
    collect_the_rest(plan, report);
    stop(server);
  }
  compare(before, look_into(data), report);
  report.print();
  if (report.noted("gc blobs_removed") == 0) report.violation("nothing was ever collected");
  return report.violations() == 0;
}

}  // namespace
}  // namespace slipway::soak

int main(int count, char** words) {
  try {
    const bool passed = slipway::soak::run(slipway::soak::parse_options(count, words));
    std::cout << (passed ? "1 passed, 0 failed" : "0 passed, 1 failed") << std::endl;
    return passed ? 0 : 1;
  } catch (const std::exception& exception) {
    std::cerr << "registry_soak: " << exception.what() << std::endl;
    return 2;
  }
}
