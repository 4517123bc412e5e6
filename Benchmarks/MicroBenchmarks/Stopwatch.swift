// Stopwatch.swift: how long one operation takes.

import Broker
import Glibc

enum Stopwatch {
  /// The shortest of five `run(2n)` less the shortest of five `run(n)`, by n, as text; n is such that it
  /// takes a while.
  ///
  /// The shortest of each, since whatever else the machine does can only add to it (the shortest
  /// difference would be one whose `run(n)` was disturbed). Processor time, for the same reason.
  static func nanoseconds(_ piece: Workpiece) -> String {
    var count = 1 << 10
    while count < 1 << 26, time(piece, 2 * count) - time(piece, count) < 20_000_000 { count *= 2 }
    var less = Int.max, more = Int.max
    for _ in 0..<5 {
      less = min(less, time(piece, count))
      more = min(more, time(piece, 2 * count))
    }
    let tenths = Int((Double(max(0, more - less)) / Double(count) * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func time(_ piece: Workpiece, _ count: Int) -> Int {
    let begin = processorTime()
    piece.run(count)
    return processorTime() - begin
  }

  /// Nanoseconds that the processor has worked for this thread.
  private static func processorTime() -> Int {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
