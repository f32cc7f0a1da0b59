#include "tests/crash/call_log.hpp"

namespace slipway::crash {

std::string describe(const Entry& entry) {
  const std::string number = std::to_string(entry.number);
  const auto range = [&](std::uint64_t size) {
    return " of handle " + number + ", " + std::to_string(size) + " bytes at " +
           std::to_string(entry.offset);
  };
  switch (entry.kind) {
    case Entry::Kind::open:
      return "open " + entry.path + (entry.made ? ", made" : "") + ": handle " + number;
    case Entry::Kind::write:
      return "write" + range(entry.bytes.size());
    case Entry::Kind::written_through:
      return "written through" + range(entry.size);
    case Entry::Kind::truncate:
      return "truncate handle " + number + " to " + std::to_string(entry.size);
    case Entry::Kind::map:
      return "map handle " + number;
    case Entry::Kind::make_folder:
      return "mkdir " + entry.path;
    case Entry::Kind::remove:
      return "remove " + entry.path;
    case Entry::Kind::rename:
      return "rename " + entry.path + " to " + entry.target;
    case Entry::Kind::link:
      return "link " + entry.path + " to " + entry.target;
    case Entry::Kind::flush_begin:
      return "flush " + std::to_string(entry.flush) + " of handle " + number + " begins";
    case Entry::Kind::flush_end:
      return "flush " + std::to_string(entry.flush) + " ends";
    case Entry::Kind::not_modelled:
      return "not modelled: " + entry.path;
    case Entry::Kind::begin:
      return "action " + number + " begins";
    case Entry::Kind::succeed:
      return "action " + number + " is acknowledged";
    case Entry::Kind::fail:
      return "action " + number + " failed";
    case Entry::Kind::kill:
      return "kill -9";
  }
  return "unknown";
}

}  // namespace slipway::crash
