// Strings.swift: keys that hold one value: GET, SET and their kin.

/// When a value is set.
public enum SetCondition: Sendable {
  /// Only if there is no such key yet.
  case ifAbsent
  /// Only if there is such a key.
  case ifPresent
}

extension MartletClient {
  /// The value of a key; nil when there is none.
  ///
  /// - Throws: `.server("WRONGTYPE")` when the key holds another type; `.decoding` when the value is none of
  ///   `type`.
  public func get<Output: ReplyConvertible>(
    _ key: some CommandArgument, as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Output? {
    var command = Command(name: "GET").retryable()
    command.append(key)
    return try await send(command).converted(to: type)
  }

  /// The values of keys, in their order; nil for each that there is not.
  public func get<Output: ReplyConvertible>(
    _ keys: [some CommandArgument], as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> [Output?] {
    guard !keys.isEmpty else { return [] }
    var command = Command(name: "MGET").retryable()
    command.append(contentsOf: keys)
    let reply = try await send(command)
    guard let values = reply.array else { throw .unexpected(reply, for: "MGET") }
    var found: [Output?] = []
    found.reserveCapacity(values.count)
    for value in values { found.append(try value.converted(to: type)) }
    return found
  }

  /// Sets a key to a value, whatever it held.
  ///
  /// - Parameters:
  ///   - lifetime: after which the key goes; nil keeps it.
  ///   - condition: when the value is set; nil is always.
  /// - Returns: whether it was set.
  @discardableResult
  public func set(
    _ key: some CommandArgument, to value: some CommandArgument, for lifetime: Duration? = nil,
    _ condition: SetCondition? = nil
  ) async throws(MartletError) -> Bool {
    var command = Command(name: "SET")
    command.append(key)
    command.append(value)
    if let lifetime {
      command.word("PX")
      command.append(lifetime.milliseconds)
    }
    switch condition {
    case .ifAbsent: command.word("NX")
    case .ifPresent: command.word("XX")
    case nil: command.isRetryable = true
    }
    return try await !send(command).isNull
  }

  /// Adds to the integer that a key holds; one that is absent counts as 0.
  ///
  /// - Returns: the sum.
  @discardableResult
  public func increment(
    _ key: some CommandArgument, by amount: Int = 1
  ) async throws(MartletError) -> Int {
    var command = Command(name: "INCRBY")
    command.append(key)
    command.append(amount)
    return try await integer(command)
  }

  /// Takes the value of a key away.
  public func getAndDelete<Output: ReplyConvertible>(
    _ key: some CommandArgument, as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Output? {
    var command = Command(name: "GETDEL")
    command.append(key)
    return try await send(command).converted(to: type)
  }
}

// MARK: What typed calls share

extension MartletClient {
  /// Sends a command that is answered by an integer.
  func integer(_ command: Command) async throws(MartletError) -> Int {
    let reply = try await send(command)
    guard let integer = reply.integer else { throw .unexpected(reply, for: command.name) }
    return integer
  }
}

extension Value {
  /// The value as another type; nil for null.
  func converted<Output: ReplyConvertible>(
    to type: Output.Type
  ) throws(MartletError) -> Output? {
    guard !isNull else { return nil }
    guard let output = Output(self) else {
      throw MartletError(.decoding, "the reply is no \(type)")
    }
    return output
  }

  /// The values of an array as another type.
  func elements<Output: ReplyConvertible>(
    as type: Output.Type, of command: Command
  ) throws(MartletError) -> [Output] {
    guard !isNull else { return [] }
    guard let values = array else { throw .unexpected(self, for: command.name) }
    var elements: [Output] = []
    elements.reserveCapacity(values.count)
    for value in values {
      guard let element = try value.converted(to: type) else {
        throw .unexpected(self, for: command.name)
      }
      elements.append(element)
    }
    return elements
  }
}
