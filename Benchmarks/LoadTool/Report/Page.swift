// Page.swift: a report as one page of HTML that needs nothing beside it, light or dark as the reader's
// machine is.

struct Page {
  private let report: Report

  init(_ report: Report) { self.report = report }

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(title.escaped)</title>
    <style>
    \(PageStyle.css)
    </style>
    </head>
    <body>
    <main>
    <header>
    <h1>\(title.escaped)</h1>
    <p class="facts">\(facts)</p>
    <p class="command"><code>martlet-benchmark \(command.escaped)</code></p>
    \(legend)
    </header>
    \(report.measurements.map(section).joined(separator: "\n"))
    \(sweeps)
    <footer>Latencies are of all rounds together, throughput is the median round; whiskers and brackets
    span the rounds. martlet-benchmark \(Help.version), \(Format.date(report.begun)).</footer>
    </main>
    </body>
    </html>

    """
  }

  private var title: String { names.joined(separator: " and ") }

  private var facts: String {
    (report.targets.map(\.facts.sentence) + [report.machine]).map(\.escaped)
      .joined(separator: "<br>\n")
  }

  private var command: String {
    report.arguments.map { argument in
      argument.contains { " '\"{}".contains($0) } ? "'\(argument)'" : argument
    }.joined(separator: " ")
  }

  private var legend: String {
    guard names.count > 1 else { return "" }
    let items = names.enumerated().map { "<li class=\"c\($0 % 4)\">\($1.escaped)</li>" }
    return "<ul class=\"legend\">\(items.joined())</ul>"
  }

  private var names: [String] { report.targets.indices.map { report.name(of: $0) } }

  // MARK: One measurement

  private func section(_ measurement: Measurement) -> String {
    """
    <section>
    <h2>\(measurement.title.escaped)<small>\(measurement.workload.summary.escaped)</small></h2>
    <p class="conditions">\(measurement.conditions.escaped)</p>
    \(ratios(measurement))
    \(table(measurement))
    \(notes(measurement))
    <div class="plots">
    \(figure("Latency by percentile", latencies(measurement)))
    \(figure("Throughput over time, round after round", throughput(measurement)))
    \(figure("\(measurement.workload.unit.capitalizedFirst) a second", bars([measurement])))
    </div>
    </section>
    """
  }

  private func figure(_ caption: String, _ svg: String?) -> String {
    guard let svg else { return "" }
    return "<figure><figcaption>\(caption.escaped)</figcaption>\n\(svg)</figure>"
  }

  private func ratios(_ measurement: Measurement) -> String {
    measurement.results.indices.dropFirst().compactMap { other in
      guard let ratio = measurement.ratio(to: other, \.throughput) else { return nil }
      let cpu = measurement.ratio(to: other, \.processorPerOperation)
      return "<p class=\"ratio\"><b>\(Format.fixed(ratio.median, 2)) ×</b> the throughput of "
        + "\(names[other].escaped) <span>(\(Format.fixed(ratio.low, 2)) to \(Format.fixed(ratio.high, 2)))</span>"
        + (cpu.map { ", \(Format.fixed($0.median, 2)) × its CPU per operation" } ?? "") + "</p>"
    }.joined(separator: "\n")
  }

  private func table(_ measurement: Measurement) -> String {
    let heads =
      ["", "", "\(measurement.workload.unit)/s"] + Report.percentiles.map { Report.label($0) }
      + ["max", "CPU/op", "RSS"]
    var rows = "<tr>" + heads.map { "<th>\($0.escaped)</th>" }.joined() + "</tr>\n"
    for (index, result) in measurement.results.enumerated() {
      guard let total = result.total else { continue }
      for (number, series) in measurement.workload.series.enumerated() {
        let histogram = total.histograms[number]
        guard histogram.count > 0 else { continue }
        let isFirst = number == 0
        var cells = [isFirst ? names[index] : "", series]
        cells.append(isFirst ? result.throughput.map { Format.grouped($0.median) } ?? "" : "")
        cells += Report.percentiles.map { Format.time(histogram.percentile($0)) }
        cells.append(Format.time(histogram.max))
        cells.append(isFirst ? result.processor.map { Format.short($0.median) + " us" } ?? "" : "")
        cells.append(isFirst ? result.resident.map { Format.size($0.median) } ?? "" : "")
        rows += "<tr>" + cells.map { "<td>\($0.escaped)</td>" }.joined() + "</tr>\n"
      }
    }
    guard measurement.results.contains(where: { !$0.rounds.isEmpty }) else { return "" }
    return "<div class=\"scroll\"><table>\n\(rows)</table></div>"
  }

  private func notes(_ measurement: Measurement) -> String {
    measurement.results.enumerated().flatMap { index, result in
      result.remarks.map { "<p class=\"note\">\(names[index].escaped): \($0.escaped)</p>" }
    }.joined(separator: "\n")
  }

  // MARK: Plots

  /// The x axis counts nines: 90 % lies at 1, 99 % at 2, and so on.
  private func latencies(_ measurement: Measurement) -> String? {
    let totals = measurement.results.map { $0.total?.histograms[0] ?? Histogram() }
    let filled = totals.filter { $0.count > 0 }
    guard let low = filled.map({ $0.percentile(1) }).min(), let high = filled.map(\.max).max(),
      let count = filled.map(\.count).max()
    else { return nil }
    let nines = max(1, min(5, Double(count).logarithm / Double(10).logarithm))
    let marks = [
      (0.0, "0"), (0.301, "50 %"), (1, "90 %"), (2, "99 %"), (3, "99.9 %"), (4, "99.99 %"),
      (5, "99.999 %"),
    ]
    var plot = Plot(
      x: Axis(
        low: 0, high: nines, isLogarithmic: false,
        ticks: marks.filter { $0.0 <= nines + 0.01 }.map { ($0.0, $0.1) }),
      y: .logarithmic(Double(low), Double(high)) { Format.tick($0) })
    for (index, histogram) in totals.enumerated() where histogram.count > 0 {
      let points = stride(from: 0.0, through: nines, by: nines / 160).map { nine in
        (
          nine,
          Double(histogram.percentile(100 - 100 / Double.exponential(nine * Double(10).logarithm)))
        )
      }
      plot.line(points, color: index % 4, title: names[index])
      for percent in Report.percentiles {
        let nine = -(1 - percent / 100).logarithm / Double(10).logarithm
        guard nine <= nines else { continue }
        let value = histogram.percentile(percent)
        plot.dot(
          (nine, Double(value)), color: index % 4,
          title: "\(names[index]), \(Report.label(percent)): \(Format.time(value))")
      }
    }
    return plot.svg("Latency by percentile")
  }

  private func throughput(_ measurement: Measurement) -> String? {
    let series = measurement.results.map { result in
      result.rounds.map(\.throughputOverTime)
    }
    let width = Double(Round.bucketWidth(measurement.load)) / 1e9
    let longest = series.map { $0.reduce(0) { $0 + $1.count + 1 } }.max() ?? 0
    guard longest > 2, let high = series.joined().joined().max() else { return nil }
    var plot = Plot(
      x: .linear(to: Double(longest) * width) { Format.seconds($0) },
      y: .linear(to: high) { Format.tally($0) })
    for (index, rounds) in series.enumerated() where !rounds.isEmpty {
      var points: [(Double, Double)?] = []
      var time = 0.0
      for round in rounds {
        for value in round {
          points.append((time + width / 2, value))
          time += width
        }
        points.append(nil)
        time += width
      }
      plot.line(points, color: index % 4, title: names[index])
    }
    return plot.svg("Throughput over time")
  }

  /// Throughput of each server: a group of bars for each measurement.
  private func bars(_ measurements: [Measurement]) -> String? {
    let spreads = measurements.map { $0.results.map(\.throughput) }
    guard let high = spreads.joined().compactMap({ $0?.high }).max() else { return nil }
    let isSweep = measurements.count > 1
    let ticks = measurements.enumerated().map { index, measurement in
      (Double(index) + 0.5, isSweep ? measurement.point.map(\.value).joined(separator: ", ") : "")
    }
    var plot = Plot(
      x: Axis(low: 0, high: Double(measurements.count), isLogarithmic: false, ticks: ticks),
      y: .linear(to: high * 1.08) { Format.tally($0) })
    for (group, results) in spreads.enumerated() {
      let width = min(0.22, 0.8 / Double(results.count))
      for (index, spread) in results.enumerated() {
        guard let spread else { continue }
        let from = Double(group) + 0.5 + (Double(index) - Double(results.count) / 2) * width
        plot.bar(
          (from + width * 0.06, from + width * 0.94), spread, color: index % 4,
          label: Format.tally(spread.median),
          title:
            "\(names[index]): \(Format.grouped(spread.median)) (\(Format.grouped(spread.low)) to \(Format.grouped(spread.high)))"
        )
      }
    }
    return plot.svg("Throughput of each server")
  }

  /// Of a sweep: all its points of one workload side by side.
  private var sweeps: String {
    guard !report.options.sweep.isEmpty else { return "" }
    let axes = report.options.sweep.map(\.name).joined(separator: ", ")
    return report.options.workloads.compactMap { name in
      let measurements = report.measurements.filter { $0.workload.name == name }
      guard measurements.count > 1, let svg = bars(measurements) else { return nil }
      return "<section><h2>\(name.escaped)<small>by \(axes.escaped)</small></h2>"
        + "<div class=\"plots\">\(figure("\(measurements[0].workload.unit.capitalizedFirst) a second", svg))</div></section>"
    }.joined(separator: "\n")
  }
}

extension String {
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
