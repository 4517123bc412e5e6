// system.h: the Linux calls that Glibc's Swift module leaves out.
//
// Declarations and one-line inline wrappers only: no behaviour lives here. Defining _GNU_SOURCE in
// this header would break fd_set in the importer, so what needs it is declared by hand.

#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stddef.h>
#include <linux/stat.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <time.h>
#include <errno.h>
#include <malloc.h>

extern int accept4(int socket, struct sockaddr *address, socklen_t *size, int flags);
extern int fallocate(int file, int mode, off_t offset, off_t size);
extern int sync_file_range(int file, off_t offset, off_t size, unsigned int flags);
extern int statx(int folder, const char *path, int flags, unsigned int mask, struct statx *status);

/// Calls whose first argument is an enum in C, and not the same one in every C library.
static inline int martlet_getrusage(int who, struct rusage *usage) { return getrusage(who, usage); }
static inline int martlet_getrlimit_nofile(struct rlimit *limit) {
  return getrlimit(RLIMIT_NOFILE, limit);
}
static inline int martlet_setrlimit_nofile(const struct rlimit *limit) {
  return setrlimit(RLIMIT_NOFILE, limit);
}

/// How many names an open file has, or -1. Its times are not asked for, which has a price: once
/// somebody has seen them, the next write must change them, and the next sync writes the inode too.
static inline int64_t martlet_name_count(int file) {
  struct statx status;
  const int empty_path = 0x1000;  // AT_EMPTY_PATH
  return statx(file, "", empty_path, STATX_NLINK, &status) == 0 ? (int64_t)status.stx_nlink : -1;
}

/// The epoll event's 64-bit tag: its union is awkward from Swift.
static inline struct epoll_event martlet_epoll_event(uint32_t events, uint64_t tag) {
  struct epoll_event event;
  event.events = events;
  event.data.u64 = tag;
  return event;
}
static inline uint64_t martlet_epoll_tag(const struct epoll_event *event) { return event->data.u64; }

/// The name of a folder's entry: an array in the middle of a struct, which Swift reads as a tuple.
static inline const char *martlet_entry_name(const struct dirent *entry) { return entry->d_name; }

/// The calling thread's nice value: of a thread, not of the process, as Linux has it.
static inline void martlet_nice_thread(int nice) { setpriority(PRIO_PROCESS, 0, nice); }

/// Asks for the memory at an address, which need not be anyone's: no program waits for it, none fails.
static inline void martlet_prefetch(const void *address) { __builtin_prefetch(address); }

/// Names the calling thread, for `top -H` and debuggers.
static inline void martlet_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Has the calling thread's timers fire as exactly as the kernel can, not some 50 us later.
static inline void martlet_exact_timers(void) { prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); }
