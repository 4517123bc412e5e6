// JSONReport.swift: a report for programs, with everything that was measured.
//
// Times are nanoseconds and end in `_ns`, sizes bytes; a spread is the median of the rounds with the
// smallest and the largest of them. `ratios` are first server : the one it names.

extension Report {
  var json: String {
    var json = JSONText()
    json.object { json in
      json.string("tool", "martlet-benchmark \(Help.version)")
      json.string("time", Format.date(begun))
      json.string("machine", machine)
      json.array("arguments") { for argument in arguments { $0.string(nil, argument) } }
      json.array("servers") { json in
        for target in targets { json.object { Self.write(target.facts, &$0) } }
      }
      json.array("measurements") { json in
        for measurement in measurements { json.object { write(measurement, &$0) } }
      }
    }
    return json.text
  }

  private static func write(_ facts: ServerFacts, _ json: inout JSONText) {
    json.string("place", facts.place)
    json.string("name", facts.name)
    json.string("fsync", facts.fsync)
    json.integer("process_id", facts.processID)
    json.boolean("local", facts.isLocal)
  }

  private func write(_ measurement: Measurement, _ json: inout JSONText) {
    let workload = measurement.workload, load = measurement.load
    json.string("workload", workload.name)
    json.string("summary", workload.summary)
    json.string("conditions", measurement.conditions)
    json.string("unit", workload.unit)
    json.object("point") { for each in measurement.point { $0.string(each.name, each.value) } }
    json.object("clients") { for role in workload.roles { $0.integer(role.name, role.clients) } }
    json.integer("pipeline", measurement.parameters.pipeline)
    json.string("bodies", measurement.bodies.sizes.text)
    json.boolean("compressible", measurement.bodies.isCompressible)
    json.number("rate", load.rate ?? workload.rateDefault)
    json.integer("requests", load.count)
    json.number("duration", load.count == nil ? load.duration : nil)
    json.integer("threads", load.threads)
    json.array("results") { json in
      for (index, result) in measurement.results.enumerated() {
        json.object { write(result, index, workload, &$0) }
      }
    }
    json.array("ratios") { json in
      for other in measurement.results.indices.dropFirst() {
        json.object { write(measurement, other, &$0) }
      }
    }
  }

  private func write(
    _ result: ServerResult, _ index: Int, _ workload: Workload, _ json: inout JSONText
  ) {
    json.integer("server", index)
    var isSkipped = false
    if case .unknownCommand? = result.failure { isSkipped = true }
    json.boolean("skipped", isSkipped)
    json.string("failure", result.failure?.text)
    Self.write("throughput", result.throughput, &json)
    Self.write("cpu_us_per_operation", result.processor, &json)
    Self.write("resident_bytes", result.resident, &json)
    guard let total = result.total else { return }
    json.integer("errors", total.errors)
    json.string("first_error", total.firstError)
    json.integer("unanswered", total.unanswered)
    json.number("tool_load", result.toolLoad)
    json.integer("sent_late_p99_ns", Int(total.lateness.percentile(99)))
    json.object("series") { json in
      for (index, name) in workload.series.enumerated() {
        json.object(name) { Self.write(total.histograms[index], &$0) }
      }
    }
    json.array("rounds") { json in
      for round in result.rounds {
        json.object { json in
          json.number("seconds", round.seconds)
          json.integer("completed", round.recorder.completed)
          json.number("throughput", round.throughput)
          json.integer("p50_ns", Int(round.recorder.histograms[0].percentile(50)))
          json.integer("p99_ns", Int(round.recorder.histograms[0].percentile(99)))
          json.number("bucket_seconds", Double(round.recorder.bucketWidth) / 1e9)
          json.numbers("throughput_over_time", round.throughputOverTime)
          json.integer("completed_after", round.completedAfter)
        }
      }
    }
  }

  private static func write(_ histogram: Histogram, _ json: inout JSONText) {
    json.integer("count", Int(histogram.count))
    json.number("mean_ns", histogram.mean)
    json.integer("min_ns", Int(histogram.min))
    for percent in percentiles {
      json.integer("\(label(percent))_ns", Int(histogram.percentile(percent)))
    }
    json.integer("max_ns", Int(histogram.max))
  }

  private static func write(_ key: String, _ spread: Spread?, _ json: inout JSONText) {
    guard let spread else { return json.string(key, nil) }
    json.object(key) { json in
      json.number("median", spread.median)
      json.number("low", spread.low)
      json.number("high", spread.high)
    }
  }

  private func write(_ measurement: Measurement, _ other: Int, _ json: inout JSONText) {
    json.integer("to", other)
    Self.write("throughput", measurement.ratio(to: other, \.throughput), &json)
    for percent in [50, 99.0] {
      let ratio = measurement.ratio(to: other) {
        Double($0.recorder.histograms[0].percentile(percent))
      }
      Self.write(Self.label(percent), ratio, &json)
    }
    Self.write("cpu", measurement.ratio(to: other, \.processorPerOperation), &json)
  }
}

extension RoundResult {
  /// Completed ones a second, for each bucket but the last when that is not full.
  var throughputOverTime: [Double] {
    let width = Double(recorder.bucketWidth) / 1e9
    return recorder.buckets.prefix(fullBuckets).map { Double($0) / width }
  }

  /// How many were completed after the buckets of `throughputOverTime`.
  var completedAfter: Int { recorder.buckets.dropFirst(fullBuckets).reduce(0, +) }

  private var fullBuckets: Int {
    max(1, Int(seconds * 1e9 / Double(recorder.bucketWidth) + 0.001))
  }
}
