// IOThread.swift: the thread that does input and output, and its clock.

import CLinux

#if canImport(Glibc)
  import Glibc
#endif

enum IOThread {
  /// Starts `body` in a thread of its own. Signals are left to the program's threads.
  ///
  /// - Parameter name: at most 15 bytes, for `top -H`.
  /// - Throws: `.connectionFailed` when the system has no thread left.
  static func start(
    name: String, _ body: @escaping @Sendable () -> Void
  ) throws(MartletError) {
    let task = unsafe Unmanaged.passRetained(Body(name, body))
    var all = sigset_t(), before = sigset_t(), thread = pthread_t()
    // Blocked before it starts, for a thread inherits what its maker blocks.
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(SIG_BLOCK, &all, &before)
    let code = unsafe pthread_create(
      &thread, nil,
      { argument in
        let task = unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
        unsafe task.name.withCString { unsafe martlet_name_thread($0) }
        task.body()
        return nil
      }, task.toOpaque())
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    guard code == 0 else {
      unsafe task.release()
      throw MartletError(.connectionFailed, "no thread could be started: \(systemText(code))")
    }
    pthread_detach(thread)
  }

  private final class Body: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }
}

/// Time that only goes forward, in nanoseconds.
enum MonotonicClock {
  static func now() -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

extension Duration {
  /// At least 0, and at most some 146 years, so that sums of two do not overflow.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    guard seconds < 1 << 32 else { return 1 << 62 }
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }

  /// Rounded up, so that what is short does not become 0, which means for ever to many commands.
  var milliseconds: Int { Int((nanoseconds + 999_999) / 1_000_000) }
}

/// What an error number of the system means: "Connection refused".
func systemText(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
