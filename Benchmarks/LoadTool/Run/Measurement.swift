// Measurement.swift: a workload measured on all servers, in alternating rounds.
//
// Whatever else the machine does in a round hurts the servers alike when they take turns, and which of
// them goes first changes each time. Ratios are taken within a round and their spread is shown, so
// that nobody takes noise for a result.

/// One server of a run.
struct Target: Sendable {
  let address: ServerAddress
  let facts: ServerFacts
}

/// What one server did with one workload.
struct ServerResult: Sendable {
  var rounds: [RoundResult] = []
  /// Why it has none, or not all of them.
  var failure: Failure?

  /// All rounds as one.
  var total: Recorder? {
    guard var total = rounds.first?.recorder else { return nil }
    for round in rounds.dropFirst() { total.merge(round.recorder) }
    return total
  }

  var throughput: Spread? { Spread(rounds.filter { $0.recorder.completed > 0 }.map(\.throughput)) }
  var processor: Spread? { Spread(rounds.compactMap(\.processorPerOperation)) }
  var resident: Spread? { Spread(rounds.compactMap { $0.resident.map { Double($0) } }) }
  /// How busy the tool was in its busiest round, 0 ... 1.
  var toolLoad: Double { rounds.map(\.toolLoad).max() ?? 0 }

  /// A percentile of one series for each round, in nanoseconds.
  func percentiles(_ percent: Double, series: Int) -> [Double] {
    rounds.map { Double($0.recorder.histograms[series].percentile(percent)) }
  }
}

struct Measurement: Sendable {
  let workload: Workload
  let parameters: Parameters
  let load: Load
  let bodies: Bodies
  /// The values of the sweep that it stands for.
  let point: [(name: String, value: String)]
  /// One for each target, in their order.
  var results: [ServerResult]

  /// How many times as much the first server does as server `other` (`of` says what), for each round.
  func ratio(to other: Int, _ of: (RoundResult) -> Double?) -> Spread? {
    let pairs = zip(results[0].rounds, results[other].rounds)
    return Spread(
      pairs.compactMap { first, other in
        guard let first = of(first), let other = of(other), other > 0, first > 0 else { return nil }
        return first / other
      })
  }

  /// Measures; `progress` is told which round of which server is run, how much is completed, and for
  /// how many seconds.
  static func make(
    _ workload: Workload, _ options: Options, bodies: Bodies,
    point: [(name: String, value: String)], targets: [Target],
    progress: (Progress) -> Void
  ) -> Measurement {
    var measurement = Measurement(
      workload: workload, parameters: options.parameters, load: options.load, bodies: bodies,
      point: point, results: targets.map { _ in ServerResult() })
    for round in 0...options.rounds {
      if round == 0, options.warmUp == 0 { continue }
      for turn in targets.indices {
        let index = round % 2 == 0 ? turn : targets.count - 1 - turn
        guard measurement.results[index].failure == nil, !Interruption.isRequested else { continue }
        var load = options.load
        if round == 0 {  // Warms up: nothing of it is kept.
          load.duration = options.warmUp
          load.count = nil
        }
        let target = targets[index]
        let one = Round(
          workload: workload, parameters: options.parameters, load: load, bodies: bodies,
          address: target.address, facts: target.facts)
        do throws(SessionError) {
          let result = try one.run { completed, seconds in
            progress(
              Progress(
                workload: workload, facts: target.facts, round: round, roundCount: options.rounds,
                completed: completed, seconds: seconds, load: load))
          }
          if let failure = result.failure { measurement.results[index].failure = failure }
          if round > 0, !result.recorder.isEmpty {
            measurement.results[index].rounds.append(result)
          }
        } catch {
          measurement.results[index].failure =
            error.isAbsent ? .serverGone(error.message) : .refused(error.message)
        }
      }
    }
    return measurement
  }
}

/// Where a run is.
struct Progress {
  let workload: Workload
  let facts: ServerFacts
  /// From 1; 0 warms up.
  let round: Int
  let roundCount: Int
  let completed: Int
  let seconds: Double
  let load: Load
}
