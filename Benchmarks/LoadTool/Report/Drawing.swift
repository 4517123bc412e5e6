// Drawing.swift: a histogram of latencies, drawn with characters.
//
// The scale is logarithmic, four columns a doubling at most, since latencies have long tails: a
// linear one would show a peak and nothing else. Bars are scaled to the tallest, and whatever is not
// nothing shows.

enum Drawing {
  private static let blocks = Array(" ▁▂▃▄▅▆▇█")

  /// One line of bars for each server, over one axis.
  static func histograms(_ measurement: Measurement, names: [String], width: Int) -> [String] {
    let histograms = measurement.results.map { $0.total?.histograms[0] ?? Histogram() }
    let filled = histograms.filter { $0.count > 0 }
    // What lies far below the usual would only push it to the right: it stands in the first column.
    guard let low = filled.map({ max($0.min, $0.percentile(50) / 100) }).min(),
      let high = filled.map(\.max).max(), high > low
    else { return [] }
    let nameWidth = 24
    let columns = max(20, min(72, width - nameWidth - 2))
    let scale = Scale(low: low, high: high, columns: columns)
    var lines: [String] = []
    for (index, histogram) in histograms.enumerated() where histogram.count > 0 {
      lines.append("  " + names[index].left(nameWidth - 2) + bars(histogram, scale))
    }
    return lines + ["".left(nameWidth) + axis(scale)]
  }

  struct Scale {
    let begin: Double, step: Double
    let columns: Int

    init(low: Int64, high: Int64, columns: Int) {
      self.columns = columns
      begin = Double(max(1, low)).logarithm
      step = max(1e-9, (Double(max(2, high)).logarithm - begin) / Double(columns))
    }

    func column(_ value: Int64) -> Int {
      max(0, min(columns - 1, Int((Double(max(1, value)).logarithm - begin) / step)))
    }

    func value(_ column: Int) -> Double { Double.exponential(begin + step * Double(column)) }
  }

  static func bars(_ histogram: Histogram, _ scale: Scale) -> String {
    var sums = [Double](repeating: 0, count: scale.columns)
    for (bounds, count) in histogram.filled {
      let middle = bounds.lowerBound + (bounds.upperBound - bounds.lowerBound) / 2
      sums[scale.column(max(histogram.min, min(histogram.max, middle)))] += Double(count)
    }
    let top = sums.max() ?? 1
    return String(
      sums.map { sum in
        sum == 0 ? " " : blocks[max(1, min(8, Int((sum / top * 8).rounded())))]
      })
  }

  private static func axis(_ scale: Scale) -> String {
    var text = ""
    var column = 0
    while column < scale.columns {
      let label = Format.time(scale.value(column))
      if column + label.count > scale.columns { break }
      text = text.left(column) + label
      column += max(16, label.count + 2)
    }
    return text
  }
}
