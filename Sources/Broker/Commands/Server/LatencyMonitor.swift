// LatencyMonitor.swift: events that took longer than `latency-monitor-threshold`, and LATENCY.

import RESP

/// The last spikes of each kind of event.
struct LatencyMonitor {
  struct Sample {
    /// Seconds since 1970.
    let seconds: Int64
    var milliseconds: Int64
  }
  struct Series {
    let event: String
    var samples: [Sample] = []
    var milliseconds = Int64(0)  // The worst ever.
  }
  static let sampleCountMax = 160

  private(set) var series: [Series] = []

  func series(of event: ByteView) -> Series? {
    series.first { $0.event == event.text && !$0.samples.isEmpty }
  }

  /// Notes an event; of one second only the worst is kept.
  mutating func add(_ event: String, milliseconds: Int64, at seconds: Int64) {
    let index: Int
    if let known = series.firstIndex(where: { $0.event == event }) {
      index = known
    } else {
      index = series.count
      series.append(Series(event: event))
    }
    series[index].milliseconds = max(series[index].milliseconds, milliseconds)
    let last = series[index].samples.count - 1
    if last >= 0, series[index].samples[last].seconds == seconds {
      let worst = max(series[index].samples[last].milliseconds, milliseconds)
      series[index].samples[last].milliseconds = worst
      return
    }
    if last + 1 == Self.sampleCountMax { series[index].samples.removeFirst() }
    series[index].samples.append(Sample(seconds: seconds, milliseconds: milliseconds))
  }

  /// Forgets `event`, or all; returns how many had anything.
  mutating func reset(_ event: ByteView? = nil) -> Int {
    let before = series.count
    if let event { series.removeAll { $0.event == event.text } } else { series = [] }
    return before - series.count
  }
}

extension Context {
  /// Notes how long something took that LATENCY knows by the name of `event`: `command`,
  /// `fast-command`, `expire-cycle`, or `event-loop` for a whole turn.
  @inline(__always)
  mutating func noteEvent(_ event: StaticString, nanoseconds: Int64) {
    let threshold = settings.latencyThreshold
    guard threshold > 0, nanoseconds / 1_000_000 >= Int64(threshold) else { return }
    latency.add("\(event)", milliseconds: nanoseconds / 1_000_000, at: wall / 1000)
  }
}

enum LatencyCommands {
  private static func sub(
    _ name: StaticString, _ arity: Arity, since: StaticString = "2.8.13", _ syntax: StaticString,
    _ summary: StaticString, complexity: StaticString = "O(1)", _ body: @escaping Command.Body
  ) -> Command {
    Command(
      name, arity: arity, flags: [.admin, .noScript, .loading, .stale], group: .server,
      since: since, summary: summary, complexity: complexity, syntax: syntax, body: body)
  }

  static let commands: [Command] = [
    Command(
      "LATENCY", arity: .atLeast(2), flags: [], group: .server, since: "2.8.13",
      summary: "Commands about what took long.", complexity: "Depends on the subcommand",
      subcommands: [
        sub("DOCTOR", .exactly(2), "", "Reports on latency in words.", doctor),
        sub("GRAPH", .exactly(3), "<event>", "Draws the samples of an event.", graph),
        sub(
          "HISTOGRAM", .atLeast(2), since: "7.0.0", "[<command> ...]",
          "Returns how often commands took how long.", complexity: "O(N), N commands", histogram),
        sub("HISTORY", .exactly(3), "<event>", "Returns the samples of an event.", history),
        sub("LATEST", .exactly(2), "", "Returns the last sample of every event.", latest),
        sub("RESET", .atLeast(2), "[<event> ...]", "Forgets the samples of events.", reset),
        Help.command(group: .server, since: "2.8.13"),
      ], body: Help.container)
  ]

  /// `LATENCY HISTORY event` → [seconds, milliseconds] for each sample, oldest first.
  static func history(_ c: inout Context) throws(CommandError) {
    let samples = c.latency.series(of: c.arguments[2])?.samples ?? []
    c.reply.array(samples.count)
    for sample in samples {
      c.reply.array(2)
      c.reply.integer(sample.seconds)
      c.reply.integer(sample.milliseconds)
    }
  }

  /// `LATENCY LATEST` → [event, seconds, last milliseconds, worst milliseconds] each.
  static func latest(_ c: inout Context) throws(CommandError) {
    let all = c.latency.series
    c.reply.array(all.count)
    for series in all {
      c.reply.array(4)
      c.reply.bulk(series.event)
      c.reply.integer(series.samples.last?.seconds ?? 0)
      c.reply.integer(series.samples.last?.milliseconds ?? 0)
      c.reply.integer(series.milliseconds)
    }
  }

  /// `LATENCY RESET [event ...]` → how many had samples.
  static func reset(_ c: inout Context) throws(CommandError) {
    guard c.arguments.count > 2 else { return c.reply.integer(c.latency.reset()) }
    var count = 0
    for index in 2..<c.arguments.count { count += c.latency.reset(c.arguments[index]) }
    c.reply.integer(count)
  }

  /// `LATENCY GRAPH event` → a line a sample, with a bar as long as it is to the worst.
  static func graph(_ c: inout Context) throws(CommandError) {
    guard let series = c.latency.series(of: c.arguments[2]) else {
      throw CommandError("ERR No samples available for event '", c.arguments[2], "'")
    }
    let worst = max(1, series.samples.map(\.milliseconds).max() ?? 1)
    var text = "\(series.event) - high \(worst) ms (all time high \(series.milliseconds) ms)\n"
    for sample in series.samples {
      let size = max(1, Int(sample.milliseconds * 40 / worst))
      let bar = String(repeating: "#", count: size)
      text += "\(c.wall / 1000 - sample.seconds)s ago \(bar) \(sample.milliseconds) ms\n"
    }
    c.reply.verbatim(text)
  }

  /// `LATENCY DOCTOR` → a report in words.
  static func doctor(_ c: inout Context) throws(CommandError) {
    guard c.settings.latencyThreshold > 0 else {
      return c.reply.verbatim(
        "Latency monitoring is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it "
          + "on.\n")
    }
    var text = ""
    for series in c.latency.series {
      let sum = series.samples.reduce(Int64(0)) { $0 + $1.milliseconds }
      let mean = sum / Int64(max(1, series.samples.count))
      text += "\(series.event): \(series.samples.count) spikes, mean \(mean) ms, "
      text += "worst \(series.milliseconds) ms. SLOWLOG GET shows single commands.\n"
    }
    let threshold = c.settings.latencyThreshold
    c.reply.verbatim(text.isEmpty ? "Nothing took \(threshold) ms or longer so far.\n" : text)
  }

  /// `LATENCY HISTOGRAM [command ...]` → map of command → map: calls, and microseconds → how many
  /// calls took no longer. Short commands are sampled and scaled up.
  static func histogram(_ c: inout Context) throws(CommandError) {
    var indices: [Int] = []
    if c.arguments.count == 2 {
      indices = Array(c.table.commands.indices)
    } else {
      for word in 2..<c.arguments.count {
        guard let index = c.table.index(fullName: c.arguments[word]) else { continue }
        indices += [index] + c.table.children[index]
      }
    }
    indices = indices.filter { c.statistics.durations[$0] != nil }
    c.reply.map(indices.count)
    for index in indices {
      guard let durations = c.statistics.durations[index] else { continue }
      c.reply.bulk(c.table.names[index])
      c.reply.map(2)
      c.reply.bulk("calls")
      c.reply.integer(durations.calls)
      c.reply.bulk("histogram_usec")
      let buckets = durations.cumulative
      c.reply.map(buckets.count)
      for bucket in buckets {
        c.reply.integer(bucket.microseconds)
        c.reply.integer(bucket.calls)
      }
    }
  }
}
