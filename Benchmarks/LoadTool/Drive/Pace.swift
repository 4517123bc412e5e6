// Pace.swift: when requests are to be sent, and how many there are to be.

/// The arrivals that one thread is to make: all of a closed loop's, or its share of a fixed rate.
struct Pace: Sendable {
  /// Nanoseconds between two arrivals of this thread; nil in a closed loop.
  let interval: Double?
  /// When the first is due.
  let first: Int64
  /// Requests still to be begun; nil without a bound.
  var remaining: Int?
  /// Requests begun.
  private(set) var begun = 0

  /// - Parameter rate: requests a second of all threads together; they take turns.
  init(rate: Double?, thread: Int, threadCount: Int, begin: Int64, count: Int?) {
    interval = rate.map { 1e9 / $0 * Double(threadCount) }
    first = begin + Int64(rate.map { 1e9 / $0 * Double(thread) } ?? 0)
    remaining = count.map { $0 / threadCount + (thread < $0 % threadCount ? 1 : 0) }
  }

  /// When arrival `number` is due.
  func due(_ number: Int) -> Int64 { first + Int64(Double(number) * (interval ?? 0)) }

  /// How many requests could begin at `now`, at most `limit`: those due, as far as there are any left.
  func available(at now: Int64, limit: Int) -> Int {
    var count = min(limit, remaining ?? limit)
    if let interval {
      let due = now < first ? 0 : Int(Double(now - first) / interval) + 1
      count = min(count, max(0, due - begun))
    }
    return count
  }

  /// Takes `count` that are available; returns the number of the first.
  mutating func take(_ count: Int) -> Int {
    defer { begun += count }
    if let remaining { self.remaining = remaining - count }
    return begun
  }
}
