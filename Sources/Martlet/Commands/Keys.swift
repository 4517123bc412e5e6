// Keys.swift: keys of any type: whether they are there, how long, under which name.

extension MartletClient {
  /// Asks the server for an answer.
  ///
  /// - Returns: the time it took.
  @discardableResult
  public func ping() async throws(MartletError) -> Duration {
    let clock = ContinuousClock(), begin = clock.now
    try await send(Command(name: "PING").retryable())
    return begin.duration(to: clock.now)
  }

  /// Deletes keys.
  ///
  /// - Returns: how many there were.
  @discardableResult
  public func delete(_ keys: any CommandArgument...) async throws(MartletError) -> Int {
    try await keys.isEmpty ? 0 : integer(Command(name: "DEL", keys))
  }

  /// How many of the keys there are; one that is named twice counts twice.
  public func exists(_ keys: any CommandArgument...) async throws(MartletError) -> Int {
    try await keys.isEmpty ? 0 : integer(Command(name: "EXISTS", keys).retryable())
  }

  /// What a key holds: `string`, `list`, `hash`, `set`, `zset`, `stream`; nil when there is no such key.
  public func type(of key: some CommandArgument) async throws(MartletError) -> String? {
    let name = try await send(Command(name: "TYPE", [key]).retryable()).text
    return name == "none" ? nil : name
  }

  /// Has a key go after a time.
  ///
  /// - Returns: false when there is no such key.
  @discardableResult
  public func expire(
    _ key: some CommandArgument, after time: Duration
  ) async throws(MartletError) -> Bool {
    try await integer(Command(name: "PEXPIRE", [key, time.milliseconds])) == 1
  }

  /// Has a key stay for good.
  ///
  /// - Returns: whether it would have gone at a time.
  @discardableResult
  public func persist(_ key: some CommandArgument) async throws(MartletError) -> Bool {
    try await integer(Command(name: "PERSIST", [key])) == 1
  }

  /// How long a key still lives.
  public func timeToLive(
    of key: some CommandArgument
  ) async throws(MartletError) -> TimeToLive {
    switch try await integer(Command(name: "PTTL", [key]).retryable()) {
    case -2: .noSuchKey
    case -1: .unlimited
    case let milliseconds: .time(.milliseconds(milliseconds))
    }
  }

  /// Gives a key another name; what had that name is gone.
  ///
  /// - Throws: `.server("ERR")` when there is no such key.
  public func rename(
    _ key: some CommandArgument, to name: some CommandArgument
  ) async throws(MartletError) {
    try await send(Command(name: "RENAME", [key, name]))
  }

  /// Walks over all keys, some at a time.
  ///
  /// ```swift
  /// var cursor = ScanCursor.begin
  /// repeat {
  ///   let page = try await client.scan(cursor, matching: "session:*")
  ///   cursor = page.next
  ///   for key in page.keys { ... }
  /// } while cursor != .begin
  /// ```
  /// A key that is there all the time comes once at least; others may come.
  public func scan(
    _ cursor: ScanCursor = .begin, matching pattern: String? = nil, count: Int? = nil
  ) async throws(MartletError) -> (next: ScanCursor, keys: [[UInt8]]) {
    var command = Command(name: "SCAN").retryable()
    command.append(cursor.position)
    if let pattern {
      command.word("MATCH")
      command.append(pattern)
    }
    if let count {
      command.word("COUNT")
      command.append(count)
    }
    let (next, page) = try await send(command).page(of: command)
    return (next, try page.elements(as: [UInt8].self, of: command))
  }
}

/// How long a key still lives.
public enum TimeToLive: Sendable, Hashable {
  /// There is no such key.
  case noSuchKey
  /// Until it is deleted.
  case unlimited
  /// So long from now.
  case time(Duration)
}

/// Where a walk goes on: over keys, queues or jobs.
public struct ScanCursor: Sendable, Hashable {
  let position: String

  /// The begin of a walk, and its end when it comes back.
  public static let begin = ScanCursor(position: "0")
}

extension Value {
  /// The reply to a step of a walk: where it goes on, and what it found.
  func page(of command: Command) throws(MartletError) -> (ScanCursor, Value) {
    guard let parts = array, parts.count == 2, let next = parts[0].text else {
      throw .unexpected(self, for: command.name)
    }
    return (ScanCursor(position: next), parts[1])
  }
}
