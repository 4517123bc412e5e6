// mutex_for_tsan.c: tells the thread sanitizer what a contended Mutex does.
//
// Swift's Synchronization is not built for the sanitizer, which sees the atomic fast path, inlined into our
// code, but not the wait behind it: it would report races that the mutex prevents. Preloaded, this stands
// before the library's slow paths: who comes out of a lock acquires what the last unlock released.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define CONTEXT __attribute__((swift_context))
#define SWIFT __attribute__((swiftcall))
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"

static SWIFT void (*swift_lock)(uint32_t, CONTEXT void *);
static SWIFT void (*swift_unlock)(CONTEXT void *);
static SWIFT bool (*swift_try_lock)(CONTEXT void *);
static void (*acquire)(void *), (*release)(void *);

__attribute__((constructor)) static void find(void) {
  swift_lock = dlsym(RTLD_NEXT, LOCK);
  swift_unlock = dlsym(RTLD_NEXT, UNLOCK);
  swift_try_lock = dlsym(RTLD_NEXT, TRY_LOCK);
  // Absent in a process that has no sanitizer.
  acquire = dlsym(RTLD_DEFAULT, "__tsan_acquire");
  release = dlsym(RTLD_DEFAULT, "__tsan_release");
}

SWIFT void lock(uint32_t thread, CONTEXT void *mutex) __asm__(LOCK);
SWIFT void lock(uint32_t thread, CONTEXT void *mutex) {
  swift_lock(thread, mutex);
  if (acquire) acquire(mutex);
}

SWIFT void unlock(CONTEXT void *mutex) __asm__(UNLOCK);
SWIFT void unlock(CONTEXT void *mutex) {
  if (release) release(mutex);
  swift_unlock(mutex);
}

SWIFT bool try_lock(CONTEXT void *mutex) __asm__(TRY_LOCK);
SWIFT bool try_lock(CONTEXT void *mutex) {
  bool locked = swift_try_lock(mutex);
  if (locked && acquire) acquire(mutex);
  return locked;
}
