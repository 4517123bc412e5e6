// faults.c: a disk, descriptors and a clock that fail when told to, and a record of what reaches the disk.
//
// A library for LD_PRELOAD: it stands between a process and the C library. Only files under FAULTS_FOLDER are
// touched. What fails is said in `struct control`, one page of the file FAULTS_CONTROL, which the suite maps too and
// changes while the process runs; all zeros means that nothing fails. If FAULTS_RECORD names a file, each change to
// the folder and each reply sent is written there, in the order in which they happened: calls that change anything
// are made one at a time then, so that the record's order is the true one. lib/faults.py is the other side.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// What is to fail. Fields named `_errno` hold the error's number, 0 for success. lib/faults.py reads the names here.
struct control {
  int64_t sync_delay_ms;      // fsync and fdatasync take at least this long
  int64_t sync_errno;         // then they fail
  int64_t read_delay_ms;      // pread takes at least this long
  int64_t read_errno;         // then it fails
  int64_t write_errno;        // writes
  int64_t checkpoint_errno;   // writes to files named *.checkpoint
  int64_t write_limit;        // a write takes at most this many bytes; 0 for all
  int64_t allocate_errno;     // fallocate
  int64_t open_errno;         // open, of any kind
  int64_t change_errno;       // what a read-only folder refuses: open for writing, mkdir, rename, unlink, ftruncate
  int64_t times_errno;        // fstat, and statx where it asks for times
  int64_t interrupt_each;     // every so many calls one returns EINTR; 0 for never
  int64_t accept_errno;       // accept4
  int64_t wall_offset_ms;     // CLOCK_REALTIME is this far off
  int64_t hits;               // counted here: calls that failed, were cut short or were delayed
};

// An entry of the record; `size` bytes follow it.
struct entry {
  int32_t kind;
  int32_t descriptor;
  int64_t number;  // OPENED: flags. WROTE: offset. CUT: size. SYNC_BEGAN and SYNCED: thread. CAME: port. SENT: bytes.
  int64_t time;    // CLOCK_MONOTONIC, nanoseconds
  int64_t size;
};

enum kind {
  OPENED = 1,   // path
  WROTE,        // the bytes written
  CUT,
  RENAMED,      // old path, a zero, new path
  REMOVED,      // path
  MADE_FOLDER,  // path
  SYNC_BEGAN,
  SYNCED,       // only if it succeeded
  CAME,         // a client
  SENT,         // to a client
};

enum { OTHER, FILE_OF_OURS, CHECKPOINT, CLIENT };

static struct control *control;
static const char *folder;
static size_t folder_size;
static int record = -1;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static unsigned char what[1 << 16];  // by descriptor

#define REAL(name)                                    \
  ({                                                  \
    static __typeof__(&name) real;                    \
    if (!real) real = dlsym(RTLD_NEXT, #name);        \
    real;                                             \
  })

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULTS_CONTROL"), *record_path = getenv("FAULTS_RECORD");
  folder = getenv("FAULTS_FOLDER");
  int file = path && folder ? REAL(open)(path, O_RDWR | O_CLOEXEC) : -1;
  void *page = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (page != MAP_FAILED && record_path) record = REAL(open)(record_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (page == MAP_FAILED || (record_path && record < 0)) {
    perror("faults.c: FAULTS_FOLDER, FAULTS_CONTROL or FAULTS_RECORD");
    _exit(127);
  }
  REAL(close)(file);
  folder_size = strlen(folder);
  control = page;
}

static int is(int descriptor, int kind) { return descriptor >= 0 && descriptor < (int)sizeof what && what[descriptor] == kind; }
static void note(int descriptor, int kind) { if (descriptor >= 0 && descriptor < (int)sizeof what) what[descriptor] = kind; }

static int is_file(int descriptor) { return is(descriptor, FILE_OF_OURS) || is(descriptor, CHECKPOINT); }

static int is_ours(const char *path) {
  return control && !strncmp(path, folder, folder_size) && (path[folder_size] == '/' || !path[folder_size]);
}

// MARK: Faults

static void hit(void) { __atomic_add_fetch(&control->hits, 1, __ATOMIC_RELAXED); }

// Whether a call is to fail, with `error` or as interrupted; errno is set then.
static int fails(int64_t error) {
  static int64_t calls;
  int64_t each = control->interrupt_each;
  if (each && __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % each == 0) error = EINTR;
  if (!error) return 0;
  hit();
  errno = (int)error;
  return 1;
}

// Waits as long as a slow disk would; ends early when the suite takes the delay back.
static void delay(volatile int64_t *milliseconds) {
  if (*milliseconds) hit();
  for (int64_t waited = 0; waited < *milliseconds; waited++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

// MARK: The record

static void lock(void) { if (record >= 0) pthread_mutex_lock(&order); }
static void unlock(void) { if (record >= 0) pthread_mutex_unlock(&order); }

// Appends an entry with the bytes of `pieces`, up to `size` of them. The lock is held.
static void tell(enum kind kind, int descriptor, int64_t number, const struct iovec *pieces, int count, size_t size) {
  if (record < 0) return;
  int before = errno;
  struct timespec now;
  REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
  struct entry entry = {kind, descriptor, number, now.tv_sec * 1000000000L + now.tv_nsec, (int64_t)size};
  size_t left = size;
  int failed = REAL(write)(record, &entry, sizeof entry) != sizeof entry;
  for (int index = 0; index < count && left > 0 && !failed; index++) {
    size_t part = pieces[index].iov_len < left ? pieces[index].iov_len : left;
    failed = REAL(write)(record, pieces[index].iov_base, part) != (ssize_t)part;
    left -= part;
  }
  if (failed) abort();  // A record with a hole would prove nothing.
  errno = before;
}

static void tell_text(enum kind kind, int descriptor, int64_t number, const char *text, size_t size) {
  tell(kind, descriptor, number, &(struct iovec){(void *)text, size}, 1, size);
}

// MARK: Files

static int opened(int result, const char *path, int flags) {
  if (result >= 0) {
    const char *suffix = strrchr(path, '.');
    note(result, suffix && !strcmp(suffix, ".checkpoint") ? CHECKPOINT : FILE_OF_OURS);
    tell_text(OPENED, result, flags, path, strlen(path));
  }
  return result;
}

static int may_open(const char *path, int flags) {
  int writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT;
  return !is_ours(path) || !fails(control->open_errno ? control->open_errno : writes ? control->change_errno : 0);
}

#define MODE(flags)                         \
  ({                                        \
    va_list rest;                           \
    va_start(rest, flags);                  \
    mode_t given = va_arg(rest, mode_t);    \
    va_end(rest);                           \
    flags & O_CREAT ? given : 0;            \
  })

int open(const char *path, int flags, ...) {
  mode_t mode = MODE(flags);
  if (!is_ours(path)) return REAL(open)(path, flags, mode);
  if (!may_open(path, flags)) return -1;
  lock();
  int result = opened(REAL(open)(path, flags, mode), path, flags);
  unlock();
  return result;
}

int openat(int at, const char *path, int flags, ...) {
  mode_t mode = MODE(flags);
  if (!is_ours(path)) return REAL(openat)(at, path, flags, mode);
  if (!may_open(path, flags)) return -1;
  lock();
  int result = opened(REAL(openat)(at, path, flags, mode), path, flags);
  unlock();
  return result;
}

int close(int descriptor) {
  note(descriptor, OTHER);
  return REAL(close)(descriptor);
}

// A write at `offset`, or where the file stands when it is -1.
static ssize_t write_pieces(int file, const struct iovec *pieces, int count, off_t offset) {
  if (fails(is(file, CHECKPOINT) && control->checkpoint_errno ? control->checkpoint_errno : control->write_errno)) return -1;
  struct iovec some[count];
  size_t left = control->write_limit ? (size_t)control->write_limit : SIZE_MAX;
  int taken = 0;
  for (; taken < count && left > 0; taken++) {
    some[taken] = pieces[taken];
    if (some[taken].iov_len > left) some[taken].iov_len = left;
    left -= some[taken].iov_len;
  }
  if (left == 0) hit();
  lock();
  ssize_t result = offset < 0 ? REAL(writev)(file, some, taken) : REAL(pwritev)(file, some, taken, offset);
  if (result > 0) tell(WROTE, file, offset < 0 ? lseek(file, 0, SEEK_CUR) - result : offset, some, taken, (size_t)result);
  unlock();
  return result;
}

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset) {
  return is_file(file) ? write_pieces(file, pieces, count, offset) : REAL(pwritev)(file, pieces, count, offset);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
  if (!is_file(file)) return REAL(pwrite)(file, bytes, size, offset);
  return write_pieces(file, &(struct iovec){(void *)bytes, size}, 1, offset);
}

ssize_t write(int file, const void *bytes, size_t size) {
  if (!is_file(file)) return REAL(write)(file, bytes, size);
  return write_pieces(file, &(struct iovec){(void *)bytes, size}, 1, -1);
}

ssize_t pread(int file, void *bytes, size_t size, off_t offset) {
  if (is_file(file)) {
    delay(&control->read_delay_ms);
    if (fails(control->read_errno)) return -1;
  }
  return REAL(pread)(file, bytes, size, offset);
}

static int synced(int file, int (*real)(int)) {
  if (!is_file(file)) return real(file);
  lock();
  tell(SYNC_BEGAN, file, gettid(), NULL, 0, 0);
  unlock();
  delay(&control->sync_delay_ms);
  if (fails(control->sync_errno)) return -1;
  int result = real(file);
  lock();
  if (result == 0) tell(SYNCED, file, gettid(), NULL, 0, 0);
  unlock();
  return result;
}

int fsync(int file) { return synced(file, REAL(fsync)); }
int fdatasync(int file) { return synced(file, REAL(fdatasync)); }

// Who sees the times has the next write change them, and the next sync write the inode too. Never interrupted.
static int hides_times(int file) {
  if (!is_file(file) || !control->times_errno) return 0;
  hit();
  errno = (int)control->times_errno;
  return 1;
}

int fstat(int file, struct stat *status) { return hides_times(file) ? -1 : REAL(fstat)(file, status); }

int statx(int at, const char *path, int flags, unsigned mask, struct statx *status) {
  int asks = mask & (STATX_ATIME | STATX_CTIME | STATX_MTIME);
  return asks && hides_times(at) ? -1 : REAL(statx)(at, path, flags, mask, status);
}

// Contents stay as they are: there is nothing to record.
int fallocate(int file, int mode, off_t offset, off_t size) {
  if (is_file(file) && fails(control->allocate_errno)) return -1;
  return REAL(fallocate)(file, mode, offset, size);
}

int ftruncate(int file, off_t size) {
  if (!is_file(file)) return REAL(ftruncate)(file, size);
  if (fails(control->change_errno)) return -1;
  lock();
  int result = REAL(ftruncate)(file, size);
  if (result == 0) tell(CUT, file, size, NULL, 0, 0);
  unlock();
  return result;
}

// MARK: Names

int rename(const char *path, const char *target) {
  if (!is_ours(path)) return REAL(rename)(path, target);
  if (fails(control->change_errno)) return -1;
  lock();
  int result = REAL(rename)(path, target);
  struct iovec names[] = {{(void *)path, strlen(path) + 1}, {(void *)target, strlen(target)}};
  if (result == 0) tell(RENAMED, -1, 0, names, 2, names[0].iov_len + names[1].iov_len);
  unlock();
  return result;
}

int unlink(const char *path) {
  if (!is_ours(path)) return REAL(unlink)(path);
  if (fails(control->change_errno)) return -1;
  lock();
  int result = REAL(unlink)(path);
  if (result == 0) tell_text(REMOVED, -1, 0, path, strlen(path));
  unlock();
  return result;
}

int mkdir(const char *path, mode_t mode) {
  if (!is_ours(path)) return REAL(mkdir)(path, mode);
  if (fails(control->change_errno)) return -1;
  lock();
  int result = REAL(mkdir)(path, mode);
  if (result == 0) tell_text(MADE_FOLDER, -1, 0, path, strlen(path));
  unlock();
  return result;
}

// MARK: Clients and the clock

int accept4(int listener, struct sockaddr *address, socklen_t *size, int flags) {
  if (control->accept_errno && fails(control->accept_errno)) return -1;
  lock();
  int result = REAL(accept4)(listener, address, size, flags);
  if (result >= 0 && address && address->sa_family == AF_INET) {
    note(result, CLIENT);
    tell(CAME, result, ntohs(((struct sockaddr_in *)address)->sin_port), NULL, 0, 0);
  }
  unlock();
  return result;
}

ssize_t send(int socket, const void *bytes, size_t size, int flags) {
  if (!is(socket, CLIENT)) return REAL(send)(socket, bytes, size, flags);
  lock();
  ssize_t result = REAL(send)(socket, bytes, size, flags);
  if (result > 0) tell(SENT, socket, result, NULL, 0, 0);
  unlock();
  return result;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  int result = REAL(clock_gettime)(clock, time);
  if (result == 0 && control && control->wall_offset_ms && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    int64_t milliseconds = time->tv_sec * 1000 + time->tv_nsec / 1000000 + control->wall_offset_ms;
    time->tv_sec = milliseconds / 1000;
    time->tv_nsec = milliseconds % 1000 * 1000000 + time->tv_nsec % 1000000;
  }
  return result;
}
