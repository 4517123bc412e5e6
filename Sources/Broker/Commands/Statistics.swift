// Statistics.swift: what INFO counts.

/// Counters since the start or CONFIG RESETSTAT.
struct Statistics {
  /// One command's share in INFO commandstats.
  struct PerCommand {
    var calls = 0
    var nanoseconds: Int64 = 0
    var rejected = 0
    var failed = 0
  }

  var commands = 0
  var connections = 0
  var rejectedConnections = 0
  var hits = 0
  var misses = 0
  var expired = 0
  var bytesRead = 0
  var bytesWritten = 0
  var reads = 0
  var writes = 0
  var errorReplies = 0
  var accessDenials = AccessDenials()
  /// Errors by their code, for INFO errorstats.
  var errors: [String: Int] = [:]
  var perCommand: [PerCommand]
  var peakMemory = 0
  var rates = Rates()
  var turns = TurnDurations()
  /// How long commands took, by command.
  private(set) var durations: [DurationHistogram?]

  struct AccessDenials {
    var login = 0
    var command = 0
    var key = 0
    var channel = 0
  }

  init(commandCount: Int) {
    perCommand = [PerCommand](repeating: PerCommand(), count: commandCount)
    durations = [DurationHistogram?](repeating: nil, count: commandCount)
  }

  /// Begins anew; what is running, such as the rates, goes on, and so does the peak of memory.
  mutating func reset() {
    let rates = rates, peakMemory = peakMemory
    self = Statistics(commandCount: perCommand.count)
    self.rates = rates
    self.peakMemory = peakMemory
  }

  mutating func noteDuration(_ nanoseconds: Int64, of command: Int, calls: Int) {
    if durations[command] == nil { durations[command] = DurationHistogram() }
    durations[command]?.add(nanoseconds, calls: calls)
  }
}

/// How long the turns of the event loop were, without the time they waited for something to do.
struct TurnDurations {
  private(set) var count = 0
  private(set) var nanoseconds: Int64 = 0
  /// The longest turn.
  private(set) var longest: Int64 = 0
  /// The most processor time that one turn took, while that is measured: on a machine where others
  /// run, a turn is often long because its thread stood still.
  private(set) var longestProcessorTime: Int64 = 0
  /// How many were put off so that requests come together.
  var coalesced = 0

  /// - Parameter processorTime: 0 when it was not measured.
  @inline(__always)
  mutating func add(_ nanoseconds: Int64, processorTime: Int64) {
    count += 1
    self.nanoseconds += nanoseconds
    longest = max(longest, nanoseconds)
    longestProcessorTime = max(longestProcessorTime, processorTime)
  }
}

/// How often a duration was how long: buckets double from 1.024 µs to about 18 minutes.
struct DurationHistogram {
  static let bucketCount = 31
  private(set) var calls = 0
  private var counts = [Int](repeating: 0, count: bucketCount)

  /// Bucket i takes durations up to its bound in ns.
  private static func bound(_ bucket: Int) -> Int64 { 1024 << Int64(bucket) }

  mutating func add(_ nanoseconds: Int64, calls: Int) {
    let rest = UInt64(max(0, nanoseconds - 1)) >> 10
    let bucket = min(Self.bucketCount - 1, 64 - rest.leadingZeroBitCount)
    counts[bucket] += calls
    self.calls += calls
  }

  /// Upper bounds in µs with how many calls took no longer, those that add nothing left out.
  var cumulative: [(microseconds: Int64, calls: Int)] {
    var sum = 0
    var result: [(Int64, Int)] = []
    for bucket in 0..<Self.bucketCount where counts[bucket] > 0 {
      sum += counts[bucket]
      result.append((Self.bound(bucket) / 1000, sum))
    }
    return result
  }

  /// The bound in µs under which `percent` of the calls stayed.
  func percentile(_ percent: Double) -> Double {
    let wanted = Double(calls) * percent / 100
    var sum = 0
    for bucket in 0..<Self.bucketCount where counts[bucket] > 0 {
      sum += counts[bucket]
      if Double(sum) >= wanted { return Double(Self.bound(bucket)) / 1000 }
    }
    return 0
  }
}

/// What happens a second, as the mean of the last 16 looks.
struct Rates {
  private struct Look {
    var operations = 0.0
    var input = 0.0
    var output = 0.0
  }
  private var looks = [Look](repeating: Look(), count: 16)
  private var next = 0
  private var last: (at: Int64, operations: Int, input: Int, output: Int)?

  /// Looks at the counters; to be called about every 100 ms.
  mutating func sample(at now: Int64, operations: Int, input: Int, output: Int) {
    if let last, now > last.at {
      let seconds = Double(now - last.at) / 1000
      looks[next] = Look(
        operations: Double(max(0, operations - last.operations)) / seconds,
        input: Double(max(0, input - last.input)) / seconds,
        output: Double(max(0, output - last.output)) / seconds)
      next = (next + 1) % looks.count
    }
    last = (now, operations, input, output)
  }

  private func mean(_ path: KeyPath<Look, Double>) -> Double {
    looks.reduce(0) { $0 + $1[keyPath: path] } / Double(looks.count)
  }
  var operations: Int { Int(mean(\.operations)) }
  var inputKilobytes: Double { mean(\.input) / 1024 }
  var outputKilobytes: Double { mean(\.output) / 1024 }
}
