// SystemClock.swift: what time it is. The engine never asks; the turn asks and hands it in.

import CLinux
import Glibc
import Synchronization

enum SystemClock {
  /// Nanoseconds since some fixed point; never goes back, not even when somebody sets the clock.
  static func monotonic() -> Int64 { read(CLOCK_MONOTONIC) }

  /// Nanoseconds that the processor has worked for this thread.
  static func threadProcessorTime() -> Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

  /// Microseconds since 1970, as the wall clock has it.
  static func wallMicroseconds() -> Int64 { read(CLOCK_REALTIME) / 1000 }

  /// Milliseconds since 1970, as the wall clock has it.
  static func wall() -> Int64 { read(CLOCK_REALTIME) / 1_000_000 }

  /// Does nothing for so long, whatever signals come.
  static func sleep(nanoseconds: Int64) {
    let end = monotonic() + max(0, nanoseconds)
    var until = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
    while unsafe clock_nanosleep(CLOCK_MONOTONIC, 1 /* TIMER_ABSTIME */, &until, nil) == EINTR {}
  }

  /// Has the calling thread's waits end when they are to, not up to 50 us later.
  static func makeTimersExact() { martlet_exact_timers() }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// Clocks that stand still until somebody moves them on: both begin with the system's time.
///
/// Thread safety: any thread may call anything.
final class HandClock: Sendable {
  private let monotonicStart = SystemClock.monotonic()
  private let wallStart = SystemClock.wallMicroseconds()
  private let passed = Atomic<Int64>(0)

  /// Nanoseconds, as `SystemClock` has them.
  var monotonic: Int64 { monotonicStart + passed.load(ordering: .acquiring) }
  /// Microseconds since 1970.
  var wallMicroseconds: Int64 { wallStart + passed.load(ordering: .acquiring) / 1000 }

  func advance(nanoseconds: Int64) {
    precondition(nanoseconds >= 0)
    passed.add(nanoseconds, ordering: .acquiringAndReleasing)
  }
}

/// A point of time as people of this machine's time zone write it.
struct LocalTime: Equatable, Sendable {
  var year: Int, month: Int, day: Int
  var hour: Int, minute: Int, second: Int, millisecond: Int
}

extension LocalTime {
  /// - Parameter milliseconds: since 1970.
  init(milliseconds: Int64) {
    var seconds = time_t(milliseconds / 1000)
    var parts = unsafe tm()
    _ = unsafe localtime_r(&seconds, &parts)
    unsafe self.init(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
      hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec),
      millisecond: Int(milliseconds % 1000))
  }
}
