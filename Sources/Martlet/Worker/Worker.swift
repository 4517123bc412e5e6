// Worker.swift: a worker as a program has it: queues, handlers, run, shutDown.
//
// What it does and when is decided in WorkerCore; WorkerLoop does it.

/// Takes jobs and has handlers do them, many at once.
///
/// ```swift
/// let worker = Worker(client, queues: "images", "mail", concurrency: 16)
/// worker.handle(ResizeAvatar.self) { job, context in
///   try await resize(job.path)
/// }
/// worker.stopOnSignals()
/// try await worker.run()
/// ```
///
/// A job is taken when there is a free slot for it, and is the worker's as long as it renews the lease, which
/// it does by itself. It is acknowledged when its handler has returned, and not before: a job whose worker
/// dies is done by another one. So a job is done at least once, and handlers should do no harm when one
/// comes twice; ``JobContext/id`` is the same then.
///
/// Thread safety: any task may call anything. Handlers are added before `run`.
public final class Worker: Sendable {
  private struct State {
    var handlers = Handlers()
    var hasBegun = false
    var statistics = WorkerStatistics()
    /// Why it would not hear of signals that it is to stop on.
    var signalFailure: MartletError?
  }

  private let client: MartletClient
  private let queues: [WorkerQueues]
  private let options: WorkerOptions
  private let mailbox = Mailbox()
  private let state = Locked(State())

  /// A worker for queues that share a number of slots.
  ///
  /// - Parameters:
  ///   - queues: where jobs are taken from: of the first, as long as it has any, then of the next.
  ///   - concurrency: how many jobs run at once.
  public convenience init(
    _ client: MartletClient, queues: String..., concurrency: Int = 16,
    options: WorkerOptions = WorkerOptions()
  ) {
    precondition(!queues.isEmpty, "a worker has at least one queue")
    self.init(
      client, queues: [WorkerQueues(names: queues, concurrency: concurrency)], options: options)
  }

  /// A worker for groups of queues, each with slots of its own: what is slow does not hold up the rest.
  public init(
    _ client: MartletClient, queues: [WorkerQueues], options: WorkerOptions = WorkerOptions()
  ) {
    precondition(!queues.isEmpty, "a worker has at least one queue")
    self.client = client
    self.queues = queues
    self.options = options
  }

  // MARK: Handlers

  /// Has `body` do all jobs of a type. Returning means done; what is thrown is a failure or a ``JobVerdict``.
  public func handle<J: Job>(
    _ type: J.Type, _ body: @escaping @Sendable (J, JobContext) async throws -> Void
  ) where J.Output == Void {
    add(type) { job, context in
      try await body(job, context)
      return .verdict(.done)
    }
  }

  /// Has `body` do all jobs of a type, and say what is to become of each.
  @_disfavoredOverload  // A closure that returns nothing is none that returns a verdict.
  public func handle<J: Job>(
    _ type: J.Type, _ body: @escaping @Sendable (J, JobContext) async throws -> JobVerdict
  ) where J.Output == Void {
    add(type) { job, context in .verdict(try await body(job, context)) }
  }

  /// Has `body` do all jobs of a type, whose output is kept for who asks for it.
  public func handle<J: Job>(
    _ type: J.Type, _ body: @escaping @Sendable (J, JobContext) async throws -> J.Output
  ) where J.Output: Encodable {
    let keep = J.options.keep
    add(type) { job, context in
      .output(Array(try JSON.encode(try await body(job, context))), keep: keep)
    }
  }

  /// Has `body` do the elements of a queue that are no jobs of this library, as any `LPUSH` adds them.
  ///
  /// They are leased, renewed, tried again and buried as jobs are. On a server without jobs (Redis 7, Valkey) they are
  /// popped: they are this process' alone then, tried again in their slot, put back when the worker stops, and lost when it
  /// crashes; `timeout` is for all attempts together.
  public func handle(
    elementsOf queue: String, timeout: Duration? = nil, retry: RetryPolicy = .exponential(),
    _ body: @escaping @Sendable ([UInt8], JobContext) async throws -> Void
  ) {
    let handler = Handler(timeout: timeout, retry: retry) { data, context in
      try await body(Array(data), context)
      return .verdict(.done)
    }
    register { $0.elements[queue] = handler }
  }

  /// Has `body` do the elements of a queue, each of which is JSON of a type.
  public func handle<Element: Decodable & SendableMetatype>(
    elementsOf queue: String, as type: Element.Type, timeout: Duration? = nil,
    retry: RetryPolicy = .exponential(),
    _ body: @escaping @Sendable (Element, JobContext) async throws -> Void
  ) {
    let handler = Handler(type, timeout: timeout, retry: retry) { element, context in
      try await body(element, context)
      return .verdict(.done)
    }
    register { $0.elements[queue] = handler }
  }

  private func add<J: Job>(
    _ type: J.Type, _ body: @escaping @Sendable (J, JobContext) async throws -> Handler.Result
  ) {
    let options = J.options
    let handler = Handler(type, timeout: options.timeout, retry: options.retry, body)
    register { $0.jobs[J.name] = handler }
  }

  private func register(_ change: (inout Handlers) -> Void) {
    state.withLock { state in
      precondition(!state.hasBegun, "handlers are added before the worker runs")
      change(&state.handlers)
    }
  }

  // MARK: Running

  /// Works until ``shutDown()`` is called, or the task is cancelled. A worker runs once.
  ///
  /// After `shutDown` it takes no more jobs and lets those that run end, for `shutdownTimeout` at most; the
  /// rest is cancelled and given back to the broker, which counts no attempt for it. Cancelling the task
  /// skips the wait. Either way it returns when the broker knows of all.
  /// - Throws: when it cannot work at all: the server has no job commands, or the client was closed, or signals cannot
  ///   be heard that it is to stop on. That the broker cannot be reached is no reason: the worker waits for it.
  public func run() async throws {
    let (handlers, signalFailure) = state.withLock { state in
      precondition(!state.hasBegun, "a worker runs once")
      state.hasBegun = true
      return (state.handlers, state.signalFailure)
    }
    if let signalFailure { throw signalFailure }
    let reporter = WorkerReporter(client: client, mailbox: mailbox, logger: options.logger)
    let time = Timekeeper(options.clock)
    let runner = JobRunner(
      handlers: handlers, middleware: options.middleware, reporter: reporter,
      unknownJobDelay: options.unknownJobDelay, time: time)
    let calls = WorkerCalls(
      client: client, lanes: queues, name: options.name, lease: options.lease,
      lists: Set(handlers.elements.keys))
    var settings = WorkerCore.Settings()
    settings.concurrency = queues.map(\.concurrency)
    settings.shutdownTimeout = options.shutdownTimeout
    // A clock that stands still would have endings wait for ever.
    if time.isReal { settings.gatherMax = WorkerCore.Settings.gatherUsual }
    var loop = WorkerLoop(
      settings, calls: calls, runner: runner, time: time,
      report: { statistics in self.state.withLock { $0.statistics = statistics } })
    defer { WorkerSignals.forget(self) }
    try await withTaskCancellationHandler {
      try await withTaskExecutorPreference(client.gate) { try await loop.run() }
    } onCancel: {
      mailbox.post(.cancel)
    }
  }

  /// Has ``run()`` end in order: no more jobs are taken, and those that run may end.
  public func shutDown() { mailbox.post(.shutDown) }

  /// Has SIGTERM and SIGINT call ``shutDown()``, and another one a second or more later cancel what still runs.
  ///
  /// It is the only thing here that touches what belongs to the whole process. When no such worker runs any
  /// more the signals do again what they did before; after a stop that came as a signal that is a second later, for
  /// whoever sends it may well send it twice. When the system has no thread or descriptor left for it,
  /// ``run()`` throws.
  public func stopOnSignals() {
    do throws(MartletError) { try WorkerSignals.stop(self) } catch {
      state.withLock { $0.signalFailure = error }
    }
  }

  /// Ends what runs, at once.
  func cancel() { mailbox.post(.cancel) }

  /// What it has done so far.
  public var statistics: WorkerStatistics { state.withLock { $0.statistics } }
}
