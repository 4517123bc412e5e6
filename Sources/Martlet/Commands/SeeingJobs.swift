// SeeingJobs.swift: single jobs by their ids: how they fare, how they ended.

/// Where a job is in its life.
public enum JobState: String, Sendable, Hashable {
  /// It waits to be taken.
  case ready
  /// It waits for its time.
  case scheduled
  /// It was taken out of its queue until it is made ready.
  case dequeued
  /// A worker has it.
  case leased
  /// It has ended, and its result is kept.
  case done
  /// It is in a dead queue.
  case dead
}

/// How a job ended, or that it has not.
public struct JobResult: Sendable, Hashable {
  /// Where it is in its life.
  public let state: JobState
  /// Of a job that is done its result; of others the last error. Nil when there is none.
  public let bytes: [UInt8]?
}

/// All that the broker knows of a job.
public struct JobDetails: Sendable, Hashable {
  /// The job's id.
  public let id: String
  /// The queue it is in, or was taken from.
  public let queue: String?
  /// Where it is in its life.
  public let state: JobState
  /// 0 to 9.
  public let priority: Int
  /// How often it was delivered.
  public let attempts: Int
  /// How often it failed.
  public let failures: Int
  /// How often a lease of it ran out.
  public let expirations: Int
  /// When it was added: milliseconds since 1970.
  public let enqueuedAt: Int
  /// When it is ready again: of a scheduled one, and of a leased one if nothing comes.
  public let dueIn: Duration?
  /// How long it may still wait before it is dropped.
  public let timeToLive: Duration?
  /// Who has it.
  public let worker: String?
  /// Why it is dead.
  public let reason: String?
  /// What went wrong the last time.
  public let error: String?
  /// What came of it.
  public let result: [UInt8]?
  /// What is to be done; nil of one that is done.
  public let body: [UInt8]?

  /// - Returns: nil when the value is no reply to `SHOW`.
  init?(_ value: Value) {
    guard let map = value.map, let id = map.text("id"),
      let state = map.text("state").flatMap({ JobState(rawValue: $0) }),
      let priority = map.integer("priority"), let attempts = map.integer("attempts"),
      let failures = map.integer("failures"), let expirations = map.integer("expirations"),
      let enqueuedAt = map.integer("enqueued-ms")
    else { return nil }
    self.id = id
    self.state = state
    self.priority = priority
    self.attempts = attempts
    self.failures = failures
    self.expirations = expirations
    self.enqueuedAt = enqueuedAt
    queue = map.text("queue")
    dueIn = map.duration("due-in-ms")
    timeToLive = map.duration("ttl-ms")
    worker = map.text("worker")
    reason = map.text("reason")
    error = map.text("error")
    result = map.value("result")?.bytes
    body = map.value("body")?.bytes
  }
}

extension MartletClient {
  /// All that is known of a job; nil when there is none of this id.
  public func job(_ id: String) async throws(MartletError) -> JobDetails? {
    let reply = try await jobReply(to: Command(name: "SHOW", [id]).retryable())
    guard !reply.isNull else { return nil }
    guard let details = JobDetails(reply) else { throw .unexpected(reply, for: "SHOW") }
    return details
  }

  /// How a job ended, or waits for that.
  ///
  /// - Parameter within: how long to wait for its end; zero tells at once how it fares, nil waits for ever.
  /// - Returns: nil when there is no such job, or it has not ended in time.
  public func jobResult(
    _ id: String, within: Duration? = .zero
  ) async throws(MartletError) -> JobResult? {
    var command = Command(name: "RESULT", [id]).retryable()
    let reply: Value
    if let within, within <= .zero {
      reply = try await jobReply(to: command)
    } else {
      command.option("BLOCK", within.millisecondsToWait)
      reply = try await jobReply(to: command, within: within.map { $0 + options.timeout })
    }
    guard !reply.isNull else { return nil }
    guard let parts = reply.array, parts.count == 2,
      let state = parts[0].text.flatMap({ JobState(rawValue: $0) })
    else { throw .unexpected(reply, for: "RESULT") }
    return JobResult(state: state, bytes: parts[1].bytes)
  }

  /// Deletes jobs, whatever their state.
  ///
  /// - Returns: how many there were.
  @discardableResult
  public func deleteJobs(_ ids: [String]) async throws(MartletError) -> Int {
    try await ids.isEmpty ? 0 : jobInteger(Command(name: "DELJOB", ids))
  }

  /// Has jobs be ready now that wait for their time or were taken out (`ENQUEUE`).
  ///
  /// - Returns: how many became ready.
  @discardableResult
  public func makeReady(_ ids: [String]) async throws(MartletError) -> Int {
    try await ids.isEmpty ? 0 : jobInteger(Command(name: "ENQUEUE", ids))
  }

  /// Takes jobs out of their queues until ``makeReady(_:)`` (`DEQUEUE`).
  ///
  /// - Returns: how many were taken out.
  @discardableResult
  public func setAside(_ ids: [String]) async throws(MartletError) -> Int {
    try await ids.isEmpty ? 0 : jobInteger(Command(name: "DEQUEUE", ids))
  }

  /// Walks over all jobs, some at a time, as ``scan(_:matching:count:)`` does over keys.
  public func scanJobs(
    _ cursor: ScanCursor = .begin, of queue: String? = nil, in states: [JobState] = [],
    count: Int? = nil
  ) async throws(MartletError) -> (next: ScanCursor, jobs: [JobDetails]) {
    var command = Command(name: "JSCAN").retryable()
    command.append(cursor.position)
    command.option("COUNT", count)
    command.option("QUEUE", queue)
    for state in states { command.option("STATE", state.rawValue) }
    command.option("REPLY", "all")
    let (next, page) = try await jobReply(to: command).page(of: command)
    var jobs: [JobDetails] = []
    for value in page.array ?? [] {
      guard let job = JobDetails(value) else { throw .unexpected(value, for: "JSCAN") }
      jobs.append(job)
    }
    return (next, jobs)
  }
}
