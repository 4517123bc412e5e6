// Histogram.swift: how often each latency was seen, from nanoseconds to minutes, to three digits.
//
// The layout is that of HDR histograms (Gil Tene): values below 2048 have a bucket each; above, each
// doubling has 1024 buckets, so that a bucket is never wider than a thousandth of its values.
// Recording is an index computation and an addition; memory is the same for a million values as for
// one. A value above `valueMax` counts in the last bucket, but `max` keeps it as it was.

/// Counts of non-negative values, by default nanoseconds.
public struct Histogram: Equatable, Sendable {
  /// Bits of a value that are kept: 11, so the error is below 2^-10 of the value.
  static let precision = 11
  static let half = 1 << (precision - 1)
  /// About 73 minutes in nanoseconds.
  static let valueMax = Int64(1) << 42 - 1
  static let bucketCount = index(of: valueMax) + 1

  private(set) var counts = [UInt64](repeating: 0, count: Self.bucketCount)
  public private(set) var count: UInt64 = 0
  private var sum: Double = 0
  /// The smallest and largest value recorded, as they were; 0 when there is none.
  public private(set) var min: Int64 = 0
  public private(set) var max: Int64 = 0

  public init() {}

  /// The bucket that counts `value`, which lies in 0 ... valueMax.
  @inline(__always)
  static func index(of value: Int64) -> Int {
    let width = Int64.bitWidth - value.leadingZeroBitCount
    let shift = Swift.max(0, width - precision)
    return shift << (precision - 1) + Int(value >> Int64(shift))
  }

  /// The smallest and the largest value that bucket `index` counts.
  static func bounds(of index: Int) -> ClosedRange<Int64> {
    let shift = Swift.max(0, index >> (precision - 1) - 1)
    let low = Int64(index - shift << (precision - 1)) << Int64(shift)
    return low...(low + Int64(1) << Int64(shift) - 1)
  }

  /// Counts `value` `times` times. Negative values count as 0.
  @inline(__always)
  public mutating func record(_ value: Int64, times: Int = 1) {
    let value = Swift.max(0, value)
    counts[Self.index(of: Swift.min(value, Self.valueMax))] &+= UInt64(times)
    if count == 0 || value < min { min = value }
    if value > max { max = value }
    count &+= UInt64(times)
    sum += Double(value) * Double(times)
  }

  /// The smallest recorded value that at least `percent` of all do not exceed, to three digits.
  ///
  /// - Returns: 0 when nothing was recorded; never below `min` nor above `max`.
  public func percentile(_ percent: Double) -> Int64 {
    guard count > 0 else { return 0 }
    let wanted = Swift.max(1, UInt64((Double(count) * percent / 100).rounded(.up)))
    guard wanted < count else { return max }
    var seen: UInt64 = 0
    for index in counts.indices where counts[index] > 0 {
      seen += counts[index]
      if seen >= wanted { return Swift.max(min, Swift.min(max, Self.bounds(of: index).upperBound)) }
    }
    return max
  }

  /// The arithmetic mean; 0 when nothing was recorded.
  public var mean: Double { count > 0 ? sum / Double(count) : 0 }

  /// Adds everything that `other` counted.
  public mutating func merge(_ other: Histogram) {
    guard other.count > 0 else { return }
    min = count == 0 ? other.min : Swift.min(min, other.min)
    max = Swift.max(max, other.max)
    count += other.count
    sum += other.sum
    for index in counts.indices { counts[index] += other.counts[index] }
  }

  /// The buckets that counted something, with the bounds of each, from small to large.
  public var filled: [(bounds: ClosedRange<Int64>, count: UInt64)] {
    counts.indices.filter { counts[$0] > 0 }.map { (Self.bounds(of: $0), counts[$0]) }
  }
}
