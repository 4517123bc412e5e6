// Table.swift: a measurement as text for people: figures, ratios, what went wrong.

struct Table {
  let report: Report
  /// Characters of a line.
  let width: Int

  private static let nameWidth = 22

  /// What opens a report: what is measured, where and how.
  var head: String {
    var lines = report.targets.map(\.facts.sentence)
    lines.append(report.machine)
    return lines.joined(separator: "\n")
  }

  func text(_ measurement: Measurement) -> String {
    var lines = [
      "\(measurement.title): \(measurement.workload.summary)", "  " + measurement.conditions,
    ]
    var columns = ["\(measurement.workload.unit)/s".right(13)]
    columns += Report.percentiles.map { Report.label($0).right(9) }
    columns += ["max".right(9), "CPU/op".right(9), "RSS".right(9)]
    lines.append("  " + "".left(Self.nameWidth) + columns.joined())
    for (index, result) in measurement.results.enumerated() {
      lines += rows(result, report.name(of: index), measurement)
    }
    for other in measurement.results.indices.dropFirst() {
      lines += ratios(measurement, other)
    }
    lines += Drawing.histograms(
      measurement, names: report.targets.indices.map { report.name(of: $0) }, width: width)
    return lines.joined(separator: "\n")
  }

  private func rows(_ result: ServerResult, _ name: String, _ measurement: Measurement) -> [String]
  {
    let begin = "  " + name.left(Self.nameWidth)
    guard let total = result.total, let throughput = result.throughput else {
      let remarks = result.remarks
      return [begin + (remarks.isEmpty ? "nothing was completed" : remarks.joined(separator: "; "))]
    }
    var lines: [String] = []
    for (index, series) in measurement.workload.series.enumerated() {
      let histogram = total.histograms[index]
      guard histogram.count > 0 else { continue }
      var columns = index == 0 ? [Format.grouped(throughput.median).right(13)] : [series.right(13)]
      columns += Report.percentiles.map { Format.time(histogram.percentile($0)).right(9) }
      columns.append(Format.time(histogram.max).right(9))
      if index == 0 {
        columns.append((result.processor.map { Format.short($0.median) + " us" } ?? "-").right(9))
        columns.append((result.resident.map { Format.size($0.median) } ?? "-").right(9))
      }
      lines.append((index == 0 ? begin : "".left(begin.count)) + columns.joined())
    }
    return lines + result.remarks.map { "    " + $0 }
  }

  private func ratios(_ measurement: Measurement, _ other: Int) -> [String] {
    guard let throughput = measurement.ratio(to: other, \.throughput) else { return [] }
    func shown(_ spread: Spread?) -> String {
      spread.map {
        "\(Format.fixed($0.median, 2)) (\(Format.fixed($0.low, 2))-\(Format.fixed($0.high, 2)))"
      }
        ?? "-"
    }
    func latency(_ percent: Double) -> Spread? {
      measurement.ratio(to: other) { Double($0.recorder.histograms[0].percentile(percent)) }
    }
    let first = report.name(of: 0), second = report.name(of: other)
    return [
      "  \(first) : \(second)   throughput \(shown(throughput))   p50 \(shown(latency(50)))"
        + "   p99 \(shown(latency(99)))   CPU/op \(shown(measurement.ratio(to: other, \.processorPerOperation)))"
    ]
  }
}
