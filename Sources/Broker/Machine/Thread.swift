// Thread.swift: threads of the system, and the lock and conditions by which they meet.

import CLinux
import Glibc

/// A thread with a name that `top -H` shows. Signals are left to the others: all are blocked in it.
///
/// Thread safety: `join` is called once, by one thread.
@safe final class Thread: Sendable {
  private let handle: pthread_t

  /// Starts `body` at once. `name` has at most 15 bytes.
  ///
  /// - Throws: when the system has no thread left, or no memory for one; `body` is let go of then.
  init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
    precondition(name.utf8.count <= 15)
    let start = unsafe Unmanaged.passRetained(Start(name, body))
    var all = sigset_t(), before = sigset_t(), thread = pthread_t()
    // Blocked before it starts, for a thread inherits what its maker blocks.
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        let start = unsafe Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        unsafe start.name.withCString { unsafe martlet_name_thread($0) }
        start.body()
        return nil
      }, start.toOpaque())
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    guard code == 0 else {
      unsafe start.release()
      throw SystemError(call: "pthread_create \(name)", code: code)
    }
    handle = thread
  }

  /// Has the calling thread stand back when others want the processor.
  static func standBack() { martlet_nice_thread(10) }

  /// Waits until the thread has ended.
  func join() { pthread_join(handle, nil) }

  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}

/// Starts a thread as `Thread.init` does; tests have one that the system refuses.
typealias ThreadStarter =
  @Sendable (
    _ name: String, _ body: @escaping @Sendable () -> Void
  ) throws(SystemError) -> Thread

/// A lock of the system, with conditions to wait for under it.
///
/// Thread safety: any thread may call anything. A `Condition` is used with its lock held.
@safe final class Lock: @unchecked Sendable {
  fileprivate let mutex: UnsafeMutablePointer<pthread_mutex_t>

  init() {
    unsafe mutex = .allocate(capacity: 1)
    let code = unsafe pthread_mutex_init(mutex, nil)
    precondition(code == 0)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  func lock() { unsafe pthread_mutex_lock(mutex) }
  func unlock() { unsafe pthread_mutex_unlock(mutex) }

  func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    lock()
    defer { unlock() }
    return try body()
  }
}

/// Something that threads wait for; what it is, they look up under the lock after each wait.
@safe final class Condition: @unchecked Sendable {
  private let lock: Lock
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  init(_ lock: Lock) {
    self.lock = lock
    unsafe condition = .allocate(capacity: 1)
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    // A stepped wall clock must neither cut a wait short nor draw it out.
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    let code = unsafe pthread_cond_init(condition, &attributes)
    precondition(code == 0)
    unsafe pthread_condattr_destroy(&attributes)
  }

  deinit {
    unsafe pthread_cond_destroy(condition)
    unsafe condition.deallocate()
  }

  /// Gives the lock up, waits for a signal or for nothing at all, and has the lock again.
  func wait() { unsafe pthread_cond_wait(condition, lock.mutex) }

  /// The same, for at most `nanoseconds`; false when they are over.
  func wait(nanoseconds: UInt64) -> Bool {
    var deadline = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &deadline)
    let sum = UInt64(deadline.tv_nsec) + nanoseconds
    deadline.tv_sec += Int(sum / 1_000_000_000)
    deadline.tv_nsec = Int(sum % 1_000_000_000)
    return unsafe pthread_cond_timedwait(condition, lock.mutex, &deadline) == 0
  }

  func signal() { unsafe pthread_cond_signal(condition) }
  func broadcast() { unsafe pthread_cond_broadcast(condition) }
}
