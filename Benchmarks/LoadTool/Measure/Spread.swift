// Spread.swift: figures of several rounds as one: the median, and how far the rounds lie apart.

/// The median of some figures with the smallest and the largest of them.
public struct Spread: Equatable, Sendable {
  public let median: Double, low: Double, high: Double

  /// - Returns: nil when there are no figures.
  public init?(_ figures: [Double]) {
    guard !figures.isEmpty else { return nil }
    let sorted = figures.sorted()
    let middle = sorted.count / 2
    median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    low = sorted[0]
    high = sorted[sorted.count - 1]
  }
}
