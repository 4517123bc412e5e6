// QuickLook.swift: what a run without a word about workloads shows: two numbers and one sentence.

enum QuickLook {
  static let workloads = ["queue", "handoff"]

  /// Such that one server takes some eight seconds, and two less than fifteen.
  static func shortened(_ options: Options) -> Options {
    var options = options
    options.workloads = workloads
    options.rounds = 2
    options.load.duration = 1.3
    options.warmUp = 0.4
    return options
  }

  /// The sentences, one for each server that did both.
  static func text(_ report: Report) -> String {
    guard report.measurements.count == 2 else { return "" }
    let queue = report.measurements[0], handoff = report.measurements[1]
    var lines: [String] = []
    for (index, target) in report.targets.enumerated() {
      if lines.isEmpty == false { lines.append("") }
      lines += text(target.facts, queue, handoff, index)
    }
    for other in report.targets.indices.dropFirst() {
      guard let ratio = queue.ratio(to: other, \.throughput),
        let soon = handoff.ratio(to: other, { Double($0.recorder.histograms[0].percentile(50)) })
      else { continue }
      lines.append("")
      lines.append(
        "\(report.targets[0].facts.name) does \(Format.fixed(ratio.median, 2)) times the jobs of "
          + "\(report.targets[other].facts.name), and takes \(Format.fixed(soon.median, 2)) times as "
          + "long to hand one over.")
    }
    return lines.joined(separator: "\n")
  }

  private static func text(
    _ facts: ServerFacts, _ queue: Measurement, _ handoff: Measurement, _ index: Int
  ) -> [String] {
    guard let throughput = queue.results[index].throughput,
      let latency = handoff.results[index].total?.histograms[0], latency.count > 0
    else {
      let remarks = [queue, handoff].flatMap { $0.results[index].remarks }
      return ["\(facts.name): " + (remarks.first ?? "nothing was completed")]
    }
    let rate = Format.grouped(throughput.median), soon = Format.time(latency.percentile(50))
    let roles = queue.workload.roles.map { "\($0.clients) \($0.name)s" }
    return [
      "  " + rate.right(10) + "   jobs a second",
      "  " + soon.right(10) + "   until a waiting worker has a job (p99 "
        + Format.time(latency.percentile(99)) + ")",
      "",
      "\(facts.name) at \(facts.place) carries \(rate) jobs a second from \(roles[0]) to \(roles[1]), "
        + disk(facts.fsync) + ", and hands one to a worker that waits in \(soon).",
    ] + queue.results[index].remarks + handoff.results[index].remarks
  }

  private static func disk(_ fsync: String) -> String {
    switch fsync {
    case "always": "each on disk before it is acknowledged"
    case "everysec": "synced to disk every second"
    case "no log": "in memory alone"
    default: "synced to disk when the system thinks fit"
    }
  }
}
