// WorkerOptions.swift: what a worker may be told, with its defaults.

/// Queues that share a number of slots.
public struct WorkerQueues: Sendable, Hashable {
  /// Where jobs are taken from: of the first, as long as it has any, then of the next.
  public let names: [String]
  /// How many of their jobs run at once.
  public let concurrency: Int

  /// Queues by name, with the number of their jobs that run at once.
  public init(_ names: String..., concurrency: Int) {
    self.init(names: names, concurrency: concurrency)
  }

  /// Queues by name, with the number of their jobs that run at once.
  public init(names: [String], concurrency: Int) {
    precondition(!names.isEmpty, "jobs come from at least one queue")
    precondition(1...100_000 ~= concurrency, "concurrency is 1 to 100000")
    self.names = names
    self.concurrency = concurrency
  }
}

/// How a worker behaves. The defaults are good for most programs.
public struct WorkerOptions: Sendable {
  /// What the broker calls the worker, for who looks at its jobs; at most 256 bytes.
  public var name: String?

  /// How long leases last, whatever jobs and queues say; nil to let them say it.
  public var lease: Duration?

  /// How long handlers may go on once the worker is to stop. Less than what whoever stops the process gives
  /// it (Kubernetes: 30 s).
  public var shutdownTimeout: Duration = .seconds(25)

  /// When a job comes back whose name this worker does not know, for another one that does.
  public var unknownJobDelay: Duration = .seconds(30)

  /// Code around all handlers; the first is outermost.
  public var middleware: [any JobMiddleware] = []

  /// Where lines go.
  public var logger: any WorkerLogger = StandardErrorLogger()

  /// By which leases are renewed and jobs end that take too long. For tests.
  public var clock: any Clock<Duration> = ContinuousClock()

  /// The defaults.
  public init() {}
}
