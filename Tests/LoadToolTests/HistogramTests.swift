// HistogramTests.swift: what the histogram says against what the values themselves say.

import Testing

@testable import LoadTool

/// Goal: percentiles are exact to three digits at every scale. Method: values spread over nine decades,
/// sorted; each percentile of the histogram against the value at its place.
@Test(arguments: [1, 2, 3, 4] as [UInt64])
func percentilesAreExactToThreeDigits(seed: UInt64) {
  var random = RandomSource(seed: seed)
  var histogram = Histogram()
  var values: [Int64] = []
  for _ in 0..<20_000 {
    let scale = Int64(1) << Int64(random.below(38))
    let value = Int64(random.below(Int(scale))) + scale / 2
    values.append(value)
    histogram.record(value)
  }
  values.sort()
  for percent in [0, 0.01, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 99.999, 100] {
    let place = max(1, Int((Double(values.count) * percent / 100).rounded(.up)))
    let exact = values[place - 1]
    let told = histogram.percentile(percent)
    #expect(told >= exact, "seed \(seed), p\(percent)")
    #expect(Double(told) <= Double(exact) * 1.001 + 1, "seed \(seed), p\(percent)")
  }
  #expect(histogram.min == values.first)
  #expect(histogram.max == values.last)
  #expect(histogram.count == UInt64(values.count))
  let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
  #expect(abs(histogram.mean / mean - 1) < 1e-9)
}

@Test func eachValueLiesWithinItsBucketAndBucketsDoNotOverlap() {
  var last: Int64 = -1
  for index in 0..<Histogram.bucketCount {
    let bounds = Histogram.bounds(of: index)
    #expect(bounds.lowerBound == last + 1)
    #expect(Histogram.index(of: bounds.lowerBound) == index)
    #expect(Histogram.index(of: bounds.upperBound) == index)
    last = bounds.upperBound
  }
  #expect(last == Histogram.valueMax)
}

@Test func whatIsOutOfRangeIsCountedAtTheEnds() {
  var histogram = Histogram()
  #expect(histogram.percentile(50) == 0)
  histogram.record(-5)
  #expect(histogram.max == 0)
  histogram.record(.max)
  #expect(histogram.max == .max)
  #expect(histogram.percentile(100) == .max)
  #expect(histogram.percentile(50) == 0)
}

@Test func mergedHistogramsAreAsIfOneHadRecordedAll() {
  var random = RandomSource(seed: 7)
  var parts = [Histogram(), Histogram(), Histogram()], whole = Histogram()
  for step in 0..<3000 {
    let value = Int64(random.below(1 << 30)), times = 1 + random.below(3)
    parts[step % 3].record(value, times: times)
    whole.record(value, times: times)
  }
  var merged = Histogram()
  for part in parts { merged.merge(part) }
  merged.merge(Histogram())
  #expect(merged.filled.map(\.count) == whole.filled.map(\.count))
  #expect((merged.min, merged.max, merged.count) == (whole.min, whole.max, whole.count))
}

@Test func aSpreadIsTheMedianBetweenTheEnds() throws {
  #expect(Spread([]) == nil)
  let odd = try #require(Spread([3, 1, 2]))
  #expect((odd.median, odd.low, odd.high) == (2, 1, 3))
  #expect(Spread([4, 1, 2, 3])?.median == 2.5)
}
