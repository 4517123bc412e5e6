// Waiting.swift: what tests of workers share: waiting for what comes about, and noting what did.

import Martlet
import MartletTesting
import Testing

/// Polls until `condition` holds; false after more time than anything here needs.
func eventually(_ condition: @Sendable () async throws -> Bool) async rethrows -> Bool {
  let deadline = ContinuousClock.now + .seconds(600)
  while ContinuousClock.now < deadline {
    if try await condition() { return true }
    await Task.yield()
  }
  return try await condition()
}

/// Expects `condition` to hold before long.
func soon(
  sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: @Sendable () async throws -> Bool
) async rethrows {
  let hasCome = try await eventually(condition)
  #expect(hasCome, sourceLocation: sourceLocation)
}

/// Things that happened, in order. Thread safety: any task may call anything.
final class Notes<Note: Sendable & Equatable>: Sendable {
  private let notes = Locked<[Note]>([])

  func add(_ note: Note) { notes.withLock { $0.append(note) } }
  var all: [Note] { notes.withLock { $0 } }
  var count: Int { notes.withLock { $0.count } }

  /// Waits for the first `count` notes.
  func first(_ count: Int) async -> [Note] {
    _ = await eventually { self.count >= count }
    return Array(all.prefix(count))
  }
}

/// Runs `body` while `worker` works, and ends the worker after, whatever its handlers do.
func working<R: Sendable>(
  _ worker: Worker, _ body: @Sendable () async throws -> R
) async throws -> R {
  let work = Task { try await worker.run() }
  let result: Result<R, any Error>
  do { result = .success(try await body()) } catch { result = .failure(error) }
  work.cancel()
  try await work.value
  return try result.get()
}

/// A logger that keeps its lines.
struct NotingLogger: WorkerLogger {
  let lines = Notes<String>()

  func log(_ level: LogLevel, _ message: String, _ details: [String: String]) {
    lines.add("\(level): \(message)")
  }
}

extension WorkerOptions {
  /// Options of tests: lines are kept.
  static func noting(_ logger: NotingLogger = NotingLogger()) -> WorkerOptions {
    var options = WorkerOptions()
    options.logger = logger
    return options
  }
}

extension MartletClient {
  /// A number that QSTAT tells of a queue.
  func count(_ name: String, of queue: String) async throws -> Int {
    try await send("QSTAT", queue)[name]?.integer ?? 0
  }
}
