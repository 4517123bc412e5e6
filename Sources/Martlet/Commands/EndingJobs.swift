// EndingJobs.swift: what a worker says of the jobs that it has: done, not done, not yet.
//
// Each takes receipts. One whose lease was lost has no effect and is not counted.

/// Why a job is given back.
public enum GiveBack: Sendable, Hashable {
  /// It failed, which counts: after its last attempt it is dead.
  case failed
  /// Nobody worked on it: it goes to another worker and nothing is counted.
  case untouched
  /// There is no use in trying again: it is dead.
  case hopeless
}

extension Command {
  /// `ACKJOB`, for batches and transactions: ends jobs that are done. It is answered with how many.
  public static func acknowledge(_ receipts: [String]) -> Command {
    Command(name: "ACKJOB", receipts)
  }

  /// `NACK`, for batches and transactions: gives jobs back. It is answered with how many.
  public static func giveBack(
    _ receipts: [String], _ reason: GiveBack = .failed, after delay: Duration? = nil,
    error: String? = nil
  ) -> Command {
    var command = Command(name: "NACK", receipts)
    command.option("DELAY", seconds: delay)
    switch reason {
    case .failed: break
    case .untouched: command.word("FREE")
    case .hopeless: command.word("DEAD")
    }
    command.option("ERROR", error)
    return command
  }

  /// `DONE`, for batches and transactions: ends a job with a result. It is answered with 1, or with 0 when
  /// the lease was lost.
  public static func finish(
    _ receipt: String, result: (some CommandArgument)?, keep: Duration? = nil
  ) -> Command {
    var command = Command(name: "DONE", [receipt])
    command.option("RESULT", result)
    command.option("KEEP", seconds: keep)
    return command
  }
}

extension MartletClient {
  /// Ends jobs that are done.
  ///
  /// - Returns: how many; those whose lease was lost are not counted.
  @discardableResult
  public func acknowledge(_ receipts: String...) async throws(MartletError) -> Int {
    try await acknowledge(receipts)
  }

  /// Ends jobs that are done.
  ///
  /// - Returns: how many; those whose lease was lost are not counted.
  @discardableResult
  public func acknowledge(_ receipts: [String]) async throws(MartletError) -> Int {
    try await receipts.isEmpty ? 0 : jobInteger(.acknowledge(receipts))
  }

  /// Ends a job with a result that others can read: ``jobResult(_:within:)``.
  ///
  /// - Parameter keep: how long the result is kept; nil is as the job says, else an hour.
  /// - Returns: false when the lease was lost.
  @discardableResult
  public func finish(
    _ receipt: String, result: some CommandArgument, keep: Duration? = nil
  ) async throws(MartletError) -> Bool {
    try await jobInteger(.finish(receipt, result: result, keep: keep)) == 1
  }

  /// Gives jobs back.
  ///
  /// - Parameters:
  ///   - reason: whether it counts as a failure.
  ///   - delay: when they are ready again; nil is as their backoff has it.
  ///   - error: what went wrong, which stays with the jobs; of it 1024 bytes.
  /// - Returns: how many; those whose lease was lost are not counted.
  @discardableResult
  public func giveBack(
    _ receipts: [String], _ reason: GiveBack = .failed, after delay: Duration? = nil,
    error: String? = nil
  ) async throws(MartletError) -> Int {
    guard !receipts.isEmpty else { return 0 }
    return try await jobInteger(.giveBack(receipts, reason, after: delay, error: error))
  }

  /// Has the lease of a job begin again.
  ///
  /// - Returns: its length, in whole seconds.
  /// - Throws: `.server("LEASELOST")` when another worker may have the job, `.server("NOJOB")` when it is gone.
  @discardableResult
  public func working(_ receipt: String) async throws(MartletError) -> Duration {
    .seconds(try await jobInteger(Command(name: "WORKING", [receipt])))
  }

  /// Has leases last for a time from now on.
  ///
  /// - Returns: for each receipt whether the lease is still ours.
  public func extend(
    _ receipts: [String], to time: Duration
  ) async throws(MartletError) -> [Bool] {
    guard !receipts.isEmpty else { return [] }
    var command = Command(name: "EXTEND", [time.milliseconds])
    command.append(contentsOf: receipts)
    return try await jobReply(to: command).elements(as: Int.self, of: command).map { $0 == 1 }
  }
}
