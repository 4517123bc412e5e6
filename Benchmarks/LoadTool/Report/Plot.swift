// Plot.swift: lines over two axes, as SVG whose colours come from the page.

import Glibc

/// One axis: which values it spans, and where its ticks are.
struct Axis {
  let low: Double, high: Double
  let isLogarithmic: Bool
  let ticks: [(value: Double, label: String)]

  /// From 0 to a round number above `high`, with some four ticks.
  static func linear(to high: Double, label: (Double) -> String) -> Axis {
    let top = max(high, 1e-9)
    let raw = top / 4, power = pow(10, floor(log10(raw)))
    let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
    let count = Int((top / step).rounded(.up))
    return Axis(
      low: 0, high: step * Double(count), isLogarithmic: false,
      ticks: (0...count).map { (Double($0) * step, label(Double($0) * step)) })
  }

  /// From the decade below `low` to what lies above `high`, with a tick at 1, 2 and 5 of each decade
  /// while they are few, and else at each decade.
  static func logarithmic(_ low: Double, _ high: Double, label: (Double) -> String) -> Axis {
    let low = max(low, 1e-9), high = max(high, low * 1.01)
    var values: [Double] = []
    var decade = pow(10, floor(log10(low)))
    while decade <= high * 10 {
      values += [1, 2, 5].map { $0 * decade }
      decade *= 10
    }
    let begin = values.last { $0 <= low } ?? low, end = values.first { $0 >= high } ?? high
    var ticks = values.filter { begin...end ~= $0 }
    if ticks.count > 8 {
      ticks = ticks.filter { abs(log10($0) - log10($0).rounded()) < 1e-9 }
    }
    return Axis(low: begin, high: end, isLogarithmic: true, ticks: ticks.map { ($0, label($0)) })
  }

  /// 0 at the low end, 1 at the high one.
  func place(_ value: Double) -> Double {
    let value = max(low, min(high, value))
    return isLogarithmic
      ? (log(value) - log(low)) / (log(high) - log(low)) : (value - low) / (high - low)
  }
}

/// A drawing of 560 × 250 with room for labels to the left and below.
struct Plot {
  static let width = 560.0, height = 250.0
  private static let left = 66.0, right = 26.0, top = 12.0, bottom = 34.0
  let x: Axis, y: Axis
  private var marks = ""

  init(x: Axis, y: Axis) {
    self.x = x
    self.y = y
  }

  func px(_ value: Double) -> Double {
    Self.left + x.place(value) * (Self.width - Self.left - Self.right)
  }

  func py(_ value: Double) -> Double {
    Self.height - Self.bottom - y.place(value) * (Self.height - Self.top - Self.bottom)
  }

  /// A line through `points`; a gap (nil) lifts the pen. `color` is the number of a server.
  mutating func line(_ points: [(Double, Double)?], color: Int, title: String) {
    var path = "", isDown = false
    for point in points {
      guard let point else {
        isDown = false
        continue
      }
      path += "\(isDown ? "L" : "M")\(number(px(point.0))) \(number(py(point.1)))"
      isDown = true
    }
    marks += "<path class=\"line c\(color)\" d=\"\(path)\"><title>\(title.escaped)</title></path>\n"
  }

  /// A dot that tells its value when it is pointed at.
  mutating func dot(_ at: (Double, Double), color: Int, title: String) {
    marks +=
      "<circle class=\"dot c\(color)\" cx=\"\(number(px(at.0)))\" cy=\"\(number(py(at.1)))\" r=\"3\">"
      + "<title>\(title.escaped)</title></circle>\n"
  }

  /// A bar from 0 to `value` between two places of the x axis, with a whisker over the rounds.
  mutating func bar(
    _ range: (Double, Double), _ spread: Spread, color: Int, label: String, title: String
  ) {
    let from = px(range.0), to = px(range.1), top = py(spread.median), middle = (from + to) / 2
    marks +=
      "<rect class=\"bar c\(color)\" x=\"\(number(from))\" y=\"\(number(top))\" width=\"\(number(to - from))\""
      + " height=\"\(number(py(0) - top))\"><title>\(title.escaped)</title></rect>\n"
      + "<path class=\"whisker\" d=\"M\(number(middle)) \(number(py(spread.low)))V\(number(py(spread.high)))\"/>\n"
      + "<text class=\"value\" x=\"\(number(middle))\" y=\"\(number(py(spread.high) - 4))\">\(label.escaped)</text>\n"
  }

  /// - Parameter name: what the plot shows, for those who can't see it.
  func svg(_ name: String) -> String {
    var frame = ""
    let end = Self.width - Self.right, ground = Self.height - Self.bottom
    for tick in y.ticks {
      let place = number(py(tick.value))
      frame +=
        "<path class=\"grid\" d=\"M\(number(Self.left)) \(place)H\(number(end))\"/>"
        + "<text class=\"y\" x=\"\(number(Self.left - 7))\" y=\"\(place)\" dy=\"0.32em\">\(tick.label.escaped)</text>\n"
    }
    for tick in x.ticks {
      let isLast = px(tick.value) > end - 24
      let place = number(isLast ? Self.width : px(tick.value))
      let kind = isLast ? "x end" : "x"  // It ends where the drawing does.
      frame +=
        "<text class=\"\(kind)\" x=\"\(place)\" y=\"\(number(ground + 18))\">\(tick.label.escaped)</text>\n"
    }
    return """
      <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(name.escaped)">
      \(frame)<path class="axis" d="M\(number(Self.left)) \(number(ground))H\(number(end))"/>
      \(marks)</svg>
      """
  }

  private func number(_ value: Double) -> String { Format.fixed(value, 1) }
}

extension String {
  /// As it stands in HTML, also within quotes.
  var escaped: String {
    var text = ""
    for character in self {
      switch character {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      default: text.append(character)
      }
    }
    return text
  }
}
