// Threads.swift: the threads that make load, and the numbers that they share with the one that waits.

import CLinux
import Glibc
import Synchronization

/// A thread of the system.
///
/// Thread safety: `join` is called once, by one thread.
@safe final class Thread: Sendable {
  private let handle: pthread_t

  /// Starts `body` at once; its timers fire as exactly as the kernel can.
  init(_ body: @escaping @Sendable () -> Void) {
    let start = unsafe Unmanaged.passRetained(Start(body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        let start = unsafe Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        martlet_exact_timers()
        start.body()
        return nil
      }, start.toOpaque())
    precondition(code == 0, "the system has no thread left")
    handle = thread
  }

  /// Waits until the thread has ended.
  func join() { pthread_join(handle, nil) }

  private final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

enum DescriptorLimit {
  /// Raises the limit of open files as far as the system lets us.
  ///
  /// - Returns: how many can be open now.
  static func raise() -> Int {
    var limit = rlimit()
    guard unsafe martlet_getrlimit_nofile(&limit) == 0 else { return 1024 }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe martlet_setrlimit_nofile(&limit)
    return Int(clamping: limit.rlim_cur)
  }
}
