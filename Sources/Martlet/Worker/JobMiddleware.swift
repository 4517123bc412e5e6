// JobMiddleware.swift: code around all handlers of a worker: logs, metrics, traces.

/// Code that goes around each job of a worker.
///
/// ```swift
/// struct Timing: JobMiddleware {
///   func handle(
///     _ context: JobContext, next: (JobContext) async throws -> JobVerdict
///   ) async throws -> JobVerdict {
///     let begin = ContinuousClock.now
///     let timer = Timer(label: "jobs", dimensions: [("job", context.name)])
///     defer { timer.record(duration: begin.duration(to: .now)) }
///     return try await next(context)
///   }
/// }
/// ```
public protocol JobMiddleware: Sendable {
  /// Does what is to be done around a job.
  ///
  /// - Parameter next: goes on: to the next middleware, and at last to the handler.
  /// - Returns: what `next` did, or another verdict.
  /// - Throws: what `next` threw, or something else: the job has failed then.
  func handle(
    _ context: JobContext, next: (JobContext) async throws -> JobVerdict
  ) async throws -> JobVerdict
}
