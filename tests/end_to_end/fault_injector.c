/* fault_injector: loaded before the C library (LD_PRELOAD), lets system calls on files fail as a failing machine would.
 *
 * The file that SLIPWAY_FAULTS names is shared with the test: an array of rules, one for each kind of call, that the test writes and
 * the calls read. tests/end_to_end/machine.py is the other side. A rule that is not armed costs a look at one number.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* kind_meta: writes to LMDB's meta pages, the first two of its file. */
enum kind { kind_write, kind_flush, kind_open, kind_rename, kind_accept, kind_meta, kinds };
static const off_t meta_pages = 8192;

/* Of 128 bytes. A call whose file's path contains `path` takes one of `left` and fails with `code`. */
struct rule {
  _Atomic int32_t left; /* -1: for ever */
  int32_t code;
  _Atomic int32_t hits;
  char path[116];
};

static struct rule *rules;

__attribute__((constructor)) static void share_rules(void) {
  const char *name = getenv("SLIPWAY_FAULTS");
  if (name == NULL) return;
  const int file = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *shared = mmap(NULL, kinds * sizeof *rules, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (shared != MAP_FAILED) rules = shared;
}

static int fails(enum kind kind, const char *path) {
  struct rule *rule = &rules[kind];
  if (strstr(path, rule->path) == NULL) return 0;
  int32_t left = rule->left;
  while (left > 0 && !__atomic_compare_exchange_n(&rule->left, &left, left - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
  }
  if (left == 0) return 0;
  ++rule->hits;
  errno = rule->code;
  return 1;
}

static int armed(enum kind kind) { return rules != NULL && rules[kind].left != 0; }

static int fails_on(enum kind kind, int file) {
  if (!armed(kind)) return 0;
  char link[64];
  char path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return fails(kind, path);
}

static int fails_at(off_t offset, int file) {
  return (offset < meta_pages && fails_on(kind_meta, file)) || fails_on(kind_write, file);
}

/* A write that a flush follows, within the same call, on a descriptor that was opened O_DSYNC. */
static ssize_t flushed(int file, ssize_t written) {
  return written >= 0 && armed(kind_flush) && (fcntl(file, F_GETFL) & O_DSYNC) && fails_on(kind_flush, file) ? -1 : written;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
  return fails_at(offset, file) ? -1 : flushed(file, syscall(SYS_pwrite64, file, bytes, size, offset));
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off_t offset) {
  return fails_at(offset, file) ? -1 : flushed(file, syscall(SYS_pwrite64, file, bytes, size, offset));
}
ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset) {
  return fails_on(kind_write, file) ? -1 : REAL(pwritev)(file, pieces, count, offset);
}
ssize_t pwritev64(int file, const struct iovec *pieces, int count, off_t offset) {
  return fails_on(kind_write, file) ? -1 : REAL(pwritev64)(file, pieces, count, offset);
}
ssize_t writev(int file, const struct iovec *pieces, int count) {
  return fails_on(kind_write, file) ? -1 : REAL(writev)(file, pieces, count);
}
ssize_t write(int file, const void *bytes, size_t size) {
  return fails_on(kind_write, file) ? -1 : REAL(write)(file, bytes, size);
}
int fdatasync(int file) { return fails_on(kind_flush, file) ? -1 : REAL(fdatasync)(file); }
int fsync(int file) { return fails_on(kind_flush, file) ? -1 : REAL(fsync)(file); }

static int real_open(int folder, const char *path, int flags, mode_t mode) {
  if (armed(kind_open) && fails(kind_open, path)) return -1;
  return (int)syscall(SYS_openat, folder, path, flags, mode);
}
#define MODE(flags) \
  mode_t mode = 0; \
  if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list list; \
    va_start(list, flags); \
    mode = va_arg(list, mode_t); \
    va_end(list); \
  }
int open(const char *path, int flags, ...) {
  MODE(flags)
  return real_open(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE(flags)
  return real_open(AT_FDCWD, path, flags, mode);
}

int rename(const char *from, const char *to) {
  return armed(kind_rename) && fails(kind_rename, to) ? -1 : REAL(rename)(from, to);
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  return armed(kind_rename) && fails(kind_rename, to) ? -1
                                                      : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}
int accept4(int socket, struct sockaddr *restrict address, socklen_t *restrict size, int flags) {
  return armed(kind_accept) && fails(kind_accept, "") ? -1 : (int)syscall(SYS_accept4, socket, address, size, flags);
}
