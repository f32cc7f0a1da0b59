#include "tests/lmdb/faulty_disk.hpp"

#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

namespace slipway::test {

DiskFaults faults;

namespace {

bool take_one(std::atomic<int>& left) {
  int count = left.load();
  while (count > 0 && !left.compare_exchange_weak(count, count - 1)) {
  }
  if (count > 0) ++faults.met;
  return count > 0;
}

bool is_called(int file, std::string_view name) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  return size > 0 && std::string_view(path.data(), static_cast<std::size_t>(size)).ends_with(name);
}

std::atomic<int>* fault_of_a_write(int file, off_t offset) {
  constexpr off_t meta_pages = 2 * 4096;
  constexpr off_t journal_records = 512 * 1024;
  if (is_called(file, "/journal")) return offset < journal_records ? &faults.slots : &faults.appends;
  if (is_called(file, "/data.mdb")) return offset < meta_pages ? &faults.metas : &faults.pages;
  return nullptr;
}

template <class Call>
ssize_t faulty_write(int file, off_t offset, const Call& call) {
  std::atomic<int>* const fault = fault_of_a_write(file, offset);
  const bool fails = fault != nullptr && take_one(*fault);
  if (!fails) return call();
  if (faults.done_all_the_same.exchange(false)) (void)call();
  errno = EIO;
  return -1;
}

ssize_t faulty_pwrite(int file, const void* bytes, size_t size, off_t offset) {
  return faulty_write(file, offset, [=] { return ::syscall(SYS_pwrite64, file, bytes, size, offset); });
}

ssize_t faulty_writev(int file, const iovec* parts, int count) {
  return faulty_write(file, ::lseek(file, 0, SEEK_CUR),
                      [=] { return ::syscall(SYS_writev, file, parts, count); });
}
int faulty_flush(int file) {
  if (!take_one(faults.flushes)) return static_cast<int>(::syscall(SYS_fdatasync, file));
  errno = EIO;
  return -1;
}

}  // namespace

}  // namespace slipway::test

extern "C" {
[[gnu::visibility("default")]] ssize_t pwrite(int file, const void* bytes, size_t size,
                                              off_t offset) {
  return slipway::test::faulty_pwrite(file, bytes, size, offset);
}
[[gnu::visibility("default")]] ssize_t pwrite64(int file, const void* bytes, size_t size,
                                                off_t offset) {
  return slipway::test::faulty_pwrite(file, bytes, size, offset);
}
[[gnu::visibility("default")]] ssize_t writev(int file, const iovec* parts, int count) {
  return slipway::test::faulty_writev(file, parts, count);
}
[[gnu::visibility("default")]] int fdatasync(int file) {
  return slipway::test::faulty_flush(file);
}
}
