/* fault_injector: loaded before the C library (LD_PRELOAD), lets system calls on files fail as a failing machine would, and kills or
 * stops a process at a point of its road.
 *
 * The file that SLIPWAY_FAULTS names is shared with the test: an array of rules, one for each kind of call, and an array of roads, that
 * the test writes and the calls read. tests/end_to_end/machine.py is the other side. What is not armed costs a look at one number.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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

/* The points at which a process can be sent a signal: SIGKILL, or SIGSTOP. The server's: before and after each write or flush that makes something durable, and
 * each renaming. The worker's: before its program starts, before and after each send on a socket, and after each receive that brought
 * something. */
enum road_of { road_of_server, road_of_worker, roads_in_all };
struct road {
  int32_t armed;
  _Atomic int32_t reached; /* points, since it was armed */
  int32_t signal_at;       /* the point whose process gets the signal; 0: none */
  int32_t signal;
};

static struct {
  struct rule rules[kinds];
  struct road roads[roads_in_all];
} *shared;
static struct rule *rules;
static enum road_of own_road;

/* What the server's worker programs get too, although the server gives them an environment of their own. */
static const char *const passed_on[] = {"LD_PRELOAD", "SLIPWAY_FAULTS", "ASAN_OPTIONS"};
enum { passed_on_count = sizeof passed_on / sizeof *passed_on };
static char passed_on_texts[passed_on_count][4096];

__attribute__((constructor)) static void share_rules(void) {
  const char *name = getenv("SLIPWAY_FAULTS");
  if (name == NULL) return;
  const int file = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *mapped = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped == MAP_FAILED) return;
  own_road = getenv("SLIPWAY_WORKER") != NULL ? road_of_worker : road_of_server;
  for (int i = 0; i < passed_on_count; ++i) {
    const char *value = getenv(passed_on[i]);
    if (value != NULL) snprintf(passed_on_texts[i], sizeof passed_on_texts[i], "%s=%s", passed_on[i], value);
  }
  shared = mapped;
  rules = shared->rules;
}

static void pass(enum road_of which) {
  if (shared == NULL || !shared->roads[which].armed) return;
  struct road *road = &shared->roads[which];
  if (++road->reached == road->signal_at) syscall(SYS_kill, (pid_t)syscall(SYS_getpid), road->signal);
}

static int on_the_road(enum road_of which) { return own_road == which && shared != NULL && shared->roads[which].armed; }

static int durable(int file) { return on_the_road(road_of_server) && (fcntl(file, F_GETFL) & O_DSYNC); }

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

/* Evaluates the call between two points of the server's road. */
#define BETWEEN_POINTS(on_it, call) \
  __extension__({ \
    const int counts = (on_it); \
    if (counts) pass(road_of_server); \
    __auto_type result = (call); \
    if (counts) pass(road_of_server); \
    result; \
  })

static ssize_t write_at(int file, const void *bytes, size_t size, off_t offset) {
  if (fails_at(offset, file)) return -1;
  return BETWEEN_POINTS(durable(file), flushed(file, syscall(SYS_pwrite64, file, bytes, size, offset)));
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) { return write_at(file, bytes, size, offset); }
ssize_t pwrite64(int file, const void *bytes, size_t size, off_t offset) { return write_at(file, bytes, size, offset); }
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
int fdatasync(int file) {
  if (fails_on(kind_flush, file)) return -1;
  return BETWEEN_POINTS(on_the_road(road_of_server), REAL(fdatasync)(file));
}
int fsync(int file) {
  if (fails_on(kind_flush, file)) return -1;
  return BETWEEN_POINTS(on_the_road(road_of_server), REAL(fsync)(file));
}

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
  if (armed(kind_rename) && fails(kind_rename, to)) return -1;
  return BETWEEN_POINTS(on_the_road(road_of_server), REAL(rename)(from, to));
}
int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
  if (armed(kind_rename) && fails(kind_rename, to)) return -1;
  return BETWEEN_POINTS(on_the_road(road_of_server),
                        (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}
int accept4(int socket, struct sockaddr *restrict address, socklen_t *restrict size, int flags) {
  return armed(kind_accept) && fails(kind_accept, "") ? -1 : (int)syscall(SYS_accept4, socket, address, size, flags);
}

/* The worker's calls to its server. */

static ssize_t sent(ssize_t size) {
  if (on_the_road(road_of_worker)) pass(road_of_worker);
  return size;
}
static ssize_t received(ssize_t size) { return size > 0 ? sent(size) : size; }

ssize_t send(int socket, const void *bytes, size_t size, int flags) {
  sent(0);
  return sent(REAL(send)(socket, bytes, size, flags));
}
ssize_t sendmsg(int socket, const struct msghdr *message, int flags) {
  sent(0);
  return sent(REAL(sendmsg)(socket, message, flags));
}
ssize_t recv(int socket, void *bytes, size_t size, int flags) { return received(REAL(recv)(socket, bytes, size, flags)); }
ssize_t recvmsg(int socket, struct msghdr *message, int flags) { return received(REAL(recvmsg)(socket, message, flags)); }

/* In the child of a vfork: nothing may be allocated. */
int execve(const char *program, char *const arguments[], char *const environment[]) {
  if (shared == NULL || own_road != road_of_server || arguments[0] == NULL || arguments[1] == NULL ||
      strcmp(arguments[1], "worker") != 0)
    return (int)syscall(SYS_execve, program, arguments, environment);
  pass(road_of_worker);
  size_t count = 0;
  while (environment[count] != NULL) ++count;
  char *longer[count + passed_on_count + 1];
  memcpy(longer, environment, count * sizeof *longer);
  for (int i = 0; i < passed_on_count; ++i)
    if (passed_on_texts[i][0] != '\0') longer[count++] = passed_on_texts[i];
  longer[count] = NULL;
  return (int)syscall(SYS_execve, program, arguments, longer);
}
