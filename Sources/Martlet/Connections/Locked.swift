// Locked.swift: a value behind a lock of the system.
//
// In place of Synchronization.Mutex, which the thread sanitizer does not see on Linux: it would report
// every value behind one as a race, and real races among them would go unnoticed.

#if canImport(Glibc)
  import Glibc
#endif

/// A value that one thread at a time can use.
///
/// Thread safety: `withLock` by any thread at any time, but not within itself.
@safe package final class Locked<Value>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  package init(_ value: sending Value) {
    unsafe mutex = .allocate(capacity: 1)
    self.value = value
    let code = unsafe pthread_mutex_init(mutex, nil)
    precondition(code == 0)
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  package func withLock<Result, Failure: Error>(
    _ body: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    unsafe pthread_mutex_lock(mutex)
    defer { unsafe pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
