// ServerLog.swift: what the broker tells the person on call, a line at a time.
//
// Lines are Redis': `pid:M 21 Nov 2026 05:23:01.123 * text`, where the sign is the level: `.` debug,
// `-` verbose, `*` notice, `#` warning. Redis' log readers take them as they are.

import Synchronization

/// Thread safety: everything by any thread at any time; the level changes for all at once.
final class ServerLog: Sendable {
  typealias Level = Settings.LogLevel

  private let output: LineOutput
  private let processID = ProcessInfo.id
  private let least: Atomic<UInt8>

  /// - Parameter path: of the log file; empty is standard error.
  /// - Throws: when the file can't be opened.
  init(path: String, level: Level) throws(SystemError) {
    output = path.isEmpty ? .standardError : try LineOutput(path: path)
    least = Atomic(Self.rank(level))
  }

  /// The least level that is written.
  var level: Level {
    get { Level.allCases[Int(least.load(ordering: .relaxed))] }
    set { least.store(Self.rank(newValue), ordering: .relaxed) }
  }

  func debug(_ text: @autoclosure () -> String) { log(.debug, text()) }
  func verbose(_ text: @autoclosure () -> String) { log(.verbose, text()) }
  func notice(_ text: @autoclosure () -> String) { log(.notice, text()) }
  func warning(_ text: @autoclosure () -> String) { log(.warning, text()) }

  /// Writes `text` when `level` is logged; it is not even made when not.
  func log(_ level: Level, _ text: @autoclosure () -> String) {
    guard Self.rank(level) >= least.load(ordering: .relaxed) else { return }
    let time = LocalTime(milliseconds: SystemClock.wall())
    output.write(Self.line(level, text(), at: time, processID: processID))
  }

  /// One line without its break; breaks within `text` become blanks, for a line is one event.
  static func line(
    _ level: Level, _ text: String, at time: LocalTime, processID: Int
  ) -> String {
    let text =
      text.contains(where: \.isNewline)
      ? String(text.map { $0.isNewline ? " " : $0 }) : text
    let date = "\(padded(time.day)) \(months[time.month - 1]) \(time.year)"
    let clock = "\(padded(time.hour)):\(padded(time.minute)):\(padded(time.second))"
    let fraction = padded(time.millisecond, to: 3)
    return "\(processID):M \(date) \(clock).\(fraction) \(sign(level)) \(text)"
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  private static func sign(_ level: Level) -> Character {
    switch level {
    case .debug: "."
    case .verbose: "-"
    case .notice: "*"
    case .warning: "#"
    }
  }

  private static func rank(_ level: Level) -> UInt8 {
    UInt8(Level.allCases.firstIndex(of: level)!)
  }

  private static func padded(_ number: Int, to count: Int = 2) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }
}
