// CSVReport.swift: a report for spreadsheets: a line for each series of each server.

extension Report {
  static let columns =
    [
      "workload", "point", "server", "place", "fsync", "conditions", "series", "count",
      "throughput", "throughput_low", "throughput_high", "mean_us",
    ] + percentiles.map { label($0) + "_us" } + [
      "max_us", "cpu_us_per_operation", "resident_bytes", "errors", "unanswered", "ratio",
      "ratio_low", "ratio_high", "failure",
    ]

  var csv: String {
    var lines = [Self.columns.joined(separator: ",")]
    for measurement in measurements {
      for index in measurement.results.indices {
        lines += Self.lines(measurement, index, targets[index].facts)
      }
    }
    return lines.joined(separator: "\n")
  }

  private static func lines(
    _ measurement: Measurement, _ index: Int, _ facts: ServerFacts
  ) -> [String] {
    let result = measurement.results[index], total = result.total
    let ratio = index > 0 ? measurement.ratio(to: index, \.throughput) : nil
    return measurement.workload.series.enumerated().compactMap { number, series in
      let histogram = total?.histograms[number] ?? Histogram()
      guard number == 0 || histogram.count > 0 else { return nil }
      let isFirst = number == 0
      var fields = [
        measurement.workload.name,
        measurement.point.map { "\($0.name)=\($0.value)" }.joined(separator: " "), facts.name,
        facts.place, facts.fsync, measurement.conditions, series, "\(histogram.count)",
      ]
      fields += spread(isFirst ? result.throughput : nil, digits: 1)
      fields.append(Format.fixed(histogram.mean / 1e3, 1))
      fields += percentiles.map { Format.fixed(Double(histogram.percentile($0)) / 1e3, 1) }
      fields.append(Format.fixed(Double(histogram.max) / 1e3, 1))
      fields.append(isFirst ? result.processor.map { Format.fixed($0.median, 3) } ?? "" : "")
      fields.append(isFirst ? result.resident.map { Format.fixed($0.median, 0) } ?? "" : "")
      fields += ["\(total?.errors ?? 0)", "\(total?.unanswered ?? 0)"]
      fields += spread(isFirst ? ratio : nil, digits: 3)
      fields.append(result.failure?.text ?? "")
      return fields.map(quoted).joined(separator: ",")
    }
  }

  private static func spread(_ spread: Spread?, digits: Int) -> [String] {
    guard let spread else { return ["", "", ""] }
    return [spread.median, spread.low, spread.high].map { Format.fixed($0, digits) }
  }

  private static func quoted(_ field: String) -> String {
    guard field.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return field }
    return "\"" + field.filled("\"", "\"\"") + "\""
  }
}
