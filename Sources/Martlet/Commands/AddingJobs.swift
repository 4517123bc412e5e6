// AddingJobs.swift: ADDJOB: jobs as bytes, with everything that the broker takes. The typed way to jobs
// is in Jobs/; both end up here.

/// How a job is to be treated. What is not said follows the settings of its queue, then the broker's.
public struct AddJobOptions: Sendable {
  /// When it becomes ready; nil is now.
  public var start: Start?
  /// How long a worker that takes it has it, unless that says otherwise; zero delivers it once and no more.
  public var lease: Duration?
  /// How long it may wait before it is dropped.
  public var timeToLive: Duration?
  /// The queue takes it only if fewer are ready than this.
  public var queueLengthMax: Int?
  /// How long to wait for room in a full queue before it is refused (`.server("MAXLEN")`).
  public var waitForRoom: Duration?
  /// 0 to 9; higher ones are taken before lower ones.
  public var priority = 0
  /// An id of your own: adding it again answers with the job that is there, so it may be sent again.
  public var id: String?
  /// Keeps it from being there twice.
  public var unique: Unique?
  /// How often it may fail before it is dead; 0 is without end.
  public var attempts: Int?
  /// How long it waits after a failure.
  public var backoff: JobBackoff?
  /// Where it goes when it is dead.
  public var deadQueue: String?
  /// How long its result is kept.
  public var keep: Duration?

  /// When a job becomes ready.
  public enum Start: Sendable, Hashable {
    /// So long from now.
    case after(Duration)
    /// At a time of the wall's clock, in milliseconds since 1970.
    case at(milliseconds: Int)
  }

  /// A name that one job of a queue can hold at a time.
  public struct Unique: Sendable, Hashable {
    /// The name.
    public var key: String
    /// How long it is held, however the job fares; nil is as `untilStart` says.
    public var time: Duration?
    /// Whether it is free as soon as a worker takes the job; else when the job has ended.
    public var untilStart = false
    /// Whether a job that waits under the name gets the new body and time.
    public var replaces = false

    /// A name that is held until the job has ended.
    public init(_ key: String) { self.key = key }
  }

  /// A job that is ready at once and is treated as its queue's settings say.
  public init() {}
}

/// How long a job waits before it is tried again.
public struct JobBackoff: Sendable, Hashable {
  /// How the wait grows.
  public enum Growth: String, Sendable, Hashable {
    /// The same each time.
    case fixed = "FIXED"
    /// By the base each time.
    case linear = "LINEAR"
    /// Twice as long each time.
    case exponential = "EXP"
  }

  /// How the wait grows.
  public var growth: Growth
  /// The first wait.
  public var base: Duration
  /// The longest wait; nil is without bound.
  public var cap: Duration?
  /// Per cent by which chance may change it.
  public var jitter: Int

  /// A wait that begins at `base`.
  public init(_ growth: Growth, base: Duration, cap: Duration? = nil, jitter: Int = 0) {
    self.growth = growth
    self.base = base
    self.cap = cap
    self.jitter = jitter
  }

  func append(to command: inout Command) {
    command.word("BACKOFF")
    command.append(growth.rawValue)
    command.append(base.milliseconds)
    if let cap {
      command.word("CAP")
      command.append(cap.milliseconds)
    }
    if jitter > 0 {
      command.word("JITTER")
      command.append(jitter)
    }
  }
}

/// The answer to adding a job.
public struct AddedJob: Sendable, Hashable {
  /// What became of it.
  public enum Status: Int, Sendable, Hashable {
    /// A job had the id or the unique key already; nothing was added.
    case existing = 0
    /// It was added.
    case new = 1
    /// The job that had the unique key has the new body now.
    case replaced = 2
  }

  /// The job's id.
  public let id: String
  /// Whether it is a new one.
  public let status: Status
}

extension Command {
  /// `ADDJOB`, for batches and transactions. It is answered with the job's id.
  public static func addJob(
    _ body: some CommandArgument, to queue: some CommandArgument,
    _ options: AddJobOptions = AddJobOptions()
  ) -> Command {
    var command = Command(name: "ADDJOB")
    command.append(queue)
    command.append(body)
    command.append(options.waitForRoom?.milliseconds ?? 0)
    options.append(to: &command)
    return command
  }
}

extension AddJobOptions {
  fileprivate func append(to command: inout Command) {
    switch start {
    case .after(let time): command.option("DELAY", seconds: time)
    case .at(let milliseconds): command.option("AT", milliseconds)
    case nil: break
    }
    command.option("RETRY", seconds: lease)
    command.option("TTL", seconds: timeToLive)
    command.option("MAXLEN", queueLengthMax)
    if priority != 0 { command.option("PRIORITY", priority) }
    if let id {
      command.option("ID", id)
      command.isRetryable = true
    }
    if let unique {
      command.option("UNIQUE", unique.key)
      command.option("FOR", seconds: unique.time)
      if unique.untilStart { command.option("UNTIL", "START") }
      if unique.replaces { command.word("REPLACE") }
    }
    command.option("ATTEMPTS", attempts)
    backoff?.append(to: &command)
    command.option("DEAD", deadQueue)
    command.option("KEEP", seconds: keep)
  }
}

extension MartletClient {
  /// Adds a job to a queue.
  ///
  /// - Throws: `.server("MAXLEN")` when the queue is full, `.server("PAUSED")` when it takes none;
  ///   `.unsupported` when the server has no job commands.
  @discardableResult
  public func addJob(
    _ body: some CommandArgument, to queue: some CommandArgument,
    _ options: AddJobOptions = AddJobOptions()
  ) async throws(MartletError) -> AddedJob {
    var command = Command.addJob(body, to: queue, options)
    command.word("WITHSTATUS")
    // One that waits for room must not hold up the calls of others.
    let reply: Value
    if let patience = options.waitForRoom {
      reply = try await jobReply(to: command, within: patience + self.options.timeout)
    } else {
      reply = try await jobReply(to: command)
    }
    guard let parts = reply.array, parts.count == 2, let id = parts[0].text,
      let status = parts[1].integer.flatMap({ AddedJob.Status(rawValue: $0) })
    else { throw .unexpected(reply, for: "ADDJOB") }
    return AddedJob(id: id, status: status)
  }

  // MARK: What job calls share

  func jobReply(to command: Command) async throws(MartletError) -> Value {
    do throws(MartletError) { return try await send(command) } catch {
      throw error.ofJobs(command, gate.place)
    }
  }

  /// The same for a command that waits at the server.
  func jobReply(to command: Command, within: Duration?) async throws(MartletError) -> Value {
    do throws(MartletError) { return try await sendBlocking(command, within: within) } catch {
      throw error.ofJobs(command, gate.place)
    }
  }

  func jobInteger(_ command: Command) async throws(MartletError) -> Int {
    let reply = try await jobReply(to: command)
    guard let integer = reply.integer else { throw .unexpected(reply, for: command.name) }
    return integer
  }
}

extension MartletError {
  /// Says what is missing when the server is Redis or Valkey.
  fileprivate func ofJobs(_ command: Command, _ server: ServerURL) -> MartletError {
    guard isUnknownCommand else { return self }
    return MartletError(
      .unsupported,
      "the server at \(server.text) has no \(command.name): jobs with leases need a Martlet broker; "
        + "lists work here as well")
  }
}

extension Command {
  mutating func option(_ name: StaticString, _ value: (some CommandArgument)?) {
    guard let value else { return }
    word(name)
    append(value)
  }

  /// A time in seconds, with decimals where it needs them.
  mutating func option(_ name: StaticString, seconds time: Duration?) {
    guard let time else { return }
    word(name)
    let milliseconds = time.milliseconds
    if milliseconds.isMultiple(of: 1000) {
      append(milliseconds / 1000)
    } else {
      append(Double(milliseconds) / 1000)
    }
  }
}
