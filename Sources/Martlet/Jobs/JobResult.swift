// JobResult.swift: what became of a job: its reference, and the outcome that is kept for a while.

/// A job that was added.
public struct JobReference<J: Job>: Sendable, Hashable {
  /// Whether the call added the job.
  public enum Status: Sendable, Hashable {
    /// It did.
    case added
    /// A job with the unique key was there already: this is that one.
    case existing
    /// A job with the unique key was waiting, and has taken over the new body.
    case replaced
  }

  /// What the broker calls the job.
  public let id: String
  /// What the call did.
  public let status: Status

  /// The job called `id`, as another process may know it.
  public init(id: String) {
    self.id = id
    status = .existing
  }

  init(_ reply: Value) throws(MartletError) {
    let reply = try JobReply(reply)
    id = reply.id
    status =
      switch reply.status {
      case 0: .existing
      case 2: .replaced
      default: .added
      }
  }
}

/// The reply to ADDJOB: an id, or with WITHSTATUS an id and a number.
struct JobReply {
  let id: String
  var status = 1

  init(_ reply: Value) throws(MartletError) {
    if let error = reply.error { throw .ofJobCommand(error.message) }
    if let id = reply.text {
      self.id = id
    } else if let parts = reply.array, parts.count == 2, let id = parts[0].text,
      let status = parts[1].integer
    {
      self.id = id
      self.status = status
    } else {
      throw .unexpected(reply, for: "ADDJOB")
    }
  }
}

/// How a job ended, or that it did not yet.
public enum JobOutcome<Output: Sendable>: Sendable {
  /// It is done.
  case done(Output)
  /// It failed for good, with the last error.
  case dead(String)
  /// It waits, or runs.
  case pending
  /// The broker knows no such job: it never was, or nobody wanted to know how it ended.
  case unknown

  /// What the job gave back; nil unless it is done.
  public var output: Output? {
    if case .done(let output) = self { output } else { nil }
  }
}

extension JobOutcome: Equatable where Output: Equatable {}

extension MartletClient {
  /// Tells how a job ended, and waits for that if it has to.
  ///
  /// - Parameter within: how long to wait; `.zero` to ask and not wait.
  /// - Returns: `.pending` when it has not ended by then.
  /// - Throws: `.decoding` when the output is not of its type.
  public func result<J: Job>(
    of job: JobReference<J>, within time: Duration = .zero
  ) async throws(MartletError) -> JobOutcome<J.Output> where J.Output: Decodable {
    switch try await outcome(of: job.id, within: time) {
    case .done(let bytes): .done(try JSON.decode(J.Output.self, from: bytes[...]))
    case .dead(let error): .dead(error)
    case .pending: .pending
    case .unknown: .unknown
    }
  }

  /// Tells whether a job without output has ended, and waits for that if it has to.
  ///
  /// The end of such a job is known as long as `keep` of its options says: by default not at all, and then
  /// `.unknown` is what becomes of it.
  ///
  /// - Parameter within: how long to wait; `.zero` to ask and not wait.
  public func result<J: Job>(
    of job: JobReference<J>, within time: Duration = .zero
  ) async throws(MartletError) -> JobOutcome<Void> where J.Output == Void {
    switch try await outcome(of: job.id, within: time) {
    case .done: .done(())
    case .dead(let error): .dead(error)
    case .pending: .pending
    case .unknown: .unknown
    }
  }

  private func outcome(
    of id: String, within time: Duration
  ) async throws(MartletError) -> JobOutcome<[UInt8]> {
    var question = Command("RESULT", id)
    question.isRetryable = true
    if time > .zero {
      var wait = question
      wait.word("BLOCK")
      wait.append(time.milliseconds)
      // The broker keeps the time; ours is for a broker that is gone.
      let reply = try await jobReply(to: wait, within: time + options.timeout)
      // Null says that the time was over, or that there is no such job.
      if !reply.isNull { return try outcome(reply) }
    }
    return try outcome(try await jobReply(to: question))
  }

  private func outcome(_ reply: Value) throws(MartletError) -> JobOutcome<[UInt8]> {
    if reply.isNull { return .unknown }
    guard let parts = reply.array, parts.count == 2, let state = parts[0].text else {
      throw .unexpected(reply, for: "RESULT")
    }
    return switch state {
    case "done": .done(parts[1].bytes ?? Array("null".utf8))
    case "dead": .dead(parts[1].text ?? "")
    default: .pending
    }
  }
}
