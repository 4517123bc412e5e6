// WorkerLogger.swift: where a worker's lines go. Any logging library fits behind the protocol.

#if canImport(Glibc)
  import Glibc
#endif

/// How much a line matters.
public enum LogLevel: Int, Sendable, Comparable, CaseIterable {
  /// For who looks for a fault.
  case debug
  /// What happens.
  case info
  /// What somebody should see.
  case warning
  /// What somebody should do something about.
  case error

  /// Whether `left` matters less.
  public static func < (left: LogLevel, right: LogLevel) -> Bool { left.rawValue < right.rawValue }
}

/// What takes a worker's lines. With swift-log:
///
/// ```swift
/// struct SwiftLog: WorkerLogger {
///   let logger: Logger
///   func log(_ level: LogLevel, _ message: String, _ details: [String: String]) {
///     let level: Logger.Level = [.debug: .debug, .info: .info, .warning: .warning, .error: .error][level]!
///     logger.log(level: level, "\(message)", metadata: details.mapValues { "\($0)" })
///   }
/// }
/// ```
public protocol WorkerLogger: Sendable {
  /// Whether lines of this level are written; others are not even made.
  func takes(_ level: LogLevel) -> Bool

  /// Writes a line, with details by name such as `job`, `id` and `queue`.
  ///
  /// Lines of the worker itself come on the thread that renews leases: whoever has to wait to write hands
  /// them on.
  func log(_ level: LogLevel, _ message: String, _ details: [String: String])
}

extension WorkerLogger {
  /// All levels.
  public func takes(_ level: LogLevel) -> Bool { true }
}

/// Writes lines to standard error: what a worker does when it is told nothing else.
public struct StandardErrorLogger: WorkerLogger {
  /// The least level that is written.
  public var least: LogLevel

  /// A logger that writes lines from `least` on.
  public init(least: LogLevel = .info) { self.least = least }

  /// Whether lines of this level are written.
  public func takes(_ level: LogLevel) -> Bool { level >= least }

  /// Writes a line such as `warning: failed, tried again in 2.0 seconds (job=resize id=D-1.2)`.
  public func log(_ level: LogLevel, _ message: String, _ details: [String: String]) {
    guard takes(level) else { return }
    var line = "\(level): \(message)"
    if !details.isEmpty {
      let pairs = details.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
      line += " (\(pairs.joined(separator: " ")))"
    }
    let bytes = Array("\(line)\n".utf8)
    unsafe bytes.withUnsafeBytes { unsafe _ = write(2, $0.baseAddress, $0.count) }
  }
}

/// Writes lines that name the job they are about.
public struct JobLogger: Sendable {
  let base: any WorkerLogger
  let context: JobContext

  /// Writes a line for who looks for a fault.
  public func debug(_ message: @autoclosure () -> String) { log(.debug, message()) }
  /// Writes a line of what happens.
  public func info(_ message: @autoclosure () -> String) { log(.info, message()) }
  /// Writes a line that somebody should see.
  public func warning(_ message: @autoclosure () -> String) { log(.warning, message()) }
  /// Writes a line that somebody should do something about.
  public func error(_ message: @autoclosure () -> String) { log(.error, message()) }

  /// Writes a line, with details besides those of the job.
  public func log(
    _ level: LogLevel, _ message: @autoclosure () -> String, _ details: [String: String] = [:]
  ) {
    guard base.takes(level) else { return }
    var details = details
    if !context.name.isEmpty { details["job"] = context.name }
    details["id"] = context.id
    details["queue"] = context.queue
    details["attempt"] = "\(context.attempt)"
    base.log(level, message(), details)
  }
}
