// Recorder.swift: what one thread saw: a histogram a series, and how much was done when.

/// Counts of one thread in one round.
struct Recorder: Sendable {
  private(set) var histograms: [Histogram]
  /// Of the primary series: how many were completed in each span of `bucketWidth`.
  private(set) var buckets: [Int]
  let begin: Int64
  let bucketWidth: Int64
  /// When the last of the primary series was completed.
  private(set) var lastAt: Int64
  /// Completed ones of the primary series; replies that were errors are not among them.
  private(set) var completed = 0
  var errors = 0
  var firstError: String?
  /// Of an arrival rate: how late requests left that a free connection was waiting for.
  var lateness = Histogram()
  /// Requests that were due and had no reply at the end; their latency so far is recorded.
  var unanswered = 0
  /// Nanoseconds that the thread was busy of those it ran.
  var processorTime: Int64 = 0
  var wallTime: Int64 = 0

  init(seriesCount: Int, begin: Int64, bucketWidth: Int64) {
    histograms = Array(repeating: Histogram(), count: seriesCount)
    buckets = []
    self.begin = begin
    self.bucketWidth = bucketWidth
    lastAt = begin
  }

  @inline(__always)
  mutating func record(_ series: Int, _ latency: Int64, times: Int, at now: Int64) {
    histograms[series].record(latency, times: times)
    if series == 0 { complete(times, at: now) }
  }

  /// Counts a latency of something that was not completed.
  mutating func recordUnfinished(_ series: Int, _ latency: Int64) {
    unanswered += 1
    histograms[series].record(latency)
  }

  private mutating func complete(_ times: Int, at now: Int64) {
    completed += times
    lastAt = now
    let bucket = Int(max(0, now - begin) / bucketWidth)
    while buckets.count <= bucket { buckets.append(0) }
    buckets[bucket] += times
  }

  /// Whether nothing happened at all.
  var isEmpty: Bool { completed + unanswered + errors == 0 }

  mutating func merge(_ other: Recorder) {
    for index in histograms.indices { histograms[index].merge(other.histograms[index]) }
    while buckets.count < other.buckets.count { buckets.append(0) }
    for index in other.buckets.indices { buckets[index] += other.buckets[index] }
    lastAt = max(lastAt, other.lastAt)
    completed += other.completed
    errors += other.errors
    firstError = firstError ?? other.firstError
    lateness.merge(other.lateness)
    unanswered += other.unanswered
    processorTime += other.processorTime
    wallTime += other.wallTime
  }
}
