// Enqueueing.swift: jobs on their way into queues, one by one or many at once.

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension MartletClient {
  /// Adds a job to its queue, now or after `delay`.
  ///
  /// When this returns the broker has the job safe, on disk if that is how it runs.
  ///
  /// - Parameters:
  ///   - delay: how long nobody gets it.
  ///   - queue: where it waits, if not where the options of its type say.
  ///   - priority: 0 to 9, if not what the options say.
  ///   - unique: what only one job of the queue may have at a time, if not what the job says.
  ///   - id: names the job, once and for all: a second job of the name is not added. With it the call is
  ///     repeated by itself when the connection is lost; without, it fails with `.connectionLost` then, and
  ///     the job may be there or not. At most 256 bytes, and not beginning with `D-`.
  ///   - headers: what goes along with it, for ``JobContext/headers``.
  /// - Throws: what the connection or the broker has against it: `MAXLEN` when the queue is full, `PAUSED`,
  ///   `OOM`; `.decoding` when the job cannot be encoded.
  @discardableResult
  public func enqueue<J: Job>(
    _ job: J, delay: Duration = .zero, queue: String? = nil, priority: Int? = nil,
    unique: UniqueKey? = nil, id: String? = nil, headers: [String: String] = [:]
  ) async throws(MartletError) -> JobReference<J> {
    let command = try Self.adding(
      job, .after(delay), queue: queue, priority: priority, unique: unique, id: id,
      headers: headers)
    return try JobReference(try await jobReply(to: command))
  }

  /// Adds a job that nobody gets before `date`.
  ///
  /// The broker's wall clock decides. All else is as with `delay`.
  @discardableResult
  public func enqueue<J: Job>(
    _ job: J, at date: Date, queue: String? = nil, priority: Int? = nil,
    unique: UniqueKey? = nil, id: String? = nil, headers: [String: String] = [:]
  ) async throws(MartletError) -> JobReference<J> {
    let command = try Self.adding(
      job, .at(date), queue: queue, priority: priority, unique: unique, id: id, headers: headers)
    return try JobReference(try await jobReply(to: command))
  }

  /// Adds jobs of one type in one round trip, in their order.
  ///
  /// - Returns: a reference for each.
  /// - Throws: the first refusal; the jobs that were not refused have been added then. Which these are,
  ///   ``tryEnqueue(contentsOf:delay:queue:headers:)`` says.
  @discardableResult
  public func enqueue<J: Job>(
    contentsOf jobs: some Sequence<J>, delay: Duration = .zero, queue: String? = nil,
    headers: [String: String] = [:]
  ) async throws(MartletError) -> [JobReference<J>] {
    var references: [JobReference<J>] = []
    let results = try await tryEnqueue(
      contentsOf: jobs, delay: delay, queue: queue, headers: headers)
    for result in results { references.append(try result.get()) }
    return references
  }

  /// Adds jobs of one type in one round trip, in their order, and says of each what became of it.
  ///
  /// - Returns: a reference or the refusal for each.
  /// - Throws: what concerns them all; whether any was added is unknown after `.connectionLost` and
  ///   `.timedOut`.
  public func tryEnqueue<J: Job>(
    contentsOf jobs: some Sequence<J>, delay: Duration = .zero, queue: String? = nil,
    headers: [String: String] = [:]
  ) async throws(MartletError) -> [Result<JobReference<J>, MartletError>] {
    var commands: [Command] = []
    commands.reserveCapacity(jobs.underestimatedCount)
    for job in jobs {
      commands.append(
        try Self.adding(
          job, .after(delay), queue: queue, priority: nil, unique: nil, id: nil, headers: headers))
    }
    return try await send(commands).map { reply in
      Result { () throws(MartletError) in try JobReference(reply) }
    }
  }

  /// Adds the jobs of a batch, of any types, in one round trip and in their order.
  ///
  /// - Returns: their ids.
  /// - Throws: the first refusal; the jobs that were not refused have been added then. Which these are,
  ///   ``tryEnqueue(_:)`` says.
  @discardableResult
  public func enqueue(_ batch: JobBatch) async throws(MartletError) -> [String] {
    var ids: [String] = []
    for result in try await tryEnqueue(batch) { ids.append(try result.get()) }
    return ids
  }

  /// Adds the jobs of a batch in one round trip and in their order, and says of each what became of it.
  ///
  /// - Returns: an id or the refusal for each.
  /// - Throws: what concerns them all.
  public func tryEnqueue(
    _ batch: JobBatch
  ) async throws(MartletError) -> [Result<String, MartletError>] {
    try await send(batch.commands).map { reply in
      Result { () throws(MartletError) in try JobReply(reply).id }
    }
  }

  /// When a job is to be had.
  enum Start {
    case after(Duration)
    case at(Date)
  }

  static func adding<J: Job>(
    _ job: J, _ start: Start, queue: String?, priority: Int?, unique: UniqueKey?, id: String?,
    headers: [String: String]
  ) throws(MartletError) -> Command {
    let options = J.options
    var command = Command(name: "ADDJOB")
    command.append(queue ?? options.queue)
    command.append(try JobEnvelope.body(of: job, headers: headers))
    command.word("0")
    switch start {
    case .after(let delay):
      if delay > .zero { command.add("DELAY", seconds: delay) }
    case .at(let date):
      command.word("AT")
      // As far as the broker's times go, some 8900 years.
      let milliseconds = (date.timeIntervalSince1970 * 1000).rounded()
      command.append(Int(min(max(0, milliseconds), 281_000_000_000_000)))
    }
    if let lease = options.lease { command.add("RETRY", seconds: lease) }
    if let life = options.timeToLive { command.add("TTL", seconds: life) }
    if let priority = priority ?? (options.priority == 0 ? nil : options.priority) {
      command.word("PRIORITY")
      command.append(priority)
    }
    if options.retry.attempts != RetryPolicy.attemptsOfBroker {
      command.word("ATTEMPTS")
      command.append(options.retry.attempts)
    }
    if let dead = options.deadQueue {
      command.word("DEAD")
      command.append(dead)
    }
    if let keep = options.keep { command.add("KEEP", seconds: keep) }
    if let id {
      command.word("ID")
      command.append(id)
      command.isRetryable = true
    }
    if let unique = unique ?? job.unique { command.add(unique) }
    return command
  }
}

/// Jobs of any types that are added together.
///
/// ```swift
/// var batch = JobBatch()
/// try batch.add(WelcomeMail(user: 7))
/// try batch.add(Reminder(user: 7), delay: .seconds(86_400))
/// try await client.enqueue(batch)
/// ```
public struct JobBatch: Sendable {
  private(set) var commands: [Command] = []

  /// A batch without jobs yet.
  public init() {}

  /// How many jobs it has.
  public var count: Int { commands.count }

  /// Adds a job, with what `MartletClient.enqueue` takes.
  ///
  /// - Throws: `.decoding` when the job cannot be encoded; the batch is as before then.
  public mutating func add<J: Job>(
    _ job: J, delay: Duration = .zero, queue: String? = nil, priority: Int? = nil,
    unique: UniqueKey? = nil, id: String? = nil, headers: [String: String] = [:]
  ) throws(MartletError) {
    commands.append(
      try MartletClient.adding(
        job, .after(delay), queue: queue, priority: priority, unique: unique, id: id,
        headers: headers))
  }

  /// Adds a job that nobody gets before `date`.
  public mutating func add<J: Job>(
    _ job: J, at date: Date, queue: String? = nil, priority: Int? = nil,
    unique: UniqueKey? = nil, id: String? = nil, headers: [String: String] = [:]
  ) throws(MartletError) {
    commands.append(
      try MartletClient.adding(
        job, .at(date), queue: queue, priority: priority, unique: unique, id: id,
        headers: headers))
  }
}

extension RetryPolicy {
  /// How often the broker has a job tried when nobody says it.
  static let attemptsOfBroker = 25
}

extension Command {
  /// Adds an option with a time in seconds.
  mutating func add(_ option: StaticString, seconds: Duration) {
    word(option)
    append(seconds.secondsText)
  }

  fileprivate mutating func add(_ unique: UniqueKey) {
    word("UNIQUE")
    append(unique.key)
    switch unique.hold {
    case .untilDone: break
    case .untilStart:
      word("UNTIL")
      word("START")
    case .lasting(let time): add("FOR", seconds: time)
    }
    if unique.replaces { word("REPLACE") }
    word("WITHSTATUS")
  }
}

extension Duration {
  /// Seconds with three decimals, as the broker reads them.
  var secondsText: String {
    let fraction = String(milliseconds % 1000)
    let zeros = String(repeating: "0", count: 3 - fraction.utf8.count)
    return "\(milliseconds / 1000).\(zeros)\(fraction)"
  }
}
