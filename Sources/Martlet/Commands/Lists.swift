// Lists.swift: lists, which are queues as well: every element that is pushed can be popped by one consumer.
//
// The usual queue goes in at the left and out at the right; these are the defaults.

/// An end of a list.
public enum ListEnd: Sendable, Hashable {
  /// Index 0, where `LPUSH` puts in.
  case left
  /// Index -1, where `RPOP` takes.
  case right

  var word: StaticString { self == .left ? "LEFT" : "RIGHT" }
}

/// An element that was taken, with the list it was in.
public struct Popped<Element: Sendable>: Sendable {
  /// The list.
  public let key: String
  /// What was taken.
  public let element: Element
}

extension Popped: Equatable where Element: Equatable {}

extension MartletClient {
  // MARK: In

  /// Pushes elements to a list one after the other; the list is made when there is none.
  ///
  /// - Returns: how many elements the list has then.
  @discardableResult
  public func push(
    _ elements: any CommandArgument..., to key: some CommandArgument, at end: ListEnd = .left
  ) async throws(MartletError) -> Int {
    try await push(contentsOf: elements, to: key, at: end)
  }

  /// Pushes elements to a list one after the other; the list is made when there is none.
  ///
  /// - Returns: how many elements the list has then.
  @discardableResult
  public func push(
    contentsOf elements: [any CommandArgument], to key: some CommandArgument,
    at end: ListEnd = .left
  ) async throws(MartletError) -> Int {
    guard !elements.isEmpty else { return try await length(of: key) }
    return try await integer(
      Command(name: end == .left ? "LPUSH" : "RPUSH", [key] + elements))
  }

  // MARK: Out

  /// Takes an element off a list; nil when there is none.
  public func pop<Output: ReplyConvertible>(
    from key: some CommandArgument, at end: ListEnd = .right, as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Output? {
    try await send(Command(name: end == .left ? "LPOP" : "RPOP", [key])).converted(to: type)
  }

  /// Takes up to `count` elements off a list, in the order in which they are taken.
  public func pop<Output: ReplyConvertible>(
    _ count: Int, from key: some CommandArgument, at end: ListEnd = .right,
    as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> [Output] {
    guard count > 0 else { return [] }
    let command = Command(name: end == .left ? "LPOP" : "RPOP", [key, count])
    return try await send(command).elements(as: type, of: command)
  }

  /// Takes an element off the first list that has one, or waits for one.
  ///
  /// When the task is cancelled nothing is taken. Whoever takes an element so and dies has lost it: use
  /// ``getJobs(from:_:within:)`` for what must be done.
  /// - Parameter within: how long to wait; nil waits for ever.
  /// - Returns: nil when the time is over.
  public func pop<Output: ReplyConvertible>(
    fromFirstOf keys: [any CommandArgument], at end: ListEnd = .right, within: Duration?,
    as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Popped<Output>? {
    var command = Command(name: end == .left ? "BLPOP" : "BRPOP", keys)
    command.append(within.secondsToWait)
    let reply = try await sendWaiting(command, within)
    guard !reply.isNull else { return nil }
    guard let parts = reply.array, parts.count == 2, let key = parts[0].text,
      let element = try parts[1].converted(to: type)
    else { throw .unexpected(reply, for: command.name) }
    return Popped(key: key, element: element)
  }

  /// Takes an element off a list, or waits for one: ``pop(fromFirstOf:at:within:as:)`` for one list.
  public func pop<Output: ReplyConvertible>(
    from key: some CommandArgument, at end: ListEnd = .right, within: Duration?,
    as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Output? {
    try await pop(fromFirstOf: [key], at: end, within: within, as: type)?.element
  }

  /// Moves an element from one list to another.
  ///
  /// - Returns: the element; nil when there was none.
  @discardableResult
  public func move<Output: ReplyConvertible>(
    from source: some CommandArgument, _ end: ListEnd = .right,
    to destination: some CommandArgument, _ other: ListEnd = .left,
    as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Output? {
    var command = Command(name: "LMOVE", [source, destination])
    command.word(end.word)
    command.word(other.word)
    return try await send(command).converted(to: type)
  }

  /// Moves an element from one list to another, or waits for one.
  ///
  /// - Parameter within: how long to wait; nil waits for ever.
  /// - Returns: the element; nil when the time is over.
  @discardableResult
  public func move<Output: ReplyConvertible>(
    from source: some CommandArgument, _ end: ListEnd = .right,
    to destination: some CommandArgument, _ other: ListEnd = .left, within: Duration?,
    as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Output? {
    var command = Command(name: "BLMOVE", [source, destination])
    command.word(end.word)
    command.word(other.word)
    command.append(within.secondsToWait)
    return try await sendWaiting(command, within).converted(to: type)
  }

  // MARK: Inside

  /// How many elements a list has; 0 when there is none.
  public func length(of key: some CommandArgument) async throws(MartletError) -> Int {
    try await integer(Command(name: "LLEN", [key]).retryable())
  }

  /// The elements from `first` to `last`, both included; negative indexes count from the right, -1 is the
  /// last element.
  public func elements<Output: ReplyConvertible>(
    of key: some CommandArgument, from first: Int = 0, to last: Int = -1,
    as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> [Output] {
    let command = Command(name: "LRANGE", [key, first, last]).retryable()
    return try await send(command).elements(as: type, of: command)
  }

  /// The element at an index, which may be negative; nil when there is none.
  public func element<Output: ReplyConvertible>(
    at index: Int, of key: some CommandArgument, as type: Output.Type = [UInt8].self
  ) async throws(MartletError) -> Output? {
    try await send(Command(name: "LINDEX", [key, index]).retryable()).converted(to: type)
  }

  /// Removes elements that are equal to `element`.
  ///
  /// - Parameter limit: at most so many from the left; negative ones from the right; 0 is all.
  /// - Returns: how many there were.
  @discardableResult
  public func remove(
    _ element: some CommandArgument, from key: some CommandArgument, limit: Int = 0
  ) async throws(MartletError) -> Int {
    try await integer(Command(name: "LREM", [key, limit, element]))
  }

  /// Keeps the elements from `first` to `last`, both included.
  public func trim(
    _ key: some CommandArgument, from first: Int, to last: Int
  ) async throws(MartletError) {
    try await send(Command(name: "LTRIM", [key, first, last]).retryable())
  }
}

// MARK: Waiting

extension MartletClient {
  /// Sends a command that waits at the server for so long. The server ends the wait; the client only when
  /// the server does not.
  func sendWaiting(_ command: Command, _ within: Duration?) async throws(MartletError) -> Value {
    try await sendBlocking(command, within: within.map { $0 + options.timeout })
  }
}

extension Duration? {
  /// As commands take it: 0 is for ever, so what is shorter than a millisecond becomes one.
  var secondsToWait: Double { map { max(0.001, Double($0.milliseconds) / 1000) } ?? 0 }
  var millisecondsToWait: Int { map { max(1, $0.milliseconds) } ?? 0 }
}
