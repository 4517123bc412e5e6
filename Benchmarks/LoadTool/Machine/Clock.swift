// Clock.swift: the clock that latencies are taken with, what may stand in for it, and the processor time
// of threads.

import Glibc

enum Clock {
  /// Nanoseconds since some fixed point, the same for all threads; never goes back.
  @inline(__always)
  static func now() -> Int64 { read(CLOCK_MONOTONIC) }

  /// Milliseconds since 1970.
  static func wallMilliseconds() -> Int64 { read(CLOCK_REALTIME) / 1_000_000 }

  /// Nanoseconds that the processor has worked for this thread.
  static func threadProcessorTime() -> Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

  /// Does nothing until `now()` is `time`.
  static func sleep(until time: Int64) {
    var until = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
    while unsafe clock_nanosleep(CLOCK_MONOTONIC, 1 /* TIMER_ABSTIME */, &until, nil) == EINTR {}
  }

  static func sleep(seconds: Double) { sleep(until: now() + Int64(seconds * 1e9)) }

  @inline(__always)
  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    _ = unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

/// Time that a test has in its hand, in the place of the system's. One thread owns it.
protocol HandClock: AnyObject {
  /// Nanoseconds, as `Clock.now()` has them.
  var now: Int64 { get }

  /// Lets time pass up to what is waited for, and at most `nanoseconds`; 0 and below let none pass.
  func pass(nanoseconds: Int64)
}
