// Session.swift: a connection alone for several calls, and the transactions that need one.

/// A connection that one caller has for a while, for what the server remembers of a connection: `WATCH`,
/// `SELECT`, `CLIENT ...`.
///
/// It is made by ``MartletClient/withSession(_:)`` and good until the closure ends. When the connection is
/// lost all further calls fail: what the server knew of it is gone.
public final class Session: Sendable {
  private let lease = Lease()
  private let gate: Gate
  private let timeout: Int64

  init(_ gate: Gate, _ options: MartletClient.Options) {
    self.gate = gate
    timeout = options.timeout.nanoseconds
  }

  /// Sends a command and waits for its reply.
  @discardableResult
  public func send(_ command: Command) async throws(MartletError) -> Value {
    let request = Request(command, [], lane: .leased(lease), timeout: timeout)
    return try await Value(reply: gate.perform(request)).get()
  }

  /// Sends a command by its words and waits for its reply.
  @discardableResult
  public func send(
    _ name: String, _ arguments: any CommandArgument...
  ) async throws(MartletError) -> Value {
    try await send(Command(name: name, arguments))
  }

  /// Sends commands together and waits for all replies; what was refused is a ``Value/error(_:)``.
  @discardableResult
  public func send(_ commands: [Command]) async throws(MartletError) -> [Value] {
    guard let first = commands.first else { return [] }
    let request = Request(
      first, commands.dropFirst(), lane: .leased(lease), timeout: timeout)
    return try await Value.values(reply: gate.perform(request), count: commands.count)
  }

  func release(isClean: Bool) { try? gate.post(.release(lease, isClean: isClean)) }
}

extension MartletClient {
  /// Has a connection alone while `body` runs.
  ///
  /// Leave it as it was: what you `SELECT`ed or watched is for you to undo. When `body` throws, the
  /// connection is closed.
  nonisolated(nonsending) public func withSession<Output: Sendable>(
    _ body: (Session) async throws -> Output
  ) async throws -> Output {
    let session = Session(gate, options)
    do {
      let output = try await body(session)
      session.release(isClean: true)
      return output
    } catch {
      session.release(isClean: false)
      throw error
    }
  }

  // MARK: Transactions

  /// Has the server do all of the commands with nothing in between, or none of them (`MULTI`, `EXEC`).
  ///
  /// - Returns: a value for each command. What a command failed with as it ran is a ``Value/error(_:)``; the
  ///   others were done nevertheless, as Redis has it.
  /// - Throws: the server's refusal when it took one of the commands for wrong; none was done then.
  @discardableResult
  public func transaction(_ commands: [Command]) async throws(MartletError) -> [Value] {
    guard !commands.isEmpty else { return [] }
    let replies = try await send([["MULTI"]] + commands + [["EXEC"]])
    return try Self.results(of: replies) ?? []
  }

  /// Reads, decides and writes as one step: when another client changed one of the watched keys in
  /// between, `body` runs again (`WATCH`, `MULTI`, `EXEC`).
  ///
  /// ```swift
  /// try await client.transaction(watching: ["stock"]) { session in
  ///   let left = try await session.send("GET", "stock").integer ?? 0
  ///   return left > 0 ? [["DECR", "stock"], ["LPUSH", "orders", order]] : []
  /// }
  /// ```
  /// - Parameters:
  ///   - attempts: how often it is tried.
  ///   - body: gives the commands that are to be done; with none of them nothing is done.
  /// - Returns: a value for each command, none when there was nothing to do.
  /// - Throws: `.conflict` when keys were changed at every attempt; what `body` throws.
  @discardableResult
  nonisolated(nonsending) public func transaction(
    watching keys: [any CommandArgument], attempts: Int = 10,
    _ body: (Session) async throws -> [Command]
  ) async throws -> [Value] {
    try await withSession { session in
      for _ in 0..<max(1, attempts) {
        try await session.send(Command(name: "WATCH", keys))
        let commands = try await body(session)
        guard !commands.isEmpty else {
          try await session.send(["UNWATCH"])
          return []
        }
        let replies = try await session.send([["MULTI"]] + commands + [["EXEC"]])
        if let results = try Self.results(of: replies) { return results }
      }
      throw MartletError(
        .conflict, "the watched keys were changed by others at each of \(attempts) attempts")
    }
  }

  /// What the commands between MULTI and EXEC gave; nil when watched keys had changed.
  private static func results(of replies: [Value]) throws(MartletError) -> [Value]? {
    guard let last = replies.last else { return nil }
    if case .error(let error) = last {
      // EXEC says only that something was wrong before; that itself says more.
      for reply in replies.dropLast() { _ = try reply.get() }
      throw error
    }
    if last.isNull { return nil }
    guard let results = last.array else { throw .unexpected(last, for: "EXEC") }
    return results
  }
}
