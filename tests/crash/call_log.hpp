// CallLog: each libc call that changed files below a folder, in the order in which it happened, and
// between them what the program's callers were told.
//
// A flush is two entries, since others write while it runs: what was written before flush_begin is
// on the disk from flush_end on. A write through a descriptor opened with O_DSYNC or O_SYNC is a
// write and, when it returned, a written_through: LMDB writes its meta page so.
//
// Thread safety: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace slipway::crash {

struct Entry {
  enum class Kind : std::uint8_t {
    open,             // number: the handle; path; made: it was not there before
    write,            // number: the handle; offset, bytes
    written_through,  // number: the handle; offset, size: of the write that is on the disk
    truncate,         // number: the handle; size: longer or shorter than before
    map,              // number: the handle; mapped for writing, so its content is not known
    make_folder,      // path
    remove,           // path, of a file or a folder
    rename,           // path, target
    link,             // path, target
    flush_begin,      // number: the handle; flush
    flush_end,        // flush
    not_modelled,     // path: what the program did
    begin,            // number: the action that a caller began
    succeed,          // number: the action; its caller was told so
    fail,             // number: the action; its caller was told that nothing was done
    kill,             // the process ended as with kill -9; files stay as they were
  };

  Kind kind{};
  std::uint64_t number = 0;
  std::uint64_t flush = 0;   // pairs flush_begin and flush_end
  std::uint64_t offset = 0;  // bytes
  std::uint64_t size = 0;    // bytes
  bool made = false;
  std::string path{};  // relative to the recorded folder
  std::string target{};
  std::string bytes{};
};

using CallLog = std::vector<Entry>;

/// One line for people.
std::string describe(const Entry& entry);

}  // namespace slipway::crash
