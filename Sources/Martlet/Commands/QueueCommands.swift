// QueueCommands.swift: queues as a whole: how they fare, how their jobs are treated, and what became dead.

/// How the jobs of a queue are treated that do not say it themselves.
public struct QueueSettings: Sendable, Hashable {
  /// How long a lease is.
  public var lease: Duration?
  /// How often a job may fail before it is dead; 0 is without end.
  public var attempts: Int?
  /// How long a job waits after a failure.
  public var backoff: JobBackoff?
  /// Where dead jobs go; `<queue>:dead` unless set.
  public var deadQueue: String?
  /// How long a job may wait before it is dropped.
  public var timeToLive: Duration?
  /// How many may be ready; more are refused.
  public var lengthMax: Int?
  /// The end from which jobs are taken.
  public var takenFrom: ListEnd?

  /// Nothing set.
  public init() {}

  init(_ map: [Value.Pair]) {
    lease = map.duration("lease-ms")
    attempts = map.integer("attempts")
    backoff = map.text("backoff").flatMap { JobBackoff($0) }
    deadQueue = map.text("dead-queue")
    timeToLive = map.duration("ttl-ms")
    lengthMax = map.integer("maxlen")
    takenFrom = map.text("take").map { $0 == "left" ? .left : .right }
  }
}

extension JobBackoff {
  /// Reads `EXP 100 CAP 1000 JITTER 10`, as `QGET` has it.
  fileprivate init?(_ text: String) {
    let words = text.split(separator: " ").map { String($0) }
    guard words.count >= 2, let growth = Growth(rawValue: words[0]), let base = Int(words[1]) else {
      return nil
    }
    func value(_ name: String) -> Int? {
      guard let place = words.firstIndex(of: name), place + 1 < words.count else { return nil }
      return Int(words[place + 1])
    }
    self.init(
      growth, base: .milliseconds(base), cap: value("CAP").map { .milliseconds($0) },
      jitter: value("JITTER") ?? 0)
  }
}

/// How a queue fares.
public struct QueueStatistics: Sendable, Hashable {
  /// Jobs that wait to be taken.
  public let ready: Int
  /// Jobs that wait for their time.
  public let scheduled: Int
  /// Jobs that workers have.
  public let leased: Int
  /// Jobs that are done and whose results are kept.
  public let kept: Int
  /// Jobs in its dead queue.
  public let dead: Int
  /// How long the job has been there that is taken next; nil when there is none.
  public let age: Duration?
  /// Jobs that were ever added.
  public let added: Int
  /// Jobs that were ever taken, without those that were given back uncounted.
  public let taken: Int
  /// Jobs that were ever acknowledged.
  public let acknowledged: Int
  /// Failures of its jobs.
  public let failed: Int
  /// Leases that ran out.
  public let expired: Int
  /// Clients that wait for a job.
  public let waiting: Int
  /// Whether it is paused.
  public let pause: QueuePause
  /// How its jobs are treated.
  public let settings: QueueSettings

  /// - Returns: nil when the value is no reply to `QSTAT`.
  init?(_ value: Value) {
    guard let map = value.map, let ready = map.integer("ready"),
      let scheduled = map.integer("scheduled"), let leased = map.integer("leased"),
      let kept = map.integer("kept"), let dead = map.integer("dead"),
      let added = map.integer("jobs-in"), let taken = map.integer("jobs-out"),
      let acknowledged = map.integer("acked"), let failed = map.integer("failed"),
      let expired = map.integer("expired"), let waiting = map.integer("waiting"),
      let pause = map.text("pause").flatMap({ QueuePause(rawValue: $0) })
    else { return nil }
    self.ready = ready
    self.scheduled = scheduled
    self.leased = leased
    self.kept = kept
    self.dead = dead
    self.added = added
    self.taken = taken
    self.acknowledged = acknowledged
    self.failed = failed
    self.expired = expired
    self.waiting = waiting
    self.pause = pause
    age = map.duration("age-ms")
    settings = QueueSettings(map)
  }
}

/// What a queue does not do for a while.
public enum QueuePause: String, Sendable, Hashable {
  /// It takes and gives jobs.
  case none
  /// It takes no jobs in.
  case `in`
  /// It gives no jobs out.
  case out
  /// Neither.
  case all
}

/// An element of a queue, as it waits.
public struct QueuedJob: Sendable, Hashable {
  /// The job's id; nil of an element that no worker has taken yet and that was pushed as plain bytes.
  public let id: String?
  /// What is to be done.
  public let body: [UInt8]
}

extension MartletClient {
  /// How a queue fares; nil when nothing is known of it.
  public func queueStatistics(
    _ queue: some CommandArgument
  ) async throws(MartletError) -> QueueStatistics? {
    let reply = try await jobReply(to: Command(name: "QSTAT", [queue]).retryable())
    guard !reply.isNull else { return nil }
    guard let statistics = QueueStatistics(reply) else { throw .unexpected(reply, for: "QSTAT") }
    return statistics
  }

  /// What is set of a queue.
  public func queueSettings(
    _ queue: some CommandArgument
  ) async throws(MartletError) -> QueueSettings {
    let reply = try await jobReply(to: Command(name: "QGET", [queue]).retryable())
    guard let map = reply.map else { throw .unexpected(reply, for: "QGET") }
    return QueueSettings(map)
  }

  /// Sets how the jobs of a queue are treated. What is nil stays as it was; a lease, time to live or
  /// `lengthMax` of zero and an empty `deadQueue` unset.
  public func setQueue(
    _ queue: some CommandArgument, to settings: QueueSettings
  ) async throws(MartletError) {
    var command = Command(name: "QSET", [queue]).retryable()
    command.option("LEASE", settings.lease?.milliseconds)
    command.option("ATTEMPTS", settings.attempts)
    settings.backoff?.append(to: &command)
    command.option("DEAD", settings.deadQueue)
    command.option("TTL", seconds: settings.timeToLive)
    command.option("MAXLEN", settings.lengthMax)
    if let end = settings.takenFrom {
      command.word("TAKE")
      command.word(end.word)
    }
    guard command.count > 2 else { return }
    _ = try await jobReply(to: command)
  }

  /// The elements that are taken next, without taking them; with a negative count those taken last.
  public func peek(
    _ count: Int, of queue: some CommandArgument
  ) async throws(MartletError) -> [QueuedJob] {
    let reply = try await jobReply(to: Command(name: "QPEEK", [queue, count]).retryable())
    guard let values = reply.array else { throw .unexpected(reply, for: "QPEEK") }
    var jobs: [QueuedJob] = []
    for value in values {
      guard let parts = value.array, parts.count == 3, let body = parts[2].bytes else {
        throw .unexpected(value, for: "QPEEK")
      }
      jobs.append(QueuedJob(id: parts[1].text, body: body))
    }
    return jobs
  }

  /// How many jobs are ready in a queue: as ``length(of:)``.
  public func queueLength(_ queue: some CommandArgument) async throws(MartletError) -> Int {
    try await jobInteger(Command(name: "QLEN", [queue]).retryable())
  }

  /// Deletes a queue with all that belongs to it: what is ready, scheduled and leased, and its settings.
  ///
  /// - Returns: whether there was anything of it.
  @discardableResult
  public func dropQueue(_ queue: some CommandArgument) async throws(MartletError) -> Bool {
    try await jobInteger(Command(name: "QDROP", [queue])) == 1
  }

  /// Has a queue take or give no jobs, or both, until it is told otherwise.
  public func pause(
    _ queue: some CommandArgument, _ pause: QueuePause
  ) async throws(MartletError) {
    _ = try await jobReply(to: Command(name: "PAUSE", [queue, pause.rawValue]).retryable())
  }

  /// Puts dead jobs back into the queues in which they died, with new attempts.
  ///
  /// - Parameters:
  ///   - queue: where they go instead.
  ///   - count: how many at most; the broker moves up to 10,000 unless told otherwise.
  /// - Returns: how many were moved.
  @discardableResult
  public func redrive(
    _ deadQueue: some CommandArgument, to queue: String? = nil, count: Int? = nil
  ) async throws(MartletError) -> Int {
    var command = Command(name: "QREDRIVE", [deadQueue])
    command.option("TO", queue)
    command.option("COUNT", count)
    return try await jobInteger(command)
  }

  /// Walks over all queues of which anything is known, some at a time, as ``scan(_:matching:count:)`` does
  /// over keys.
  public func scanQueues(
    _ cursor: ScanCursor = .begin, count: Int? = nil
  ) async throws(MartletError) -> (next: ScanCursor, queues: [String]) {
    var command = Command(name: "QSCAN").retryable()
    command.append(cursor.position)
    command.option("COUNT", count)
    let (next, page) = try await jobReply(to: command).page(of: command)
    return (next, try page.elements(as: String.self, of: command))
  }
}
