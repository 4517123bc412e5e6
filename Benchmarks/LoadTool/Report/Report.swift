// Report.swift: a run, for the writers of tables, JSON, CSV and pages.

struct Report: Sendable {
  let targets: [Target]
  let machine: String
  /// Milliseconds since 1970.
  let begun: Int64
  let arguments: [String]
  let options: Options
  var measurements: [Measurement] = []

  static let percentiles = [50, 90, 99, 99.9, 99.99]

  static func label(_ percent: Double) -> String {
    "p" + (percent == percent.rounded() ? "\(Int(percent))" : "\(percent)")
  }

  /// What a server is called: its place as well where others are called the same.
  func name(of index: Int) -> String {
    let facts = targets[index].facts
    let isDouble = targets.count { $0.facts.name == facts.name } > 1
    return isDouble ? "\(facts.name) at \(facts.place)" : facts.name
  }

  /// Whether something went wrong that an exit code is to tell: skipping what a server lacks is none.
  var hasFailed: Bool {
    measurements.contains { measurement in
      measurement.results.contains { result in
        switch result.failure {
        case nil, .unknownCommand: result.rounds.contains { $0.recorder.errors > 0 }
        default: true
        }
      }
    }
  }
}

extension Measurement {
  /// How the load was made, in one line: `50 clients, pipeline 16, 100 bytes, closed loop`.
  var conditions: String {
    var parts = workload.roles.map { role in
      "\(role.clients) \(role.name)\(role.clients == 1 ? "" : "s")"
    }
    if parameters.pipeline > 1 { parts.append("pipeline \(parameters.pipeline)") }
    parts.append(bodies.sizes.text + (bodies.isCompressible ? ", compressible" : ""))
    if let rate = load.rate ?? workload.rateDefault {
      parts.append("\(Format.grouped(rate)) a second, latency from the intended time")
    } else {
      parts.append("closed loop")
    }
    if load.threads > 1 { parts.append("\(load.threads) threads") }
    let rounds = results.map(\.rounds.count).max() ?? 0
    let length = load.count.map { Format.grouped(Double($0)) } ?? Format.seconds(load.duration)
    if rounds > 0 { parts.append("\(rounds) round\(rounds == 1 ? "" : "s") of \(length)") }
    return parts.joined(separator: ", ")
  }

  var title: String {
    ([workload.name] + point.map { "\($0.name) \($0.value)" }).joined(separator: ", ")
  }
}

extension ServerResult {
  /// What one must know of the figures, or why there are none.
  var remarks: [String] {
    var remarks: [String] = []
    switch failure {
    case nil: break
    case .unknownCommand(let text)?: remarks.append("skipped: \(Failure.unknownCommand(text).text)")
    case let failure?: remarks.append("broken off: \(failure.text)")
    }
    guard let total else { return remarks }
    if total.errors > 0 {
      let first = total.firstError.map { ", the first: \($0)" } ?? ""
      remarks.append("\(Format.grouped(Double(total.errors))) error replies\(first)")
    }
    if total.unanswered > 0 {
      remarks.append(
        "\(Format.grouped(Double(total.unanswered))) requests that were due had no reply at the end; "
          + "they count with their latency so far")
    }
    if total.lateness.percentile(99) > 1_000_000 {
      remarks.append(
        "this tool sent late (p99 \(Format.time(total.lateness.percentile(99)))): more --threads may help"
      )
    }
    if toolLoad > 0.95 {
      remarks.append("this tool was busy all the time and may be the bound: try more --threads")
    }
    return remarks
  }
}
