#include "tests/crash/recorded_run.hpp"

#include <iterator>
#include <random>
#include <utility>

#include "tests/crash/disk.hpp"
#include "tests/crash/tree_folder.hpp"
#include "tests/temporary_folder.hpp"

namespace slipway::crash {

namespace {

/// The files as the calls so far made them.
Tree files_after(const CallLog& log) {
  Disk disk;
  for (const Entry& entry : log) disk.apply(entry);
  return disk.present();
}

void prove_complete(World& world, const CallLog& log, const std::filesystem::path& folder) {
  Disk disk;
  for (const Entry& entry : log) disk.apply(entry);
  if (disk.problem()) world.complain(*disk.problem());
  const std::string differs = difference(disk.present(), read_tree(folder));
  if (!differs.empty()) world.complain("the log is not all that happened: " + differs);
  for (const auto& [path, node] : disk.present())
    if (node.unknown && !path.ends_with("/lock.mdb"))
      world.complain(path + " is written to by mapping it");
}

void kill(World& world, CallLog& log, std::size_t length) {
  log.resize(length);
  log.push_back({.kind = Entry::Kind::kill});
  History history(world.actions());
  for (const Entry& entry : log) history.apply(entry);
  world.forget_unanswered(history);
}

}  // namespace

RecordedRun record_run(std::uint64_t seed, const RunOptions& options) {
  std::mt19937_64 random(seed);
  RecordedRun run{std::make_unique<World>(seed), {}};
  for (unsigned session = 0; session < options.sessions; ++session) {
    const auto folder =
        options.in_memory ? test::TemporaryFolder::in_memory() : test::TemporaryFolder();
    write_tree(files_after(run.log), folder.path(), random);
    Recorder recorder(folder.path());
    run_session(*run.world, recorder, folder.path() / "data", random(), options.session);
    CallLog log = recorder.take();
    const std::size_t before = run.log.size();
    run.log.insert(run.log.end(), std::make_move_iterator(log.begin()),
                   std::make_move_iterator(log.end()));
    prove_complete(*run.world, run.log, folder.path());
    const std::size_t length = run.log.size() - before;
    if (session + 1 < options.sessions)
      kill(*run.world, run.log, before + length / 4 + random() % (length - length / 4));
  }
  return run;
}

}  // namespace slipway::crash
