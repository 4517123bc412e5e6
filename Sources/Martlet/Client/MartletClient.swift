// MartletClient.swift: the client: any command to a server that speaks RESP.
//
// Calls of all tasks share a few connections and go out together. One thread of the client's own does
// all input and output (Connections/); it starts with the first call and sleeps while nothing is to do.
// The typed calls are in Commands/.

/// A client of a Martlet broker, or of any server that speaks Redis' protocol.
///
/// ```swift
/// let client = try MartletClient("redis://localhost:6379")
/// try await client.push("welcome 42", to: "mail")
/// let next = try await client.pop(from: "mail", as: String.self)
/// ```
///
/// Make one for a program and share it: any task may call anything at any time.
/// When the connection is lost, the client connects again. A call that was not sent by then waits for that;
/// one that was sent and not answered fails with ``MartletError/Code/connectionLost``, unless its command
/// is marked as retryable.
public final class MartletClient: Sendable {
  let gate: Gate
  let options: Options

  /// A client of one server. Nothing is connected before the first call.
  ///
  /// - Parameter url: `redis://user:password@host:port/database` or `unix:///path/of/socket`; nil takes what
  ///   the environment has as `REDIS_URL`, else the server on this machine.
  /// - Throws: `.invalidURL`; `.unsupported` for a URL that asks for TLS.
  public init(_ url: String? = nil, options: Options = Options()) throws(MartletError) {
    let place: ServerURL
    if let url { place = try ServerURL(url) } else { place = try ServerURL.standard() }
    self.options = options
    gate = Gate(place, options)
  }

  deinit { gate.close(nil) }

  /// Keeps the client until the task is cancelled or ``close()`` is called; then closes it and returns.
  ///
  /// For programs that run their parts as services in a task group. The client works without.
  public func run() async throws {
    await gate.untilClosing()
    await close()
  }

  /// Ends the client: calls that were sent get their replies, all others fail with
  /// ``MartletError/Code/closed``. Returns when the last connection is closed.
  public func close() async {
    await withCheckedContinuation { done in
      gate.close { done.resume() }
    }
  }

  // MARK: Any command

  /// Sends a command and waits for its reply.
  ///
  /// Commands that wait at the server, such as `BLPOP`, go through ``sendBlocking(_:within:)``: here they
  /// would hold up all others.
  /// - Throws: what the server refuses, as `.server`; all that ``MartletError/Code`` tells.
  @discardableResult
  public func send(_ command: Command) async throws(MartletError) -> Value {
    try await Value(reply: reply(to: command)).get()
  }

  /// Sends a command by its words and waits for its reply.
  @discardableResult
  public func send(
    _ name: String, _ arguments: any CommandArgument...
  ) async throws(MartletError) -> Value {
    try await send(Command(name: name, arguments))
  }

  /// Sends commands together and waits for all replies: one round trip.
  ///
  /// Each is done for itself; ``transaction(_:)`` has all of them be done or none.
  /// - Returns: a value for each command; what the server refused is a ``Value/error(_:)``.
  @discardableResult
  public func send(_ commands: [Command]) async throws(MartletError) -> [Value] {
    guard let first = commands.first else { return [] }
    let request = Request(
      first, commands.dropFirst(), lane: .shared, timeout: options.timeout.nanoseconds)
    return try await Value.values(reply: gate.perform(request), count: commands.count)
  }

  /// Sends a command that waits at the server, such as `BLPOP` or `GETJOB`, over a connection that it has
  /// for itself.
  ///
  /// When the task is cancelled or the time is over, the connection is closed and the server takes nothing
  /// for it. Should the server have answered by then, its answer is returned: nothing gets lost.
  /// - Parameter within: how long to wait, the time to connect included; nil waits for ever.
  @discardableResult
  public func sendBlocking(
    _ command: Command, within: Duration?
  ) async throws(MartletError) -> Value {
    try await Value(reply: blockingReply(to: command, within: within)).get()
  }

  // MARK: Replies as they come

  /// The bytes of the reply to a command.
  func reply(to command: Command) async throws(MartletError) -> [UInt8] {
    let timeout = options.timeout.nanoseconds
    return try await gate.perform(Request(command, [], lane: .shared, timeout: timeout))
  }

  /// - Parameter isCounted: whether its connection is one of `blockingConnectionsMax`.
  func blockingReply(
    to command: Command, within: Duration?, isCounted: Bool = true
  ) async throws(MartletError) -> [UInt8] {
    let timeout = within?.nanoseconds, lane = Request.Lane.blocking(isCounted: isCounted)
    return try await gate.perform(Request(command, [], lane: lane, timeout: timeout))
  }
}
