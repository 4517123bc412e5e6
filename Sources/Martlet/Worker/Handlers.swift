// Handlers.swift: which code does which job, and how its end is told to the core.

/// What a worker's tasks share.
struct WorkerReporter: Sendable {
  let client: MartletClient
  let mailbox: Mailbox
  let logger: any WorkerLogger
}

/// The code for one kind of jobs.
struct Handler: Sendable {
  enum Result: Sendable {
    case verdict(JobVerdict)
    case output([UInt8], keep: Duration?)
  }

  let timeout: Duration?
  let retry: RetryPolicy
  /// Decodes a part of the body and does the job.
  let run: @Sendable (_ data: ArraySlice<UInt8>, JobContext) async throws -> Result
}

extension Handler {
  /// Decodes what `body` takes; a body that cannot be decoded is dead, for it will not get better.
  init<J: Decodable & SendableMetatype>(
    _ type: J.Type, timeout: Duration?, retry: RetryPolicy,
    _ body: @escaping @Sendable (J, JobContext) async throws -> Result
  ) {
    self.init(timeout: timeout, retry: retry) { data, context in
      let job: J
      do throws(MartletError) { job = try JSON.decode(type, from: data) } catch {
        return .verdict(.dead(error.message))
      }
      return try await body(job, context)
    }
  }
}

/// The code for all jobs that a worker knows.
struct Handlers: Sendable {
  /// By the name of the job's type.
  var jobs: [String: Handler] = [:]
  /// By the queue whose elements are no jobs of ours.
  var elements: [String: Handler] = [:]

  /// Who does a job, or why nobody can.
  enum Route {
    case handler(Handler, name: String, data: ArraySlice<UInt8>, headers: [String: String])
    case unknown(name: String)
    case undecodable(String)
  }

  func route(_ delivery: Delivery) -> Route {
    if let handler = elements[delivery.queue] {
      return .handler(handler, name: "", data: delivery.body[...], headers: [:])
    }
    do throws(MartletError) {
      let parts = try EnvelopeParts(delivery.body)
      guard let handler = jobs[parts.name] else { return .unknown(name: parts.name) }
      let data = parts.data.map { delivery.body[$0] } ?? Self.noData[...]
      return .handler(
        handler, name: parts.name, data: data, headers: try parts.headers(in: delivery.body))
    } catch {
      return .undecodable(error.message)
    }
  }

  private static let noData = Array("{}".utf8)
}

/// Runs jobs: each call of `run` is the whole of one task.
struct JobRunner: Sendable {
  let handlers: Handlers
  let middleware: [any JobMiddleware]
  let reporter: WorkerReporter
  /// When a job is tried again whose name nobody here knows.
  let unknownJobDelay: Duration
  let time: Timekeeper
  private let named = NamesSeen()

  init(
    handlers: Handlers, middleware: [any JobMiddleware], reporter: WorkerReporter,
    unknownJobDelay: Duration, time: Timekeeper
  ) {
    self.handlers = handlers
    self.middleware = middleware
    self.reporter = reporter
    self.unknownJobDelay = unknownJobDelay
    self.time = time
  }

  func run(_ delivery: Delivery, _ slot: SlotID) async {
    var delivery = delivery
    var ending = await ending(delivery, slot)
    // What was popped is nowhere else: it waits for its next attempt here.
    while delivery.isPopped, case .failed(let failure) = ending, let wait = failure.retryAfter {
      await time.sleep(until: time.now + wait)
      guard !Task.isCancelled else { break }
      delivery.attempt += 1
      ending = await self.ending(delivery, slot)
    }
    reporter.mailbox.post(.finished(slot, ending))
  }

  private func ending(_ delivery: Delivery, _ slot: SlotID) async -> Ending {
    switch handlers.route(delivery) {
    case .unknown(let name):
      if named.isNew(name) {
        reporter.logger.log(
          .warning, "no handler for this job: it is left to other workers",
          ["job": name, "queue": delivery.queue])
      }
      return .release(after: unknownJobDelay, error: "no handler for the job '\(name)'")
    case .undecodable(let reason):
      reporter.logger.log(.error, reason, ["queue": delivery.queue])
      return .dead(reason)
    case .handler(let handler, let name, let data, let headers):
      if let timeout = handler.timeout { reporter.mailbox.post(.limited(slot, timeout)) }
      let context = JobContext(
        delivery, slot, name: name, headers: headers, timeout: handler.timeout, reporter)
      return await ending(handler, data, context)
    }
  }

  private func ending(
    _ handler: Handler, _ data: ArraySlice<UInt8>, _ context: JobContext
  ) async -> Ending {
    func failure(_ error: String, after wait: Duration? = nil) -> Ending.Failure {
      let random = Double.random(in: 0..<1)
      let next = handler.retry.delay(after: context.attempt, random: random)
      return Ending.Failure(error: error, retryAfter: next.map { wait ?? $0 })
    }
    do {
      switch try await result(handler, data, context) {
      case .output(let bytes, let keep): return .result(bytes, keep: keep)
      case .verdict(.done), .verdict(.discard): return .done
      case .verdict(.dead(let reason)):
        context.logger.error("dead: \(reason)")
        return .dead(reason)
      case .verdict(.retry(let wait, let reason)):
        return .failed(failure(reason.isEmpty ? "to be tried again" : reason, after: wait))
      }
    } catch {
      let failure = failure("\(error)")
      if Task.isCancelled { return .cancelled(failure) }
      let next = failure.retryAfter.map { "tried again in \($0)" } ?? "given up"
      context.logger.warning("failed, \(next): \(error)")
      return .failed(failure)
    }
  }

  /// Runs the handler, with all middleware around it. A verdict that was thrown is as one that was returned.
  private func result(
    _ handler: Handler, _ data: ArraySlice<UInt8>, _ context: JobContext
  ) async throws -> Handler.Result {
    guard !middleware.isEmpty else {
      do { return try await handler.run(data, context) } catch let verdict as JobVerdict {
        return .verdict(verdict)
      }
    }
    let output = Locked<Handler.Result?>(nil)
    func next(_ index: Int, _ context: JobContext) async throws -> JobVerdict {
      do {
        guard index == middleware.count else {
          return try await middleware[index].handle(context) { try await next(index + 1, $0) }
        }
        let result = try await handler.run(data, context)
        guard case .verdict(let verdict) = result else {
          output.withLock { $0 = result }
          return .done
        }
        return verdict
      } catch let verdict as JobVerdict {
        return verdict
      }
    }
    let verdict = try await next(0, context)
    if verdict == .done, let result = output.withLock({ $0 }) { return result }
    return .verdict(verdict)
  }
}

/// Names that were met before, so that each is told of once.
final class NamesSeen: Sendable {
  /// Beyond so many, names are not told any more: who writes into the queue makes them up.
  private static let countMax = 1000
  private let names = Locked<Set<String>>([])

  func isNew(_ name: String) -> Bool {
    names.withLock { $0.count < Self.countMax && $0.insert(name).inserted }
  }
}
